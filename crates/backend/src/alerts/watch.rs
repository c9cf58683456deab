//! Hearing that alerts may have changed, in whichever process that happened.

use std::time::Duration;

use tokio::sync::watch::Receiver;

use super::may_read;
use crate::{Ctx, Result};

/// How often is looked where the database calls out to nobody.
const LOOK: Duration = Duration::from_secs(5);

/// Somebody who looks at alerts.
#[derive(Debug)]
pub struct AlertWatch {
    /// `None`: nothing is called out to this process.
    heard: Option<Receiver<()>>,
}

impl AlertWatch {
    /// Waits until one may have come, gone, moved or been decided about, or what became of a message.
    pub async fn called(&mut self) {
        match &mut self.heard {
            Some(heard) => {
                // The sender stays for as long as the backend does.
                let _ = heard.changed().await;
            }
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Begins to look at alerts.
///
/// # Errors
/// Those of a caller who may not operate the installation, or by a key without `alerts:read`.
#[tracing::instrument(name = "alerts.watch", level = "debug", parent = ctx.span(), skip_all)]
pub async fn watch(ctx: &Ctx) -> Result<AlertWatch> {
    // Before anything is asked: whoever reads once this is answered misses nothing.
    let notices = ctx.backend().notices();
    let heard = (!notices.is_deaf()).then(|| notices.watch_alerts());
    may_read(ctx).await?;
    Ok(AlertWatch { heard })
}
