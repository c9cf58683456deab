//! Makes hours of closed minutes and days of closed hours, and forgets what is too old.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use resonant_domain::distribution::Distribution;
use resonant_domain::metric::{Family, Shape};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Step;
use crate::store::metrics::Row;
use crate::{Ctx, Result, access, store};

/// How long after its end a step is closed: every process has written its last by then.
const CLOSED_AFTER: SignedDuration = SignedDuration::from_secs(120);
/// How long minutes and hours are kept.
pub(super) const MINUTES_LAST: SignedDuration = SignedDuration::from_hours(48);
pub(super) const HOURS_LAST: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How many hours, and days, are made anew when another hour is closed: minutes may wait in a process
/// for two hours, and come late.
const HOURS_AGAIN: i64 = 3;
const DAYS_AGAIN: i64 = 1;
/// The most steps that one call makes, so that a long pause is made up for bit by bit.
const STEPS_MAX: usize = 48;

/// Rolls up what has been closed since the last time, and deletes what is past its time. The
/// database's clock alone tells what that is.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system;
/// [`Error::Unavailable`](crate::Error::Unavailable).
#[tracing::instrument(name = "metrics.roll_up", level = "debug", parent = ctx.span(), skip_all)]
pub async fn roll_up(ctx: &Ctx) -> Result<()> {
    access::system(ctx)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let now = store::metrics::find_now(&mut conn).await?;
    drop(conn);
    roll_up_at(ctx, now).await
}

/// The same at an instant.
pub(super) async fn roll_up_at(ctx: &Ctx, now: Timestamp) -> Result<()> {
    let mut is_closed = false;
    for (fine, coarse, again) in
        [(Step::Minute, Step::Hour, HOURS_AGAIN), (Step::Hour, Step::Day, DAYS_AGAIN)]
    {
        let mut conn = ctx.backend().catalogue_read_latest().await?;
        let before = done_until(&mut conn, coarse, now).await?;
        drop(conn);
        for _ in 0..STEPS_MAX {
            if !roll_up_next(ctx, fine, coarse, now).await? {
                break;
            }
            is_closed = true;
        }
        if let Some(before) = before.filter(|_| is_closed) {
            for back in 1..=again {
                let at = before - SignedDuration::from_secs(back * coarse.seconds());
                let mut tx = ctx.backend().catalogue_begin().await?;
                make(&mut tx, fine, coarse, at).await?;
                tx.commit().await?;
            }
        }
    }
    // A day is read as such, so that one that went before its hours would be missing.
    let days = SignedDuration::from_hours(i64::from(ctx.backend().metrics_days()) * 24);
    let mut conn = ctx.backend().catalogue_begin().await?;
    for (step, lasts, goes_into) in [
        (Step::Minute, MINUTES_LAST, Some(Step::Hour)),
        (Step::Hour, HOURS_LAST, Some(Step::Day)),
        (Step::Day, days.max(HOURS_LAST), None),
    ] {
        let mut before = now - lasts;
        if let Some(coarse) = goes_into {
            // Nothing goes before it is rolled up.
            let done = done_until(&mut conn, coarse, now).await?;
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
        _ => done_until(&mut tx, fine, now).await?,
    };
    let Some(closed) = closed.map(|closed| coarse.floor(closed)) else {
        return Ok(false);
    };
    let done = done_until(&mut tx, coarse, now).await?.unwrap_or(Timestamp::UNIX_EPOCH);
    if closed <= done {
        return Ok(false);
    }
    // Where nothing was measured there is nothing to do.
    let first = store::metrics::find_first(&mut tx, fine, done).await?;
    let first = first.map(|first| coarse.floor(first)).filter(|first| *first < closed);
    let end = match first {
        Some(at) => {
            make(&mut tx, fine, coarse, at).await?;
            coarse.after(at)
        }
        None => closed,
    };
    store::metrics::update_done(&mut tx, coarse, end).await?;
    tx.commit().await?;
    Ok(true)
}

/// Until when steps are made. `None`: none ever was, or a clock that was ahead wrote an instant that
/// is still to come; then all that is there is made anew.
async fn done_until(
    conn: &mut PgConnection,
    step: Step,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let done = store::metrics::find_done(conn, step).await?;
    Ok(done.filter(|done| *done <= now))
}

/// Makes a step from finer rows. One that was made of more of them stays as it is.
async fn make(conn: &mut PgConnection, fine: Step, coarse: Step, at: Timestamp) -> Result<()> {
    let finer = store::metrics::list_step(conn, fine, at, coarse.after(at)).await?;
    Ok(store::metrics::upsert_step(conn, coarse, &merged(at, finer)).await?)
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
