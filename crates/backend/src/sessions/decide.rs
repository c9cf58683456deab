//! Deciding what a session waits for.

use resonant_domain::api_key::Scope;
use resonant_domain::session::{NewDecision, Session, SessionState};
use resonant_domain::session_event::SessionEvent;
use resonant_domain::waiting::{
    Amount, BudgetChoice, BudgetScope, Decision, Shortfall, Wait, WaitReason,
};
use resonant_domain::{AgentId, FieldFault, SessionId, UserId};
use resonant_runtime::tools::Tools;
use sqlx::PgConnection;

use super::{NOT_FOUND, end_locked, steer};
use crate::budgets::guests::{self, Periods};
use crate::cache::Stale;
use crate::cache::session::{SessionEntry, SessionKey};
use crate::database::Shard;
use crate::{Backend, Ctx, Error, Result, access, apart, effects, store};

/// Decides what the session waits for: it goes on, or ends. Of two decisions on the same pause the
/// first one holds.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Conflict`] when the session does not wait
/// for this any more; [`Error::Invalid`] when the decision does not fit what it waits for;
/// [`Error::MissingScope`], where a key raises the limits of a month and may not set them.
#[tracing::instrument(name = "sessions.decide", level = "debug", parent = ctx.span(), skip_all)]
pub async fn decide(ctx: &Ctx, id: SessionId, new: NewDecision) -> Result<Session> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    steer(ctx, me, id, |owner| decide_of(ctx, me, owner, id, new.clone())).await
}

async fn decide_of(
    ctx: &Ctx,
    me: UserId,
    owner: UserId,
    id: SessionId,
    new: NewDecision,
) -> Result<Session> {
    let backend = ctx.backend();
    let is_raise = matches!(new.decision, Decision::Budget { choice: BudgetChoice::Raise { .. } });
    let is_bounded = is_raise && guests::limits_of(backend, owner).await?.is_some();
    let mut tx = backend.begin(owner).await?;
    let held = store::queue::lock(&mut tx, owner, id).await?;
    let runnable = store::sessions::find_runnable(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let session = runnable.session;
    if effects::find::<()>(ctx, &mut tx, owner).await?.is_some() {
        return Ok(session);
    }
    let (Some(held), Some(wait)) = (held, &session.waiting) else {
        return Err(Error::Conflict("The session does not wait for a decision".to_owned()));
    };
    if wait.sequence != new.waiting {
        return Err(Error::Conflict("This was decided already".to_owned()));
    }
    new.decision.check(&wait.reason)?;
    let raised = raised_month(&new.decision, &session, wait);
    if raised.is_some() && owner != me {
        return Err(Error::NotAllowed("Only the agent's owner may raise the limits of a month"));
    }
    if raised.is_some() {
        // As where they are set.
        access::with_scope(ctx, Scope::AgentsWrite)?;
    }
    if is_bounded && is_of_guests(&wait.reason) {
        let rule = "must be end: nobody raises what guests may use; create an account to go on";
        return Err(Error::field("choice.do", rule));
    }
    let tools = backend.engine().tools().granted(owner, session.agent_id, &runnable.spec.tools);
    check_arguments(&tools, &new.decision, &wait.reason)?;
    let is_cheaper = matches!(new.decision, Decision::Budget { choice: BudgetChoice::Cheaper });
    let policy = &runnable.spec.model_policy;
    if is_cheaper && !backend.engine().models().has_cheaper(policy) {
        return Err(Error::field("choice", "no cheaper models are set up for this agent"));
    }
    let key = (owner, id, held.fence);
    let events = settle(backend, &mut tx, key, &session, wait, new.decision).await?;
    effects::note(ctx, &mut tx, owner, &()).await?;
    let session = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    backend.commit(tx, Stale::one::<SessionEntry>(&SessionKey(owner, id))).await?;
    backend.events().publish(id, &events);
    if session.state.is_terminal() {
        let is_begun = session.started_at.is_some();
        backend.metrics().ended_idle(session.agent_id, is_begun, &events);
        if let Some(by) = &session.called_by {
            super::calls::deliver_later(backend, (owner, id), by.session_id).await;
        }
    }
    tracing::info!(session.id = %id, session.state = session.state.as_str(), "session decided");
    if let Some(budget) = raised {
        Box::pin(go_on_with_more(backend, owner, budget)).await;
    }
    Ok(session)
}

/// What a decision raises where it changes more than its session: what the owner's agents may use in a month.
fn raised_month(decision: &Decision, session: &Session, wait: &Wait) -> Option<MonthBudget> {
    let is_raise = matches!(decision, Decision::Budget { choice: BudgetChoice::Raise { .. } });
    MonthBudget::of(session, wait).filter(|_| is_raise)
}

/// Whether it is what guests may use that is used up.
fn is_of_guests(reason: &WaitReason) -> bool {
    matches!(reason, WaitReason::Budget { shortfall, .. } if shortfall.scope.is_of_guests())
}

/// A budget of the month: that of an agent, or its owner's own over all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MonthBudget {
    pub(crate) agent: Option<AgentId>,
}

impl MonthBudget {
    /// The one that a session waits for.
    fn of(session: &Session, wait: &Wait) -> Option<Self> {
        let WaitReason::Budget { shortfall, .. } = &wait.reason else { return None };
        let agent = match shortfall.scope {
            BudgetScope::Agent => Some(shortfall.caller_agent_id.unwrap_or(session.agent_id)),
            BudgetScope::User => None,
            BudgetScope::Session | BudgetScope::Guest | BudgetScope::Guests => return None,
        };
        Some(Self { agent })
    }
}

/// Lets the sessions go on that wait because what guests may use was used up: their owner is a member now.
pub(crate) async fn lift_bounds_of_guests(backend: &Backend, owner: UserId) -> Result<()> {
    let scopes = [BudgetScope::Guest, BudgetScope::Guests];
    let mut conn = backend.read_latest(owner).await?;
    let ids = store::budgets::list_waiting(&mut conn, owner, &scopes).await?;
    drop(conn);
    for id in ids {
        go_on(backend, owner, id, |_, wait| is_of_guests(&wait.reason)).await?;
    }
    Ok(())
}

/// Lets the owner's sessions go on that wait for this budget, of which there is more now. Those for which it
/// does not reach all the same wait anew.
pub(crate) async fn go_on_with_more(backend: &Backend, owner: UserId, budget: MonthBudget) {
    // Whoever has seen to it that there is more may be gone before the last one goes on.
    let own = backend.clone();
    let gone_on = apart(async move { go_on_of_month(&own, owner, budget).await });
    if let Some(Err(error)) = gone_on.await {
        // There is more all the same, and one can say so session by session.
        let error = &error as &dyn std::error::Error;
        tracing::warn!(user.id = %owner, error, "sessions go on waiting for a budget that grew");
    }
}

async fn go_on_of_month(backend: &Backend, owner: UserId, budget: MonthBudget) -> Result<()> {
    let scope = if budget.agent.is_some() { BudgetScope::Agent } else { BudgetScope::User };
    let mut conn = backend.read_latest(owner).await?;
    let ids = store::budgets::list_waiting(&mut conn, owner, &[scope]).await?;
    drop(conn);
    for id in ids {
        let is_due =
            |session: &Session, wait: &Wait| MonthBudget::of(session, wait) == Some(budget);
        go_on_of_several(backend, owner, id, is_due).await;
    }
    Ok(())
}

/// Lets the sessions go on that wait since a budget was used up, once the day or the month is over that it was
/// for, or where there is more of it and whoever saw to that did not come to letting them go on. Answers how many
/// did.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "sessions.resume_renewed", level = "debug", parent = ctx.span(), skip_all)]
pub async fn resume_renewed(ctx: &Ctx) -> Result<u64> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let periods = Periods::at(backend.now())?;
    let (resumed, done) =
        backend.on_each(|shard| resume_renewed_on(backend, shard, &periods)).await;
    let count: u64 = resumed.into_iter().sum();
    if count > 0 {
        tracing::info!(count, "sessions go on with what there is of their budgets by now");
    }
    done.map(|()| count)
}

async fn resume_renewed_on(backend: &Backend, shard: Shard, periods: &Periods) -> Result<u64> {
    let mut tx = backend.begin_on(shard).await?;
    let (owners, began) = (backend.owners(), (periods.day, periods.month));
    let overdue = store::budgets::list_overdue(&mut tx, owners, began).await?;
    tx.commit().await?;
    let mut count = 0;
    for (owner, id) in overdue {
        let gone_on = go_on_of_several(backend, owner, id, |_, wait| periods.renew(wait));
        count += u64::from(gone_on.await);
    }
    Ok(count + resume_grown_on(backend, shard).await?)
}

/// Lets sessions go on of whose budgets there is more by now: whoever saw to it was lost before they did.
async fn resume_grown_on(backend: &Backend, shard: Shard) -> Result<u64> {
    let (mut count, mut last) = (0, None);
    loop {
        let mut tx = backend.begin_on(shard).await?;
        let short = store::budgets::list_short(&mut tx, backend.owners(), last).await?;
        tx.commit().await?;
        last = short.last().copied();
        for of_owner in short.chunk_by(|one, other| one.owner == other.owner) {
            let Some(owner) = of_owner.first().map(|short| short.owner) else { continue };
            let mut conn = backend.read_latest(owner).await?;
            let reach = store::budgets::find_reach(&mut conn, owner, backend.now()).await?;
            drop(conn);
            for short in of_owner.iter().filter(|short| reach.has_grown_for(short)) {
                let is_of_month =
                    |session: &Session, wait: &Wait| MonthBudget::of(session, wait).is_some();
                let gone_on = go_on_of_several(backend, owner, short.session, is_of_month);
                count += u64::from(gone_on.await);
            }
        }
        if short.len() < store::budgets::SHORT_AT_ONCE {
            return Ok(count);
        }
    }
}

/// The same as [`go_on`] to one of several: the next one need not wait for it.
async fn go_on_of_several(
    backend: &Backend,
    owner: UserId,
    id: SessionId,
    is_due: impl Fn(&Session, &Wait) -> bool + Send,
) -> bool {
    go_on(backend, owner, id, is_due).await.unwrap_or_else(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(session.id = %id, error, "a session does not go on");
        false
    })
}

/// Lets a session go on that waits for a budget, where that `is_due`. `false`: it does not wait for that any
/// more.
async fn go_on(
    backend: &Backend,
    owner: UserId,
    id: SessionId,
    is_due: impl Fn(&Session, &Wait) -> bool + Send,
) -> Result<bool> {
    let mut tx = backend.begin(owner).await?;
    let held = store::queue::lock(&mut tx, owner, id).await?;
    let session = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let waiting = session.waiting.clone().filter(|wait| is_due(&session, wait));
    let (Some(held), Some(wait)) = (held, waiting) else { return Ok(false) };
    let decision = Decision::Budget { choice: BudgetChoice::GoOn };
    let key = (owner, id, held.fence);
    let events = settle(backend, &mut tx, key, &session, &wait, decision).await?;
    backend.commit(tx, Stale::one::<SessionEntry>(&SessionKey(owner, id))).await?;
    backend.events().publish(id, &events);
    Ok(true)
}

/// Arguments that a person has changed must fit the tool as those of a model must.
fn check_arguments(tools: &Tools, decision: &Decision, reason: &WaitReason) -> Result<()> {
    let (Decision::Calls { verdicts }, WaitReason::Approval { calls, .. }) = (decision, reason)
    else {
        return Ok(());
    };
    let faults: Vec<_> = verdicts
        .iter()
        .enumerate()
        .filter_map(|(index, verdict)| {
            let arguments = verdict.arguments.as_ref()?;
            let call = calls.iter().find(|call| call.call_id == verdict.call_id)?;
            let fault = tools.check(&call.tool, arguments).err()?;
            Some(FieldFault::new(format!("verdicts[{index}].arguments"), fault.to_string()))
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

async fn settle(
    backend: &Backend,
    tx: &mut PgConnection,
    key: (UserId, SessionId, i64),
    session: &Session,
    wait: &Wait,
    decision: Decision,
) -> Result<Vec<SessionEvent>> {
    let (owner, id, _) = key;
    let now = backend.now();
    let ends = matches!(decision, Decision::Budget { choice: BudgetChoice::End });
    if let (Decision::Budget { choice: BudgetChoice::Raise { by, unit } }, Some(budget)) =
        (&decision, MonthBudget::of(session, wait))
    {
        // The session's own limit is raised by its log, those of a month where they are kept.
        let more = (*by, *unit);
        store::budgets::update_raised(&mut *tx, owner, budget.agent, more, now).await?;
    }
    let entries = decision.into_entries(wait);
    let used = resonant_domain::session::Usage::default();
    let events = store::session_events::append(&mut *tx, key, None, entries, used, now).await?;
    let mut events = events.ok_or(NOT_FOUND)?;
    if ends {
        let reason = Some(end_reason(&wait.reason));
        let ended = end_locked(backend, tx, key, SessionState::Cancelled, reason).await?;
        events.extend(ended.into_events());
    } else {
        store::queue::wake(tx, owner, id, now).await?;
    }
    Ok(events)
}

fn end_reason(reason: &WaitReason) -> String {
    match reason {
        WaitReason::Budget { shortfall: Shortfall { limit: Amount::MicroUsd(_), .. }, .. } => {
            "ended at the limit of its costs".to_owned()
        }
        _ => "ended at the limit of its tokens".to_owned(),
    }
}
