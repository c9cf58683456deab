//! How long a session has been at work, by the server's clock.

use jiff::Timestamp;

/// Counts the time since a round began from what the server said last, so that a browser with a
/// wrong clock shows the right time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// The server's time.
    pub(super) as_of: Timestamp,
    /// The browser's counter at that time.
    pub(super) heard_ms: f64,
}

impl Clock {
    /// Takes over an instant of the server.
    pub(super) fn hear(&mut self, at: Timestamp, now_ms: f64) {
        // An event of long ago, sent now because the page was away, does not turn the clock back.
        if at.as_millisecond()
            > self.as_of.as_millisecond().saturating_add(since(self.heard_ms, now_ms))
        {
            (self.as_of, self.heard_ms) = (at, now_ms);
        }
    }

    /// The milliseconds since an instant of the server.
    pub(super) fn elapsed_ms(&self, started_at: Timestamp, now_ms: f64) -> u64 {
        let known = self.as_of.as_millisecond() - started_at.as_millisecond();
        u64::try_from(known.saturating_add(since(self.heard_ms, now_ms))).unwrap_or(0)
    }
}

fn since(then_ms: f64, now_ms: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a page is not open for 2^63 milliseconds")]
    let ms = (now_ms - then_ms).max(0.0) as i64;
    ms
}
