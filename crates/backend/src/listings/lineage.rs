//! From which version of which listing an agent came, and whether what runs of it is nothing but that.

use resonant_domain::agent::AgentSpec;
use resonant_domain::api_key::Scope;
use resonant_domain::listing::ForkedFrom;
use resonant_domain::team::AgentRight;
use resonant_domain::{AgentId, UserId};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use crate::cache::hex;
use crate::store::listing_runs::{Edited, Origin, Ran};
use crate::{Ctx, Error, Result, access, store};

/// What the listing that an agent was copied from is called; `None` for one that came from nowhere else,
/// and where that is gone.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent.
#[tracing::instrument(name = "listings.origin", level = "debug", parent = ctx.span(), skip_all)]
pub async fn origin(ctx: &Ctx, id: AgentId) -> Result<Option<ForkedFrom>> {
    let (agent, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, id, AgentRight::Read).await?;
    if agent.listing_id.is_none() {
        return Ok(None);
    }
    let edited = store::listing_runs::find_edited(&mut conn, reached.owner, id, None).await?;
    drop(conn);
    let mut conn = ctx.backend().catalogue_read().await?;
    told(&mut conn, edited.map(|edited| edited.origin)).await
}

/// What is told of a listing that something came from.
pub(crate) async fn told(
    conn: &mut PgConnection,
    origin: Option<Origin>,
) -> Result<Option<ForkedFrom>> {
    match origin {
        Some(Origin { listing, version }) => {
            Ok(store::listings::find_forked(conn, listing, version).await?)
        }
        None => Ok(None),
    }
}

/// Names what an agent is made of: agents of one name are made of the same.
pub(crate) fn digest_of(spec: &AgentSpec) -> Result<String> {
    let text = serde_json::to_vec(spec).map_err(Error::internal)?;
    Ok(hex(&Sha256::digest(text)))
}

/// What a session runs of a listing that runs a version of a copy, or its draft, which is made of `spec`.
pub(crate) async fn ran(
    conn: &mut PgConnection,
    (owner, agent): (UserId, AgentId),
    version: Option<u32>,
    spec: &AgentSpec,
) -> Result<Option<Ran>> {
    let edited = store::listing_runs::find_edited(conn, owner, agent, version).await?;
    let Some(Edited { origin, digest, is_untouched }) = edited else { return Ok(None) };
    let own = digest_of(spec)?;
    let is_pristine = is_untouched || digest.is_some_and(|digest| digest == own);
    Ok(Some(Ran { origin, is_pristine }))
}
