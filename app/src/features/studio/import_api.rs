//! What the studio asks the server about agents as files.

use leptos::prelude::*;
use resonant_domain::ids::AgentId;
use resonant_domain::spec_diff::SpecDiff;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{features::studio::form_rules::invalid, paths, ssr};

/// The agent that a file would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportTarget {
    /// The agent.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// Its draft's revision.
    pub revision: i64,
}

/// The agent that a file would change; none for a new one.
#[server(prefix = "/api/fn", endpoint = "studio/get_import_target")]
pub async fn get_import_target(agent: Option<AgentId>) -> Result<Option<ImportTarget>, AppError> {
    let Some(id) = agent else { return Ok(None) };
    let agent = resonant_backend::agents::get(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    Ok(Some(ImportTarget { id, name: agent.spec.name, revision: agent.revision }))
}

/// What a file would change in an agent, or would give to a new one. Changes nothing.
#[server(prefix = "/api/fn", endpoint = "studio/check_file")]
pub async fn check_file(
    #[server(default)] agent: Option<AgentId>,
    file: String,
) -> Result<SpecDiff, AppError> {
    use resonant_backend::{agents, members};
    use resonant_domain::agent_file::AgentFile;

    let spec = AgentFile::parse(&file).map_err(|fault| invalid(vec![fault]))?;
    let ctx = ssr::ctx()?;
    if let Some(id) = agent {
        return agents::preview_draft(&ctx, id, &spec).await.map_err(ssr::fail);
    }
    members::begin_guest(&ctx).await.map_err(ssr::fail)?;
    agents::preview_new(&ctx, &spec).await.map_err(ssr::fail)
}

/// Makes an agent from a file, or changes one unless it has changed since `revision`, and with `overwrite` all the
/// same; then opens it. One that is as the file says already is what an earlier try has made of it, whose answer
/// was lost.
/// Somebody who is not known yet becomes a guest.
#[server(prefix = "/api/fn", endpoint = "studio/import_file")]
pub async fn import_file(
    #[server(default)] agent: Option<AgentId>,
    #[server(default)] revision: Option<i64>,
    #[server(default)] overwrite: bool,
    file: String,
) -> Result<(), AppError> {
    use resonant_backend::{Error, agents, members};
    use resonant_domain::agent_file::AgentFile;

    let spec = AgentFile::parse(&file).map_err(|fault| invalid(vec![fault]))?;
    let ctx = ssr::ctx()?;
    let id = if let Some(id) = agent {
        let expected = revision.filter(|_| !overwrite);
        let replaced = agents::replace_draft(&ctx, id, spec.clone(), expected).await;
        let is_late = matches!(replaced, Err(Error::Changed(_)));
        let is_so =
            is_late && agents::preview_draft(&ctx, id, &spec).await.map_err(ssr::fail)?.is_empty();
        if !is_so {
            replaced.map_err(ssr::fail)?;
        }
        id
    } else {
        members::begin_guest(&ctx).await.map_err(ssr::fail)?;
        agents::create(&ctx, spec).await.map_err(ssr::fail)?.id
    };
    ssr::redirect(&paths::agent(id));
    Ok(())
}
