use futures::TryStreamExt as _;
use resonant_domain::FaultKind;
use resonant_domain::agent::{AgentSpec, ToolGrant};
use resonant_domain::session_event::EventBody;
use resonant_domain::team::{NewInvitation, NewTeam, TeamRole};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::teams::{self, Invited};
use crate::{Actor, agents, members, sample, sessions, work};

fn user(ctx: &Ctx) -> UserId {
    let Actor::User { id, .. } = ctx.actor() else { panic!("a person") };
    id
}

fn fact(key: &str, text: &str) -> NewMemory {
    NewMemory { key: key.to_owned(), text: text.to_owned() }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn facts_are_one_persons_and_the_newest_are_kept(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ada, bob) =
        (sample::guest(&backend).await.unwrap(), sample::guest(&backend).await.unwrap());
    let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap().id;
    let other = agents::create(&bob, sample::spec("Reader")).await.unwrap().id;
    let keep = async |key: &str, text: &str| {
        remember(&backend, Whose::own(user(&ada), agent), fact(key, text)).await.unwrap();
    };
    keep("city", "Oslo").await;
    keep("tea", "green").await;
    keep("city", "Bergen").await;
    let facts = list(&ada, agent, PageRequest::default()).await.unwrap().items;
    let told: Vec<_> = facts.iter().map(|it| format!("{}: {}", it.key, it.text)).collect();
    assert_eq!(told, ["city: Bergen", "tea: green"]);
    assert_eq!(list(&bob, other, PageRequest::default()).await.unwrap().items, []);
    assert_eq!(recall(&backend, Whose::own(user(&bob), agent)).await.unwrap(), []);
    assert_eq!(forget(&bob, agent, facts[0].id).await.unwrap_err().kind(), FaultKind::NotFound);
    assert_eq!(forget(&ada, other, facts[0].id).await.unwrap_err().kind(), FaultKind::NotFound);
    forget(&ada, agent, facts[0].id).await.unwrap();
    for number in 0..MEMORIES_MAX {
        keep(&format!("key {number}"), "x").await;
    }
    let (mut facts, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageRequest { cursor, ..PageRequest::default() };
        let page = list(&ada, agent, page).await.unwrap();
        facts.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let keys: Vec<_> = facts.iter().map(|it| it.key.as_str()).collect();
    let kept: Vec<_> = (0..MEMORIES_MAX).rev().map(|number| format!("key {number}")).collect();
    assert_eq!(keys, kept, "each once, the newest first; the oldest gave way");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_a_session_remembers_the_next_one_recalls(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let run = async |agent, goal| {
        let session = sessions::start(&ctx, agent, sample::goal(goal)).await.unwrap();
        let claim = work::claim(&backend.system(), "worker").await.unwrap().expect("it waits");
        work::run(&backend.system(), claim, CancellationToken::new()).await.unwrap();
        let events = sessions::events(&ctx, session.id, 0).await.unwrap();
        let pieces = events.into_iter().filter_map(|event| match event.body {
            EventBody::Output { delta, .. } => Some(delta),
            _ => None,
        });
        pieces.collect::<String>()
    };
    let tools = vec![ToolGrant::new("remember"), ToolGrant::new("recall")];
    let spec = AgentSpec { tools, ..sample::spec("Butler") };
    let butler = agents::create(&ctx, spec).await.unwrap().id;
    let told = run(butler, "Remember that my favourite tea is green").await;
    assert!(told.contains("I will remember: my favourite tea is green"), "{told}");
    let told = run(butler, "What do you remember about tea?").await;
    assert!(told.contains("- my favourite tea is green"), "{told}");
    // Another agent of the same person knows nothing of it, and one without the tool keeps nothing.
    let plain = agents::create(&ctx, sample::spec("Plain")).await.unwrap().id;
    run(plain, "Remember that my favourite tea is black").await;
    assert_eq!(list(&ctx, plain, PageRequest::default()).await.unwrap().items, []);
    assert_eq!(
        list(&ctx, butler, PageRequest::default()).await.unwrap().items[0].key,
        "favourite tea"
    );
}

/// An agent of the first one, which the second one runs.
async fn shared_butler(backend: &Backend) -> (Ctx, Ctx, AgentId) {
    let ada = sample::member(backend, "ada").await.unwrap();
    let bob = sample::member(backend, "bob").await.unwrap();
    let tools = vec![ToolGrant::new("remember"), ToolGrant::new("recall")];
    let spec = AgentSpec { tools, ..sample::spec("Butler") };
    let agent = agents::create(&ada, spec).await.unwrap().id;
    let team = NewTeam { name: "Research".to_owned(), slug: "research".to_owned() };
    teams::create(&ada, team).await.unwrap();
    let invitation = NewInvitation { role: TeamRole::Runner, email: None };
    let made = teams::invite(&ada, "research", invitation).await.unwrap();
    teams::accept(&bob, Invited::ByLink(made.token.as_deref().unwrap())).await.unwrap();
    teams::share(&ada, "research", agent).await.unwrap();
    (ada, bob, agent)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_agent_keeps_facts_for_each_person_apart(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ada, bob, agent) = shared_butler(&backend).await;
    let run = async |ctx: &Ctx, goal: &str| {
        let session = sessions::start(ctx, agent, sample::goal(goal)).await.unwrap();
        let claim = work::claim(&backend.system(), "worker").await.unwrap().expect("it waits");
        work::run(&backend.system(), claim, CancellationToken::new()).await.unwrap();
        let events = sessions::events(ctx, session.id, 0).await.unwrap();
        let pieces = events.into_iter().filter_map(|event| match event.body {
            EventBody::Output { delta, .. } => Some(delta),
            _ => None,
        });
        pieces.collect::<String>()
    };
    run(&ada, "Remember that my favourite tea is green").await;
    run(&bob, "Remember that my favourite tea is black").await;
    let told = run(&ada, "What do you remember about tea?").await;
    assert!(told.contains("green") && !told.contains("black"), "{told}");
    let told = run(&bob, "What do you remember about tea?").await;
    assert!(told.contains("black") && !told.contains("green"), "{told}");

    let listed = async |ctx: &Ctx| list(ctx, agent, PageRequest::default()).await.unwrap().items;
    let (hers, his) = (listed(&ada).await, listed(&bob).await);
    assert_eq!((hers.len(), his.len()), (1, 1));
    assert!(hers[0].text.contains("green") && his[0].text.contains("black"), "{hers:?} {his:?}");
    for (ctx, id) in [(&ada, his[0].id), (&bob, hers[0].id)] {
        assert_eq!(get(ctx, agent, id).await.unwrap_err().kind(), FaultKind::NotFound);
        assert_eq!(forget(ctx, agent, id).await.unwrap_err().kind(), FaultKind::NotFound);
    }
    assert_eq!(get(&bob, agent, his[0].id).await.unwrap(), his[0]);
    forget(&bob, agent, his[0].id).await.unwrap();
    assert_eq!((listed(&ada).await, listed(&bob).await), (hers, vec![]));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn facts_for_a_teammate_are_exported_and_deleted_with_the_teammate(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ada, bob, agent) = shared_butler(&backend).await;
    let whose = Whose { user: user(&bob), ..Whose::own(user(&ada), agent) };
    for number in 0..=MEMORIES_MAX {
        remember(&backend, whose, fact(&format!("key {number}"), "his own")).await.unwrap();
    }
    remember(&backend, Whose::own(user(&ada), agent), fact("tea", "her own")).await.unwrap();
    assert_eq!(recall(&backend, whose).await.unwrap().len(), MEMORIES_MAX);
    let exported = async |ctx: &Ctx| -> serde_json::Value {
        let pieces = members::export(ctx).await.unwrap();
        let pieces: Vec<_> = pieces.try_collect().await.unwrap();
        serde_json::from_slice(&pieces.concat()).unwrap()
    };
    let (hers, his) = (exported(&ada).await, exported(&bob).await);
    let count = |all: &serde_json::Value, table: &str| all[table].as_array().unwrap().len();
    assert_eq!(count(&hers, "teammate_memories"), 0, "what it keeps for others is theirs");
    assert_eq!(count(&hers, "agent_memories"), 1);
    assert_eq!(count(&his, "teammate_memories"), MEMORIES_MAX);
    assert_eq!(count(&his, "agent_memories"), 0);

    let password = sample::new_member("bob").password;
    members::close_account(&bob, password).await.unwrap();
    members::purge_closed(&backend.system()).await.unwrap();
    assert_eq!(recall(&backend, whose).await.unwrap(), []);
    assert_eq!(recall(&backend, Whose::own(user(&ada), agent)).await.unwrap().len(), 1);
}
