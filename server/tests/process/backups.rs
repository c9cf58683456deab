//! What is written away and brought back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use resonant_backend::fresh_database::fingerprints;
use resonant_backend::{Actor, Backend, RequestId, Settings, agents, members, sessions};
use resonant_domain::agent::AgentSpec;
use resonant_domain::session::{NewSession, Session, SessionState};

use super::{free_port, run};
use crate::support::{SlowModel, TestApp, empty_database, fresh_database};

/// A file or folder that goes when the test ends.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("resonant-{}-{name}", free_port())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Who may do what with it.
fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_backup_brings_everything_back() {
    let model = SlowModel::start(3, Duration::ZERO).await;
    let app = TestApp::builder().model(model.url()).workers(1).start().await;
    let ada = app.member("ada").await;
    let agent = app.published_agent(&ada, "Reckoner").await;
    let mut last = None;
    for goal in ["Count", "Count on", "Count down"] {
        let session = app.session(&ada, &agent, goal).await;
        last = Some(app.finish(&ada, &session).await);
    }
    let before = last.unwrap();
    assert_eq!(before.state, SessionState::Completed);

    let file = Temporary::new("backup");
    let url = app.database_url();
    let held = fingerprints(&url).await;
    // The server takes words in its address that PostgreSQL's tools have none for.
    let between = if url.contains('?') { '&' } else { '?' };
    let address = format!("{url}{between}ssl-mode=prefer&statement-cache-capacity=64");
    let (went_well, words) = run(&["backup", file.path()], &[("DATABASE_URL", &address)]);
    assert!(went_well && words.contains("backup written"), "{words}");
    assert_eq!(mode(&file.0), 0o600, "it holds what people keep to themselves");
    let (went_well, words) = run(&["restore", file.path()], &[("DATABASE_URL", &url)]);
    assert!(!went_well && words.contains("is not empty"), "{words}");

    let empty = empty_database().await;
    let new_url = empty.url();
    let redis = ("REDIS_URL", "redis://127.0.0.1:9/");
    let (went_well, words) = run(&["restore", file.path()], &[("DATABASE_URL", &new_url), redis]);
    assert!(went_well && words.contains("empty it before any process starts"), "{words}");
    assert_eq!(fingerprints(&new_url).await, held);
    assert!(held.iter().any(|(table, rows, _)| table == "session_events" && *rows > 9), "{held:?}");
    let restored = TestApp::builder().on(empty).start().await;
    let path = format!("/api/v1/sessions/{}?include=events", before.id);
    let (old, new) = (app.get(&path).by(&ada).await, restored.get(&path).by(&ada).await);
    assert_eq!(old.value(), new.value(), "the same session, by the same sign-in");
    let after: Session = new.read();
    assert_eq!(after.last_sequence, before.last_sequence);
    restored.end().await;
    app.end().await;
}

#[tokio::test]
async fn several_databases_are_brought_back_each_by_its_number() {
    let (first, second) = (fresh_database().await, fresh_database().await);
    let (url, other) = (first.url(), second.url());
    let both = format!("{url},{other}");
    let environment = [("DATABASE_URL", url.as_str()), ("DATABASE_SHARD_URLS", &both)];
    let (went_well, words) = run(&["migrate"], &environment);
    assert!(went_well, "{words}");
    let mut settings = Settings::new(&url);
    settings.database.shard_urls = vec![url.clone(), other.clone()];
    let backend = Backend::connect(settings).await.unwrap();
    for number in 0..16 {
        let ctx = backend.ctx(Actor::Anonymous, RequestId::new("test"));
        members::begin_guest(&ctx).await.unwrap();
        let spec = AgentSpec { name: format!("Reckoner {number}"), ..AgentSpec::default() };
        let agent = agents::create(&ctx, spec).await.unwrap();
        let new = NewSession { goal: "What is 6 * 7?".to_owned(), ..NewSession::default() };
        sessions::start(&ctx, agent.id, new).await.unwrap();
    }
    let held = [fingerprints(&url).await, fingerprints(&other).await];
    for tables in &held {
        let has = |name: &str| tables.iter().any(|(table, rows, _)| table == name && *rows > 0);
        assert!(has("agents") && has("sessions"), "{tables:?}");
    }

    let folder = Temporary::new("backups");
    let (went_well, words) = run(&["backup", folder.path()], &environment);
    assert!(went_well, "{words}");
    assert_eq!(mode(&folder.0), 0o700);
    for file in ["0.dump", "1.dump"] {
        assert_eq!(mode(&folder.0.join(file)), 0o600, "{file}");
    }
    let (went_well, words) = run(&["backup", folder.path()], &environment);
    assert!(!went_well && words.contains("a folder that is not empty"), "{words}");

    let (one, two) = (empty_database().await, empty_database().await);
    let (new_url, new_other) = (one.url(), two.url());
    let alone = [("DATABASE_URL", new_url.as_str())];
    let (went_well, words) = run(&["restore", folder.path()], &alone);
    assert!(!went_well && words.contains("the backup of 2 databases"), "{words}");
    let both = format!("{new_url},{new_other}");
    let environment = [alone[0], ("DATABASE_SHARD_URLS", &both)];
    let (went_well, words) = run(&["restore", folder.path()], &environment);
    assert!(went_well, "{words}");
    assert_eq!([fingerprints(&new_url).await, fingerprints(&new_other).await], held);
    // They know each other by their numbers.
    let (went_well, words) = run(&["shards", "status"], &environment);
    assert!(went_well && words.contains("shard 1: 512 buckets"), "{words}");
}

#[tokio::test]
async fn what_is_no_backup_is_refused() {
    let database = empty_database().await;
    let url = database.url();
    let file = Temporary::new("no-backup");
    std::fs::write(&file.0, "not a backup").unwrap();
    let (went_well, words) = run(&["restore", file.path()], &[("DATABASE_URL", &url)]);
    assert!(!went_well && words.contains("pg_restore failed"), "{words}");
    let nowhere = "/nowhere/backup";
    let (went_well, words) = run(&["backup", nowhere], &[("DATABASE_URL", &url)]);
    assert!(!went_well && words.contains("cannot write /nowhere/backup"), "{words}");
    let away = format!("postgres://u:hunter2@127.0.0.1:{}/r", free_port());
    let (went_well, words) = run(&["backup", file.path()], &[("DATABASE_URL", &away)]);
    assert!(!went_well && words.contains("pg_dump failed"), "{words}");
    assert!(!words.contains("hunter2"), "{words}");
    assert_eq!(std::fs::read(&file.0).unwrap(), b"not a backup", "what was there stays");
    assert!(!Path::new(&format!("{}.part", file.path())).exists());
}
