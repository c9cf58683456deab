//! Alerts: those who operate the installation are told when what is measured goes wrong.
//!
//! One process looks at all alerts every few seconds ([`evaluate`]). Where one stands, what happened
//! to it and the messages that tell of it are written in one transaction, in which the process makes
//! sure that it still leads: so nothing is told twice and nothing is lost when it dies in between.
//! Any process sends what was written ([`deliver_due`]), again and again under the same id, until it
//! is taken or given up.

mod deliver;
mod evaluate;
mod history;
mod message;
mod noted;
mod watch;

pub use deliver::deliver_due;
pub use evaluate::{evaluate, forget_old};
pub use history::{WithHistory, deliveries, events, get_with_history};
pub use watch::{AlertWatch, watch};

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use resonant_domain::alert::{
    ALERTS_MAX, Alert, AlertEventKind, AlertState, Channel, ChannelKind, NewAlert, Silence,
};
use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::metric::Period;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::webhook::WithKey;
use resonant_domain::{AlertId, FieldFault, UserId};
use sqlx::PgConnection;
use tokio::time::timeout;
use uuid::Uuid;

use self::noted::{deed_of, is_noted, note, note_in_history, write_down};
use crate::signature::SigningKey;
use crate::store::OnConstraint as _;
use crate::store::alerts::Stored;
use crate::{Backend, Ctx, Error, Result, access, effects, seen, store};

const NOT_FOUND: Error = Error::NotFound("alert");
const KIND: &str = "alert";
/// How long the channels of an alert that is deleted have to take its end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Lists all alerts, the newest first.
///
/// # Errors
/// Those of a caller who may not operate the installation, or by a key without `alerts:read`;
/// [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "alerts.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, page: PageRequest) -> Result<Page<Alert>> {
    may_read(ctx).await?;
    let limit = page.checked_limit()?;
    let cursors = ctx.backend().cursors().await?;
    let before: Option<AlertId> = cursors.open(&"alerts", page.cursor.as_deref())?;
    // Who was called out asks sooner than every replica has it.
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::alerts::list(&mut conn, before, i64::from(limit) + 1).await?;
    let alerts = found.into_iter().map(|stored| shown(ctx, stored)).collect();
    cursors.page(&"alerts", limit, alerts, |last: &Alert| last.id)
}

/// Reads an alert.
///
/// # Errors
/// Those of [`list`]; [`Error::NotFound`].
#[tracing::instrument(name = "alerts.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, id: AlertId) -> Result<Alert> {
    may_read(ctx).await?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::alerts::find(&mut conn, id).await?;
    found.map(|stored| shown(ctx, stored)).ok_or(NOT_FOUND)
}

/// The alert as it is shown: a silence that is over is none.
fn shown(ctx: &Ctx, stored: Stored) -> Alert {
    let mut alert = stored.alert;
    alert.silenced_until = alert.silenced_until.filter(|until| *until > ctx.backend().now());
    alert
}

/// Makes an alert. Answers it with the key that signs the messages to its webhooks.
///
/// # Errors
/// Those of a caller who may not operate the installation, or by a key without `alerts:write`;
/// [`Error::Invalid`]; [`Error::Conflict`] when there are too many.
#[tracing::instrument(name = "alerts.create", level = "debug", parent = ctx.span(), skip_all)]
pub async fn create(ctx: &Ctx, new: NewAlert) -> Result<WithKey<Alert>> {
    may_write(ctx).await?;
    new.check()?;
    let backend = ctx.backend();
    check_mail(backend, &new)?;
    let id = AlertId::from_uuid(ctx.resource_id()?);
    let key = key_of(backend, id).await?;
    let mut tx = backend.catalogue_begin().await?;
    if ctx.made_before().is_some()
        && let Some(made) = store::alerts::find(&mut tx, id).await?
    {
        return Ok(WithKey { made: made.alert, signing_key: key.to_text() });
    }
    let max = i64::try_from(ALERTS_MAX).unwrap_or(i64::MAX);
    let inserted = store::alerts::insert(&mut tx, id, &trimmed(new), backend.now(), max).await;
    if !inserted.on_constraint("alerts_pkey", effects::in_the_making)? {
        return Err(Error::Conflict(format!("There are {ALERTS_MAX} alerts already")));
    }
    let made = lock(&mut tx, id).await?.alert;
    write_down(ctx, &mut tx, Deed::AlertCreated, &made).await?;
    tx.commit().await?;
    tracing::info!(alert.id = %id, "alert created");
    Ok(WithKey { made, signing_key: key.to_text() })
}

/// Changes what is watched or who is told. The alert begins anew; who was told that it fires is told
/// that it is over.
///
/// # Errors
/// Those of [`create`]; [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "alerts.replace", level = "debug", parent = ctx.span(), skip_all)]
pub async fn replace(ctx: &Ctx, id: AlertId, new: NewAlert) -> Result<Alert> {
    may_write(ctx).await?;
    new.check()?;
    let backend = ctx.backend();
    check_mail(backend, &new)?;
    let mut tx = backend.catalogue_begin().await?;
    let before = lock(&mut tx, id).await?;
    seen::check(ctx, &before.alert)?;
    let event = note(ctx, &mut tx, &before.alert, AlertEventKind::Changed, "").await?;
    if before.is_told {
        message::tell(backend, &mut tx, &before.alert, &event).await?;
    }
    store::alerts::update_spec(&mut tx, id, &trimmed(new), backend.now()).await?;
    let alert = lock(&mut tx, id).await?.alert;
    tx.commit().await?;
    tracing::info!(alert.id = %id, "alert changed");
    Ok(alert)
}

/// Deletes an alert with its history. Who was told that it fires is told before that it is over; what
/// is not taken at once goes with the alert.
///
/// # Errors
/// Those of a caller who may not operate the installation, or by a key without `alerts:write`;
/// [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "alerts.delete", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete(ctx: &Ctx, id: AlertId) -> Result<()> {
    may_write(ctx).await?;
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    let mut stored = lock(&mut tx, id).await?;
    seen::check(ctx, &stored.alert)?;
    if end(&mut stored, backend.now()).is_ok() {
        // Part of the one deed, which is written down once it is done.
        keep_decided(ctx, &mut tx, &stored, AlertEventKind::Resolved, "").await?;
        tx.commit().await?;
        if timeout(LAST_WORDS, deliver::deliver_all(backend, id)).await.is_err() {
            tracing::warn!(alert.id = %id, "an alert was deleted before all were told its end");
        }
        tx = backend.catalogue_begin().await?;
        stored = lock(&mut tx, id).await?;
        if let Err(changed) = seen::check(ctx, &stored.alert) {
            // It stays, and that it was taken as over is a deed after all.
            write_down(ctx, &mut tx, Deed::AlertResolved, &stored.alert).await?;
            tx.commit().await?;
            return Err(changed);
        }
    }
    write_down(ctx, &mut tx, Deed::AlertDeleted, &stored.alert).await?;
    store::alerts::delete(&mut tx, id).await?;
    tx.commit().await?;
    tracing::info!(alert.id = %id, "alert deleted");
    Ok(())
}

/// Notes that someone saw that an alert fires.
///
/// # Errors
/// Those of [`delete`]; [`Error::Conflict`] when it does not fire.
#[tracing::instrument(name = "alerts.acknowledge", level = "debug", parent = ctx.span(), skip_all)]
pub async fn acknowledge(ctx: &Ctx, id: AlertId) -> Result<Alert> {
    decide(ctx, id, AlertEventKind::Acknowledged, |stored, now| {
        if stored.alert.state != AlertState::Firing {
            return Err(Error::Conflict("The alert does not fire".to_owned()));
        }
        if stored.alert.acknowledged_at.is_some() {
            return Err(Error::Conflict("The alert is acknowledged already".to_owned()));
        }
        stored.alert.acknowledged_at = Some(now);
        Ok(String::new())
    })
    .await
}

/// Keeps an alert from telling anybody that it fires, for a while or no longer. Those who were told
/// before are still told that it is over.
///
/// # Errors
/// Those of [`delete`]; [`Error::Invalid`] on the field `period`; [`Error::Conflict`] when there is no
/// silence to end.
#[tracing::instrument(name = "alerts.silence", level = "debug", parent = ctx.span(), skip_all)]
pub async fn silence(ctx: &Ctx, id: AlertId, silence: Silence) -> Result<Alert> {
    may_write(ctx).await?;
    let period = silence.period.as_deref().filter(|text| !text.trim().is_empty());
    let period = period.map(|text| Period::parse("period", text.trim())).transpose()?;
    let kind = match period {
        Some(_) => AlertEventKind::Silenced,
        None => AlertEventKind::Unsilenced,
    };
    decide(ctx, id, kind, |stored, now| {
        let until = period.map(|period| now + SignedDuration::from_secs(period.seconds().into()));
        if until.is_none() && stored.alert.silenced_until.is_none_or(|until| until <= now) {
            return Err(Error::Conflict("The alert is not silenced".to_owned()));
        }
        stored.alert.silenced_until = until;
        // The bare period: a page says it in the language of whoever reads.
        Ok(period.map_or_else(String::new, |period| period.to_string()))
    })
    .await
}

/// Takes an alert as over. It fires again once its condition was over in between.
///
/// # Errors
/// Those of [`delete`]; [`Error::Conflict`] when it neither fires nor is about to.
#[tracing::instrument(name = "alerts.resolve", level = "debug", parent = ctx.span(), skip_all)]
pub async fn resolve(ctx: &Ctx, id: AlertId) -> Result<Alert> {
    decide(ctx, id, AlertEventKind::Resolved, |stored, now| {
        end(stored, now)?;
        Ok(String::new())
    })
    .await
}

fn end(stored: &mut Stored, now: Timestamp) -> Result<()> {
    if !matches!(stored.alert.state, AlertState::Firing | AlertState::Pending) {
        return Err(Error::Conflict("The alert does not fire".to_owned()));
    }
    stored.alert.state = AlertState::Resolved;
    stored.alert.since = now;
    stored.alert.acknowledged_at = None;
    Ok(())
}

/// Sends a message to every channel of an alert, whether it fires or not.
///
/// # Errors
/// Those of [`delete`]; [`Error::Conflict`] when it has no channel.
#[tracing::instrument(name = "alerts.test", level = "debug", parent = ctx.span(), skip_all)]
pub async fn test(ctx: &Ctx, id: AlertId) -> Result<Alert> {
    may_write(ctx).await?;
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    let Stored { alert, .. } = lock(&mut tx, id).await?;
    if is_noted(ctx, &mut tx, id).await? {
        return Ok(alert);
    }
    if alert.channels.is_empty() {
        return Err(Error::Conflict("The alert has no channel that could be told".to_owned()));
    }
    let text = "This is a test; the alert stands where it stood";
    let event = note(ctx, &mut tx, &alert, AlertEventKind::Tested, text).await?;
    message::tell(backend, &mut tx, &alert, &event).await?;
    tx.commit().await?;
    Ok(alert)
}

/// What a person decides about an alert, noted in its history and in the audit log.
async fn decide(
    ctx: &Ctx,
    id: AlertId,
    kind: AlertEventKind,
    change: impl FnOnce(&mut Stored, Timestamp) -> Result<String>,
) -> Result<Alert> {
    may_write(ctx).await?;
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    let mut stored = lock(&mut tx, id).await?;
    if is_noted(ctx, &mut tx, id).await? {
        return Ok(stored.alert);
    }
    let text = change(&mut stored, backend.now())?;
    keep_decided(ctx, &mut tx, &stored, kind, &text).await?;
    if let Some(deed) = deed_of(kind) {
        write_down(ctx, &mut tx, deed, &stored.alert).await?;
    }
    tx.commit().await?;
    tracing::info!(alert.id = %id, decision = kind.as_str(), "alert decided");
    Ok(stored.alert)
}

/// Keeps how an alert stands after what was decided, with its history. Being resolved by hand is told to those
/// who were told that it fires.
async fn keep_decided(
    ctx: &Ctx,
    conn: &mut PgConnection,
    stored: &Stored,
    kind: AlertEventKind,
    text: &str,
) -> Result<()> {
    let event = note_in_history(ctx, &mut *conn, &stored.alert, kind, text).await?;
    let mut is_told = stored.is_told;
    if is_told && stored.alert.state != AlertState::Firing {
        message::tell(ctx.backend(), &mut *conn, &stored.alert, &event).await?;
        is_told = false;
    }
    Ok(store::alerts::update_decided(conn, &stored.alert, is_told).await?)
}

async fn lock(conn: &mut PgConnection, id: AlertId) -> Result<Stored> {
    store::alerts::lock(conn, Some(id)).await?.pop().ok_or(NOT_FOUND)
}

/// The key follows from the alert alone: alerts belong to nobody.
async fn key_of(backend: &Backend, id: AlertId) -> Result<SigningKey> {
    SigningKey::of(backend, KIND, UserId::from_uuid(Uuid::nil()), id.as_uuid()).await
}

/// Refuses mail that could not be sent.
fn check_mail(backend: &Backend, new: &NewAlert) -> Result<()> {
    if backend.mailer().is_some() {
        return Ok(());
    }
    let mails = new.channels.iter().enumerate();
    let mails = mails.filter(|(_, channel)| channel.kind == ChannelKind::Mail);
    let faults: Vec<_> = mails
        .map(|(index, _)| {
            let reason = "cannot be mail: this installation sends none, because its SMTP_URL is \
                          not set";
            FieldFault::new(format!("channels[{index}].type"), reason)
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.into()) }
}

fn trimmed(mut new: NewAlert) -> NewAlert {
    new.name = new.name.trim().to_owned();
    for channel in &mut new.channels {
        *channel = Channel::new(channel.kind, channel.address().trim());
    }
    new
}

/// Lets pass whoever may read alerts.
///
/// # Errors
/// Those of a caller who may not operate the installation, or by a key without `alerts:read`.
#[tracing::instrument(name = "alerts.may_read", level = "debug", parent = ctx.span(), skip_all)]
pub async fn may_read(ctx: &Ctx) -> Result<()> {
    access::operator_with(ctx, Scope::AlertsRead).await
}

/// Lets pass whoever may make and change alerts.
///
/// # Errors
/// Those of a caller who may not operate the installation, or by a key without `alerts:write`.
#[tracing::instrument(name = "alerts.may_write", level = "debug", parent = ctx.span(), skip_all)]
pub async fn may_write(ctx: &Ctx) -> Result<()> {
    access::operator_with(ctx, Scope::AlertsWrite).await
}

#[cfg(test)]
mod mail_tests;
#[cfg(test)]
mod tests;
