//! What this process counts of itself.

use std::sync::Arc;

use resonant_domain::distribution::Distribution;
use resonant_domain::metric::Family;

use super::Backend;
use crate::metrics::Metrics;

impl Backend {
    /// Where this process counts.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(crate) fn metrics_days(&self) -> u32 {
        self.inner.metrics_days
    }

    /// All that this process has counted, the cache's figures among it.
    pub(crate) fn counted(&self) -> Vec<(Family, Box<str>, Distribution)> {
        let mut all = self.metrics().counted();
        let count = |sum| Distribution { count: sum, sum, ..Distribution::default() };
        for figures in self.cache_figures() {
            let hits = figures.hits + figures.shared_hits;
            let misses = figures.misses.saturating_sub(figures.shared_hits);
            all.push((Family::CacheHits, figures.kind.into(), count(hits)));
            all.push((Family::CacheMisses, figures.kind.into(), count(misses)));
        }
        all
    }

    /// Notes how high those things stand that nobody counts as they change.
    pub(crate) fn look_at_levels(&self) {
        let metrics = self.metrics();
        let (used, size) = self.inner.database.connections();
        metrics.set_level(Family::DbPoolUsed, used);
        metrics.set_level(Family::DbPoolSize, size);
        if let Some(bytes) = memory() {
            metrics.set_level(Family::ProcessMemory, bytes);
        }
    }

    /// Counts a session as one that this process runs until the answer is dropped.
    pub(crate) fn work_begins(&self) -> Arc<()> {
        self.inner.at_work.clone()
    }

    /// Sessions that this process runs.
    pub(crate) fn at_work(&self) -> u64 {
        u64::try_from(Arc::strong_count(&self.inner.at_work) - 1).unwrap_or(0)
    }
}

/// The memory that this process holds, in bytes (proc(5), statm). `None` where the system has no such
/// file.
fn memory() -> Option<u64> {
    const PAGE: u64 = 4_096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split_whitespace().nth(1)?.parse::<u64>().ok()? * PAGE)
}
