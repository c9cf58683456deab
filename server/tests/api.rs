//! The REST interface and the event streams.

mod agents;
mod bad_input;
mod browsers;
mod health;
mod journey;
mod listings;
mod rights;
mod stream;
