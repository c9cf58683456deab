//! What a program adds to the memory of this process. The interpreter counts the sizes of single values,
//! not how many there are.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// The unit that the system counts in (proc(5), statm).
const PAGE: u64 = 4_096;
/// How many pages the process may grow by while a program runs: 64 MiB.
const GROWTH_MAX: u64 = 64 * 1024 * 1024 / PAGE;
/// From here on every step is looked at: one could copy all that is there.
const GROWTH_NEAR: u64 = 4 * 1024 * 1024 / PAGE;
/// The steps between two looks before that.
const PAUSE: u64 = 16;

/// Watches how the process grows. Where the system does not tell it, the sizes of values alone are bounded.
pub(super) struct Memory {
    statm: Option<File>,
    start: u64,
    next_look: Cell<u64>,
}

impl Memory {
    /// Counts from what is held now.
    pub(super) fn from_now() -> Self {
        let statm = File::open("/proc/self/statm").ok();
        let start = statm.as_ref().and_then(pages).unwrap_or_default();
        Self { statm, start, next_look: Cell::new(0) }
    }

    /// Whether the process has grown too much by this step.
    pub(super) fn is_spent(&self, step: u64) -> bool {
        let Some(statm) = self.statm.as_ref().filter(|_| step >= self.next_look.get()) else {
            return false;
        };
        let grown = pages(statm).unwrap_or_default().saturating_sub(self.start);
        let pause = if grown > GROWTH_NEAR { 1 } else { PAUSE };
        self.next_look.set(step + pause);
        grown > GROWTH_MAX
    }
}

/// The pages that are in memory.
fn pages(statm: &File) -> Option<u64> {
    let mut line = [0; 128];
    let length = statm.read_at(&mut line, 0).ok()?;
    let line = std::str::from_utf8(&line[..length]).ok()?;
    line.split_whitespace().nth(1)?.parse().ok()
}
