//! The threads that a process runs on.

use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::runtime::Builder;

/// How long threads have to end once their process has nothing more to do.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// Runs something to its end, on so many threads, or on as many as there are cores. Threads that still compute by then, read a file that is made to be slow, or look
/// up a name at a server that is silent, are left behind: the process ends with them.
///
/// # Errors
/// When the system gives no threads.
pub fn run_to_end<T>(threads: Option<usize>, work: impl Future<Output = T>) -> io::Result<T> {
    let cores = || available_parallelism().map_or(1, NonZero::get);
    let threads = threads.unwrap_or_else(cores);
    let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
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
        let done = run_to_end(Some(1), async {
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
