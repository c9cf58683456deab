#![doc = include_str!("../README.md")]

pub mod clock;
pub mod log;
pub mod models;
pub mod tools;
