//! Entity tags, who may keep an answer, and what an answer from the cache costs.

use std::time::{Duration, Instant};

use http::Method;
use resonant_backend::{RateLimit, fresh_database};
use resonant_domain::agent::Agent;
use serde_json::json;
use server::settings::Limits;

use crate::support::{Redis, TestApp, Visitor, statements};

/// Makes somebody a publisher and puts three shelves of eight listings each up.
async fn furnish(app: &TestApp) {
    let statement = "
        INSERT INTO publishers (user_id, handle, name, created_at, updated_at)
        SELECT user_id, 'ada', 'Ada', now(), now() FROM users LIMIT 1;
        INSERT INTO collections (collection_id, slug, title, description, is_featured, created_at,
                                 updated_at)
        SELECT gen_random_uuid(), 'shelf-' || number, 'Shelf ' || number, '', TRUE, now(), now()
        FROM generate_series(1, 3) number;
        INSERT INTO collection_listings (collection_id, listing_id, place)
        SELECT collection_id, listing_id, place
        FROM collections
        CROSS JOIN (
            SELECT listing_id, row_number() OVER (ORDER BY slug)::INTEGER AS place FROM listings
        ) first
        WHERE place <= 8";
    fresh_database::execute(&app.database_url(), statement).await;
}

/// Asks until the answer costs nothing: the first answers open the ear and fill the first level.
/// Gives its tag.
async fn until_kept(app: &TestApp, visitor: &Visitor, path: &str) -> String {
    let began = Instant::now();
    loop {
        let before = statements();
        let answer = app.get(path).by(visitor).await;
        if statements() == before {
            return answer.header("etag").to_owned();
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{path} is never kept");
    }
}

#[tokio::test]
async fn what_this_process_has_is_answered_without_sql_and_without_redis() {
    statements();
    let redis = Redis::start("hits");
    let app = TestApp::builder().redis(&redis.url()).start().await;
    app.backend.load_content().await.unwrap();
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    furnish(&app).await;
    let paths = [
        format!("/api/v1/agents/{}", agent.id),
        "/api/v1/agents?limit=5".to_owned(),
        "/api/v1/listings/meeting-minutes".to_owned(),
        "/api/v1/listings/meeting-minutes/facts".to_owned(),
        "/api/v1/listings?category=finance&limit=5".to_owned(),
        "/api/v1/collections".to_owned(),
        "/api/v1/collections/shelf-1".to_owned(),
        "/api/v1/publishers/ada".to_owned(),
        "/api/v1/publishers/ada?fields=name".to_owned(),
        "/api/v1/tools".to_owned(),
        "/api/v1/openapi.json".to_owned(),
    ];
    let mut tags = Vec::new();
    for path in &paths {
        tags.push(until_kept(&app, &ada, path).await);
    }
    let (sql, commands) = (statements(), redis.commands().unwrap());
    for _ in 0..10 {
        for (path, tag) in paths.iter().zip(&tags) {
            let whole = app.get(path).by(&ada).await;
            assert_eq!((whole.status, whole.header("etag")), (200, tag.as_str()));
            assert!(whole.value().is_object());
            let known = app.get(path).by(&ada).header("if-none-match", tag).await;
            assert_eq!((known.status, known.body.len()), (304, 0), "{known:?}");
        }
    }
    assert_eq!(statements() - sql, 0);
    // The question itself is two commands.
    assert_eq!(redis.commands().unwrap() - commands, 2);
    app.end().await;
}

/// Redis is told behind the answers how much was asked, once a second: a hit waits for nothing and asks
/// nothing, within the limits that there are by default.
#[tokio::test]
async fn a_hit_within_a_limit_asks_redis_nothing() {
    const RUN: Duration = Duration::from_millis(300);
    statements();
    let redis = Redis::start("limited-hits");
    let window = Duration::from_mins(1);
    let mut limits = Limits::none();
    limits.rate.address = Some(RateLimit { name: "address", requests: 600_000, window });
    let app = TestApp::builder().redis(&redis.url()).limits(limits).start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let tag = until_kept(&app, &ada, &path).await;
    let quiet_run = async || {
        let (began, before) = (Instant::now(), redis.commands().unwrap());
        while began.elapsed() < RUN {
            let known = app.get(&path).by(&ada).header("if-none-match", &tag).await;
            assert_eq!(known.status, 304, "{known:?}");
            assert!(known.header("ratelimit").starts_with("\"address\";r="), "{known:?}");
        }
        // The question itself is two commands.
        redis.commands().unwrap() - before == 2
    };
    let began = Instant::now();
    while !quiet_run().await {
        assert!(began.elapsed() < Duration::from_secs(20), "Redis is asked all the time");
    }
    app.end().await;
}

#[tokio::test]
async fn the_shelves_are_read_by_one_statement() {
    statements();
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let ada = app.guest().await;
    furnish(&app).await;
    // From here on the process hears, and knows who asks.
    until_kept(&app, &ada, "/api/v1/listings?limit=1").await;
    let before = statements();
    let found = app.get("/api/v1/collections").by(&ada).await.value();
    assert_eq!(statements() - before, 1);
    let shelves = found["collections"].as_array().unwrap();
    let held = shelves.iter().map(|shelf| shelf["listings"].as_array().unwrap().len());
    assert_eq!(held.collect::<Vec<_>>(), [6, 6, 6]);
    let whole = app.get("/api/v1/collections/shelf-1").by(&ada).await.value();
    assert_eq!(whole["listings"].as_array().unwrap().len(), 8);
    app.end().await;
}

#[tokio::test]
async fn what_people_say_of_a_session_gives_it_another_tag() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "5 miles in km").await;
    app.finish(&ada, &session).await;
    let path = format!("/api/v1/sessions/{}", session.id);
    let mut tag = app.get(&path).by(&ada).await.header("etag").to_owned();
    for (place, body) in [
        ("pins", json!({ "message": 0, "is_pinned": true })),
        ("thumb", json!({ "thumb": "up" })),
        ("pins", json!({ "message": 0, "is_pinned": false })),
    ] {
        let done = app.call(Method::PUT, &format!("{path}/{place}")).by(&ada).json(&body).await;
        assert_eq!(done.status, 200, "{place}: {done:?}");
        let now = app.get(&path).by(&ada).header("if-none-match", &tag).await;
        assert_eq!((now.status, now.value()), (200, done.value()), "{place}");
        now.header("etag").clone_into(&mut tag);
        let known = app.get(&path).by(&ada).header("if-none-match", &tag).await;
        assert_eq!(known.status, 304, "{place}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_packed_answer_has_a_tag_of_its_own() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let path = "/api/v1/listings";
    let plain = app.get(path).await.header("etag").to_owned();
    let ask = |encoding: &str, tag: &str| {
        app.get(path).header("accept-encoding", encoding).header("if-none-match", tag)
    };
    for encoding in ["br", "gzip", "zstd"] {
        let packed = app.get(path).header("accept-encoding", encoding).await;
        assert_eq!(packed.header("content-encoding"), encoding);
        assert_eq!(packed.header("vary"), "accept-encoding");
        let tag = packed.header("etag").to_owned();
        assert_eq!(tag, format!("{}-{encoding}\"", plain.trim_end_matches('"')));
        let known = ask(encoding, &tag).await;
        assert_eq!((known.status, known.header("etag")), (304, tag.as_str()));
        assert_eq!(known.header("vary"), "accept-encoding");
        // Who does not take it any more gets the plain one.
        assert_eq!(ask("identity", &tag).await.status, 200);
        assert_eq!(ask(encoding, &format!("\"other\", W/{tag}")).await.status, 304);
        // Of several answers that the caller has, the one that still counts is named.
        for known in [&tag, &plain] {
            let asked = format!("\"other-br\", \"other-{encoding}\", {known}");
            let answer = ask("br, gzip, zstd", &asked).await;
            assert_eq!((answer.status, answer.header("etag")), (304, known.as_str()));
        }
    }
    assert_eq!(ask("identity", &plain).await.status, 304);
    app.end().await;
}

#[tokio::test]
async fn refusals_and_what_a_model_is_told_are_packed_too() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    for number in 0..5 {
        app.agent(&ada, &format!("Reckoner {number}")).await;
    }
    let list = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {} });
    let tools = || app.post("/mcp").by(&ada).json(&list);
    // Its address stands in a refusal.
    let nothing = format!("/api/v1/{}", "nothing".repeat(300));
    let refused = || app.get(&nothing).by(&ada);
    let plain = [(refused().await, 404), (tools().await, 200)];
    for encoding in ["br", "gzip", "zstd"] {
        let packed = [refused(), tools()].map(|call| call.header("accept-encoding", encoding));
        for (call, (plain, status)) in packed.into_iter().zip(&plain) {
            let answer = call.await;
            assert_eq!((answer.status, plain.status), (*status, *status), "{encoding}");
            assert_eq!(answer.header("content-encoding"), encoding, "{plain:?}");
            assert_eq!(answer.header("content-type"), plain.header("content-type"));
            assert!(2 * answer.body.len() < plain.body.len(), "{encoding}: {plain:?}");
        }
    }
    let nothing_taken = refused().header("accept-encoding", "identity;q=0").await;
    assert_eq!(nothing_taken.problem(), (404, vec![]), "the document says so, too");
    let short = app.get("/api/v1/nothing").header("accept-encoding", "gzip").await;
    assert_eq!((short.problem(), short.header("content-encoding")), ((404, vec![]), ""));
    app.end().await;
}

#[tokio::test]
async fn a_packed_tag_names_a_revision_too() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let change = |tag: &str| {
        app.call(Method::PATCH, &path)
            .by(&ada)
            .json(&json!({ "name": "New" }))
            .header("if-match", tag)
    };
    assert_eq!(change("W/\"1\"").await.problem(), (412, vec![]));
    assert_eq!(change("\"0\", \"2\"").await.problem(), (412, vec![]));
    let unless = app.call(Method::PATCH, &path).by(&ada).json(&json!({ "name": "New" }));
    let refused = unless.header("if-none-match", "\"0\", W/\"1-br\"").await;
    assert_eq!(refused.problem(), (412, vec![]));
    assert_eq!(change("\"0\", \"1-br\"").await.status, 200);
    let delete = |tag: &str| app.call(Method::DELETE, &path).by(&ada).header("if-match", tag);
    assert_eq!(delete("\"1\"").await.problem(), (412, vec![]));
    assert_eq!(delete("W/\"2\"").await.problem(), (412, vec![]));
    assert_eq!(app.get(&path).by(&ada).await.read::<Agent>().revision, 2);
    assert_eq!(delete("\"2\"").await.status, 204);
    app.end().await;
}

#[tokio::test]
async fn an_answer_says_who_may_keep_it() {
    let app = TestApp::builder().workers(1).start().await;
    app.backend.load_content().await.unwrap();
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "1 + 1").await;
    app.finish(&ada, &session).await;
    furnish(&app).await;
    let public = ("public, max-age=60, stale-while-revalidate=60", "accept-encoding");
    let owned = ("private, no-cache", "accept-encoding, authorization, cookie");
    for (path, (cache, vary)) in [
        ("/api/v1/listings".to_owned(), public),
        ("/api/v1/listings/meeting-minutes".to_owned(), public),
        ("/api/v1/listings/meeting-minutes/facts".to_owned(), public),
        ("/api/v1/collections".to_owned(), public),
        ("/api/v1/collections/shelf-1".to_owned(), public),
        ("/api/v1/publishers/ada".to_owned(), public),
        ("/api/v1/tools".to_owned(), public),
        ("/api/v1/openapi.json".to_owned(), public),
        (format!("/api/v1/agents/{}", agent.id), owned),
        ("/api/v1/agents?status=active".to_owned(), owned),
        (format!("/api/v1/sessions/{}", session.id), owned),
    ] {
        let whole = app.get(&path).by(&ada).await;
        let tag = whole.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() > 2, "{path}: {tag}");
        let known = app.get(&path).by(&ada).header("if-none-match", &tag).await;
        assert_eq!((whole.status, known.status), (200, 304), "{path}");
        for answer in [&whole, &known] {
            assert_eq!(answer.header("etag"), tag, "{path}");
            assert_eq!(answer.header("cache-control"), cache, "{path}");
            assert_eq!(answer.header("vary"), vary, "{path}");
        }
    }
    // A stranger's tag opens nothing.
    let bob = app.guest().await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let foreign = app.get(&path).by(&bob).header("if-none-match", "*").await;
    assert_eq!(foreign.problem(), (404, vec![]));
    app.end().await;
}
