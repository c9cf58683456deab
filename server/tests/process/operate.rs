//! What the person who looks after an installation can do with the program.

use std::net::TcpListener;
use std::path::PathBuf;

use resonant_domain::session::{Session, SessionState};

use super::{free_port, run};
use crate::support::{SlowModel, TestApp, empty_database, fresh_database};

/// A file that goes when the test ends.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("resonant-{}-{name}", free_port())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

#[tokio::test]
async fn a_backup_brings_everything_back() {
    let model = SlowModel::start(3, std::time::Duration::ZERO).await;
    let app = TestApp::builder().model(model.url()).workers(1).start().await;
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "Count").await;
    let before = app.finish(&ada, &session).await;
    assert_eq!(before.state, SessionState::Completed);

    let file = TemporaryFile::new("backup");
    let url = app.database_url();
    let (went_well, words) = run(&["backup", file.path()], &[("DATABASE_URL", &url)]);
    assert!(went_well && words.contains("backup written"), "{words}");
    let (went_well, words) = run(&["restore", file.path()], &[("DATABASE_URL", &url)]);
    assert!(!went_well && words.contains("is not empty"), "{words}");

    let empty = empty_database().await;
    let new_url = empty.url();
    let (went_well, words) = run(&["restore", file.path()], &[("DATABASE_URL", &new_url)]);
    assert!(went_well, "{words}");
    let restored = TestApp::builder().on(empty).start().await;
    let path = format!("/api/v1/sessions/{}?include=events", session.id);
    let (old, new) = (app.get(&path).by(&ada).await, restored.get(&path).by(&ada).await);
    assert_eq!(old.value(), new.value(), "the same session, by the same sign-in");
    let after: Session = new.read();
    assert_eq!(after.last_sequence, before.last_sequence);
    restored.end().await;
    app.end().await;
}

#[tokio::test]
async fn what_is_no_backup_is_refused() {
    let database = empty_database().await;
    let url = database.url();
    let file = TemporaryFile::new("no-backup");
    std::fs::write(&file.0, "not a backup").unwrap();
    let (went_well, words) = run(&["restore", file.path()], &[("DATABASE_URL", &url)]);
    assert!(!went_well && words.contains("pg_restore failed"), "{words}");
    let nowhere = "/nowhere/backup";
    let (went_well, words) = run(&["backup", nowhere], &[("DATABASE_URL", &url)]);
    assert!(!went_well && words.contains("pg_dump failed"), "{words}");
}

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
    let (_, words) = command(&["admin", "list"]);
    assert_eq!(words.lines().collect::<Vec<_>>(), ["ada@example.org", "new@example.org"]);

    let (went_well, words) = command(&["admin", "remove", "ada@example.org"]);
    assert!(went_well, "{words}");
    assert_eq!(app.get("/api/v1/metrics").by(&ada).await.status, 404);
    for (words, told) in [
        (["admin", "remove", "nobody@example.org"], "no such member"),
        (["admin", "create", "no address"], "email"),
    ] {
        let (went_well, answer) = command(&words);
        assert!(!went_well && answer.contains(told), "{answer}");
    }
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

    let empty = empty_database().await;
    let empty_url = empty.url();
    let (went_well, words) =
        run(&["doctor"], &[("DATABASE_URL", &empty_url), ("LEPTOS_SITE_ROOT", root)]);
    assert!(!went_well && words.contains("server migrate"), "{words}");
    let away = format!("postgres://u:hunter2@{closed}/r");
    let (went_well, words) = run(&["doctor"], &[("DATABASE_URL", &away)]);
    assert!(!went_well && words.contains("start PostgreSQL"), "{words}");
    assert!(!words.contains("hunter2"), "{words}");
    drop(std::fs::remove_dir_all(root));
}
