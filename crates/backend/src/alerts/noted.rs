//! What happens to an alert is noted in its history, and what somebody decided in the audit log too, which
//! outlives the alert.

use resonant_domain::alert::{Alert, AlertEventKind};
use resonant_domain::audit::{Deed, SubjectKind};
use resonant_domain::{AlertEventId, AlertId, UserId};
use sqlx::PgConnection;

use crate::audit::{Log, Subject};
use crate::store::OnConstraint as _;
use crate::store::alert_events::NewEvent;
use crate::{Actor, Ctx, Result, audit, effects, store};

/// Whether an earlier try of this request has noted what it did.
pub(super) async fn is_noted(ctx: &Ctx, conn: &mut PgConnection, id: AlertId) -> Result<bool> {
    match ctx.made_before() {
        Some(event) => {
            Ok(store::alert_events::exists(conn, id, AlertEventId::from_uuid(event)).await?)
        }
        None => Ok(false),
    }
}

/// Something that has been noted in an alert's history.
pub(super) struct Noted {
    pub(super) id: AlertEventId,
    pub(super) kind: AlertEventKind,
    pub(super) at: jiff::Timestamp,
    pub(super) text: String,
}

/// Notes it in the alert's history; what was decided goes into the audit log too, which outlives the alert.
pub(super) async fn note(
    ctx: &Ctx,
    conn: &mut PgConnection,
    alert: &Alert,
    kind: AlertEventKind,
    text: &str,
) -> Result<Noted> {
    let noted = note_in_history(ctx, &mut *conn, alert, kind, text).await?;
    if let Some(deed) = deed_of(kind) {
        write_down(ctx, conn, deed, alert).await?;
    }
    Ok(noted)
}

/// Notes it in the alert's history alone: it is part of another deed, or the caller writes the deed down.
pub(super) async fn note_in_history(
    ctx: &Ctx,
    conn: &mut PgConnection,
    alert: &Alert,
    kind: AlertEventKind,
    text: &str,
) -> Result<Noted> {
    let backend = ctx.backend();
    let id = AlertEventId::from_uuid(ctx.resource_id()?);
    let at = backend.now();
    let event = NewEvent { id, kind, at, text, by: person(ctx) };
    store::alert_events::insert(conn, alert.id, &event)
        .await
        .on_constraint("alert_events_pkey", effects::in_the_making)?;
    Ok(Noted { id, kind, at, text: text.to_owned() })
}

/// What somebody did when this happened; `None`: it happened by itself.
pub(super) const fn deed_of(kind: AlertEventKind) -> Option<Deed> {
    Some(match kind {
        AlertEventKind::Fired | AlertEventKind::Told | AlertEventKind::Ended => return None,
        AlertEventKind::Acknowledged => Deed::AlertAcknowledged,
        AlertEventKind::Silenced => Deed::AlertSilenced,
        AlertEventKind::Unsilenced => Deed::AlertUnsilenced,
        AlertEventKind::Resolved => Deed::AlertResolved,
        AlertEventKind::Changed => Deed::AlertChanged,
        AlertEventKind::Tested => Deed::AlertTested,
    })
}

/// Writes into the audit log what is done to an alert. Alerts belong to the installation.
pub(super) async fn write_down(
    ctx: &Ctx,
    conn: &mut PgConnection,
    deed: Deed,
    alert: &Alert,
) -> Result<()> {
    let subject = Subject::new(SubjectKind::Alert, alert.id.as_uuid(), &alert.name);
    audit::note(ctx, conn, Log::Installation, deed, Some(subject)).await
}

fn person(ctx: &Ctx) -> Option<UserId> {
    match ctx.actor() {
        Actor::User { id, .. } => Some(id),
        Actor::Key { owner, .. } => Some(owner),
        Actor::System | Actor::Anonymous => None,
    }
}
