//! What a person reads when the process cannot start.

use std::net::TcpListener;

use super::{free_port, server};
use crate::support::{empty_database, fresh_database};

/// Runs to the end and gives what was written to standard error.
fn fails(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = server(arguments, environment).output().unwrap();
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
}

#[test]
fn an_unknown_command_is_told() {
    let words = fails(&["serve-me"], &[("DATABASE_URL", "postgres://localhost/r")]);
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

#[tokio::test]
async fn migrating_and_loading_twice_is_fine() {
    let database = fresh_database().await;
    let url = database.url();
    for command in ["migrate", "migrate", "load-content", "load-content"] {
        let output = server(&[command], &[("DATABASE_URL", &url)]).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }
}
