//! What the person who looks after an installation can do with the program.

use std::fs::Permissions;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::running::{ask, connect};
use super::{Running, free_port, run, server};
use crate::support::{Redis, TestApp, empty_database, fresh_database};

#[tokio::test]
async fn an_admin_is_made_and_unmade() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let url = app.database_url();
    let environment = [("DATABASE_URL", url.as_str()), ("RUST_LOG", "off")];
    let command = |words: &[&str]| run(words, &environment);
    assert_eq!(app.get("/api/v1/metrics").by(&ada).await.status, 404);
    let (went_well, words) = command(&["admin", "create", "Ada@Example.org"]);
    assert!(went_well && words.contains("is an admin now"), "{words}");
    assert_eq!(app.get("/api/v1/metrics").by(&ada).await.status, 200);

    let (went_well, words) = command(&["admin", "create", "new@example.org"]);
    assert!(went_well, "{words}");
    let password = words.lines().last().unwrap().to_owned();
    assert!(password.len() >= 24, "{words}");
    let (went_well, words) = command(&["admin", "reset-password", "new@example.org"]);
    assert!(went_well && words.contains("signed out everywhere"), "{words}");
    assert!(words.lines().last().is_some_and(|other| other.len() >= 24 && other != password));
    let (_, words) = command(&["admin", "list"]);
    assert_eq!(words.lines().collect::<Vec<_>>(), ["ada@example.org", "new@example.org"]);

    let (went_well, words) = command(&["admin", "remove", "ada@example.org"]);
    assert!(went_well, "{words}");
    assert_eq!(app.get("/api/v1/metrics").by(&ada).await.status, 404);
    for (words, told) in [
        (["admin", "remove", "nobody@example.org"], "no such member"),
        (["admin", "reset-password", "nobody@example.org"], "no such member"),
        (["admin", "create", "no address"], "email"),
    ] {
        let (went_well, answer) = command(&words);
        assert!(!went_well && answer.contains(told), "{answer}");
    }
}

/// Headers of a JSON body by whoever has the token.
pub(super) fn headers(token: Option<&String>, body: &str) -> String {
    format!(
        "Cookie: resonant_sign_in={}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        token.unwrap(),
        body.len()
    )
}

#[tokio::test]
async fn keys_are_rotated_and_secrets_sealed_anew() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let url = app.database_url();
    let old = "4f1c".repeat(16);
    let running = Running::start(&[("DATABASE_URL", &url), ("SECRETS_KEY", &old)]);
    let secret =
        json!({ "name": "KEY", "value": "canary-of-the-mine", "hosts": ["api.example.org"] });
    let secret = secret.to_string();
    let headers = headers(ada.token.as_ref(), &secret);
    let made = ask(running.port, "POST", "/api/v1/secrets", &headers, &secret).unwrap();
    assert!(made.contains(" 201 "), "{made}");
    drop(running);

    // Without a database, and without any other setting.
    let (went_well, words) = run(&["admin", "rotate-keys"], &[("SECRETS_KEY", &old)]);
    assert!(went_well && words.contains("server admin reencrypt"), "{words}");
    let value = words.lines().next().unwrap();
    let (new, rest) = value.split_once(',').unwrap();
    assert_eq!(rest, old);
    assert!(new.len() == 64 && new != old, "{value}");
    let (_, again) = run(&["admin", "rotate-keys"], &[("SECRETS_KEY", &old)]);
    assert!(!again.contains(new), "a key is made anew each time");
    let (went_well, words) = run(&["admin", "rotate-keys"], &[]);
    assert!(went_well && words.contains("was unset"), "{words}");
    let (went_well, words) = run(&["admin", "rotate-keys"], &[("SECRETS_KEY", "hunter2")]);
    assert!(!went_well && !words.contains("hunter2"), "{words}");

    let reencrypt = |words: &[&str], keys: &str| {
        run(words, &[("DATABASE_URL", &url), ("SECRETS_KEY", keys), ("RUST_LOG", "off")])
    };
    let finding = |keys: &str| {
        let (_, words) = reencrypt(&["doctor"], keys);
        words.lines().find(|line| line.starts_with("secrets")).unwrap().to_owned()
    };
    assert!(finding(new).contains("FAULT"), "the secret lies under another key");
    assert!(finding(value).contains("note"), "the old key is still needed");
    let (went_well, words) = reencrypt(&["admin", "reencrypt"], new);
    assert!(!went_well && words.contains("no key of SECRETS_KEY"), "{words}");
    let told = |count| (true, format!("secrets sealed under the first key: {count}\n"));
    assert_eq!(reencrypt(&["admin", "reencrypt"], value), told(1));
    assert!(finding(new).contains("well"), "the old key can go");
    // The command's first name does the same.
    assert_eq!(reencrypt(&["rotate-secrets"], new), told(0));
    app.end().await;
}

#[tokio::test]
async fn every_open_stream_is_counted() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let running = Running::start(&[
        ("DATABASE_URL", &app.database_url()),
        ("METRICS_TOKEN", "4f1c2d"),
        ("WORKER_CONCURRENCY", "0"),
    ]);
    let open = || {
        let text = running.ask("/metrics", "Authorization: Bearer 4f1c2d\r\n").unwrap();
        let name = "resonant_sse_subscribers ";
        text.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned))
    };
    assert_eq!(open(), None);
    let cookie = format!("Cookie: resonant_sign_in={}\r\n", ada.token.as_ref().unwrap());
    let mut agents = running.connect("/api/v1/agents/stream", &cookie).unwrap();
    // The session waits for a worker, and who called it for the session.
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": format!("reckoner_{}", agent.id.to_string().replace('-', "")),
            "arguments": { "goal": "What is 6 * 7?" },
        },
    });
    let call = call.to_string();
    let accepts = "Accept: application/json, text/event-stream\r\n";
    let headers = headers(ada.token.as_ref(), &call) + accepts;
    let mut answer = connect(running.port, "POST", "/mcp", &headers, &call).unwrap();
    for stream in [&mut agents, &mut answer] {
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    assert_eq!(open().as_deref(), Some("2"));
    app.end().await;
}

#[tokio::test]
async fn a_caller_who_goes_away_is_in_the_log() {
    const REQUEST: &str = "request-of-ada";
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let mut running = Running::start(&[
        ("DATABASE_URL", &app.database_url()),
        ("WORKER_CONCURRENCY", "0"),
        ("LOG_FORMAT", "json"),
    ]);
    // Nobody runs the session that is waited for.
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": format!("reckoner_{}", agent.id.to_string().replace('-', "")),
            "arguments": { "goal": "What is 6 * 7?" },
        },
    });
    let call = call.to_string();
    let named = format!("Accept: application/json\r\nX-Request-Id: {REQUEST}\r\n");
    let headers = headers(ada.token.as_ref(), &call) + named.as_str();
    let answer = connect(running.port, "POST", "/mcp", &headers, &call).unwrap();
    let begun = Instant::now();
    while app.get("/api/v1/sessions").by(&ada).await.value()["sessions"] == json!([]) {
        assert!(begun.elapsed() < Duration::from_secs(20), "no session was begun");
    }
    drop(answer);
    // The process hears of it in a moment.
    thread::sleep(Duration::from_secs(1));
    running.tell("-TERM");
    let mut log = String::new();
    running.child.stdout.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(running.child.wait().unwrap().success());
    let lines = log.lines().filter(|line| line.contains(REQUEST) && line.contains("/mcp"));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("the caller went away"), "{log}");
    app.end().await;
}

#[tokio::test]
async fn the_doctor_says_what_to_mend() {
    let database = fresh_database().await;
    let url = database.url();
    let root = std::env::temp_dir().join(format!("resonant-site-{}", free_port()));
    std::fs::create_dir_all(root.join("pkg")).unwrap();
    let root = root.to_str().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let well = [("DATABASE_URL", url.as_str()), ("LEPTOS_SITE_ROOT", root)];
    let (went_well, words) = run(&["doctor"], &well);
    assert!(went_well && !words.contains("FAULT"), "{words}");
    assert!(words.contains("PAYMENTS is unset: every listing is free"), "{words}");
    let (went_well, words) = run(&["doctor"], &[well[0], well[1], ("PAYMENTS", "test")]);
    assert!(went_well && words.contains("PAYMENTS is test: no money moves"), "{words}");
    let sold = [well[0], ("PAYMENTS", "test"), ("PUBLIC_URL", "https://resonant.example.org")];
    let (went_well, words) = run(&["doctor"], &sold);
    assert!(!went_well && words.contains("PAYMENTS must not be test"), "{words}");

    let model = format!("http://{closed}/v1");
    let redis = format!("redis://:hunter2@{closed}/");
    let broken = [
        ("DATABASE_URL", url.as_str()),
        ("LEPTOS_SITE_ROOT", "/nowhere"),
        ("REDIS_URL", &redis),
        ("OPENAI_BASE_URL", &model),
        ("OPENAI_MODEL", "absent"),
    ];
    let (went_well, words) = run(&["doctor"], &broken);
    assert!(!went_well && words.contains("3 faults"), "{words}");
    assert!(!words.contains("hunter2"), "{words}");
    for (name, mend) in
        [("redis", "start Redis"), ("models", "OPENAI_BASE_URL"), ("pages", "LEPTOS_SITE_ROOT")]
    {
        let mut lines = words.lines().skip_while(|line| !line.starts_with(name));
        assert!(lines.next().unwrap().contains("FAULT"), "{words}");
        assert!(lines.next().unwrap().contains(mend), "{words}");
    }

    let model = format!("http://{closed}");
    let (replica, mail) =
        (format!("postgres://u:hunter2@{closed}/r"), format!("smtp://u:hunter2@{closed}"));
    let broken = [
        ("DATABASE_URL", url.as_str()),
        ("LEPTOS_SITE_ROOT", root),
        ("DATABASE_REPLICA_URLS", &replica),
        ("SMTP_URL", &mail),
        ("MAIL_FROM", "alerts@example.org"),
        ("ANTHROPIC_BASE_URL", &model),
        ("ANTHROPIC_API_KEY", "sk-hunter2"),
        ("OLLAMA_BASE_URL", &model),
        ("GEMINI_API_KEY", "hunter2"),
        ("MODELS_SIMPLE", "ollama:tiny"),
        ("MODELS_COMPLEX", "anthropic:large"),
    ];
    let (went_well, words) = run(&["doctor"], &broken);
    assert!(!went_well && words.contains("4 faults"), "{words}");
    assert!(!words.contains("hunter2"), "{words}");
    assert!(words.contains("no tier names a model of gemini"), "{words}");
    for (what, mend) in [
        ("replicas", "DATABASE_REPLICA_URLS"),
        ("mail", "SMTP_URL"),
        ("ollama:tiny", "OLLAMA_BASE_URL, and at the name in MODELS_SIMPLE"),
        ("anthropic:large", "ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL"),
    ] {
        let mut lines = words.lines().skip_while(|line| !line.contains(what));
        assert!(lines.next().unwrap().contains("FAULT"), "{words}");
        assert!(lines.next().unwrap().contains(mend), "{words}");
    }

    let (went_well, words) = run(&["doctor"], &[("WORKER_CONCURRENCY", "hunter2"), well[0]]);
    assert!(!went_well && words.contains("1 fault"), "{words}");
    assert!(words.contains("FAULT  WORKER_CONCURRENCY must be a whole number"), "{words}");
    assert!(!words.contains("hunter2"), "{words}");

    let empty = empty_database().await;
    let empty_url = empty.url();
    let (went_well, words) =
        run(&["doctor"], &[("DATABASE_URL", &empty_url), ("LEPTOS_SITE_ROOT", root)]);
    assert!(!went_well && words.contains("server migrate"), "{words}");
    let away = format!("postgres://u:hunter2@{closed}/r");
    let (went_well, words) = run(&["doctor"], &[("DATABASE_URL", &away)]);
    assert!(!went_well && words.contains("start PostgreSQL"), "{words}");
    assert!(!words.contains("hunter2"), "{words}");

    // All else is looked at although the database is away.
    let broken = [
        ("DATABASE_URL", away.as_str()),
        ("LEPTOS_SITE_ROOT", root),
        ("DATABASE_REPLICA_URLS", &replica),
        ("REDIS_URL", &redis),
        ("SMTP_URL", &mail),
        ("MAIL_FROM", "alerts@example.org"),
        ("OLLAMA_BASE_URL", &model),
        ("MODELS_SIMPLE", "ollama:tiny"),
    ];
    let (went_well, words) = run(&["doctor"], &broken);
    assert!(!went_well && words.contains("5 faults"), "{words}");
    assert!(!words.contains("hunter2"), "{words}");
    for name in ["database", "replicas", "redis", "models", "mail"] {
        let told = words.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(told.contains("FAULT"), "{words}");
    }
    for (name, told) in [("disk", "MiB are free in the working folder"), ("pages", "is there")] {
        let line = words.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.contains(told), "{words}");
    }
    drop(std::fs::remove_dir_all(root));
}

#[tokio::test]
async fn each_of_several_databases_is_looked_at_by_itself() {
    let database = fresh_database().await;
    let url = database.url();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let both = format!("{url},postgres://u:hunter2@{closed}/r");
    let shards = [("DATABASE_URL", url.as_str()), ("DATABASE_SHARD_URLS", both.as_str())];
    let (went_well, words) = run(&["doctor"], &shards);
    assert!(!went_well && !words.contains("hunter2"), "{words}");
    let of = |name: &str| words.lines().filter(|line| line.starts_with(name)).collect::<Vec<_>>();
    let (looks, schemas) = (of("database"), of("schema"));
    assert_eq!((looks.len(), schemas.len()), (2, 1), "{words}");
    assert!(!looks[0].contains("refused") && looks[1].contains("refused"), "{words}");
    assert!(looks[1].contains(&format!("postgres://{closed}/r")), "{words}");
    assert!(schemas[0].contains("up to date"), "{words}");
}

#[tokio::test]
async fn what_redis_does_when_it_is_full_is_told() {
    let (database, redis) = (fresh_database().await, Redis::start("policies"));
    let (url, redis_url) = (database.url(), redis.url());
    let told = || {
        let (_, words) = run(&["doctor"], &[("DATABASE_URL", &url), ("REDIS_URL", &redis_url)]);
        words.lines().find(|line| line.starts_with("redis")).unwrap().to_owned()
    };
    assert!(told().contains("well   answers"), "{}", told());
    redis.tell("CONFIG SET maxmemory 100mb");
    for (policy, words) in [
        ("noeviction", "note   answers; its maxmemory-policy is noeviction"),
        ("volatile-ttl", "note   answers; its maxmemory-policy is volatile-ttl"),
        ("allkeys-lru", "well   answers"),
    ] {
        redis.tell(&format!("CONFIG SET maxmemory-policy {policy}"));
        assert!(told().contains(words), "{}", told());
    }
}

#[tokio::test]
async fn a_full_disk_of_the_database_is_told() {
    let database = fresh_database().await;
    let url = database.url();
    let (_, words) = run(&["doctor"], &[("DATABASE_URL", &url)]);
    let told = words.lines().find(|line| line.starts_with("disk")).unwrap();
    assert!(told.contains("MiB are free") && told.contains("PostgreSQL keeps its data"), "{told}");

    // What tells how much is free tells of a disk with little.
    let folder = std::env::temp_dir().join(format!("resonant-df-{}", free_port()));
    std::fs::create_dir_all(&folder).unwrap();
    let df = folder.join("df");
    let script = "#!/bin/sh\necho Filesystem\necho /dev/a 4096 2048 2048 50% /\n";
    std::fs::write(&df, script).unwrap();
    std::fs::set_permissions(&df, Permissions::from_mode(0o755)).unwrap();
    let output = server(&["doctor"], &[("DATABASE_URL", &url)]).env("PATH", &folder).output();
    let output = output.unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    let mut lines = words.lines().skip_while(|line| !line.starts_with("disk"));
    let told = lines.next().unwrap();
    assert!(told.contains("FAULT") && told.contains("2 MiB are free"), "{words}");
    assert!(lines.next().unwrap().contains("stops taking writes"), "{words}");
    assert!(!output.status.success(), "{words}");
    drop(std::fs::remove_dir_all(&folder));
}
