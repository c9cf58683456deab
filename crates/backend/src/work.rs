//! The workers' side: take a session from the queue, run it, give it back.

use std::time::Duration;

use resonant_domain::{SessionId, UserId};
use tokio_util::sync::CancellationToken;

use crate::{Backend, Ctx, Result};

/// A worker's hold on a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub(crate) session_id: SessionId,
    pub(crate) owner_id: UserId,
    pub(crate) fence: i64,
}

impl Claim {
    /// The session.
    #[must_use]
    pub const fn session_id(&self) -> SessionId {
        self.session_id
    }
}

/// Takes the session that has waited longest; `None` when none waits.
pub async fn claim(ctx: &Ctx, worker: &str) -> Result<Option<Claim>> {
    let _ = (ctx, worker);
    todo!()
}

/// Runs a session to its end, or hands it over when `shutdown` fires.
pub async fn run(ctx: &Ctx, claim: Claim, shutdown: CancellationToken) -> Result<()> {
    let _ = (ctx, claim, shutdown);
    todo!()
}

/// Waits until something may be queued, at most for `timeout`.
pub async fn wait(backend: &Backend, timeout: Duration) {
    let _ = (backend, timeout);
}
