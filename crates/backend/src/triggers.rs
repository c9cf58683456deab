//! Triggers: addresses at which a signed message starts a session.

use jiff::SignedDuration;
use resonant_domain::agent::AgentStatus;
use resonant_domain::audit::{Deed, SubjectKind};
use resonant_domain::origin::{Origin, OriginKind};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::session::{CONTEXT_MAX, NewSession, Session};
use resonant_domain::webhook::{NewTrigger, TOLERANCE_SECONDS, Trigger, WEBHOOKS_MAX, WithKey};
use resonant_domain::{SessionId, TriggerId, UserId, variable};
use sqlx::PgConnection;

use crate::audit::{Log, Subject};
use crate::sessions::Start;
use crate::signature::SigningKey;
use crate::store::OnConstraint as _;
use crate::{Ctx, Error, Result, access, agents, audit, effects, seen, sessions, store};

pub use crate::signature::Signed;

const NOT_FOUND: Error = Error::NotFound("trigger");
const KIND: &str = "trigger";

/// Lists the caller's triggers, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "triggers.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, page: PageRequest) -> Result<Page<Trigger>> {
    let owner = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("triggers", owner);
    let cursors = ctx.backend().cursors().await?;
    let before: Option<TriggerId> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().read(owner).await?;
    let wanted = i64::from(limit) + 1;
    let found = store::triggers::list(&mut conn, owner, before, wanted).await?;
    cursors.page(&scope, limit, found, |last| last.id)
}

/// Reads a trigger of the caller.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "triggers.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, id: TriggerId) -> Result<Trigger> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().read(owner).await?;
    store::triggers::find_own(&mut conn, owner, id).await?.ok_or(NOT_FOUND)
}

/// All of them with the key of each, for its owner's eyes.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "triggers.list_with_keys", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list_with_keys(ctx: &Ctx) -> Result<Vec<WithKey<Trigger>>> {
    let owner = access::user(ctx)?;
    let mut all = Vec::new();
    for made in list(ctx, PageRequest::largest()).await?.items {
        let key = SigningKey::of(ctx.backend(), KIND, owner, made.id.as_uuid()).await?;
        all.push(WithKey { made, signing_key: key.to_text() });
    }
    Ok(all)
}

/// Makes a trigger of an agent. Answers it with the key that signs its messages.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent; [`Error::Invalid`];
/// [`Error::Conflict`] when there are too many.
#[tracing::instrument(name = "triggers.create", level = "debug", parent = ctx.span(), skip_all)]
pub async fn create(ctx: &Ctx, new: NewTrigger) -> Result<WithKey<Trigger>> {
    let owner = access::user(ctx)?;
    new.check()?;
    let backend = ctx.backend();
    let id = TriggerId::from_uuid(ctx.resource_id()?);
    let made = Trigger {
        id,
        agent_id: new.agent_id,
        goal: new.goal.trim().to_owned(),
        variables: new.variables,
        path: Trigger::path_of(owner, id),
        created_at: backend.now(),
        last_used_at: None,
    };
    let key = SigningKey::of(backend, KIND, owner, id.as_uuid()).await?;
    let mut tx = backend.begin(owner).await?;
    let Some(agent) = store::agents::find(&mut tx, owner, new.agent_id).await? else {
        drop(tx);
        return Err(access::not_own(ctx, owner, new.agent_id).await);
    };
    if ctx.made_before().is_some()
        && let Some(made) = store::triggers::find_own(&mut tx, owner, id).await?
    {
        return Ok(WithKey { made, signing_key: key.to_text() });
    }
    let (_, spec) = agents::spec_to_run(&mut tx, &agent).await?;
    variable::resolve(&spec.variables, &made.variables)?;
    let max = i64::try_from(WEBHOOKS_MAX).unwrap_or(i64::MAX);
    let inserted = store::triggers::insert(&mut tx, owner, &made, max).await;
    if !inserted.on_constraint("triggers_pkey", effects::in_the_making)? {
        return Err(Error::Conflict(format!("There are {WEBHOOKS_MAX} triggers already")));
    }
    note(ctx, &mut tx, (owner, id), Deed::TriggerCreated, &agent.spec.name).await?;
    tx.commit().await?;
    tracing::info!(trigger.id = %id, agent.id = %made.agent_id, "trigger created");
    Ok(WithKey { made, signing_key: key.to_text() })
}

/// Deletes a trigger. The sessions that it started stay.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "triggers.delete", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete(ctx: &Ctx, id: TriggerId) -> Result<()> {
    let owner = access::user(ctx)?;
    let mut tx = ctx.backend().begin(owner).await?;
    let found = store::triggers::find_own(&mut tx, owner, id).await?;
    seen::check(ctx, &found.ok_or(NOT_FOUND)?)?;
    let agent = store::triggers::delete(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    note(ctx, &mut tx, (owner, id), Deed::TriggerDeleted, &agent).await?;
    tx.commit().await?;
    tracing::info!(trigger.id = %id, "trigger deleted");
    Ok(())
}

/// Writes down what the caller does to a trigger, by its agent's name.
async fn note(
    ctx: &Ctx,
    tx: &mut PgConnection,
    (owner, id): (UserId, TriggerId),
    deed: Deed,
    agent: &str,
) -> Result<()> {
    let subject = Subject::new(SubjectKind::Trigger, id.as_uuid(), agent);
    audit::note(ctx, tx, Log::Owner(owner), deed, Some(subject)).await
}

/// Takes a message: starts the session, or answers the one that the same message started before.
/// Anyone may send it who has the trigger's key.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Unauthenticated`] when the signature is not the trigger's or the
/// message is not of this moment; [`Error::Invalid`] for the body; [`Error::Conflict`] when the agent
/// does not run.
#[tracing::instrument(name = "triggers.fire", level = "debug", parent = ctx.span(), skip_all)]
pub async fn fire(ctx: &Ctx, owner: UserId, id: TriggerId, message: Signed) -> Result<Session> {
    let backend = ctx.backend();
    let now = backend.now();
    let key = SigningKey::of(backend, KIND, owner, id.as_uuid()).await?;
    // Before the look-up: who has no key learns nothing of what there is.
    if !key.verify(&message, now)? {
        return Err(Error::Unauthenticated);
    }
    if message.id.chars().count() > 200 {
        return Err(Error::field("webhook-id", "must be at most 200 characters"));
    }
    if message.body.contains('\0') {
        return Err(Error::field("body", "must not contain the NUL character"));
    }
    if message.body.chars().count() > CONTEXT_MAX {
        return Err(Error::field("body", format!("must be at most {CONTEXT_MAX} characters")));
    }
    let mut tx = backend.begin(owner).await?;
    let found = store::triggers::find(&mut tx, owner, id).await?;
    let (agent_id, goal, variables) = found.ok_or(NOT_FOUND)?;
    let fresh = SessionId::from_uuid(backend.new_id()?);
    let trigger = (owner, id);
    let known = store::triggers::insert_message(&mut tx, trigger, &message.id, fresh, now).await?;
    if known != fresh {
        let session = store::sessions::find(&mut tx, owner, known).await?;
        return session.ok_or(Error::NotFound("session"));
    }
    let agent = store::agents::lock(&mut tx, owner, agent_id).await?;
    let agent = agent.ok_or(Error::NotFound("agent"))?;
    if agent.status != AgentStatus::Active {
        return Err(Error::Conflict("The agent does not run at present".to_owned()));
    }
    let context = Some(message.body).filter(|body| !body.trim().is_empty());
    let new = NewSession { goal, context, variables, ..NewSession::default() };
    let (agent_version, spec) = agents::spec_to_run(&mut tx, &agent).await?;
    let start = Start {
        id: fresh,
        owner,
        agent_id,
        agent_version,
        spec,
        called_by: None,
        started_by: None,
        origin: Origin { kind: OriginKind::Trigger, id: Some(id.as_uuid()) },
        is_test: false,
    };
    let session = sessions::enqueue(backend, &mut tx, start, new).await?;
    // Twice the tolerance: the sender's clock may be ahead and then behind.
    let forget_before = now - SignedDuration::from_secs(TOLERANCE_SECONDS * 2 + 60);
    store::triggers::update_used(&mut tx, trigger, now, forget_before).await?;
    tx.commit().await?;
    tracing::info!(trigger.id = %id, session.id = %session.id, "trigger fired");
    Ok(session)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use resonant_domain::FaultKind;
    use resonant_domain::variable::Values;
    use resonant_runtime::clock::{Clock as _, FixedClock};
    use sqlx::PgPool;

    use super::*;
    use crate::{Backend, sample};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_signed_message_starts_one_session(pool: PgPool) {
        let clock = Arc::new(FixedClock::new("2026-01-02T06:00:00Z".parse().unwrap()));
        let backend = Backend::for_tests_at(pool, clock.clone());
        let ctx = sample::guest(&backend).await.unwrap();
        let owner = access::user(&ctx).unwrap();
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
        let new = NewTrigger {
            agent_id: agent.id,
            goal: "Read the order".to_owned(),
            variables: Values::new(),
        };
        let trigger = create(&ctx, new).await.unwrap();
        assert!(trigger.signing_key.starts_with("whsec_"));
        let id = trigger.made.id;
        let key = SigningKey::of(&backend, KIND, owner, id.as_uuid()).await.unwrap();
        let signed = |id: &str, body: &str| {
            let seconds = clock.now().as_second();
            Signed {
                id: id.to_owned(),
                timestamp: seconds.to_string(),
                signature: key.sign(id, seconds, body).unwrap(),
                body: body.to_owned(),
            }
        };
        let anyone = backend.anonymous();
        let first = signed("m-1", "{\"order\":7}");
        let one = fire(&anyone, owner, id, first.clone()).await.unwrap();
        assert_eq!(
            (one.goal.as_str(), one.context.as_deref()),
            ("Read the order", Some("{\"order\":7}"))
        );
        let by_this = Origin { kind: OriginKind::Trigger, id: Some(id.as_uuid()) };
        assert_eq!(one.origin, Some(by_this));
        // The same message again, by a sender that missed the answer or by someone who overheard it.
        let (two, three) = tokio::join!(
            fire(&anyone, owner, id, first.clone()),
            fire(&anyone, owner, id, first.clone())
        );
        assert_eq!((two.unwrap().id, three.unwrap().id), (one.id, one.id));
        assert_ne!(fire(&anyone, owner, id, signed("m-2", "")).await.unwrap().id, one.id);

        let broken = Signed { body: "{\"order\":8}".to_owned(), ..first.clone() };
        let other = TriggerId::from_uuid(agent.id.as_uuid());
        for (trigger, message) in [(id, broken), (other, first.clone())] {
            let error = fire(&anyone, owner, trigger, message).await.unwrap_err();
            assert_eq!(error.kind(), FaultKind::Unauthenticated);
        }
        for body in ["a\0b".to_owned(), "a".repeat(CONTEXT_MAX + 1)] {
            let error = fire(&anyone, owner, id, signed("m-0", &body)).await.unwrap_err();
            assert_eq!(error.fields()[0].field, "body", "{error:?}");
        }
        clock.advance(SignedDuration::from_secs(TOLERANCE_SECONDS + 1));
        let late = fire(&anyone, owner, id, first).await.unwrap_err();
        assert_eq!(late.kind(), FaultKind::Unauthenticated);
        let last = signed("m-3", "");
        delete(&ctx, id).await.unwrap();
        let gone = fire(&anyone, owner, id, last).await.unwrap_err();
        assert_eq!(gone.kind(), FaultKind::NotFound);
    }
}
