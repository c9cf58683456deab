//! Test sets and runs with the fields that a program asks for: what is not wanted and wide is not read.

use resonant_domain::fields::{Fields, Part};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::test_set::{TestRun, TestSet};
use resonant_domain::{AgentId, TestRunId, TestSetId};

use super::runs::read_run_with;
use super::{get_with, list_with};
use crate::{Ctx, Result};

/// Lists some fields of an agent's test sets, the oldest first. Its cursors are those of
/// [`list`](super::list).
///
/// # Errors
/// Those of [`list`](super::list).
#[tracing::instrument(name = "test_sets.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(
    ctx: &Ctx,
    agent: AgentId,
    page: PageRequest,
    fields: &Fields<TestSet>,
) -> Result<Page<Part<TestSet>>> {
    let Page { items, next_cursor } = list_with(ctx, agent, page, fields).await?;
    Ok(Page { items: items.into_iter().map(|set| fields.of(set)).collect(), next_cursor })
}

/// Reads some fields of one test set.
///
/// # Errors
/// Those of [`get`](super::get).
#[tracing::instrument(name = "test_sets.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(
    ctx: &Ctx,
    agent: AgentId,
    id: TestSetId,
    fields: &Fields<TestSet>,
) -> Result<Part<TestSet>> {
    Ok(fields.of(get_with(ctx, agent, id, fields).await?))
}

/// Reads some fields of a run.
///
/// # Errors
/// Those of [`read_run`](super::read_run).
#[tracing::instrument(name = "test_sets.read_run", level = "debug", parent = ctx.span(), skip_all)]
pub async fn read_run(
    ctx: &Ctx,
    agent: AgentId,
    set: TestSetId,
    id: TestRunId,
    fields: &Fields<TestRun>,
) -> Result<Part<TestRun>> {
    Ok(fields.of(read_run_with(ctx, agent, set, id, fields).await?))
}
