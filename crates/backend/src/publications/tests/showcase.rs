//! Which sessions may be shown, and for how long.

use resonant_domain::SessionId;
use resonant_domain::agent::{AgentChanges, AgentSpec};
use resonant_domain::session::{NewMessage, NewSession, SessionState, Usage};
use resonant_domain::session_event::EventBody;
use resonant_domain::team::{NewInvitation, NewTeam, TeamRole};
use resonant_domain::variable::Variable;
use sqlx::Row as _;

use super::*;
use crate::teams::{self, Invited};

const TOKEN: &str = "ghp_0123456789abcdefghij0123456789abcdef";
/// Which is a key by its name alone.
const KEY: &str = "b6907d289e10d714a6e88b30761fae22";

/// A publisher's listing `reader`, whose prompt asks for a key.
struct Shown {
    backend: Backend,
    root: Ctx,
    ada: Ctx,
    agent: AgentId,
}

impl Shown {
    async fn new(pool: PgPool) -> Self {
        let backend = sample::with_parrot(pool);
        let root = admin(&backend).await;
        let ada = sample::member(&backend, "ada").await.unwrap();
        let spec = AgentSpec {
            system_prompt: "Read with {{api_key}}.".to_owned(),
            variables: vec![Variable::new("api_key")],
            ..sample::spec("Reader")
        };
        let agent = agents::create(&ada, spec).await.unwrap().id;
        agents::publish(&ada, agent, NewVersion::default(), None).await.unwrap();
        let id = hand_in(&ada, agent, texts("Reader")).await;
        approve(&root, id).await;
        Self { backend, root, ada, agent }
    }

    async fn start(&self, goal: &str, key: &str) -> SessionId {
        let variables = [("api_key".to_owned(), key.to_owned())].into();
        let new = NewSession { variables, ..sample::goal(goal) };
        sessions::start(&self.ada, self.agent, new).await.unwrap().id
    }

    async fn run(&self, goal: &str, key: &str) -> SessionId {
        let id = self.start(goal, key).await;
        sample::work_off(&self.backend).await;
        id
    }

    /// Shows a session. Answers the field that stands in the way.
    async fn show(&self, session: SessionId) -> Option<String> {
        let shown = show(&self.ada, self.agent, session, Consent::Given).await;
        shown.err().map(|error| error.fields()[0].field.clone())
    }

    /// What of a session stands on the listing's page.
    async fn answer(&self) -> Option<String> {
        let listing = listings::get(&self.root, "reader").await.unwrap();
        listing.showcase.map(|showcase| showcase.answer)
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn secrets_are_found_among_the_variables_and_across_pieces(pool: PgPool) {
    let shown = Shown::new(pool).await;
    for key in [TOKEN, KEY] {
        let leaky = shown.run("Say hello", key).await;
        assert_eq!(shown.show(leaky).await.as_deref(), Some("session"), "{key}");
    }

    let pieces = shown.start("Say hello", "none").await;
    let (owner, now) = (access::user(&shown.ada).unwrap(), shown.backend.now());
    let mut conn = shown.backend.conn().await.unwrap();
    let held = store::queue::lock(&mut conn, owner, pieces).await.unwrap().unwrap();
    let piece = |delta: &str| EventBody::Output { step: 1, delta: delta.to_owned() };
    let (state, usage) = (SessionState::Completed, Usage::default());
    let log = vec![
        EventBody::StepStart { step: 1, attempt: 1 },
        piece(&TOKEN[..20]),
        piece(&TOKEN[20..]),
        EventBody::Done { state, reason: None, usage, duration_ms: 1, waited_ms: 0 },
    ];
    let key = (owner, pieces, held.fence);
    let written = store::session_events::append(&mut conn, key, None, log, usage, now).await;
    assert_eq!(written.unwrap().map(|events| events.len()), Some(4));
    drop(conn);
    assert_eq!(shown.show(pieces).await.as_deref(), Some("session"));

    let fine = shown.run("Say hello", "none").await;
    assert_eq!(shown.show(fine).await, None);
    assert_eq!(shown.answer().await.as_deref(), Some("Say hello"));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_that_goes_on_is_shown_no_more(pool: PgPool) {
    let shown = Shown::new(pool).await;
    let id = shown.run("Say hello", "none").await;
    assert_eq!(shown.show(id).await, None);
    let message = NewMessage { text: format!("Use {TOKEN}"), context: None };
    sessions::say(&shown.ada, id, message).await.unwrap();
    assert_eq!(shown.answer().await, None);
    sample::work_off(&shown.backend).await;
    assert_eq!(shown.answer().await, None, "nobody agreed to this");
    assert_eq!(shown.show(id).await.as_deref(), Some("session"), "it holds a secret by now");
}

/// Whoever opened it again may not have come to hiding it.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_that_is_under_way_is_hidden_when_it_is_told_more(pool: PgPool) {
    let shown = Shown::new(pool.clone()).await;
    let id = shown.run("Say hello", "none").await;
    assert_eq!(shown.show(id).await, None);
    let say = async || {
        let message = NewMessage { text: "And now?".to_owned(), context: None };
        sessions::say(&shown.ada, id, message).await.unwrap();
    };
    let keep = "CREATE TABLE kept AS
                SELECT listing_id, showcase_session_id, showcase FROM listings";
    sqlx::raw_sql(keep).execute(&pool).await.unwrap();
    say().await;
    let undo = "UPDATE listings l
                SET showcase_session_id = k.showcase_session_id, showcase = k.showcase
                FROM kept k WHERE k.listing_id = l.listing_id";
    sqlx::raw_sql(undo).execute(&pool).await.unwrap();
    say().await;
    let left = "SELECT count(*) FROM listings WHERE showcase_session_id IS NOT NULL";
    let row = sqlx::raw_sql(left).fetch_one(&pool).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_can_be_chosen_behind_many_that_cannot(pool: PgPool) {
    let shown = Shown::new(pool).await;
    let wanted = shown.run("Say hello", "none").await;
    let (ada, agent) = (&shown.ada, shown.agent);
    let description = Some("Reads on".to_owned());
    let changes = AgentChanges { description, ..AgentChanges::default() };
    agents::update(ada, agent, changes, None).await.unwrap();
    agents::publish(ada, agent, NewVersion::default(), None).await.unwrap();
    for _ in 0..21 {
        shown.start("Say hello again", "none").await;
    }
    sample::work_off(&shown.backend).await;
    let choices = showable(ada, agent).await.unwrap();
    assert_eq!(choices, [(wanted, "Say hello".to_owned())]);
    assert_eq!(shown.show(wanted).await, None);
    let nobody = shown.backend.anonymous();
    for (ctx, refused) in
        [(&shown.root, FaultKind::NotFound), (&nobody, FaultKind::Unauthenticated)]
    {
        assert_eq!(kind(showable(ctx, agent).await), Some(refused));
    }
}

/// They have not agreed to strangers reading what they asked.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_a_teammate_started_is_shown_to_nobody(pool: PgPool) {
    let shown = Shown::new(pool).await;
    let (ada, agent) = (&shown.ada, shown.agent);
    let bob = sample::member(&shown.backend, "bob").await.unwrap();
    let team = NewTeam { name: "Lab".to_owned(), slug: "lab".to_owned() };
    teams::create(ada, team).await.unwrap();
    let runner = NewInvitation { role: TeamRole::Runner, ..NewInvitation::default() };
    let token = teams::invite(ada, "lab", runner).await.unwrap().token.unwrap();
    teams::accept(&bob, Invited::ByLink(&token)).await.unwrap();
    teams::share(ada, "lab", agent).await.unwrap();

    let hers = shown.run("Say hello", "none").await;
    let variables = [("api_key".to_owned(), "none".to_owned())].into();
    let new = NewSession { variables, ..sample::goal("Say what I earn") };
    let his = sessions::start(&bob, agent, new).await.unwrap().id;
    sample::work_off(&shown.backend).await;
    assert_eq!(showable(ada, agent).await.unwrap(), [(hers, "Say hello".to_owned())]);
    assert_eq!(shown.show(his).await.as_deref(), Some("session"));
    assert_eq!(sessions::share_token(ada, his).await.unwrap(), None, "nor is there a link to it");
    assert_eq!(shown.show(hers).await, None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn its_publisher_sees_which_session_is_shown(pool: PgPool) {
    let shown = Shown::new(pool).await;
    let (ada, agent) = (&shown.ada, shown.agent);
    let now = async || crate::publications::shown(ada, agent).await.unwrap();
    assert_eq!(now().await, None);
    let id = shown.run("Say hello", "none").await;
    assert_eq!(shown.show(id).await, None);
    assert_eq!(now().await, Some((id, "Say hello".to_owned())));
    // The next version shows none of what the last one did.
    let next = hand_in(ada, agent, texts("Reader")).await;
    approve(&shown.root, next).await;
    assert_eq!(now().await, None);
    assert_eq!(shown.answer().await, None);
    let others = crate::publications::shown(&shown.root, agent).await;
    assert_eq!(kind(others), Some(FaultKind::NotFound));
}
