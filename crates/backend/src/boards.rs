//! What pages and programs show of the installation, made once for all who look at the same time.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use resonant_domain::operations::Overview;
use resonant_domain::slo::Report;

/// For how long one answer is everybody's. All who look are told of news at the same moment; an answer
/// that is older than this was made before them.
const SHARED_FOR: Duration = Duration::from_secs(2);
/// Periods that are looked at at the same time.
const PERIODS: u64 = 64;

/// The answers, by the seconds of their period.
#[derive(Clone)]
pub(crate) struct Boards {
    pub(crate) overviews: Cache<u32, Arc<Overview>>,
    pub(crate) reports: Cache<u32, Arc<Report>>,
}

impl Default for Boards {
    fn default() -> Self {
        let (overviews, reports) = (Cache::builder(), Cache::builder());
        Self {
            overviews: overviews.max_capacity(PERIODS).time_to_live(SHARED_FOR).build(),
            reports: reports.max_capacity(PERIODS).time_to_live(SHARED_FOR).build(),
        }
    }
}
