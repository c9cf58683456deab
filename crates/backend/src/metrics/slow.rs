//! Requests and statements that took longer than they should.

use jiff::Timestamp;
use resonant_domain::metric::Period;
use serde::Serialize;

use crate::{Backend, Ctx, Result, access, store};

/// The most of each kind that a process keeps between two writes; the slowest stay.
const SAMPLES_MAX: usize = 20;

/// What was slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SlowKind {
    /// A request, named by its method and route.
    Request,
    /// A database statement, named by its store function.
    Statement,
}

impl SlowKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Statement => "statement",
        }
    }
}

/// One slow request or statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlowSample {
    /// When it ended.
    pub at: Timestamp,
    /// What it was.
    pub kind: SlowKind,
    /// Which it was.
    pub name: String,
    /// How long it took, in microseconds.
    pub duration_us: i64,
    /// The request that it belongs to, as in `x-request-id` and in the log.
    pub request_id: Option<String>,
    /// Its trace, as in the log: the caller's, the one that is sent out, or one made for it alone. None
    /// for what no request asked for.
    pub trace_id: Option<String>,
}

/// The slowest since the last write, of each kind by itself: a request is slower than its statements, and
/// would leave no room for them.
#[derive(Debug, Default)]
pub(super) struct SlowSamples {
    requests: Vec<SlowSample>,
    statements: Vec<SlowSample>,
}

impl SlowSamples {
    pub(super) fn push(&mut self, sample: SlowSample) {
        let kept = match sample.kind {
            SlowKind::Request => &mut self.requests,
            SlowKind::Statement => &mut self.statements,
        };
        if kept.len() < SAMPLES_MAX {
            kept.push(sample);
            return;
        }
        let least = kept.iter_mut().min_by_key(|kept| kept.duration_us);
        if let Some(least) = least.filter(|least| least.duration_us < sample.duration_us) {
            *least = sample;
        }
    }

    pub(super) fn take(&mut self) -> Vec<SlowSample> {
        let mut all = std::mem::take(&mut self.requests);
        all.append(&mut self.statements);
        all
    }
}

/// The slowest requests and statements of the period, slowest first, at most 20 of each.
///
/// # Errors
/// Those of a caller who may not operate the installation.
#[tracing::instrument(name = "metrics.list_slow", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list_slow(ctx: &Ctx, period: Period) -> Result<Vec<SlowSample>> {
    access::operator(ctx).await?;
    slowest(ctx.backend(), period).await
}

/// The same for those who have passed already.
pub(crate) async fn slowest(backend: &Backend, period: Period) -> Result<Vec<SlowSample>> {
    let since = backend.now() - jiff::SignedDuration::from_secs(period.seconds().into());
    let mut conn = backend.catalogue_read().await?;
    Ok(store::slow_samples::list(&mut conn, since).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_requests_leave_room_for_statements() {
        let mut samples = SlowSamples::default();
        let sample = |kind, duration_us| SlowSample {
            at: Timestamp::UNIX_EPOCH,
            kind,
            name: "it".to_owned(),
            duration_us,
            request_id: None,
            trace_id: None,
        };
        for number in 0..30 {
            samples.push(sample(SlowKind::Statement, 60_000 + number));
            samples.push(sample(SlowKind::Request, 900_000 + number));
        }
        let all = samples.take();
        for (kind, least) in [(SlowKind::Request, 900_010), (SlowKind::Statement, 60_010)] {
            let own = all.iter().filter(|one| one.kind == kind).map(|one| one.duration_us);
            let own: Vec<_> = own.collect();
            assert_eq!((own.len(), own.iter().min()), (SAMPLES_MAX, Some(&least)), "{kind:?}");
        }
        assert!(samples.take().is_empty());
    }
}
