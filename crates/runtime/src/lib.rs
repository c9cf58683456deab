#![doc = include_str!("../README.md")]

mod calendar;
pub mod clock;
mod context;
pub mod egress;
mod engine;
pub mod log;
pub mod models;
pub mod tools;
mod turn;

pub use engine::{Engine, Outcome, Run, Signals};
