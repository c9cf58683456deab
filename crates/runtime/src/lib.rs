#![doc = include_str!("../README.md")]

mod calendar;
pub mod clock;
mod context;
pub mod egress;
mod engine;
mod input;
pub mod json_check;
pub mod log;
pub mod mcp;
pub mod models;
pub mod openapi;
mod pins;
mod progress;
pub mod propose;
mod threads;
mod tokens;
pub mod tools;
pub mod trace;
mod turn;

pub use engine::{Engine, Outcome, Run, Signals};
pub use pins::PinError;

#[cfg(test)]
#[rustfmt::skip] // The tables of facts are laid out by hand.
mod injection;
#[cfg(test)]
mod sample;
