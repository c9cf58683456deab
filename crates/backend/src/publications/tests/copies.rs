//! Copies of listings: what a newer version does to them, what they run, and what their owners are told.

use resonant_domain::SessionId;
use resonant_domain::agent::{AgentChanges, LimitChanges, ModelPolicy, ToolGrant};
use resonant_domain::listing::ForkedFrom;
use resonant_domain::notice::{Notice, NoticeKind};
use resonant_domain::review::Standing;
use resonant_domain::session::NewFork;
use resonant_domain::upstream::{Choices, Side};
use resonant_domain::variable::Variable;

use super::*;
use crate::listings::updates::{self, Consent, Taking};
use crate::{inbox, news, reviews};

/// A publisher's listing `reader`.
struct Published {
    backend: Backend,
    root: Ctx,
    ada: Ctx,
    agent: AgentId,
}

impl Published {
    async fn new(backend: Backend) -> Self {
        let root = admin(&backend).await;
        let ada = sample::member(&backend, "ada").await.unwrap();
        let agent = published_agent(&ada, "Reader").await;
        let published = Self { backend, root, ada, agent };
        published.approve().await;
        published
    }

    async fn approve(&self) {
        let id = hand_in(&self.ada, self.agent, texts("Reader")).await;
        approve(&self.root, id).await;
    }

    /// Publishes the agent with these changes as the next version.
    async fn go_on(&self, changes: AgentChanges) {
        agents::update(&self.ada, self.agent, changes, None).await.unwrap();
        agents::publish(&self.ada, self.agent, NewVersion::default(), None).await.unwrap();
        self.approve().await;
    }
}

fn prompt(text: &str) -> AgentChanges {
    AgentChanges { system_prompt: Some(text.to_owned()), ..AgentChanges::default() }
}

fn to(version: i32, revision: i64) -> Taking {
    Taking { revision, to: version, ..Taking::default() }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_copy_follows_its_listing_and_keeps_its_owners_changes(pool: PgPool) {
    let reader = Published::new(Backend::for_tests(pool)).await;
    let Published { backend, root, ada, .. } = &reader;
    let bob = sample::guest(backend).await.unwrap();
    let copy = listings::install(&bob, "reader").await.unwrap();
    assert_eq!(updates::find(&bob, copy.id).await.unwrap(), None);
    let wider = |revision| Taking { consent: Consent::Wider, ..to(2, revision) };
    let nothing = updates::take(&bob, copy.id, wider(1)).await;
    assert_eq!(kind(nothing), Some(FaultKind::Conflict));

    let mut tools = copy.spec.tools.clone();
    tools.push(ToolGrant::new("http_fetch"));
    reader.go_on(AgentChanges { tools: Some(tools), ..prompt("Answer at length.") }).await;
    let changes = AgentChanges { name: Some("Mine".to_owned()), ..AgentChanges::default() };
    agents::update(&bob, copy.id, changes, None).await.unwrap();

    let update = updates::find(&bob, copy.id).await.unwrap().unwrap();
    assert_eq!((update.from, update.to, update.revision), (1, 2, 2));
    assert_eq!((update.widened.tools, update.conflicts), (vec!["http_fetch".to_owned()], vec![]));
    for ctx in [ada, root, &sample::guest(backend).await.unwrap()] {
        assert_eq!(kind(updates::find(ctx, copy.id).await), Some(FaultKind::NotFound));
        let taken = updates::take(ctx, copy.id, wider(2)).await;
        assert_eq!(kind(taken), Some(FaultKind::NotFound));
    }
    let nobody = updates::find(&backend.anonymous(), copy.id).await;
    assert_eq!(kind(nobody), Some(FaultKind::Unauthenticated));
    let system = updates::take(&backend.system(), copy.id, wider(2)).await;
    assert_eq!(kind(system), Some(FaultKind::Forbidden));
    let error = updates::take(&bob, copy.id, to(2, 2)).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "consent");
    let late = updates::take(&bob, copy.id, wider(1)).await;
    assert_eq!(kind(late), Some(FaultKind::Conflict));
    let taken = updates::take(&bob, copy.id, wider(2)).await.unwrap();
    assert_eq!((taken.spec.name.as_str(), taken.spec.tools.len()), ("Mine", 3));
    assert_eq!(taken.spec.system_prompt, "Answer at length.");
    assert_eq!(updates::find(&bob, copy.id).await.unwrap(), None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn consent_is_for_the_version_that_was_seen(pool: PgPool) {
    let reader = Published::new(Backend::for_tests(pool)).await;
    let bob = sample::guest(&reader.backend).await.unwrap();
    let copy = listings::install_version(&bob, "reader", Some(1)).await.unwrap();
    reader.go_on(prompt("Answer at length.")).await;
    assert_eq!(updates::find(&bob, copy.id).await.unwrap().unwrap().to, 2);
    let mut tools = copy.spec.tools.clone();
    tools.push(ToolGrant::new("http_fetch"));
    reader.go_on(AgentChanges { tools: Some(tools), ..AgentChanges::default() }).await;
    let agreed = Taking { consent: Consent::Wider, ..to(2, 1) };
    let taken = updates::take(&bob, copy.id, agreed).await.unwrap_err();
    assert_eq!(taken.kind(), FaultKind::Conflict);
    assert!(taken.message().contains("Version 3"), "{taken}");
    assert_eq!(agents::get(&bob, copy.id).await.unwrap(), copy);
    // The same of an install.
    let guest = sample::guest(&reader.backend).await.unwrap();
    for seen in [2, 4] {
        let installed = listings::install_version(&guest, "reader", Some(seen)).await;
        assert_eq!(kind(installed), Some(FaultKind::Conflict), "{seen}");
    }
    listings::install_version(&guest, "reader", Some(3)).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_lets_a_copy_spend_more_needs_consent(pool: PgPool) {
    let reader = Published::new(Backend::for_tests(pool)).await;
    let bob = sample::guest(&reader.backend).await.unwrap();
    let copy = listings::install(&bob, "reader").await.unwrap();
    let limits = LimitChanges { max_steps: Some(50), ..LimitChanges::default() };
    let model_policy = Some(ModelPolicy::Named { model: "large".to_owned() });
    let changes = AgentChanges { limits: Some(limits), model_policy, ..AgentChanges::default() };
    reader.go_on(changes).await;
    let update = updates::find(&bob, copy.id).await.unwrap().unwrap();
    let spend: Vec<_> = update.widened.spend.iter().map(|change| &*change.field).collect();
    assert_eq!(spend, ["limits.max_steps", "model_policy"]);
    assert!(update.widened.tools.is_empty());
    let error = updates::take(&bob, copy.id, to(2, 1)).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "consent");
    let agreed = Taking { consent: Consent::Wider, ..to(2, 1) };
    let taken = updates::take(&bob, copy.id, agreed).await.unwrap();
    assert_eq!(taken.spec.limits.max_steps, 50);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_copy_of_a_version_that_was_deleted_goes_on_as_any(pool: PgPool) {
    let reader = Published::new(Backend::for_tests(pool.clone())).await;
    let bob = sample::guest(&reader.backend).await.unwrap();
    let copy = listings::install(&bob, "reader").await.unwrap();
    let changes = AgentChanges { name: Some("Mine".to_owned()), ..AgentChanges::default() };
    agents::update(&bob, copy.id, changes, None).await.unwrap();
    reader.go_on(prompt("Answer at length.")).await;
    delete_version(&reader.ada, reader.agent, 1).await.unwrap();
    let unchanged = async || {
        let update = updates::find(&bob, copy.id).await.unwrap().unwrap();
        assert_eq!((update.from, update.conflicts.len()), (1, 0));
        let fields: Vec<_> = update.diff.fields.iter().map(|change| &*change.field).collect();
        assert_eq!(fields, Vec::<&str>::new(), "what is the owner's stays");
        assert!(!update.diff.prompt.is_empty());
    };
    unchanged().await;
    // So does one of a version that was deleted when nothing of it was kept but what was handed in.
    sqlx::raw_sql("DELETE FROM listing_versions WHERE version = 1").execute(&pool).await.unwrap();
    unchanged().await;
    let taken = updates::take(&bob, copy.id, to(2, 2)).await.unwrap();
    assert_eq!((&*taken.spec.name, &*taken.spec.system_prompt), ("Mine", "Answer at length."));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_owner_chooses_where_both_changed_the_same(pool: PgPool) {
    let reader = Published::new(Backend::for_tests(pool)).await;
    let bob = sample::guest(&reader.backend).await.unwrap();
    let copy = listings::install(&bob, "reader").await.unwrap();
    let mine = AgentChanges {
        limits: Some(LimitChanges { max_steps: Some(3), ..LimitChanges::default() }),
        variables: Some(vec![Variable::new("mine")]),
        ..prompt("Answer briefly. Be kind.")
    };
    agents::update(&bob, copy.id, mine, None).await.unwrap();
    let theirs = AgentChanges {
        limits: Some(LimitChanges {
            max_steps: Some(20),
            max_tokens: Some(500),
            ..LimitChanges::default()
        }),
        variables: Some(vec![Variable { required: false, ..Variable::new("theirs") }]),
        ..prompt("Answer at length.")
    };
    reader.go_on(theirs).await;
    let update = updates::find(&bob, copy.id).await.unwrap().unwrap();
    let conflicts: Vec<_> = update.conflicts.iter().map(|conflict| &*conflict.field).collect();
    assert_eq!(conflicts, ["limits.max_steps"], "sentences and variables come together");
    assert!(update.widened.is_empty());
    assert_eq!(update.widened_by_choice.spend[0].field, "limits.max_steps");

    let choices = Choices::from([("limits.max_steps".to_owned(), Side::Theirs)]);
    let theirs = Taking { choices, ..to(2, 2) };
    let refused = updates::take(&bob, copy.id, theirs.clone()).await.unwrap_err();
    assert_eq!(refused.fields()[0].field, "consent", "theirs may spend more");
    let agreed = Taking { consent: Consent::Wider, ..theirs };
    let taken = updates::take(&bob, copy.id, agreed).await.unwrap().spec;
    assert_eq!((taken.limits.max_steps, taken.limits.max_tokens), (20, 500));
    assert_eq!(taken.system_prompt, "Answer at length. Be kind.");
    let variables: Vec<_> = taken.variables.iter().map(|variable| &*variable.name).collect();
    assert_eq!(variables, ["mine", "theirs"]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_is_recorded_as_what_it_ran(pool: PgPool) {
    let reader = Published::new(sample::with_parrot(pool.clone())).await;
    let bob = sample::member(&reader.backend, "bob").await.unwrap();
    let copy = listings::install(&bob, "reader").await.unwrap();
    let start = async || sessions::start(&bob, copy.id, sample::goal("Go")).await.unwrap().id;
    let work = async || {
        let system = reader.backend.system();
        let claim = work::claim(&system, "worker").await.unwrap().unwrap();
        work::run(&system, claim, CancellationToken::new()).await.unwrap();
    };
    let recorded = async |id: SessionId| -> (i32, bool) {
        let run = sqlx::query!(
            "SELECT version, is_changed FROM listing_runs WHERE session_id = $1",
            id.as_uuid()
        );
        let run = run.fetch_one(&pool).await.unwrap();
        (run.version, run.is_changed)
    };
    // His own version is the listing's first, word by word, and runs from now on.
    agents::publish(&bob, copy.id, NewVersion::default(), None).await.unwrap();
    reader.go_on(prompt("Answer at length.")).await;
    let underway = start().await;
    updates::take(&bob, copy.id, to(2, 1)).await.unwrap();
    work().await;
    assert_eq!(recorded(underway).await, (1, false), "as it was when it was asked for");
    let published = start().await;
    work().await;
    assert_eq!(recorded(published).await, (1, false), "the draft has not run");
    let standing = reviews::standing(&bob, "reader").await.unwrap();
    assert_eq!(standing, Standing::MayWrite(1));

    agents::publish(&bob, copy.id, NewVersion::default(), None).await.unwrap();
    let newer = start().await;
    work().await;
    assert_eq!(recorded(newer).await, (2, false));
    // Changed and changed back it is the same.
    for (text, is_changed) in [("Sing.", true), ("Answer at length.", false)] {
        agents::update(&bob, copy.id, prompt(text), None).await.unwrap();
        agents::publish(&bob, copy.id, NewVersion::default(), None).await.unwrap();
        let own = start().await;
        work().await;
        assert_eq!(recorded(own).await, (2, is_changed), "{text}");
    }
    // Back at the first version it is a copy of that again.
    agents::restore_version(&bob, copy.id, 1, None).await.unwrap();
    assert_eq!(updates::find(&bob, copy.id).await.unwrap().unwrap().from, 1);
    agents::publish(&bob, copy.id, NewVersion::default(), None).await.unwrap();
    let first = start().await;
    work().await;
    assert_eq!(recorded(first).await, (1, false));
    let other = NewFork { system_prompt: Some("Sing.".to_owned()), ..NewFork::default() };
    let forked = sessions::fork(&bob, first, other).await.unwrap().id;
    work().await;
    assert_eq!(recorded(forked).await, (1, true));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn whoever_has_a_copy_is_told_once_they_can_take_it(pool: PgPool) {
    let reader = Published::new(Backend::for_tests(pool)).await;
    let system = reader.backend.system();
    let (bob, eve) = (
        sample::guest(&reader.backend).await.unwrap(),
        sample::guest(&reader.backend).await.unwrap(),
    );
    let copy = listings::install(&bob, "reader").await.unwrap().id;
    let gone = listings::install(&eve, "reader").await.unwrap().id;
    agents::delete(&eve, gone, None).await.unwrap();
    let told = async |ctx: &Ctx| -> Vec<Notice> {
        inbox::list(ctx, PageRequest::default()).await.unwrap().items
    };

    set_state(&reader.ada, reader.agent, ListingState::Paused).await.unwrap();
    reader.go_on(prompt("Answer at length.")).await;
    assert_eq!(news::tell_holders(&system).await.unwrap(), 0);
    assert_eq!(told(&bob).await, [], "nobody can take it now");
    reader.go_on(prompt("Answer at great length.")).await;
    set_state(&reader.ada, reader.agent, ListingState::Published).await.unwrap();
    assert_eq!(news::tell_holders(&system).await.unwrap(), 2);
    assert_eq!(news::tell_holders(&system).await.unwrap(), 0);
    let notices = told(&bob).await;
    assert_eq!(notices.len(), 1, "of the newest alone");
    assert_eq!((notices[0].kind, notices[0].agent_id), (NoticeKind::UpdateAvailable, Some(copy)));
    assert_eq!(told(&eve).await, [], "her copy is gone");

    // Whoever has the newest version already hears nothing of it.
    updates::take(&bob, copy, to(3, 1)).await.unwrap();
    reader.go_on(prompt("Answer.")).await;
    updates::take(&bob, copy, to(4, 2)).await.unwrap();
    news::tell_holders(&system).await.unwrap();
    assert_eq!(told(&bob).await.len(), 1);
    // Nor does anyone of what was taken back before it was told.
    reader.go_on(prompt("Answer once.")).await;
    delete_version(&reader.ada, reader.agent, 5).await.unwrap();
    deprecate(&reader.ada, reader.agent, None).await.unwrap();
    keep_up(&reader.ada, reader.agent).await.unwrap();
    assert_eq!(news::tell_holders(&system).await.unwrap(), 0);
    assert_eq!(told(&bob).await.len(), 1);
    assert_eq!(kind(news::tell_holders(&bob).await), Some(FaultKind::Forbidden));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn many_who_have_a_copy_are_told_piece_by_piece(pool: PgPool) {
    let reader = Published::new(Backend::for_tests(pool.clone())).await;
    let people = "
        INSERT INTO users (user_id, kind, display_name, created_at, updated_at)
        SELECT gen_random_uuid(), 'guest', 'Guest', now(), now() FROM generate_series(1, 2500);
        INSERT INTO installs (owner_id, listing_id, version, created_at)
        SELECT u.user_id, l.listing_id, 1, now() FROM users u, listings l WHERE u.kind = 'guest';
        INSERT INTO agents (owner_id, agent_id, name, description, avatar, system_prompt, model_policy,
                            tools, limits, variables, status, revision, listing_id,
                            listing_version, created_at, updated_at)
        SELECT i.owner_id, gen_random_uuid(), a.name, a.description, a.avatar, a.system_prompt,
               a.model_policy, a.tools, a.limits, a.variables, a.status, 1, i.listing_id, 1, now(), now()
        FROM installs i, agents a";
    sqlx::raw_sql(people).execute(&pool).await.unwrap();
    reader.approve().await;
    let told = async || -> i64 {
        let notices = sqlx::query_scalar!(
            r#"
            SELECT count(*) AS "count!" FROM account_notices
            WHERE kind = 'update_available' AND agent_id IS NOT NULL
            "#
        );
        notices.fetch_one(&pool).await.unwrap()
    };
    assert_eq!(told().await, 0, "a job tells them");
    assert_eq!(news::tell_holders(&reader.backend.system()).await.unwrap(), 2_500);
    assert_eq!(told().await, 2_500);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn it_is_told_what_an_agent_was_copied_from(pool: PgPool) {
    let reader = Published::new(Backend::for_tests(pool)).await;
    let bob = sample::member(&reader.backend, "bob").await.unwrap();
    assert_eq!(listings::origin(&reader.ada, reader.agent).await.unwrap(), None);
    let copy = listings::install(&bob, "reader").await.unwrap().id;
    let from = ForkedFrom {
        slug: Some("reader".to_owned()),
        name: "Reader".to_owned(),
        publisher: "ada".to_owned(),
        version: 1,
    };
    assert_eq!(listings::origin(&bob, copy).await.unwrap(), Some(from.clone()));
    let hidden = listings::origin(&reader.root, copy).await;
    assert_eq!(kind(hidden), Some(FaultKind::NotFound));

    agents::update(&bob, copy, prompt("Answer in verse."), None).await.unwrap();
    agents::publish(&bob, copy, NewVersion::default(), None).await.unwrap();
    let id = hand_in(&bob, copy, texts("Poet")).await;
    assert_eq!(preview(&bob, copy).await.unwrap().forked_from, Some(from.clone()));
    let case = moderation::case(&reader.root, id).await.unwrap();
    assert_eq!(case.forked_from, Some(from.clone()));
    approve(&reader.root, id).await;
    assert_eq!(listings::get(&bob, "poet").await.unwrap().forked_from, Some(from.clone()));
    assert_eq!(listings::get(&bob, "reader").await.unwrap().forked_from, None);
    // What cannot be seen any more is no link.
    set_state(&reader.ada, reader.agent, ListingState::Unlisted).await.unwrap();
    let unseen = Some(ForkedFrom { slug: None, ..from });
    assert_eq!(listings::origin(&bob, copy).await.unwrap(), unseen);
}
