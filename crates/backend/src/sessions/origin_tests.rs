use resonant_domain::ApiKeyId;
use resonant_domain::api_key::Scopes;
use resonant_domain::fields::Fields;
use resonant_domain::session::{NewFork, NewMessage};
use sqlx::PgPool;
use sqlx::types::Uuid;

use super::*;
use crate::agents::records::{self as agent_records, Wanted};
use crate::{RequestId, sample};

/// A caller by a key of this one.
fn by_key(backend: &Backend, owner: UserId) -> (Ctx, Uuid) {
    let id = Uuid::from_u128(7);
    let scopes: Scopes = Scope::ALL.into_iter().collect();
    let actor = Actor::Key { owner, key: ApiKeyId::from_uuid(id), scopes };
    (backend.ctx(actor, RequestId::new("test")), id)
}

fn origin(kind: OriginKind, id: Option<Uuid>) -> Origin {
    Origin { kind, id }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_says_what_began_it(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let owner = access::user(&ctx).unwrap();
    let (program, key) = by_key(&backend, owner);
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    let (mcp, shop) = (OriginKind::Mcp, OriginKind::Marketplace);
    let go = || sample::goal("Read");
    let draft = Edition::Draft;
    let made = [
        start(&ctx, agent, go()).await,
        try_edition(&ctx, agent, go(), draft).await,
        start(&program, agent, go()).await,
        try_edition(&program, agent, go(), draft).await,
        start_by(&program, agent, go(), mcp).await,
        start_by(&ctx, agent, go(), mcp).await,
        start_by(&ctx, agent, go(), shop).await,
    ];
    let expected = [
        Some(origin(OriginKind::Person, None)),
        Some(origin(OriginKind::Person, None)),
        Some(origin(OriginKind::Api, Some(key))),
        Some(origin(OriginKind::Api, Some(key))),
        Some(origin(mcp, Some(key))),
        Some(origin(mcp, None)),
        Some(origin(shop, None)),
    ];
    let made = made.map(Result::unwrap);
    assert_eq!(made.each_ref().map(|session| session.origin), expected);
    for (session, origin) in made.iter().zip(expected) {
        assert_eq!(get(&ctx, session.id).await.unwrap().origin, origin);
    }

    // So does whatever lists them.
    let newest_first: Vec<_> = expected.into_iter().rev().collect();
    let all = list(&ctx, SessionFilter::default()).await.unwrap().items;
    let of_agent = SessionFilter { agent_id: Some(agent), ..SessionFilter::default() };
    let of_agent = list(&ctx, of_agent).await.unwrap().items;
    for listed in [all, of_agent] {
        let origins: Vec<_> = listed.iter().map(|session| session.origin).collect();
        assert_eq!(origins, newest_first);
    }
    let fields = Fields::<Session>::parse("origin").unwrap();
    let chosen = records::list(&ctx, SessionFilter::default(), &fields).await.unwrap().items;
    let chosen = serde_json::to_value(&chosen[4]).unwrap();
    assert_eq!(chosen, serde_json::json!({ "origin": { "kind": "api", "id": key } }));
    let wanted = Wanted { sessions: true, ..Wanted::default() };
    let record = agent_records::get(&ctx, agent, &wanted).await.unwrap();
    let origins: Vec<_> = record.sessions.unwrap().iter().map(|session| session.origin).collect();
    assert!(origins.len() > 4, "one of a key is among them: {origins:?}");
    assert_eq!(origins, newest_first[..origins.len()]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_goes_on_keeps_its_origin_and_a_fork_has_its_own(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let (program, key) = by_key(&backend, access::user(&ctx).unwrap());
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    let begun = start(&program, agent, sample::goal("What is 1 + 1?")).await.unwrap();
    sample::work_off(&backend).await;
    let message = NewMessage { text: "And 2 + 2?".to_owned(), context: None };
    let goes_on = say(&ctx, begun.id, message).await.unwrap();
    let api = Some(origin(OriginKind::Api, Some(key)));
    assert_eq!(goes_on.origin, api);
    sample::work_off(&backend).await;
    assert_eq!(get(&ctx, begun.id).await.unwrap().origin, api);

    let forked = fork(&ctx, begun.id, NewFork::default()).await.unwrap();
    assert_eq!(forked.origin, Some(origin(OriginKind::Person, None)));
    let forked = fork(&program, begun.id, NewFork::default()).await.unwrap();
    assert_eq!(forked.origin, api);

    // Whoever has but a link learns nothing of whose key it was.
    let token = share(&ctx, begun.id).await.unwrap();
    assert_eq!(shared(&backend.anonymous(), &token).await.unwrap().0.origin, None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_not_known_of_an_origin_is_not_told(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    let id = start(&ctx, agent, sample::goal("Read")).await.unwrap().id;
    let wanted = Wanted { sessions: true, ..Wanted::default() };
    // One that a later release has written, which nobody has read before, and one of before this was written down.
    for statement in ["UPDATE sessions SET origin = 'comet'", "UPDATE sessions SET origin = NULL"] {
        sqlx::raw_sql(statement).execute(&pool).await.unwrap();
        assert_eq!(get(&ctx, id).await.unwrap().origin, None, "{statement}");
        let listed = list(&ctx, SessionFilter::default()).await.unwrap().items;
        assert_eq!((listed[0].id, listed[0].origin), (id, None), "{statement}");
        let record = agent_records::get(&ctx, agent, &wanted).await.unwrap();
        let newest = &record.sessions.unwrap()[0];
        assert_eq!((newest.id, newest.origin), (id, None), "{statement}");
    }
}
