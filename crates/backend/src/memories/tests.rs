use resonant_domain::FaultKind;
use resonant_domain::agent::{AgentSpec, ToolGrant};
use resonant_domain::session_event::EventBody;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{Actor, agents, sample, sessions, work};

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
        remember(&backend, user(&ada), agent, fact(key, text)).await.unwrap();
    };
    keep("city", "Oslo").await;
    keep("tea", "green").await;
    keep("city", "Bergen").await;
    let facts = list(&ada, agent, PageRequest::default()).await.unwrap().items;
    let told: Vec<_> = facts.iter().map(|it| format!("{}: {}", it.key, it.text)).collect();
    assert_eq!(told, ["city: Bergen", "tea: green"]);
    assert_eq!(list(&bob, other, PageRequest::default()).await.unwrap().items, []);
    assert_eq!(recall(&backend, user(&bob), agent).await.unwrap(), []);
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
