//! The process: settings, telemetry, then one of its commands.

use std::process::ExitCode;

use server::commands::Command;
use server::{Settings, run_to_end, telemetry};

/// Requests make and drop many small things.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::print_stderr, reason = "the last words go to whoever started the process")]
fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let threads = Settings::worker_threads().map_err(anyhow::Error::from);
    let done = threads.and_then(|threads| run_to_end(threads, run(&arguments))?);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> anyhow::Result<()> {
    let command = Command::parse(arguments)?;
    if let Some(done) = command.run_alone() {
        return done;
    }
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(fault) => return command.run_without(fault),
    };
    // One TLS provider for all clients; whoever installed one first may stay.
    drop(rustls::crypto::ring::default_provider().install_default());
    let telemetry = telemetry::start(&settings)?;
    let done = command.run(&settings).await;
    telemetry.end().await;
    done
}
