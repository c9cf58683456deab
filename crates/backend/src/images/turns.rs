//! Work on pictures takes a core and much memory: a little at a time, off the threads that answer.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::{Error, Result};

/// How many pictures a process works on at the same time. Each may take 200 MB.
static TURNS: Semaphore = Semaphore::const_new(2);
/// For how long a caller waits for its turn before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does this when it is its turn.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let turn = timeout(PATIENCE, TURNS.acquire())
        .await
        .map_err(|_| Error::TooMany { retry_after: PATIENCE })?
        .map_err(Error::internal)?;
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    })
    .await
    .map_err(Error::internal)
}
