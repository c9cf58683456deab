//! A worker that sleeps past its lease. What is refused to it it tells by a file: it is a process of its own.

use std::fmt::{Debug, Write as _};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use super::*;

/// The file, which goes with this.
struct Refusals(PathBuf);

impl Refusals {
    fn begin() -> Self {
        let name = format!("resonant-refusals-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, "").unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn count(&self) -> usize {
        fs::read_to_string(&self.0).unwrap().lines().count()
    }
}

impl Drop for Refusals {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

/// Has every late write of this process that is refused written down.
pub(super) fn write_refusals(path: &str) {
    let file = File::options().append(true).open(path).unwrap();
    tracing::subscriber::set_global_default(Listener(Mutex::new(file))).unwrap();
}

struct Listener(Mutex<File>);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("resonant_backend::work")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        if text.0 == REFUSED {
            writeln!(self.0.lock().unwrap(), "{REFUSED}").unwrap();
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.clear();
            write!(self.0, "{value:?}").unwrap();
        }
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_worker_that_was_asleep_past_its_lease_writes_nothing(pool: PgPool) {
    make_table(&pool).await;
    let backend = backend(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let goals = vec!["slow"; if is_full() { 200 } else { 12 }];
    let ids: Vec<_> = queue(&ctx, &BOTH, &goals).await.iter().map(|session| session.id).collect();
    let mut open = ids.clone();
    let refused = Refusals::begin();
    let sleeper = Worker::spawn_with(&pool, &[(REFUSALS, refused.path())]);
    while decide_and_count(&ctx, &pool, &mut open).await == ids.len() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It falls asleep with sessions in its hands.
    let began = Instant::now();
    let held = loop {
        sleeper.signal("-STOP");
        // What it had sent is done by then.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let held = sleeper.held(&pool).await;
        if held > 0 {
            break held;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "it has no session");
        sleeper.signal("-CONT");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(refused.count(), 0);
    let _other = Worker::spawn(&pool);
    let began = Instant::now();
    while decide_and_count(&ctx, &pool, &mut open).await > 0 {
        assert!(began.elapsed() < Duration::from_mins(5), "{} are not over", open.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let last = async || {
        let mut all = Vec::new();
        for id in &ids {
            all.push(sessions::get(&ctx, *id).await.unwrap().last_sequence);
        }
        all
    };
    let before = last().await;
    sleeper.signal("-CONT");
    // It wakes up in the middle of what it did, and tries to write that down. A run that sees first that
    // its lease is over does not.
    let began = Instant::now();
    while refused.count() == 0 {
        assert!(began.elapsed() < Duration::from_mins(1), "nothing was tried of {held} sessions");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(last().await, before);
    // What took effect elsewhere before the lease was lost is known by its key.
    for id in ids {
        assert_eq!(effects(&pool, id, "calculator").await, 1);
    }
}
