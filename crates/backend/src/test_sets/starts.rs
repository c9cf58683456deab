//! How runs of test sets begin: of one set, or of all that an agent has.

use resonant_domain::agent::{Agent, AgentSpec, AgentStatus};
use resonant_domain::agent_version::Edition;
use resonant_domain::api_key::Scope;
use resonant_domain::fields::Fields;
use resonant_domain::session::Priority;
use resonant_domain::team::AgentRight;
use resonant_domain::test_set::{NewTestRun, RunSummary, TestCase, TestRun, TestSet};
use resonant_domain::{AgentId, FieldFault, SessionId, TestRunId, TestSetId};
use sqlx::PgConnection;

use super::runs::{settle_agent, told};
use super::{NOT_FOUND, find};
use crate::access::Reached;
use crate::database::Writing;
use crate::store::test_sets::{Newest, Run, Wide};
use crate::store::test_starts::NewTestSession;
use crate::{Backend, Ctx, Error, Result, access, agents, entitlements, sessions, store};

/// Runs a test set against a version, or the draft: a session for each case, behind all others in the
/// queue.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for agent, set or version;
/// [`Error::Invalid`] when a case does not give what the prompt asks for; [`Error::Conflict`] when the
/// agent does not run, the set is running, or a criterion has no model to judge by it.
#[tracing::instrument(name = "test_sets.run", level = "debug", parent = ctx.span(), skip_all)]
pub async fn run(ctx: &Ctx, agent: AgentId, set: TestSetId, new: NewTestRun) -> Result<TestRun> {
    let backend = ctx.backend();
    let (agent, reached, mut tx) = reach(ctx, agent).await?;
    let owner = reached.owner;
    let set = find(&mut tx, owner, agent.id, set).await?.ok_or(NOT_FOUND)?;
    if let Some(made) = ctx.made_before().map(TestRunId::from_uuid)
        && let Some(made) = store::test_sets::find_run(&mut tx, owner, made, Wide::WHOLE).await?
    {
        return told(&mut tx, owner, &made, &Fields::all()).await;
    }
    check_active(&agent)?;
    let last = store::test_sets::list_runs(&mut tx, owner, set.id, None, 1, Wide::NARROW).await?;
    if last.first().is_some_and(|run| run.ended_at.is_none()) {
        return Err(Error::Conflict("The test set is running already".to_owned()));
    }
    check_judge(backend, &set)?;
    let spec = spec_of(&mut tx, &agent, new.version).await?;
    check_variables(&spec, &set.cases)?;
    let id = TestRunId::from_uuid(ctx.resource_id()?);
    let run = run_of(backend, id, set, new.version, spec);
    begin(backend, &mut tx, reached, std::slice::from_ref(&run)).await?;
    let made = told(&mut tx, owner, &run, &Fields::all()).await?;
    tx.commit().await?;
    tracing::info!(test_set.id = %run.test_set_id, test_run.id = %run.id, "test set runs");
    Ok(made)
}

/// Runs all test sets of an agent, as [`run`] does one: each of them, or none. Answers with what the runs
/// come to, in the order of their sets.
///
/// # Errors
/// Those of [`run`]; [`Error::Conflict`] also when there is no set, any of them is running, or the queue
/// has no room for all the cases.
#[tracing::instrument(name = "test_sets.run_all", level = "debug", parent = ctx.span(), skip_all)]
pub async fn run_all(ctx: &Ctx, agent: AgentId, new: NewTestRun) -> Result<Vec<RunSummary>> {
    let backend = ctx.backend();
    let (agent, reached, mut tx) = reach(ctx, agent).await?;
    let owner = reached.owner;
    let sets = store::test_sets::list_all(&mut tx, owner, agent.id).await?;
    if sets.is_empty() {
        return Err(Error::Conflict("The agent has no test set yet".to_owned()));
    }
    check_active(&agent)?;
    let (of_all, narrow) = (Newest::OfAll, Wide::NARROW);
    let last = store::test_sets::list_newest_runs(&mut tx, owner, agent.id, of_all, narrow).await?;
    // Runs of deleted sets are among them.
    let is_running =
        |set: &TestSet| last.iter().any(|run| run.test_set_id == set.id && run.ended_at.is_none());
    if sets.iter().any(is_running) {
        let reason = "One of the test sets is running already. Run all when it is over";
        return Err(Error::Conflict(reason.to_owned()));
    }
    sets.iter().try_for_each(|set| check_judge(backend, set))?;
    let spec = spec_of(&mut tx, &agent, new.version).await?;
    check_all_variables(&spec, &sets)?;
    let cases: usize = sets.iter().map(|set| set.cases.len()).sum();
    if !sessions::has_room(&mut tx, owner, cases).await? {
        return Err(Error::Conflict(format!(
            "The queue has no room for the {cases} sessions of these tests. Run them when some of those \
             that wait or run are over"
        )));
    }
    let runs = sets.into_iter().map(|set| {
        let id = TestRunId::from_uuid(backend.new_id()?);
        Ok(run_of(backend, id, set, new.version, spec.clone()))
    });
    let runs = runs.collect::<Result<Vec<_>>>()?;
    begin(backend, &mut tx, reached, &runs).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent.id, test_runs = runs.len(), "all test sets run");
    Ok(runs.iter().map(|run| run.summary().count(&vec![None; run.cases.len()])).collect())
}

/// The agent, whose runs are decided as far as they can be, locked. A set runs the draft, too: it is for
/// whoever may change that.
async fn reach(ctx: &Ctx, agent: AgentId) -> Result<(Agent, Reached, Writing)> {
    let (_, reached) =
        agents::reach_document(ctx, Scope::SessionsRun, agent, AgentRight::Edit).await?;
    settle_agent(ctx.backend(), reached.owner, agent).await?;
    access::agent_to_change(ctx, Scope::SessionsRun, agent, AgentRight::Edit).await
}

fn check_active(agent: &Agent) -> Result<()> {
    if agent.status == AgentStatus::Active {
        return Ok(());
    }
    Err(Error::Conflict("The agent does not run now. Make it active first".to_owned()))
}

fn check_judge(backend: &Backend, set: &TestSet) -> Result<()> {
    let is_judged = set.cases.iter().any(|case| case.criteria().next().is_some());
    if is_judged && backend.language_model().is_none() {
        return Err(Error::Conflict(
            "A criterion is judged by a language model, and none is configured here".to_owned(),
        ));
    }
    Ok(())
}

async fn spec_of(tx: &mut PgConnection, agent: &Agent, version: Option<u32>) -> Result<AgentSpec> {
    let edition = version.map_or(Edition::Draft, Edition::Version);
    agents::spec_of(tx, agent, edition).await
}

fn run_of(
    backend: &Backend,
    id: TestRunId,
    set: TestSet,
    agent_version: Option<u32>,
    spec: AgentSpec,
) -> Run {
    Run {
        id,
        test_set_id: set.id,
        agent_id: set.agent_id,
        agent_version,
        spec,
        cases: set.cases,
        started_at: backend.now(),
        ended_at: None,
    }
}

/// Writes runs of an agent down, with all their sessions.
async fn begin(
    backend: &Backend,
    tx: &mut PgConnection,
    reached: Reached,
    runs: &[Run],
) -> Result<()> {
    let Some(first) = runs.first() else { return Ok(()) };
    let owner = reached.owner;
    let cases: usize = runs.iter().map(|run| run.cases.len()).sum();
    entitlements::admit_many(backend, &mut *tx, (owner, first.agent_id), cases).await?;
    let (whose, priority) = ((owner, reached.starter()), Priority::Low.rank());
    for run in runs {
        store::test_sets::insert_run(&mut *tx, owner, run).await?;
        let started = run.cases.iter().map(|case| session_of(backend, &run.spec, case));
        let started = started.collect::<Result<Vec<_>>>()?;
        store::test_starts::insert(&mut *tx, whose, run, priority, &started).await?;
    }
    Ok(())
}

/// The session of a case: as `sessions::enqueue` makes one.
fn session_of(backend: &Backend, spec: &AgentSpec, case: &TestCase) -> Result<NewTestSession> {
    let (system_prompt, variables) = sessions::fill_prompt(spec, &case.variables)?;
    let mut spec = AgentSpec { system_prompt, ..spec.clone() };
    spec.tools.retain(|grant| !grant.is_off);
    let context = case.context.clone().filter(|context| !context.trim().is_empty());
    Ok(NewTestSession {
        id: SessionId::from_uuid(backend.new_id()?),
        spec,
        goal: case.goal.trim().to_owned(),
        context,
        variables,
    })
}

/// Every case must give what the prompt asks for, before any of them runs.
fn check_variables(spec: &AgentSpec, cases: &[TestCase]) -> Result<()> {
    let mut faults = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let Err(Error::Invalid(broken)) = sessions::fill_prompt(spec, &case.variables) else {
            continue;
        };
        faults.extend(
            broken.into_iter().map(|fault| {
                FieldFault::new(format!("cases[{index}].{}", fault.field), fault.reason)
            }),
        );
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

/// The same of several sets, whose names tell the faults apart.
fn check_all_variables(spec: &AgentSpec, sets: &[TestSet]) -> Result<()> {
    let mut faults = Vec::new();
    for set in sets {
        let Err(Error::Invalid(broken)) = check_variables(spec, &set.cases) else { continue };
        let named = |fault: FieldFault| {
            FieldFault::new(format!("{}: {}", set.name, fault.field), fault.reason)
        };
        faults.extend(broken.into_iter().map(named));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}
