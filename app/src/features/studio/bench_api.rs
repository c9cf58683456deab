//! What the bench of an agent asks the server.

use leptos::prelude::*;
use resonant_domain::FieldFault;
use resonant_domain::ids::{AgentId, SessionId, TestRunId, TestSetId};
use resonant_domain::page::Page;
use resonant_domain::spec_diff::Piece;
use resonant_domain::team::AgentStanding;
use resonant_domain::test_set::{RunSummary, TestRun, TestSet, TrashedSet};
use serde::{Deserialize, Serialize};

use super::test_set_form::{CaseForm, TestSetForm};
use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{features::studio::form_rules::invalid, language::said_in, paths, ssr};

/// The test sets of an agent, and one of them run by run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchPage {
    /// The agent.
    pub agent_id: AgentId,
    /// Its name.
    pub agent_name: String,
    /// Its test sets.
    pub sets: Vec<TestSet>,
    /// Whether versions need them to pass.
    pub requires_tests: bool,
    /// What the draft lacks to be published, as far as tests are concerned; nothing where they are not
    /// required.
    pub missing: Vec<FieldFault>,
    /// The newest version.
    pub newest: Option<u32>,
    /// The set that is looked at.
    pub shown: Option<ShownSet>,
    /// The sets that can be brought back.
    pub trashed: Vec<TrashedSet>,
    /// What the viewer may do with the agent, where it is another's.
    pub standing: Option<AgentStanding>,
}

/// A set that is looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownSet {
    /// The set.
    pub set: TestSet,
    /// Its runs, the newest first, from the cursor on that was asked for.
    pub runs: Page<RunSummary>,
    /// Whether there are newer ones on a page before.
    pub is_later: bool,
    /// The run that is looked at, case by case.
    pub run: Option<TestRun>,
    /// For each of its cases how the answer differs from the one that was expected; nothing where there is no
    /// answer or none was expected.
    pub compared: Vec<Vec<Piece>>,
}

impl BenchPage {
    /// Whether any run is under way.
    pub fn is_open(&self) -> bool {
        let of_sets = self.sets.iter().filter_map(|set| set.last_run.as_ref());
        let shown = self.shown.iter().filter_map(|shown| shown.run.as_ref());
        of_sets.chain(shown.map(|run| &run.summary)).any(|run| run.ended_at.is_none())
    }
}

/// The test sets of an agent; with a set named, its runs, from a cursor on, and the named or the newest of
/// them case by case.
#[server(prefix = "/api/fn", endpoint = "studio/get_bench")]
pub async fn get_bench(
    id: AgentId,
    set: Option<TestSetId>,
    run: Option<TestRunId>,
    #[server(default)] runs: Option<String>,
) -> Result<BenchPage, AppError> {
    use resonant_backend::{agents, test_sets};
    use resonant_domain::page::PageRequest;

    let ctx = ssr::ctx()?;
    let agent = agents::get(&ctx, id).await.map_err(ssr::fail)?;
    let sets = test_sets::list(&ctx, id, PageRequest::largest()).await.map_err(ssr::fail)?.items;
    let policy = test_sets::policy(&ctx, id).await.map_err(ssr::fail)?;
    let missing = lacking_tests(&ctx, id).await?;
    let newest = super::version_api::newest(&ctx, id).await?;
    let page = PageRequest::largest();
    let trashed = test_sets::trash(&ctx, id, page).await.map_err(ssr::fail)?.items;
    let shown = match set {
        None => None,
        Some(set_id) => {
            let set = sets.iter().find(|set| set.id == set_id).cloned();
            let set = set.ok_or(resonant_backend::Error::NotFound("test set"));
            let set = set.map_err(ssr::fail)?;
            let is_later = runs.is_some();
            let page = PageRequest { cursor: runs, limit: Some(10) };
            let runs = test_sets::list_runs(&ctx, id, set_id, page).await.map_err(ssr::fail)?;
            let newest = if is_later { set.last_run.as_ref() } else { runs.items.first() };
            let wanted = run.or_else(|| newest.map(|run| run.id));
            let run = match wanted {
                Some(run) => {
                    Some(test_sets::read_run(&ctx, id, set_id, run).await.map_err(ssr::fail)?)
                }
                None => None,
            };
            let compared = run.as_ref().map(compared).unwrap_or_default();
            Some(ShownSet { set, runs, is_later, run, compared })
        }
    };
    let standing = super::api::standing(&ctx, &agent).await?;
    Ok(BenchPage {
        agent_id: id,
        agent_name: agent.spec.name,
        sets,
        requires_tests: policy.requires_tests,
        missing,
        newest,
        shown,
        trashed,
        standing,
    })
}

/// How the answers of a run differ from those that were expected. There may be many cases: what has so
/// many other words is another answer altogether.
#[cfg(feature = "ssr")]
fn compared(run: &TestRun) -> Vec<Vec<Piece>> {
    use resonant_domain::spec_diff::words_within;

    const WORDS_MAX: usize = 300;
    let pieces = run.results.iter().map(|result| {
        let expected = result.case.expected.as_deref()?;
        let answer = result.outcome.as_ref().map(|outcome| outcome.answer.as_str())?;
        (!answer.is_empty()).then(|| words_within(expected, answer, WORDS_MAX))
    });
    pieces.map(Option::unwrap_or_default).collect()
}

/// What the draft lacks to be published, as far as tests are concerned.
#[cfg(feature = "ssr")]
pub(super) async fn lacking_tests(
    ctx: &resonant_backend::Ctx,
    id: AgentId,
) -> Result<Vec<FieldFault>, AppError> {
    let mut missing = resonant_backend::test_sets::missing(ctx, id).await.map_err(ssr::fail)?;
    // Said here: the browser finds no text that has values in it.
    for fault in &mut missing {
        fault.reason = said_in(ssr::language(), std::mem::take(&mut fault.reason));
    }
    Ok(missing)
}

/// A case as a session went: what it was set on, and its answer to that, where it is whole, as the one that is
/// expected.
#[server(prefix = "/api/fn", endpoint = "studio/get_case_of")]
pub async fn get_case_of(session: SessionId) -> Result<CaseForm, AppError> {
    use resonant_domain::test_set::{EXPECTED_MAX, TestCase};

    let so_far = crate::features::sessions::api::get_session(session).await?;
    let (session, timeline) = (so_far.session, so_far.timeline);
    let answer = timeline.answer_to_goal();
    Ok(CaseForm::from(&TestCase {
        goal: session.goal,
        context: session.context,
        variables: session.variables,
        expected: answer.map(|answer| answer.chars().take(EXPECTED_MAX).collect()),
        ..TestCase::default()
    }))
}

/// Makes a test set, or replaces the one that is named unless it has changed since it was `seen`, and goes
/// to the bench; `overwrite` replaces it all the same.
#[server(prefix = "/api/fn", endpoint = "studio/save_test_set")]
pub async fn save_test_set(
    id: AgentId,
    #[server(default)] replaces: String,
    #[server(default)] seen: String,
    #[server(default)] overwrite: bool,
    #[server(default)] set: TestSetForm,
) -> Result<(), AppError> {
    use resonant_backend::{Error, Seen, test_sets, version_of};

    let new = set.new_set().map_err(invalid)?;
    let mut ctx = ssr::ctx()?;
    let saved = if replaces.is_empty() {
        test_sets::create(&ctx, id, new).await
    } else {
        let set = replaces.parse().map_err(|_| ssr::fail(Error::NotFound("test set")))?;
        if !overwrite && !seen.is_empty() {
            let before = test_sets::get(&ctx, id, set).await.map_err(ssr::fail)?;
            if before.updated_at.to_string() != seen {
                // An earlier try has made it what the form says, and its answer was lost.
                if before.name == new.name && before.cases == new.cases {
                    ssr::redirect(&paths::test_set(id, before.id));
                    return Ok(());
                }
                return Err(ssr::fail(Error::Changed("test set")));
            }
            ctx = ctx.expecting(Seen::at(version_of(&before)));
        }
        test_sets::replace(&ctx, id, set, new).await
    };
    let saved = saved.map_err(ssr::fail)?;
    ssr::redirect(&paths::test_set(id, saved.id));
    Ok(())
}

/// Puts a test set into the trash and goes back to the bench. Answers the set, for who wants it back.
#[server(prefix = "/api/fn", endpoint = "studio/delete_test_set")]
pub async fn delete_test_set(id: AgentId, set: TestSetId) -> Result<TestSet, AppError> {
    let deleted = resonant_backend::test_sets::delete(&ssr::ctx()?, id, set).await;
    let deleted = deleted.map_err(ssr::fail)?;
    ssr::redirect(&paths::bench(id));
    Ok(deleted)
}

/// Takes a test set out of the trash.
#[server(prefix = "/api/fn", endpoint = "studio/restore_test_set")]
pub async fn restore_test_set(id: AgentId, set: TestSetId) -> Result<(), AppError> {
    resonant_backend::test_sets::restore(&ssr::ctx()?, id, set).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::bench(id));
    Ok(())
}

/// Runs a test set against the draft, or the version that is named, and goes to the run.
#[server(prefix = "/api/fn", endpoint = "studio/run_test_set")]
pub async fn run_test_set(
    id: AgentId,
    set: TestSetId,
    #[server(default)] version: String,
) -> Result<(), AppError> {
    let (new, ctx) = (new_run(&version)?, ssr::ctx()?);
    let run = resonant_backend::test_sets::run(&ctx, id, set, new).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::test_run(id, set, run.summary.id));
    Ok(())
}

/// Runs all test sets against the draft, or the version that is named, and goes to where they are listed.
#[server(prefix = "/api/fn", endpoint = "studio/run_all_test_sets")]
pub async fn run_all_test_sets(
    id: AgentId,
    #[server(default)] version: String,
) -> Result<(), AppError> {
    let new = new_run(&version)?;
    resonant_backend::test_sets::run_all(&ssr::ctx()?, id, new).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::bench(id));
    Ok(())
}

/// The run that a form asks for.
#[cfg(feature = "ssr")]
fn new_run(version: &str) -> Result<resonant_domain::test_set::NewTestRun, AppError> {
    let version = match version.trim() {
        "" => None,
        text => {
            let wrong = |_| ssr::invalid("version", "must be the number of a version");
            Some(text.parse().map_err(wrong)?)
        }
    };
    Ok(resonant_domain::test_set::NewTestRun { version })
}

/// Says whether versions are held back until all test sets pass.
#[server(prefix = "/api/fn", endpoint = "studio/set_test_policy")]
pub async fn set_test_policy(
    id: AgentId,
    #[server(default)] requires_tests: bool,
) -> Result<(), AppError> {
    use resonant_domain::test_set::TestPolicy;

    let ctx = ssr::ctx()?;
    let policy = TestPolicy { requires_tests };
    resonant_backend::test_sets::set_policy(&ctx, id, policy).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::bench(id));
    Ok(())
}
