//! What is read anew whenever something has happened to it: once at a time, and once more afterwards where it
//! happened meanwhile.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::FaultKind;

use crate::error::AppError;

/// How long after a failure it is read again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whose turn it is.
#[derive(Clone, Copy)]
pub struct Turns(StoredValue<Turn>);

/// Whether it is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    No,
    Yes,
    /// And it has to be read once more: something has happened meanwhile.
    Twice,
}

impl Turns {
    /// Nothing is being read. Call it inside a component: it goes with the page.
    pub fn new() -> Self {
        Self(StoredValue::new(Turn::No))
    }

    /// Reads as soon as nothing is being read any more, and later on if that fails.
    pub fn take<F>(self, read: impl Fn() -> F + Copy + 'static)
    where
        F: Future<Output = Result<(), AppError>> + 'static,
    {
        let before = self.0.try_update_value(|turn| {
            let before = *turn;
            *turn = if before == Turn::No { Turn::Yes } else { Turn::Twice };
            before
        });
        // Nothing is read for a page that is another one by now.
        if before != Some(Turn::No) {
            return;
        }
        spawn_local(async move {
            let outcome = read().await;
            let turn = self.0.try_update_value(|turn| std::mem::replace(turn, Turn::No));
            match outcome {
                Ok(()) if turn == Some(Turn::Twice) => self.take(read),
                Ok(()) => {}
                // Whoever was signed out meanwhile has nothing to read any more.
                Err(error) if error.kind == FaultKind::Unauthenticated => {}
                Err(_) => set_timeout(move || self.take(read), PATIENCE),
            }
        });
    }
}
