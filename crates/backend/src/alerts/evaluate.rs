//! Looks at what is measured, and moves alerts on.

use std::collections::HashMap;

use jiff::SignedDuration;
use resonant_domain::AlertId;
use resonant_domain::alert::course::{Measured, Reading, Standing};
use resonant_domain::alert::{AlertEventKind, AlertState, Rule};
use resonant_domain::metric::{Metric, Period};

use super::{message, note};
use crate::database::Writing;
use crate::store::alerts::{Looked, Stored};
use crate::{Ctx, Result, access, leadership, metrics, store};

/// For how long what happened is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// What a look at the metrics says of an alert.
struct Look {
    /// Of the alert as it was written then.
    revision: i64,
    rule: Rule,
    reading: Reading,
    values: Vec<Option<f64>>,
}

/// Looks at every alert. Answers how many began to fire or ended; none in a process that does not
/// lead.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system;
/// [`Error::Unavailable`](crate::Error::Unavailable).
#[tracing::instrument(name = "alerts.evaluate", level = "debug", parent = ctx.span(), skip_all)]
pub async fn evaluate(ctx: &Ctx) -> Result<usize> {
    access::system(ctx)?;
    let looks = look(ctx).await?;
    if looks.is_empty() {
        return Ok(0);
    }
    let mut tx = ctx.backend().catalogue_begin().await?;
    // Until the transaction is over nobody else can begin to lead.
    if !leadership::hold(ctx, &mut tx).await? {
        return Ok(0);
    }
    let mut moved = 0;
    for stored in store::alerts::lock(&mut tx, None).await? {
        let look = looks.get(&stored.alert.id).filter(|look| look.revision == stored.revision);
        if let Some(look) = look {
            moved += usize::from(step(ctx, &mut tx, stored, look).await?);
        }
    }
    tx.commit().await?;
    Ok(moved)
}

/// Forgets what happened to alerts long ago.
///
/// # Errors
/// Those of [`evaluate`].
#[tracing::instrument(name = "alerts.forget_old", level = "debug", parent = ctx.span(), skip_all)]
pub async fn forget_old(ctx: &Ctx) -> Result<()> {
    access::system(ctx)?;
    let mut conn = ctx.backend().catalogue_write().await?;
    store::alert_events::delete_before(&mut conn, ctx.backend().now() - KEPT).await?;
    conn.commit().await
}

/// Reads what each alert watches. Outside the transaction, which shall be short.
async fn look(ctx: &Ctx) -> Result<HashMap<AlertId, Look>> {
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let all = store::alerts::list(&mut conn, None, i64::MAX).await?;
    drop(conn);
    let mut rules = Vec::new();
    for stored in all {
        match stored.alert.spec().check() {
            Ok(rule) => rules.push((stored.alert.id, stored.revision, rule)),
            // An earlier release may have known another metric.
            Err(faults) => tracing::warn!(alert.id = %stored.alert.id, ?faults, "alert not read"),
        }
    }
    let wanted: Vec<(&Metric, Period)> =
        rules.iter().flat_map(|(_, _, rule)| rule.measured()).collect();
    let mut measured = metrics::look(ctx, &wanted).await?;
    look_back(ctx, &wanted, &mut measured).await?;
    let mut measured = measured.into_iter();
    let looks = rules.into_iter().map(|(id, revision, rule)| {
        let own: Vec<Measured> = measured.by_ref().take(rule.measured().len()).collect();
        let values: Vec<_> = own.iter().map(|one| one.value).collect();
        (id, Look { revision, reading: rule.read(&own), values, rule })
    });
    Ok(looks.collect())
}

/// Looks for how long there has been nothing to measure, where there is nothing.
async fn look_back(
    ctx: &Ctx,
    wanted: &[(&Metric, Period)],
    measured: &mut [Measured],
) -> Result<()> {
    let mut silent: Vec<_> = measured.iter_mut().zip(wanted).collect();
    silent.retain(|(one, _)| !one.is_there);
    let before: Vec<_> =
        silent.iter().map(|(_, (metric, period))| (*metric, period.doubled())).collect();
    let before = metrics::look(ctx, &before).await?;
    for ((one, _), earlier) in silent.into_iter().zip(before) {
        one.was_there = earlier.is_there;
    }
    Ok(())
}

/// Moves one alert on; answers whether it began to fire or ended.
async fn step(ctx: &Ctx, tx: &mut Writing, stored: Stored, look: &Look) -> Result<bool> {
    let Stored { mut alert, mut is_told, .. } = stored;
    let now = ctx.backend().now();
    let before = Standing { state: alert.state, since: alert.since };
    let after = before.after(look.reading, now, alert.spec().for_seconds());
    let is_silent = alert.silenced_until.is_some_and(|until| until > now);
    let kind = match (before.state, after.state) {
        (AlertState::Firing, AlertState::Quiet) => Some(AlertEventKind::Ended),
        (AlertState::Firing, AlertState::Firing) => {
            let waits = !is_told && !is_silent && alert.acknowledged_at.is_none();
            waits.then_some(AlertEventKind::Told)
        }
        (_, AlertState::Firing) => Some(AlertEventKind::Fired),
        _ => None,
    };
    alert.state = after.state;
    alert.since = after.since;
    alert.values.clone_from(&look.values);
    alert.evaluated_at = Some(now);
    if let Some(kind) = kind {
        let is_end = kind == AlertEventKind::Ended;
        let text =
            if is_end { look.rule.told_over(&look.values) } else { look.rule.told(&look.values) };
        let event = note(ctx, tx, &alert, kind, &text).await?;
        if if is_end { is_told } else { !is_silent } {
            message::tell(ctx.backend(), tx, &alert, &event).await?;
            is_told = !is_end;
        }
        tracing::info!(alert.id = %alert.id, event = kind.as_str(), "alert moved");
    }
    let is_told = is_told && after.state == AlertState::Firing;
    let looked = Looked { standing: after, is_told, values: &look.values, at: now };
    store::alerts::update_looked(tx, alert.id, &looked).await?;
    Ok(matches!(kind, Some(AlertEventKind::Fired | AlertEventKind::Ended)))
}
