//! Requests and statements that took longer than they should.

use jiff::Timestamp;
use resonant_domain::metric::Period;
use serde::Serialize;

use crate::{Ctx, Result, access, store};

/// The most that a process keeps between two writes; the slowest stay.
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

/// The slowest since the last write.
#[derive(Debug, Default)]
pub(super) struct SlowSamples {
    samples: Vec<SlowSample>,
}

impl SlowSamples {
    pub(super) fn push(&mut self, sample: SlowSample) {
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(sample);
            return;
        }
        let least = self.samples.iter_mut().min_by_key(|kept| kept.duration_us);
        if let Some(least) = least.filter(|least| least.duration_us < sample.duration_us) {
            *least = sample;
        }
    }

    pub(super) fn take(&mut self) -> Vec<SlowSample> {
        std::mem::take(&mut self.samples)
    }
}

/// The slowest requests and statements of the period, slowest first, at most 20 of each.
///
/// # Errors
/// Those of a caller who may not operate the installation.
#[tracing::instrument(name = "metrics.list_slow", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list_slow(ctx: &Ctx, period: Period) -> Result<Vec<SlowSample>> {
    access::operator(ctx).await?;
    let since = ctx.backend().now() - jiff::SignedDuration::from_secs(period.seconds().into());
    let mut conn = ctx.backend().catalogue_read().await?;
    Ok(store::slow_samples::list(&mut conn, since).await?)
}
