//! The process itself: how it starts, what it says when it cannot, how it ends.

mod backups;
mod behind_nginx;
mod canaries;
mod faults;
mod last_words;
mod nginx;
mod operate;
mod pdf;
mod peers;
mod rolling_restart;
mod running;
mod start;
mod stop;
mod traces;

use std::net::TcpListener;
use std::process::{Command, Stdio};

use self::running::Running;

/// The server with nothing in its environment but these.
fn server(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_server"));
    command.args(arguments).env_clear().envs(environment.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end: whether it went well, and what it wrote.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (bool, String) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let output = server(arguments, environment).env("PATH", path).output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(words).unwrap())
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
