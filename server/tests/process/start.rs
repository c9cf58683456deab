//! What a person reads when the process cannot start.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;

use tokio::io::copy_bidirectional;
use tokio::task::JoinSet;

use super::{Running, free_port, run, server};
use crate::support::{empty_database, forget_migration, fresh_database, know_a_newer_migration};

/// Runs to the end and gives what was written to standard error.
fn fails(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output =
        server(arguments, environment).env("START_PATIENCE_SECONDS", "0").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(words.lines().count(), 1, "{words}");
    let all = format!("{words}{}", String::from_utf8_lossy(&output.stdout));
    assert!(!all.contains("hunter2"), "{all}");
    words
}

#[test]
fn a_malformed_setting_is_named() {
    assert!(fails(&[], &[]).starts_with("server: DATABASE_URL must be set"));
    let database = ("DATABASE_URL", "postgres://u:hunter2@localhost/r");
    for (name, value) in [
        ("LEPTOS_SITE_ADDR", "nowhere"),
        ("WORKER_CONCURRENCY", "many"),
        ("RUST_LOG", "a=b=c"),
        ("PUBLIC_URL", "example.org"),
    ] {
        let words = fails(&[], &[database, (name, value)]);
        assert!(words.starts_with(&format!("server: {name} must be")), "{words}");
    }
    for parameter in ["sslpassword", "passwd"] {
        let url = format!("postgres://u@localhost/r?{parameter}=hunter2");
        let words = fails(&[], &[("DATABASE_URL", &url)]);
        assert!(words.starts_with("server: DATABASE_URL") && words.contains(parameter), "{words}");
    }
}

#[test]
fn help_and_the_release_are_told_without_settings() {
    for (word, told) in [("help", "server migrate"), ("--help", "server doctor")] {
        let (went_well, words) = run(&[word], &[]);
        assert!(went_well && words.contains(told), "{words}");
    }
    let (went_well, words) = run(&["--version"], &[("DATABASE_URL", "no address")]);
    assert!(went_well, "{words}");
    assert_eq!(words, format!("server {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_unknown_command_is_told() {
    let (went_well, words) = run(&["serve-me"], &[("DATABASE_URL", "postgres://localhost/r")]);
    assert!(!went_well);
    assert!(words.contains("serve-me") && words.contains("load-content"), "{words}");
}

#[test]
fn a_database_that_is_away_is_named_without_its_password() {
    let url = format!("postgres://u:hunter2@127.0.0.1:{}/r", free_port());
    for command in [&[][..], &["migrate"], &["load-content"]] {
        let words = fails(command, &[("DATABASE_URL", &url), ("RUST_LOG", "debug")]);
        assert!(words.contains("127.0.0.1"), "{words}");
        assert!(words.contains("refused"), "{words}");
    }
}

#[tokio::test]
async fn a_missing_schema_and_a_taken_port_are_told() {
    let database = fresh_database().await;
    let url = database.url();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let environment = [("DATABASE_URL", url.as_str()), ("LEPTOS_SITE_ADDR", &address)];
    let words = fails(&[], &environment);
    assert!(words.contains(&address) && words.contains("in use"), "{words}");

    let empty = empty_database().await;
    let words = fails(&[], &[("DATABASE_URL", &empty.url()), ("LEPTOS_SITE_ADDR", &address)]);
    assert!(words.contains("server migrate"), "{words}");
}

#[test]
fn sample_secrets_are_refused_where_others_can_reach_the_server() {
    let database = ("DATABASE_URL", "postgres://user:password@localhost/resonant");
    let words = fails(&[], &[database, ("PUBLIC_URL", "https://resonant.example.org")]);
    assert!(words.starts_with("server: DATABASE_URL holds a sample password"), "{words}");
}

#[tokio::test]
async fn a_start_waits_for_the_database() {
    let database = fresh_database().await;
    let server_port = port_of(&database.url());
    // A database that is not there yet: its port opens later and leads to the real one.
    let port = free_port();
    let url = database.url().replacen(&format!(":{server_port}/"), &format!(":{port}/"), 1);
    let environment = [("DATABASE_URL", url.as_str()), ("START_PATIENCE_SECONDS", "20")];
    let mut child = server(&["load-content"], &environment).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert!(line.contains("waiting for the database") && line.contains("refused"), "{line}");
    let relay = tokio::spawn(relay(port, server_port));
    let rest: Vec<_> =
        tokio::task::spawn_blocking(move || lines.map_while(Result::ok).collect()).await.unwrap();
    assert!(child.wait().unwrap().success(), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("sample listings published")), "{rest:?}");
    relay.abort();
}

#[tokio::test]
async fn a_start_that_waits_can_be_stopped() {
    let away = format!("postgres://u:hunter2@127.0.0.1:{}/r", free_port());
    let empty = empty_database().await;
    for (url, waits) in
        [(away, "waiting for the database"), (empty.url(), "waiting for `server migrate`")]
    {
        let environment = [("DATABASE_URL", url.as_str()), ("START_PATIENCE_SECONDS", "120")];
        let mut running = Running::begin(&[], &environment);
        let mut lines = BufReader::new(running.child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(waits)), "it does not wait");
        running.tell("-TERM");
        let status = running.child.wait().unwrap();
        // By its own will: the first process of a container is not ended by a signal that it does not hear.
        assert!(status.success(), "{status}");
    }
}

fn port_of(url: &str) -> u16 {
    let place = url.rsplit_once('@').map_or(url, |(_, place)| place);
    place.split([':', '/']).nth(1).unwrap().parse().unwrap()
}

/// Leads from one port to another, until it is dropped with all that it carries.
async fn relay(from: u16, to: u16) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", from)).await.unwrap();
    let mut carried = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
        carried.spawn(async move { copy_bidirectional(&mut client, &mut server).await });
    }
}

#[tokio::test]
async fn a_schema_of_another_release_is_served_as_far_as_it_can_be() {
    let database = fresh_database().await;
    let url = database.url();
    let address = TcpListener::bind("127.0.0.1:0").unwrap();
    // The taken port ends a start that got past the schema.
    let address = (address.local_addr().unwrap().to_string(), address);
    let environment = [("DATABASE_URL", url.as_str()), ("LEPTOS_SITE_ADDR", &address.0)];
    // It made an index, which takes long where there is much, and no statement needs.
    forget_migration(&url, 20_261_129_150_100).await;
    let words = fails(&[], &environment);
    assert!(words.contains("in use"), "{words}");
    // It made a table.
    forget_migration(&url, 20_261_129_150_000).await;
    let words = fails(&[], &environment);
    assert!(words.contains("2 migrations behind") && words.contains("server migrate"), "{words}");

    let database = fresh_database().await;
    let url = database.url();
    let environment = [("DATABASE_URL", url.as_str()), ("LEPTOS_SITE_ADDR", &address.0)];
    know_a_newer_migration(&url).await;
    let words = fails(&[], &environment);
    assert!(words.contains("in use"), "{words}");
    let (went_well, words) = run(&["migrate"], &environment);
    assert!(went_well, "{words}");
}

#[tokio::test]
async fn a_start_waits_for_the_schema() {
    let empty = empty_database().await;
    let url = empty.url();
    let address = format!("127.0.0.1:{}", free_port());
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("LEPTOS_SITE_ADDR", &address),
        ("START_PATIENCE_SECONDS", "120"),
    ];
    let mut child = server(&[], &environment).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("waiting for `server migrate`")), "it does not wait");
    let (went_well, words) = run(&["migrate"], &environment);
    assert!(went_well, "{words}");
    assert!(lines.any(|line| line.contains("Resonant listens")), "it does not go on");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_waits_for_the_schema_waits_for_the_database_too() {
    let empty = empty_database().await;
    let (server_port, port) = (port_of(&empty.url()), free_port());
    let url = empty.url().replacen(&format!(":{server_port}/"), &format!(":{port}/"), 1);
    let environment = [("DATABASE_URL", url.as_str()), ("START_PATIENCE_SECONDS", "120")];
    let there = tokio::spawn(relay(port, server_port));
    let mut running = Running::begin(&[], &environment);
    let output = BufReader::new(running.child.stdout.take().unwrap());
    let mut lines = output.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("waiting for `server migrate`")), "it does not wait");
    there.abort();
    assert!(there.await.unwrap_err().is_cancelled());
    assert!(lines.any(|line| line.contains("waiting for the database")), "it ends");
    let back = tokio::spawn(relay(port, server_port));
    let (went_well, words) = run(&["migrate"], &[("DATABASE_URL", &empty.url())]);
    assert!(went_well, "{words}");
    assert!(lines.any(|line| line.contains("Resonant listens")), "it does not go on");
    drop(running);
    back.abort();
}

#[tokio::test]
async fn two_that_migrate_at_once_take_turns() {
    let empty = empty_database().await;
    let url = empty.url();
    let environment = [("DATABASE_URL", url.as_str())];
    let both = [(); 2].map(|()| server(&["migrate"], &environment).spawn().unwrap());
    let ended = both.map(|child| child.wait_with_output().unwrap());
    assert!(ended.iter().all(|output| output.status.success()), "{ended:?}");
    let waited = ended.iter().filter(|output| {
        String::from_utf8_lossy(&output.stdout).contains("another process migrates")
    });
    assert_eq!(waited.count(), 1, "{ended:?}");
    let (_, words) = run(&["doctor"], &environment);
    let schema = words.lines().find(|line| line.starts_with("schema")).unwrap();
    assert!(schema.contains("up to date") && !words.contains("not built to their end"), "{words}");
}

#[tokio::test]
async fn migrating_and_loading_twice_is_fine() {
    let database = fresh_database().await;
    let url = database.url();
    for command in ["migrate", "migrate", "load-content", "load-content"] {
        let output = server(&[command], &[("DATABASE_URL", &url)]).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }
}

#[tokio::test]
async fn tables_are_spread_where_the_extension_is_and_nowhere_else() {
    let database = fresh_database().await;
    let url = database.url();
    let words = fails(&["migrate", "--distribute"], &[("DATABASE_URL", url.as_str())]);
    assert!(words.contains("no extension citus"), "{words}");
}
