//! Workers of the program itself, `server worker`, that are killed, put to sleep and told to stop while their
//! sessions take effect: by a command that speaks MCP and writes down each call, which must not be repeated.
//! A lease lasts longer than a short run shall: what a process that is gone would not renew is ended for it.

mod stage;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use resonant_domain::SessionId;
use tokio::time::sleep;

use self::stage::{Stage, moment};
use crate::process::Running;
use crate::support::{count_at_the_brink, count_held, end_leases};

/// How many sessions one process has at the same time.
const AT_ONCE: usize = 4;
/// How many are open while workers are killed.
const OPEN: usize = 48;
/// What a worker logs whose writes come too late.
const REFUSED: &str = "a late write was refused";

#[expect(clippy::disallowed_methods, reason = "a test asks how long it may be")]
fn is_full() -> bool {
    std::env::var("RESONANT_FAULTS").is_ok_and(|form| form == "full")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_lose_no_session_and_repeat_no_effect() {
    let stage = Stage::begin("killed").await;
    let (sessions, kills) = if is_full() { (2_000, 40) } else { (OPEN, 4) };
    let url = stage.database_url();
    // One after the other: a port that is free for one is so for another until it is taken.
    let mut workers: Vec<_> = (0..3).map(|_| stage.worker()).collect();
    let (mut all, mut open, mut killed) = (Vec::new(), Vec::new(), 0);
    let began = Instant::now();
    loop {
        let left = stage.decide_and_count(&mut open).await;
        let is_enough = all.len() >= sessions && killed >= kills;
        if is_enough && left == 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_mins(15), "{left} sessions are not over");
        if is_enough {
            sleep(Duration::from_millis(20)).await;
            continue;
        }
        for _ in left..OPEN {
            let id = stage.queue(all.len()).await;
            all.push(id);
            open.push(id);
        }
        sleep(moment(300)).await;
        let process = workers[0].child.id();
        // One that would be lost for the third time in a row would be set aside, as it should.
        if count_held(&url, process).await == 0 || count_at_the_brink(&url).await > 0 {
            continue;
        }
        // SIGKILL: it has no time to do anything.
        drop(workers.remove(0));
        killed += 1;
        stage.until_silent(process).await;
        end_leases(&url, process).await;
        workers.push(stage.worker());
    }
    stage.each_took_effect_once(&all).await;
    tell(all.len(), killed, began.elapsed());
    drop(workers);
    stage.end().await;
}

#[expect(clippy::print_stderr, reason = "the figures of a long run are for whoever ran it")]
fn tell(sessions: usize, kills: usize, took: Duration) {
    eprintln!("{sessions} sessions, {kills} workers killed, {:.1} s", took.as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_asleep_past_its_lease_writes_nothing() {
    let stage = Stage::begin("asleep").await;
    stage.gate.shut();
    let mut all = Vec::new();
    for number in 0..AT_ONCE {
        all.push(stage.queue(number).await);
    }
    let mut sleeper = stage.begin_worker("info");
    let log = lines(&mut sleeper);
    stage.gate.until_asked(AT_ONCE).await;
    sleeper.tell("-STOP");
    // Others are answered; what the sleeper has asked for comes when it is awake.
    stage.gate.open();
    if !is_full() {
        end_leases(&stage.database_url(), sleeper.child.id()).await;
    }
    let other = stage.worker();
    stage.until_over(all.clone()).await;
    stage.each_took_effect_once(&all).await;
    let before = stage.count_events().await;
    stage.gate.answer_all();
    sleeper.tell("-CONT");
    // It goes on in the middle of what it did, and tries to write that down.
    let (began, mut refused) = (Instant::now(), BTreeSet::<SessionId>::new());
    while refused.len() < AT_ONCE {
        let patience = Duration::from_mins(1).saturating_sub(began.elapsed());
        let line = log.recv_timeout(patience).expect("each of its sessions tries to write");
        if line.contains(REFUSED) {
            refused.extend(all.iter().copied().filter(|id| line.contains(&id.to_string())));
        }
    }
    sleeper.tell("-TERM");
    assert!(sleeper.child.wait().unwrap().success());
    assert_eq!(stage.count_events().await, before, "nothing was written");
    stage.each_took_effect_once(&all).await;
    drop(other);
    stage.end().await;
}

/// What a process logs, read so that it can go on.
fn lines(running: &mut Running) -> Receiver<String> {
    let output = BufReader::new(running.child.stdout.take().unwrap());
    let (told, heard) = channel();
    drop(thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            // Whoever has heard enough listens no more; the rest is read all the same.
            let _ = told.send(line);
        }
    }));
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_told_to_stop_hands_its_sessions_over() {
    let stage = Stage::begin("stopped").await;
    stage.gate.shut();
    let mut all: Vec<SessionId> = Vec::new();
    for number in 0..AT_ONCE {
        all.push(stage.queue(number).await);
    }
    let mut first = stage.begin_worker("info");
    stage.gate.until_asked(AT_ONCE).await;
    let second = stage.worker();
    stage.gate.open();
    first.tell("-TERM");
    assert!(first.child.wait().unwrap().success());
    let mut log = String::new();
    first.child.stdout.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(log.matches("session handed over").count(), AT_ONCE, "{log}");
    assert!(!log.contains(REFUSED), "{log}");
    stage.until_over(all.clone()).await;
    stage.each_took_effect_once(&all).await;
    drop(second);
    stage.end().await;
}
