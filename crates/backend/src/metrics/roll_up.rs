//! Makes hours of closed minutes and days of closed hours, and forgets what is too old.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use resonant_domain::distribution::Distribution;
use resonant_domain::metric::{Family, Shape};
use uuid::Uuid;

use super::Step;
use crate::store::metrics::Row;
use crate::{Ctx, Result, access, store};

/// How long after its end a step is closed: every process has written its last by then.
const CLOSED_AFTER: SignedDuration = SignedDuration::from_secs(120);
/// How long minutes and hours are kept.
pub(super) const MINUTES_LAST: SignedDuration = SignedDuration::from_hours(48);
pub(super) const HOURS_LAST: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The most steps that one call makes, so that a long pause is made up for bit by bit.
const STEPS_MAX: usize = 48;

/// Rolls up what has been closed since the last time, and deletes what is past its time.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system;
/// [`Error::Unavailable`](crate::Error::Unavailable).
#[tracing::instrument(name = "metrics.roll_up", level = "debug", parent = ctx.span(), skip_all)]
pub async fn roll_up(ctx: &Ctx) -> Result<()> {
    access::system(ctx)?;
    let now = ctx.backend().now();
    for (fine, coarse) in [(Step::Minute, Step::Hour), (Step::Hour, Step::Day)] {
        for _ in 0..STEPS_MAX {
            if !roll_up_next(ctx, fine, coarse, now).await? {
                break;
            }
        }
    }
    let days = i64::from(ctx.backend().metrics_days());
    let mut conn = ctx.backend().catalogue_begin().await?;
    for (step, lasts, goes_into) in [
        (Step::Minute, MINUTES_LAST, Some(Step::Hour)),
        (Step::Hour, HOURS_LAST, Some(Step::Day)),
        (Step::Day, SignedDuration::from_hours(days * 24), None),
    ] {
        let mut before = now - lasts;
        if let Some(coarse) = goes_into {
            // Nothing goes before it is rolled up.
            let done = store::metrics::find_done(&mut conn, coarse).await?;
            before = done.map_or(Timestamp::UNIX_EPOCH, |done| done.min(before));
        }
        store::metrics::delete_before(&mut conn, step, before).await?;
    }
    store::slow_samples::delete_before(&mut conn, now - HOURS_LAST / 3).await?;
    conn.commit().await
}

/// Makes the next coarse step that something was measured in; `false` when none is closed.
async fn roll_up_next(ctx: &Ctx, fine: Step, coarse: Step, now: Timestamp) -> Result<bool> {
    let mut tx = ctx.backend().catalogue_begin().await?;
    // The source must be whole: minutes by time, hours by their own roll-up.
    let closed = match fine {
        Step::Minute => Some(now - CLOSED_AFTER),
        _ => store::metrics::find_done(&mut tx, fine).await?,
    };
    let Some(closed) = closed.map(|closed| coarse.floor(closed)) else {
        return Ok(false);
    };
    let done = store::metrics::find_done(&mut tx, coarse).await?;
    let done = done.unwrap_or(Timestamp::UNIX_EPOCH);
    // Where nothing was measured there is nothing to do.
    let first = store::metrics::find_first(&mut tx, fine, done).await?;
    let at = first.map_or(closed, |first| coarse.floor(first)).min(closed);
    if at <= done && at == closed {
        return Ok(false);
    }
    let end = if at < closed { coarse.after(at) } else { closed };
    let rows = merged(at, store::metrics::list_step(&mut tx, fine, at, end).await?);
    store::metrics::upsert_step(&mut tx, coarse, &rows).await?;
    store::metrics::update_done(&mut tx, coarse, end).await?;
    tx.commit().await?;
    Ok(true)
}

/// One row for each family and label.
fn merged(at: Timestamp, rows: Vec<Row>) -> Vec<Row> {
    let mut groups: BTreeMap<(Family, String), Vec<Row>> = BTreeMap::new();
    for row in rows {
        groups.entry((row.family, row.label.clone())).or_default().push(row);
    }
    groups
        .into_iter()
        .map(|((family, label), rows)| {
            let all = combine(family, rows.iter().map(|row| (row.at, &row.distribution)));
            Row::new(at, family, label, Uuid::nil(), all)
        })
        .collect()
}

/// Adds up rows of one family. Levels that were looked at by several processes at the same time add
/// up to one look; all else just adds up.
pub(super) fn combine<'a>(
    family: Family,
    rows: impl Iterator<Item = (Timestamp, &'a Distribution)>,
) -> Distribution {
    let mut all = Distribution::default();
    if family.shape() != Shape::Level {
        rows.for_each(|(_, distribution)| all.merge(distribution));
        return all;
    }
    let mut looks: BTreeMap<Timestamp, (u64, u64, u64)> = BTreeMap::new();
    for (at, level) in rows {
        let look = looks.entry(at).or_default();
        *look = (look.0.max(level.count), look.1 + level.sum, look.2 + level.max);
    }
    for (count, sum, max) in looks.into_values() {
        all.count += count;
        all.sum += sum;
        all.max = all.max.max(max);
    }
    all
}
