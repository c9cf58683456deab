//! What callers of the process meet. Each test has a database of its own; `DATABASE_URL` names the
//! server to make it on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod api;
mod pages;
mod process;
mod support;
