//! Schedules: agents that start by themselves.

mod times;

use resonant_domain::agent::AgentStatus;
use resonant_domain::audit::{Deed, SubjectKind};
use resonant_domain::fields::{Fields, Part};
use resonant_domain::origin::{Origin, OriginKind};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::schedule::{NewSchedule, SCHEDULES_MAX, Schedule, ScheduleChanges};
use resonant_domain::session::NewSession;
use resonant_domain::{ScheduleId, SessionId};
use sqlx::{Connection as _, PgConnection};

use self::times::next_run;
use crate::audit::{Log, Subject};
use crate::database::Shard;
use crate::sessions::Start;
use crate::store::OnConstraint as _;
use crate::store::schedules::{Fixed, Wide};
use crate::{
    Backend, Ctx, Error, Result, access, agents, audit, effects, entitlements, seen, sessions,
    store,
};

const NOT_FOUND: Error = Error::NotFound("schedule");

/// Lists the caller's schedules, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "schedules.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, page: PageRequest) -> Result<Page<Schedule>> {
    list_with(ctx, page, Wide::WHOLE).await
}

/// Lists some fields of the caller's schedules. Its cursors are those of [`list`].
///
/// # Errors
/// Those of [`list`].
#[tracing::instrument(name = "schedules.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list_parts(
    ctx: &Ctx,
    page: PageRequest,
    fields: &Fields<Schedule>,
) -> Result<Page<Part<Schedule>>> {
    let Page { items, next_cursor } = list_with(ctx, page, wide(fields)).await?;
    Ok(Page { items: items.into_iter().map(|it| fields.of(it)).collect(), next_cursor })
}

/// What must be fetched for it.
fn wide(fields: &Fields<Schedule>) -> Wide {
    Wide { goal: fields.has("goal"), context: fields.has("context") || fields.has("variables") }
}

async fn list_with(ctx: &Ctx, page: PageRequest, wide: Wide) -> Result<Page<Schedule>> {
    let owner = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("schedules", owner);
    let cursors = ctx.backend().cursors().await?;
    let before: Option<ScheduleId> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().read(owner).await?;
    let wanted = i64::from(limit) + 1;
    let found = store::schedules::list(&mut conn, owner, before, wanted, wide).await?;
    cursors.page(&scope, limit, found, |last| last.id)
}

/// Reads a schedule of the caller.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "schedules.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, id: ScheduleId) -> Result<Schedule> {
    get_with(ctx, id, Wide::WHOLE).await
}

/// Reads some fields of a schedule of the caller.
///
/// # Errors
/// Those of [`get`].
#[tracing::instrument(name = "schedules.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get_part(
    ctx: &Ctx,
    id: ScheduleId,
    fields: &Fields<Schedule>,
) -> Result<Part<Schedule>> {
    Ok(fields.of(get_with(ctx, id, wide(fields)).await?))
}

async fn get_with(ctx: &Ctx, id: ScheduleId, wide: Wide) -> Result<Schedule> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().read(owner).await?;
    store::schedules::find(&mut conn, owner, id, wide).await?.ok_or(NOT_FOUND)
}

/// Makes a schedule of an agent's published version, or of the agent as it is now where none is
/// published.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent; [`Error::Invalid`];
/// [`Error::Conflict`] when there are too many.
#[tracing::instrument(name = "schedules.create", level = "debug", parent = ctx.span(), skip_all)]
pub async fn create(ctx: &Ctx, new: NewSchedule) -> Result<Schedule> {
    let owner = access::user(ctx)?;
    new.check()?;
    let backend = ctx.backend();
    let now = backend.now();
    let next_run_at = Some(next_run(&new.cron, &new.time_zone, now)?);
    let mut tx = backend.begin(owner).await?;
    let Some(agent) = store::agents::lock(&mut tx, owner, new.agent_id).await? else {
        drop(tx);
        return Err(access::not_own(ctx, owner, new.agent_id).await);
    };
    if let Some(made) = ctx.made_before().map(ScheduleId::from_uuid)
        && let Some(made) = store::schedules::find(&mut tx, owner, made, Wide::WHOLE).await?
    {
        return Ok(made);
    }
    let (agent_version, spec) = agents::spec_to_run(&mut tx, &agent).await?;
    sessions::fill_prompt(&spec, &new.variables)?;
    let fixed = Fixed {
        owner_id: owner,
        schedule: Schedule {
            id: ScheduleId::from_uuid(ctx.resource_id()?),
            agent_id: agent.id,
            agent_name: spec.name.clone(),
            agent_version,
            agent_revision: agent.revision,
            cron: new.cron.trim().to_owned(),
            time_zone: new.time_zone.trim().to_owned(),
            goal: new.goal.trim().to_owned(),
            context: new.context.filter(|context| !context.trim().is_empty()),
            variables: new.variables,
            is_enabled: true,
            next_run_at,
            last_run_at: None,
            last_session_id: None,
            last_error: None,
            created_at: now,
        },
        spec,
    };
    let max = i64::try_from(SCHEDULES_MAX).unwrap_or(i64::MAX);
    let inserted = store::schedules::insert(&mut tx, &fixed, max).await;
    if !inserted.on_constraint("schedules_pkey", effects::in_the_making)? {
        return Err(Error::Conflict(format!("There are {SCHEDULES_MAX} schedules already")));
    }
    note(ctx, &mut tx, &fixed, Deed::ScheduleCreated).await?;
    tx.commit().await?;
    tracing::info!(schedule.id = %fixed.schedule.id, agent.id = %new.agent_id, "schedule created");
    Ok(fixed.schedule)
}

/// Changes a schedule. What is absent from the changes stays.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the schedule or for its agent;
/// [`Error::Changed`]; [`Error::Invalid`] for the schedule as it would be.
#[tracing::instrument(name = "schedules.update", level = "debug", parent = ctx.span(), skip_all)]
pub async fn update(ctx: &Ctx, id: ScheduleId, changes: ScheduleChanges) -> Result<Schedule> {
    let owner = access::user(ctx)?;
    let backend = ctx.backend();
    let mut tx = backend.begin(owner).await?;
    let mut fixed = store::schedules::lock(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    seen::check(ctx, &fixed.schedule)?;
    if changes.refresh_agent {
        let agent = store::agents::lock(&mut tx, owner, fixed.schedule.agent_id).await?;
        let agent = agent.ok_or(Error::NotFound("agent"))?;
        let (agent_version, spec) = agents::spec_to_run(&mut tx, &agent).await?;
        fixed.schedule.agent_name.clone_from(&spec.name);
        fixed.schedule.agent_version = agent_version;
        fixed.schedule.agent_revision = agent.revision;
        fixed.spec = spec;
    }
    let schedule = &mut fixed.schedule;
    let keep = |place: &mut String, value: Option<String>| {
        if let Some(value) = value {
            value.trim().clone_into(place);
        }
    };
    let times = (schedule.cron.clone(), schedule.time_zone.clone());
    keep(&mut schedule.cron, changes.cron);
    keep(&mut schedule.time_zone, changes.time_zone);
    keep(&mut schedule.goal, changes.goal);
    let is_retimed = (&schedule.cron, &schedule.time_zone) != (&times.0, &times.1);
    if let Some(context) = changes.context {
        schedule.context = Some(context).filter(|context| !context.trim().is_empty());
    }
    if let Some(variables) = changes.variables {
        schedule.variables = variables;
    }
    sessions::fill_prompt(&fixed.spec, &schedule.variables)?;
    as_new(schedule).check()?;
    let next_run_at = next_run(&schedule.cron, &schedule.time_zone, backend.now())?;
    let was_enabled = schedule.is_enabled;
    schedule.is_enabled = changes.is_enabled.unwrap_or(was_enabled);
    schedule.next_run_at = match schedule.next_run_at {
        _ if !schedule.is_enabled => None,
        Some(at) if was_enabled && !is_retimed => Some(at),
        _ => Some(next_run_at),
    };
    store::schedules::update(&mut tx, &fixed).await?;
    note(ctx, &mut tx, &fixed, Deed::ScheduleChanged).await?;
    tx.commit().await?;
    tracing::info!(schedule.id = %id, "schedule changed");
    Ok(fixed.schedule)
}

/// Deletes a schedule. The sessions that it started stay.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "schedules.delete", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete(ctx: &Ctx, id: ScheduleId) -> Result<()> {
    let owner = access::user(ctx)?;
    let mut tx = ctx.backend().begin(owner).await?;
    let fixed = store::schedules::lock(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    seen::check(ctx, &fixed.schedule)?;
    store::schedules::delete(&mut tx, owner, id).await?;
    note(ctx, &mut tx, &fixed, Deed::ScheduleDeleted).await?;
    tx.commit().await?;
    tracing::info!(schedule.id = %id, "schedule deleted");
    Ok(())
}

/// Writes down what the caller does to a schedule, by its agent and times.
async fn note(ctx: &Ctx, tx: &mut PgConnection, fixed: &Fixed, deed: Deed) -> Result<()> {
    let Schedule { id, agent_name, cron, .. } = &fixed.schedule;
    let name = format!("{agent_name}: {cron}");
    let subject = Subject::new(SubjectKind::Schedule, id.as_uuid(), &name);
    audit::note(ctx, tx, Log::Owner(fixed.owner_id), deed, Some(subject)).await
}

/// Starts a session for every schedule that is due, each in the transaction that sets its next time:
/// so a time starts one session, however many processes ask. A schedule that was due several times
/// while nobody asked starts one. Answers how many were due.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "schedules.run_due", level = "debug", parent = ctx.span(), skip_all)]
pub async fn run_due(ctx: &Ctx) -> Result<usize> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let (ran, done) = backend.on_each(|shard| run_due_on(backend, shard)).await;
    done.map(|()| ran.into_iter().sum())
}

async fn run_due_on(backend: &Backend, shard: Shard) -> Result<usize> {
    let owners = backend.owners();
    let mut count = 0;
    loop {
        let mut tx = backend.begin_on(shard).await?;
        let now = backend.now();
        let Some(mut fixed) = store::schedules::claim_due(&mut tx, now, owners).await? else {
            break;
        };
        // What the database refuses breaks a transaction: that the schedule was due outlives it.
        let mut part = PgConnection::begin(&mut tx).await?;
        let started = match start(backend, &mut part, &fixed).await {
            Ok(started) => {
                part.commit().await?;
                started
            }
            Err(error @ Error::Unavailable(_)) => return Err(error),
            // The others are due, too.
            Err(error) => {
                part.rollback().await?;
                let error = &error as &dyn std::error::Error;
                tracing::error!(schedule.id = %fixed.schedule.id, error, "schedule not run");
                Err("something went wrong on our side")
            }
        };
        let schedule = &mut fixed.schedule;
        schedule.last_run_at = Some(now);
        (schedule.last_session_id, schedule.last_error) = match started {
            Ok(session) => (Some(session), None),
            Err(reason) => (schedule.last_session_id, Some(reason.to_owned())),
        };
        // A line that meant times once may mean none any more: years end, zones go.
        schedule.next_run_at = next_run(&schedule.cron, &schedule.time_zone, now).ok();
        store::schedules::update(&mut tx, &fixed).await?;
        tx.commit().await?;
        tracing::info!(schedule.id = %fixed.schedule.id, "schedule ran");
        count += 1;
    }
    Ok(count)
}

/// Starts the session of a schedule, or says why not.
async fn start(
    backend: &Backend,
    tx: &mut PgConnection,
    fixed: &Fixed,
) -> Result<std::result::Result<SessionId, &'static str>> {
    let (owner, schedule) = (fixed.owner_id, &fixed.schedule);
    // Locked: who pauses it meanwhile finds the session in the queue.
    let agent = store::agents::lock(&mut *tx, owner, schedule.agent_id).await?;
    match agent.map(|agent| agent.status) {
        None => return Ok(Err("the agent was deleted")),
        Some(AgentStatus::Paused) => return Ok(Err("the agent is paused")),
        Some(AgentStatus::Archived) => return Ok(Err("the agent is archived")),
        Some(AgentStatus::Active) => {}
    }
    let new = NewSession {
        goal: schedule.goal.clone(),
        context: schedule.context.clone(),
        variables: schedule.variables.clone(),
        ..NewSession::default()
    };
    // What cannot be started must not stand in the way of the others.
    if sessions::fill_prompt(&fixed.spec, &new.variables).is_err() {
        return Ok(Err("the agent asks for variables that the schedule does not give so"));
    }
    let whose = (owner, schedule.agent_id);
    if entitlements::refusal(backend, &mut *tx, whose).await?.is_some() {
        return Ok(Err("the agent comes from the marketplace and is not paid for"));
    }
    if sessions::is_queue_full(&mut *tx, owner).await? {
        return Ok(Err("too many sessions wait or run already"));
    }
    let start = Start {
        id: SessionId::from_uuid(backend.new_id()?),
        owner,
        agent_id: schedule.agent_id,
        agent_version: schedule.agent_version,
        spec: fixed.spec.clone(),
        called_by: None,
        started_by: None,
        origin: Origin { kind: OriginKind::Schedule, id: Some(schedule.id.as_uuid()) },
        is_test: false,
    };
    Ok(Ok(sessions::enqueue(backend, tx, start, new).await?.id))
}

/// The schedule as someone would make it anew, for the rules.
fn as_new(schedule: &Schedule) -> NewSchedule {
    NewSchedule {
        agent_id: schedule.agent_id,
        cron: schedule.cron.clone(),
        time_zone: schedule.time_zone.clone(),
        goal: schedule.goal.clone(),
        context: schedule.context.clone(),
        variables: schedule.variables.clone(),
    }
}

#[cfg(test)]
mod tests;
