//! The threads that a process runs on.

use std::io;
use std::time::Duration;

use tokio::runtime::Builder;

/// How long threads have to end once their process has nothing more to do.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// Runs something to its end. Threads that still compute by then, read a file that is made to be slow, or look
/// up a name at a server that is silent, are left behind: the process ends with them.
///
/// # Errors
/// When the system gives no threads.
pub fn run_to_end<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_MOMENT);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use tokio::sync::oneshot;
    use tokio::task::spawn_blocking;

    use super::*;

    #[test]
    fn what_still_computes_holds_up_no_end() {
        let began = Instant::now();
        let done = run_to_end(async {
            let (tell, told) = oneshot::channel();
            drop(spawn_blocking(move || {
                tell.send(()).unwrap();
                thread::sleep(Duration::from_secs(30));
            }));
            told.await.unwrap();
            7
        });
        assert_eq!(done.unwrap(), 7);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}
