//! Test sets: what an agent should do, case by case, and whether it does.
//!
//! A run starts a session for each case, marked as a test. What its answer is held against is decided
//! when the session is over: texts and schemas at once, a criterion by another session in which a
//! language model judges.

mod gate;
pub mod records;
mod runs;
mod starts;

use jiff::{SignedDuration, Timestamp};
use resonant_domain::agent_list::TRASH_DAYS;
use resonant_domain::api_key::Scope;
use resonant_domain::fields::Fields;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::team::AgentRight;
use resonant_domain::test_set::{
    Check, NewTestSet, RunSummary, TEST_SETS_MAX, TestPolicy, TestSet, TrashedSet,
};
use resonant_domain::{AgentId, FieldFault, TestSetId, UserId};
use resonant_runtime::json_check;
use sqlx::PgConnection;

use crate::database::Shard;
use crate::store::OnConstraint as _;
use crate::store::test_set_trash::SetTrashPosition;
use crate::store::test_sets::{Newest, Outcomes, Run, TestResult, Wide};
use crate::{Backend, Ctx, Error, Result, access, effects, seen, store};

pub(crate) use gate::lacking;
pub use gate::missing;
pub use runs::{list_runs, read_run, settle_due};
pub(crate) use runs::{settle_agent, settle_ended};
pub use starts::{run, run_all};

const NOT_FOUND: Error = Error::NotFound("test set");
/// How many test sets one look purges; the next one finds the rest.
const PURGE_BATCH: i64 = 500;

/// Lists the test sets of an agent, the oldest first, with what the newest run of each came to.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Invalid`] for a
/// limit or cursor that cannot be used.
#[tracing::instrument(name = "test_sets.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, agent: AgentId, page: PageRequest) -> Result<Page<TestSet>> {
    list_with(ctx, agent, page, &Fields::all()).await
}

async fn list_with(
    ctx: &Ctx,
    agent: AgentId,
    page: PageRequest,
    fields: &Fields<TestSet>,
) -> Result<Page<TestSet>> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Read).await?;
    let owner = reached.owner;
    let limit = page.checked_limit()?;
    let scope = ("test_sets", reached.me, agent);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<TestSetId> = cursors.open(&scope, page.cursor.as_deref())?;
    let wanted = i64::from(limit) + 1;
    let wide = wide(fields);
    let mut sets = store::test_sets::list(&mut conn, owner, agent, after, wanted, wide).await?;
    if fields.has("last_run") {
        for run in newest(&mut conn, owner, agent, Newest::OfAll, Wide::NARROW).await? {
            if let Some(set) = sets.iter_mut().find(|set| set.id == run.0.test_set_id) {
                set.last_run = Some(run.1);
            }
        }
    }
    cursors.page(&scope, limit, sets, |last| last.id)
}

/// What must be fetched for it.
fn wide(fields: &Fields<TestSet>) -> Wide {
    Wide { cases: fields.has("cases"), ..Wide::NARROW }
}

/// The newest run of each set of an agent and what it came to.
async fn newest(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    which: Newest,
    wide: Wide,
) -> Result<Vec<(Run, RunSummary)>> {
    let runs = store::test_sets::list_newest_runs(&mut *conn, owner, agent, which, wide).await?;
    counted(conn, owner, runs).await
}

/// Runs with what they came to.
async fn counted(
    conn: &mut PgConnection,
    owner: UserId,
    runs: Vec<Run>,
) -> Result<Vec<(Run, RunSummary)>> {
    let ids: Vec<_> = runs.iter().map(|run| run.id).collect();
    let results = store::test_sets::list_results(conn, owner, &ids, Outcomes::Counted).await?;
    let summary = |run: &Run| {
        let own = results.iter().filter(|result| result.run_id == run.id);
        let outcomes: Vec<_> = own.map(|result: &TestResult| result.outcome.clone()).collect();
        run.summary().count(&outcomes)
    };
    Ok(runs
        .into_iter()
        .map(|run| {
            let summary = summary(&run);
            (run, summary)
        })
        .collect())
}

/// Reads one test set.
///
/// # Errors
/// Those of [`list`]; [`Error::NotFound`] also for the set.
#[tracing::instrument(name = "test_sets.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, agent: AgentId, id: TestSetId) -> Result<TestSet> {
    get_with(ctx, agent, id, &Fields::all()).await
}

async fn get_with(
    ctx: &Ctx,
    agent: AgentId,
    id: TestSetId,
    fields: &Fields<TestSet>,
) -> Result<TestSet> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Read).await?;
    let owner = reached.owner;
    let set = store::test_sets::find(&mut conn, owner, agent, id, wide(fields)).await?;
    let set = set.ok_or(NOT_FOUND)?;
    if !fields.has("last_run") {
        return Ok(set);
    }
    let newest = store::test_sets::list_runs(&mut conn, owner, id, None, 1, Wide::NARROW).await?;
    let last_run = counted(&mut conn, owner, newest).await?.pop().map(|(_, summary)| summary);
    Ok(TestSet { last_run, ..set })
}

/// Reads a set whole, but for its newest run.
async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    id: TestSetId,
) -> Result<Option<TestSet>> {
    Ok(store::test_sets::find(conn, owner, agent, id, Wide::WHOLE).await?)
}

/// Makes a test set of an agent.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for the agent;
/// [`Error::Invalid`]; [`Error::Conflict`] when there are too many.
#[tracing::instrument(name = "test_sets.create", level = "debug", parent = ctx.span(), skip_all)]
pub async fn create(ctx: &Ctx, agent: AgentId, new: NewTestSet) -> Result<TestSet> {
    let backend = ctx.backend();
    let (_, reached, mut tx) =
        access::agent_to_change(ctx, Scope::AgentsWrite, agent, AgentRight::Edit).await?;
    let owner = reached.owner;
    check(&new)?;
    if let Some(made) = ctx.made_before().map(TestSetId::from_uuid)
        && let Some(made) = find(&mut tx, owner, agent, made).await?
    {
        return Ok(made);
    }
    let now = backend.now();
    let set = TestSet {
        id: TestSetId::from_uuid(ctx.resource_id()?),
        agent_id: agent,
        name: new.name.trim().to_owned(),
        cases: new.cases,
        created_at: now,
        updated_at: now,
        last_run: None,
    };
    let max = i64::try_from(TEST_SETS_MAX).unwrap_or(i64::MAX);
    let inserted = store::test_sets::insert(&mut tx, owner, &set, max).await;
    if !inserted.on_constraint("test_sets_pkey", effects::in_the_making)? {
        return Err(too_many());
    }
    tx.commit().await?;
    tracing::info!(agent.id = %agent, test_set.id = %set.id, "test set created");
    Ok(set)
}

/// Makes a test set what `new` says. Its runs stay.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Changed`];
/// [`Error::Invalid`].
#[tracing::instrument(name = "test_sets.replace", level = "debug", parent = ctx.span(), skip_all)]
pub async fn replace(ctx: &Ctx, agent: AgentId, id: TestSetId, new: NewTestSet) -> Result<TestSet> {
    let (_, reached, mut tx) =
        access::agent_to_change(ctx, Scope::AgentsWrite, agent, AgentRight::Edit).await?;
    let owner = reached.owner;
    let before = find(&mut tx, owner, agent, id).await?.ok_or(NOT_FOUND)?;
    seen::check(ctx, &before)?;
    check(&new)?;
    let set = TestSet {
        name: new.name.trim().to_owned(),
        cases: new.cases,
        updated_at: ctx.backend().now(),
        ..before
    };
    store::test_sets::update(&mut tx, owner, &set).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent, test_set.id = %id, "test set changed");
    Ok(set)
}

/// Puts a test set into the trash with its runs, from where it can be brought back for [`TRASH_DAYS`] days.
/// Their sessions stay. Answers the set as it was.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "test_sets.delete", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete(ctx: &Ctx, agent: AgentId, id: TestSetId) -> Result<TestSet> {
    let (_, reached, mut tx) =
        access::agent_to_change(ctx, Scope::AgentsWrite, agent, AgentRight::Edit).await?;
    let owner = reached.owner;
    let set = find(&mut tx, owner, agent, id).await?.ok_or(NOT_FOUND)?;
    seen::check(ctx, &set)?;
    store::test_set_trash::update_deleted(&mut tx, owner, id, ctx.backend().now()).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent, test_set.id = %id, "test set deleted");
    Ok(set)
}

/// Lists the deleted test sets of an agent, the one deleted last first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for the agent;
/// [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "test_sets.trash", level = "debug", parent = ctx.span(), skip_all)]
pub async fn trash(ctx: &Ctx, agent: AgentId, page: PageRequest) -> Result<Page<TrashedSet>> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Read).await?;
    let limit = page.checked_limit()?;
    let scope = ("test_set_trash", reached.me, agent);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<SetTrashPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let (owner, wanted) = (reached.owner, i64::from(limit) + 1);
    let found = store::test_set_trash::list_deleted(&mut conn, owner, agent, after, wanted).await?;
    let position =
        |last: &TrashedSet| SetTrashPosition { deleted_at: last.deleted_at, id: last.set.id };
    cursors.page(&scope, limit, found, position)
}

/// Takes a test set out of the trash, with all its runs. One that is not there is as it should be.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for the agent or the set;
/// [`Error::Conflict`] when there are too many.
#[tracing::instrument(name = "test_sets.restore", level = "debug", parent = ctx.span(), skip_all)]
pub async fn restore(ctx: &Ctx, agent: AgentId, id: TestSetId) -> Result<TestSet> {
    let (_, reached, mut tx) =
        access::agent_to_change(ctx, Scope::AgentsWrite, agent, AgentRight::Edit).await?;
    let owner = reached.owner;
    let max = i64::try_from(TEST_SETS_MAX).unwrap_or(i64::MAX);
    let is_back = store::test_set_trash::update_restored(&mut tx, owner, agent, id, max).await?;
    let Some(set) = find(&mut tx, owner, agent, id).await? else {
        let is_left = store::test_set_trash::is_deleted(&mut tx, owner, agent, id).await?;
        return Err(if is_left { too_many() } else { NOT_FOUND });
    };
    tx.commit().await?;
    if is_back {
        tracing::info!(agent.id = %agent, test_set.id = %id, "test set restored");
    }
    Ok(set)
}

/// Takes away for good what has been in the trash for [`TRASH_DAYS`] days. Answers how many test sets that
/// were. May be repeated at any time.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "test_sets.purge", level = "debug", parent = ctx.span(), skip_all)]
pub async fn purge(ctx: &Ctx) -> Result<u64> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let before = backend.now() - SignedDuration::from_hours(24 * TRASH_DAYS);
    let (purged, done) = backend.on_each(|shard| purge_on(backend, shard, before)).await;
    let purged: u64 = purged.into_iter().sum();
    if purged > 0 {
        tracing::info!(test_sets = purged, "deleted test sets purged");
    }
    done.map(|()| purged)
}

async fn purge_on(backend: &Backend, shard: Shard, before: Timestamp) -> Result<u64> {
    let mut tx = backend.begin_on(shard).await?;
    let owners = backend.owners();
    let purged = store::test_set_trash::delete_due(&mut tx, before, PURGE_BATCH, owners).await?;
    tx.commit().await?;
    Ok(purged)
}

fn too_many() -> Error {
    Error::Conflict(format!("The agent has {TEST_SETS_MAX} test sets already"))
}

/// Whether versions of an agent are held back until its test sets pass.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`].
#[tracing::instrument(name = "test_sets.policy", level = "debug", parent = ctx.span(), skip_all)]
pub async fn policy(ctx: &Ctx, agent: AgentId) -> Result<TestPolicy> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Read).await?;
    let requires_tests = store::test_sets::find_policy(&mut conn, reached.owner, agent).await?;
    Ok(TestPolicy { requires_tests })
}

/// Says whether versions of an agent are held back until its test sets pass.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "test_sets.set_policy", level = "debug", parent = ctx.span(), skip_all)]
pub async fn set_policy(ctx: &Ctx, agent: AgentId, policy: TestPolicy) -> Result<TestPolicy> {
    let (_, reached, mut tx) =
        access::agent_to_change(ctx, Scope::AgentsWrite, agent, AgentRight::Edit).await?;
    let owner = reached.owner;
    let requires_tests = store::test_sets::find_policy(&mut tx, owner, agent).await?;
    seen::check(ctx, &TestPolicy { requires_tests })?;
    store::test_sets::update_policy(&mut tx, owner, agent, policy.requires_tests).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent, requires = policy.requires_tests, "test policy set");
    Ok(policy)
}

/// The rules of the domain, then those that only the runtime can judge.
fn check(new: &NewTestSet) -> Result<()> {
    new.check()?;
    let mut faults = Vec::new();
    for (at, case) in new.cases.iter().enumerate() {
        for (index, check) in case.checks.iter().enumerate() {
            if let Check::MatchesSchema { schema } = check
                && let Err(reason) = json_check::check_schema(schema)
            {
                faults.push(FieldFault::new(
                    format!("cases[{at}].checks[{index}].schema"),
                    format!("must be a JSON schema of draft 2020-12: {reason}"),
                ));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.into()) }
}

#[cfg(test)]
mod tests;
