//! What happens to a person's agents, for those who look at the list of them.
//!
//! Looked up rather than called out: agents change by the hand of their owner, sessions begin, go on and
//! end in any process, and four look-ups by index find all of that, so that nothing that writes has to
//! know who looks. Those who look at the same agents share a look (see [`super::looks`]).

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use resonant_domain::agent_list::{AgentLine, BULK_MAX, ListNews};
use resonant_domain::api_key::Scope;
use resonant_domain::{AgentId, SessionId, UserId};

use super::looks::{AgentWatch, Happened};
use crate::{Backend, Ctx, Result, access, store};

/// A change may be committed so much later than it was dated.
const LATE: SignedDuration = SignedDuration::from_secs(5);

/// What has happened to a person's agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that changed or came, or of which a session began, ended or came to another state, as they are
    /// now.
    pub lines: Vec<AgentLine>,
    /// Those that came and those that left.
    pub news: ListNews,
}

/// What was seen of an owner's agents so far.
pub(super) struct Seen {
    since: Timestamp,
    /// The revisions seen of agents that changed lately.
    revisions: HashMap<AgentId, i64>,
    /// The agents that came or left lately, and whether they left.
    moved: HashMap<AgentId, bool>,
    /// A number for the sessions that are not over, and for where each of them stands.
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
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    let backend = ctx.backend();
    let mut watch = backend.agent_looks().join(owner);
    let shared = watch.shared();
    let mut turn = shared.turn().await?;
    if turn.is_none() {
        // What is the case now is known from the page.
        *turn = Some(look(backend, owner, backend.now()).await?);
        watch.has_looked(shared.note(&[]));
    }
    Ok(watch)
}

/// What has happened to the caller's agents since the last call.
///
/// # Errors
/// [`crate::Error::Unauthenticated`].
#[tracing::instrument(name = "agents.changes", level = "debug", parent = ctx.span(), skip_all)]
pub async fn changes(ctx: &Ctx, watch: &mut AgentWatch) -> Result<Changes> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    if !watch.has_news() {
        look_for_all(ctx.backend(), watch).await?;
    }
    let (mut there, mut news) = (Vec::new(), ListNews::default());
    for (id, happened) in watch.fetch(BULK_MAX) {
        match happened {
            Happened::Changed => there.push(id),
            Happened::Came => {
                there.push(id);
                news.came.push(id);
            }
            Happened::Gone => news.gone.push(id),
        }
    }
    if there.is_empty() {
        return Ok(Changes { lines: Vec::new(), news });
    }
    let mut conn = ctx.backend().read(owner).await?;
    let lines = store::agent_lists::list_named(&mut conn, owner, &there).await?;
    Ok(Changes { lines, news })
}

/// Looks, and notes what has changed for all who look at the same agents, unless one of them has just
/// done so.
async fn look_for_all(backend: &Backend, watch: &mut AgentWatch) -> Result<()> {
    let shared = watch.shared();
    let mut turn = shared.turn().await?;
    if watch.catches_up() {
        return Ok(());
    }
    let since = turn.as_ref().map_or_else(|| backend.now(), |seen| seen.since);
    let now = look(backend, watch.owner(), since).await?;
    let changed = turn.as_ref().map(|before| now.differs_from(before)).unwrap_or_default();
    *turn = Some(now);
    watch.has_looked(shared.note(&changed));
    Ok(())
}

async fn look(backend: &Backend, owner: UserId, since: Timestamp) -> Result<Seen> {
    let now = backend.now();
    let since = since - LATE;
    let mut conn = backend.read(owner).await?;
    let limit = i64::try_from(BULK_MAX).unwrap_or(i64::MAX);
    let recent = store::agent_looks::list_changed(&mut conn, owner, since, limit).await?;
    let moved = store::agent_looks::list_moved(&mut conn, owner, since, limit).await?;
    let open = store::agent_looks::sum_open(&mut conn, owner).await?;
    let begun = store::agent_looks::list_begun(&mut conn, owner, since).await?;
    Ok(Seen { since: now, revisions: recent.into_iter().collect(), moved, open, begun })
}

impl Seen {
    /// The agents to which something has happened since they were seen before.
    fn differs_from(&self, before: &Self) -> Vec<(AgentId, Happened)> {
        let revised = self.revisions.iter();
        let revised = revised.filter(|(id, revision)| before.revisions.get(id) != Some(revision));
        let open = self.open.keys().chain(before.open.keys());
        let open = open.filter(|id| self.open.get(id) != before.open.get(id));
        let newest = self.begun.iter();
        let newest = newest.filter(|(id, session)| before.begun.get(id) != Some(session));
        let changed = revised.map(|(id, _)| id).chain(open).chain(newest.map(|(id, _)| id));
        let mut happened: HashMap<_, _> = changed.map(|id| (*id, Happened::Changed)).collect();
        let moved = self.moved.iter();
        for (id, is_gone) in moved.filter(|(id, is_gone)| before.moved.get(id) != Some(is_gone)) {
            happened.insert(*id, if *is_gone { Happened::Gone } else { Happened::Came });
        }
        happened.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use resonant_domain::agent::AgentStatus;
    use resonant_domain::agent_list::BulkAction;
    use resonant_domain::session::SessionState;
    use sqlx::PgPool;

    use super::*;
    use crate::agents::{change_many, create, delete, get};
    use crate::{sample, sessions, work};

    /// The agents that changed, without those that came or left.
    async fn changes(ctx: &Ctx, watch: &mut AgentWatch) -> Result<Vec<AgentLine>> {
        Ok(super::changes(ctx, watch).await?.lines)
    }

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
    async fn those_who_look_at_the_same_agents_share_a_look(pool: PgPool) {
        const WATCHERS: usize = 100;
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let agent = create(&ctx, sample::spec("Reader")).await.unwrap().id;
        let before = sample::connections_asked(&backend);
        let mut watches = Vec::new();
        for _ in 0..WATCHERS {
            watches.push(watch(&ctx).await.unwrap());
        }
        for watch in &mut watches {
            assert_eq!(changes(&ctx, watch).await.unwrap(), []);
        }
        let asked = sample::connections_asked(&backend) - before;
        assert!(asked < 20, "{WATCHERS} asked {asked} times");

        // What one of them has found calls the others, who fetch it once, as it is then.
        let session = sessions::start(&ctx, agent, sample::goal("Go")).await.unwrap();
        let (first, others) = watches.split_first_mut().unwrap();
        assert_eq!(changes(&ctx, first).await.unwrap().len(), 1);
        for (number, other) in others.iter_mut().enumerate() {
            if number == 1 {
                sessions::cancel(&ctx, session.id).await.unwrap();
                assert_eq!(changes(&ctx, first).await.unwrap()[0].open, 0);
            }
            assert!(other.called().now_or_never().is_some(), "there is something to fetch");
            let lines = changes(&ctx, other).await.unwrap();
            let open = u32::from(number == 0);
            assert_eq!(
                lines.iter().map(|line| (line.summary.id, line.open)).collect::<Vec<_>>(),
                [(agent, open)]
            );
        }
        let lines = changes(&ctx, &mut others[0]).await.unwrap();
        assert_eq!((lines.len(), lines[0].open), (1, 0));
        for watch in &mut watches {
            assert_eq!(changes(&ctx, watch).await.unwrap(), []);
        }
        assert_eq!(backend.agent_looks().count(), 1);
        drop(watches);
        assert_eq!(backend.agent_looks().count(), 0);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_session_that_comes_to_another_state_is_told(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let agent = create(&ctx, sample::spec("Reader")).await.unwrap().id;
        create(&ctx, sample::spec("Writer")).await.unwrap();
        let session = sessions::start(&ctx, agent, sample::goal("Go")).await.unwrap();
        let mut seen = watch(&ctx).await.unwrap();
        work::claim(&backend.system(), "worker").await.unwrap().unwrap();
        assert_eq!(sessions::get(&ctx, session.id).await.unwrap().state, SessionState::Running);
        let lines = changes(&ctx, &mut seen).await.unwrap();
        assert_eq!(
            lines.iter().map(|line| (line.summary.id, line.open)).collect::<Vec<_>>(),
            [(agent, 1)]
        );
        assert_eq!(changes(&ctx, &mut seen).await.unwrap(), []);
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

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn agents_that_come_and_leave_are_told_once(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let (ctx, stranger) =
            (sample::guest(&backend).await.unwrap(), sample::guest(&backend).await.unwrap());
        let agent = create(&ctx, sample::spec("Reader")).await.unwrap().id;
        sessions::start(&ctx, agent, sample::goal("Go")).await.unwrap();
        let mut seen = watch(&ctx).await.unwrap();
        let mut strangers = watch(&stranger).await.unwrap();
        assert_eq!(super::changes(&ctx, &mut seen).await.unwrap(), Changes::default());

        let other = create(&ctx, sample::spec("Writer")).await.unwrap().id;
        let told = super::changes(&ctx, &mut seen).await.unwrap();
        assert_eq!(told.news, ListNews { came: vec![other], gone: Vec::new() });
        assert_eq!(told.lines.iter().map(|line| line.summary.id).collect::<Vec<_>>(), [other]);
        change_many(&ctx, &[other], BulkAction::Pause).await.unwrap();
        assert!(super::changes(&ctx, &mut seen).await.unwrap().news.is_empty());

        // Its session, which is cancelled, is told of no more than it is itself.
        delete(&ctx, agent, None).await.unwrap();
        let news = ListNews { came: Vec::new(), gone: vec![agent] };
        let told = super::changes(&ctx, &mut seen).await.unwrap();
        assert_eq!(told, Changes { lines: Vec::new(), news });
        assert_eq!(super::changes(&ctx, &mut seen).await.unwrap(), Changes::default());

        change_many(&ctx, &[agent], BulkAction::Restore).await.unwrap();
        let told = super::changes(&ctx, &mut seen).await.unwrap();
        assert_eq!(told.news, ListNews { came: vec![agent], gone: Vec::new() });
        assert_eq!(told.lines.len(), 1);
        // Where it stands in a list that is sorted by changes is none of that.
        let agents = [get(&ctx, agent).await.unwrap(), get(&ctx, other).await.unwrap()];
        assert!(agents[0].updated_at < agents[1].updated_at);
        assert_eq!(super::changes(&ctx, &mut seen).await.unwrap(), Changes::default());
        assert_eq!(super::changes(&stranger, &mut strangers).await.unwrap(), Changes::default());
    }
}
