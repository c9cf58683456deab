use resonant_domain::FaultKind;
use resonant_domain::api_key::Scope;
use sqlx::PgPool;

use super::*;
use crate::{Actor, RequestId, api_keys, members, sample};

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn each_process_shows_all_of_them(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let other = Backend::for_tests(pool.clone());
    let root = sample::member(&backend, "root").await.unwrap();
    assert_eq!(list(&root).await.unwrap_err().kind(), FaultKind::NotFound);
    let stranger = list(&backend.anonymous()).await.unwrap_err();
    assert_eq!(stranger.kind(), FaultKind::Unauthenticated);
    members::appoint_admin(&backend.system(), "root@example.org").await.unwrap();

    let owner = access::user(&root).unwrap();
    for (scope, is_let_in) in [(Scope::MetricsRead, true), (Scope::AgentsRead, false)] {
        let key = api_keys::create(&root, sample::key("CI", &[scope])).await.unwrap().0;
        let actor = Actor::Key { owner, key: key.id, scopes: key.scopes };
        let by_key = backend.ctx(actor, RequestId::new("test"));
        assert_eq!(list(&by_key).await.is_ok(), is_let_in, "{scope:?}");
    }

    let web = Process::begin("web", "1.2.3", 0);
    let worker = Process::begin("worker", "1.2.3", 4);
    let _open = backend.metrics().raise(Family::SseSubscribers);
    tell(&backend.system(), &web).await.unwrap();
    tell(&other.system(), &worker).await.unwrap();
    // Told twice it is there once.
    tell(&other.system(), &worker).await.unwrap();
    let all = list(&root).await.unwrap();
    let roles: Vec<_> = all.iter().map(|one| (one.role.as_str(), one.state.workers)).collect();
    assert!(roles.contains(&("web", 0)) && roles.contains(&("worker", 4)), "{roles:?}");
    assert_eq!(roles.len(), 2);
    let web = all.iter().find(|one| one.role == "web").unwrap();
    assert_eq!((web.state.streams, web.version.as_str()), (1, "1.2.3"));
    assert_eq!(web.state.pid, std::process::id());
    assert!(web.state.memory_bytes > 0 && web.state.connections_max > 0, "{web:?}");

    leave(&other.system()).await.unwrap();
    assert_eq!(list(&root).await.unwrap().len(), 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_tells_nothing_for_a_minute_is_gone(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let other = Backend::for_tests(pool.clone());
    let process = Process::begin("all", "1.2.3", 4);
    let system = backend.system();
    tell(&other.system(), &process).await.unwrap();
    // So the clock of the database looks after it was put forward, or back.
    for change in ["INTERVAL '61 seconds'", "INTERVAL '-61 seconds'"] {
        let moved = format!("UPDATE processes SET seen_at = now() - {change}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(moved)).execute(&pool).await.unwrap();
        assert!(list(&system).await.unwrap().is_empty(), "{change}");
        tell(&other.system(), &process).await.unwrap();
        assert_eq!(list(&system).await.unwrap().len(), 1, "it tells of itself again");
    }
    let long_ago = "UPDATE processes SET seen_at = now() - INTERVAL '2 minutes'";
    sqlx::raw_sql(long_ago).execute(&pool).await.unwrap();
    tell(&system, &process).await.unwrap();
    let rows = sqlx::raw_sql("SELECT 1 FROM processes").fetch_all(&pool).await.unwrap();
    assert_eq!(rows.len(), 1, "what is gone takes no room");
    let refused = tell(&backend.anonymous(), &process).await.unwrap_err();
    assert_eq!(refused.kind(), FaultKind::Unauthenticated);
}
