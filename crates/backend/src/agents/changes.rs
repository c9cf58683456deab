//! What happens to a person's agents, for those who look at the list of them.
//!
//! Looked up rather than called out: agents change by the hand of their owner and sessions begin and
//! end in any process, and three look-ups by index find all of that, so that nothing that writes has to
//! know who looks.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use resonant_domain::agent_list::{AgentLine, BULK_MAX};
use resonant_domain::api_key::Scope;
use resonant_domain::{AgentId, SessionId};

use crate::{Ctx, Result, access, store};

/// A change may be committed so much later than it was dated.
const LATE: SignedDuration = SignedDuration::from_secs(5);

/// What someone who looks at their agents has seen so far.
#[derive(Debug, Clone)]
pub struct AgentWatch {
    since: Timestamp,
    /// The revisions seen of agents that changed lately.
    revisions: HashMap<AgentId, i64>,
    open: HashMap<AgentId, i64>,
    /// The newest session of each agent that began one lately: it may be over before it was seen.
    begun: HashMap<AgentId, SessionId>,
}

/// Begins to watch the caller's agents.
///
/// # Errors
/// [`crate::Error::Unauthenticated`].
#[tracing::instrument(name = "agents.watch", level = "debug", parent = ctx.span(), skip_all)]
pub async fn watch(ctx: &Ctx) -> Result<AgentWatch> {
    access::with_scope(ctx, Scope::AgentsRead)?;
    let since = ctx.backend().now();
    let mut watch = AgentWatch {
        since,
        revisions: HashMap::new(),
        open: HashMap::new(),
        begun: HashMap::new(),
    };
    // What is the case now is known from the page.
    look(ctx, &mut watch).await?;
    Ok(watch)
}

/// The agents that changed, or of which a session began or ended, since the last call.
///
/// # Errors
/// [`crate::Error::Unauthenticated`].
#[tracing::instrument(name = "agents.changes", level = "debug", parent = ctx.span(), skip_all)]
pub async fn changes(ctx: &Ctx, watch: &mut AgentWatch) -> Result<Vec<AgentLine>> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    let changed = look(ctx, watch).await?;
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let mut conn = ctx.backend().read(owner).await?;
    Ok(store::agent_lists::list_named(&mut conn, owner, &changed).await?)
}

async fn look(ctx: &Ctx, watch: &mut AgentWatch) -> Result<Vec<AgentId>> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    let now = ctx.backend().now();
    let mut conn = ctx.backend().read(owner).await?;
    let limit = i64::try_from(BULK_MAX).unwrap_or(i64::MAX);
    let since = watch.since - LATE;
    let recent = store::agent_lists::list_changed(&mut conn, owner, since, limit).await?;
    let open = store::agent_lists::count_open(&mut conn, owner).await?;
    let begun = store::agent_lists::list_begun(&mut conn, owner, since).await?;
    let mut changed: Vec<_> = recent
        .iter()
        .filter(|(id, revision)| watch.revisions.get(id) != Some(revision))
        .map(|(id, _)| *id)
        .collect();
    let counts = open.keys().chain(watch.open.keys());
    changed.extend(counts.filter(|id| open.get(id) != watch.open.get(id)));
    let newest = begun.iter().filter(|(id, session)| watch.begun.get(id) != Some(session));
    changed.extend(newest.map(|(id, _)| *id));
    changed.sort_unstable();
    changed.dedup();
    *watch = AgentWatch { since: now, revisions: recent.into_iter().collect(), open, begun };
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent::AgentStatus;
    use resonant_domain::agent_list::BulkAction;
    use sqlx::PgPool;

    use super::*;
    use crate::agents::{change_many, create};
    use crate::{Backend, sample, sessions};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn each_change_is_seen_once_and_by_the_owner_alone(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let (ctx, stranger) =
            (sample::guest(&backend).await.unwrap(), sample::guest(&backend).await.unwrap());
        let agent = create(&ctx, sample::spec("Reader")).await.unwrap().id;
        create(&ctx, sample::spec("Writer")).await.unwrap();
        let mut seen = watch(&ctx).await.unwrap();
        let mut strangers = watch(&stranger).await.unwrap();
        assert_eq!(changes(&ctx, &mut seen).await.unwrap(), []);

        let session = sessions::start(&ctx, agent, sample::goal("Go")).await.unwrap();
        let lines = changes(&ctx, &mut seen).await.unwrap();
        assert_eq!(
            lines.iter().map(|line| (line.summary.id, line.open)).collect::<Vec<_>>(),
            [(agent, 1)]
        );
        assert_eq!(changes(&ctx, &mut seen).await.unwrap(), []);

        sessions::cancel(&ctx, session.id).await.unwrap();
        change_many(&ctx, &[agent], BulkAction::Pause).await.unwrap();
        let lines = changes(&ctx, &mut seen).await.unwrap();
        assert_eq!((lines.len(), lines[0].open), (1, 0));
        assert_eq!(lines[0].summary.status, AgentStatus::Paused);
        assert_eq!(changes(&stranger, &mut strangers).await.unwrap(), []);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_session_that_is_over_between_two_looks_is_told(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let (ctx, stranger) =
            (sample::guest(&backend).await.unwrap(), sample::guest(&backend).await.unwrap());
        let agent = create(&ctx, sample::spec("Reader")).await.unwrap().id;
        let mut seen = watch(&ctx).await.unwrap();
        let mut strangers = watch(&stranger).await.unwrap();
        for runs in 1..=2 {
            let session = sessions::start(&ctx, agent, sample::goal("Go")).await.unwrap();
            sessions::cancel(&ctx, session.id).await.unwrap();
            let lines = changes(&ctx, &mut seen).await.unwrap();
            assert_eq!(
                lines.iter().map(|line| (line.summary.id, line.runs)).collect::<Vec<_>>(),
                [(agent, runs)]
            );
            assert_eq!(changes(&ctx, &mut seen).await.unwrap(), []);
        }
        assert_eq!(changes(&stranger, &mut strangers).await.unwrap(), []);
    }
}
