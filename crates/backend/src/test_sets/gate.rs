//! What holds a version back where its owner asks for tests: each set that did not pass on the draft as it is.

use resonant_domain::agent::{Agent, AgentSpec};
use resonant_domain::api_key::Scope;
use resonant_domain::team::AgentRight;
use resonant_domain::test_set::{RunSummary, TestSet};
use resonant_domain::{AgentId, FieldFault};
use sqlx::PgConnection;

use super::newest;
use crate::store::test_sets::{Newest, Run, Wide};
use crate::{Ctx, Result, access, store};

/// What the draft lacks to be published: each test set that did not pass on it as it is now. Nothing
/// where the agent's owner does not ask for it.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::MissingScope`]; [`crate::Error::NotFound`].
#[tracing::instrument(name = "test_sets.missing", level = "debug", parent = ctx.span(), skip_all)]
pub async fn missing(ctx: &Ctx, agent: AgentId) -> Result<Vec<FieldFault>> {
    let (agent, _, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Read).await?;
    lacking(&mut conn, &agent).await
}

/// The same within the transaction that publishes.
pub(crate) async fn lacking(conn: &mut PgConnection, agent: &Agent) -> Result<Vec<FieldFault>> {
    let (owner, id) = (agent.owner_id, agent.id);
    if !store::test_sets::find_policy(&mut *conn, owner, id).await? {
        return Ok(Vec::new());
    }
    let sets = store::test_sets::list_all(&mut *conn, owner, id).await?;
    let fault = |reason: String| FieldFault::new("test_sets", reason);
    if sets.is_empty() {
        return Ok(vec![fault("needs a test set, because its owner asks for tests".to_owned())]);
    }
    let runs = newest_of_draft(conn, agent).await?;
    let lacks = sets.iter().filter_map(|set| {
        let run = runs.iter().find(|(run, _)| run.test_set_id == set.id);
        let why = why_not(set, run, &agent.spec)?;
        Some(fault(format!("needs the test set “{}” to pass: {why}", set.name)))
    });
    Ok(lacks.collect())
}

/// The newest run of each set that tells of the draft, where there is one. That of a version which is another
/// one than the draft does not: it may have been made to compare the two.
async fn newest_of_draft(conn: &mut PgConnection, agent: &Agent) -> Result<Vec<(Run, RunSummary)>> {
    let (owner, id) = (agent.owner_id, agent.id);
    let mut runs = newest(&mut *conn, owner, id, Newest::OfAll, Wide::WHOLE).await?;
    let tells = |run: &Run| run.agent_version.is_none() || run.spec == agent.spec;
    if runs.iter().all(|(run, _)| tells(run)) {
        return Ok(runs);
    }
    for told in newest(conn, owner, id, Newest::OfDraft, Wide::WHOLE).await? {
        let set = told.0.test_set_id;
        let place = runs.iter_mut().find(|(run, _)| run.test_set_id == set && !tells(run));
        if let Some(place) = place {
            *place = told;
        }
    }
    Ok(runs)
}

/// Why a set does not count as passed on a draft.
fn why_not(set: &TestSet, run: Option<&(Run, RunSummary)>, draft: &AgentSpec) -> Option<String> {
    let Some((run, summary)) = run else { return Some("it has not run yet".to_owned()) };
    if run.spec != *draft && run.agent_version.is_some() {
        Some("it has not run on the draft yet".to_owned())
    } else if run.spec != *draft {
        Some("the draft has changed since it ran".to_owned())
    } else if run.cases != set.cases {
        Some("its cases have changed since it ran".to_owned())
    } else if summary.ended_at.is_none() {
        Some("it is still under way".to_owned())
    } else if !summary.has_passed() {
        Some(format!("{} of {} cases failed", summary.failed, summary.cases))
    } else {
        None
    }
}
