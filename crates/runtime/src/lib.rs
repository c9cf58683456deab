#![doc = include_str!("../README.md")]

pub mod clock;
pub mod egress;
pub mod log;
pub mod models;
pub mod tools;
