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
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let command = Command::parse(arguments)?;
    // Without the threads that the others want: a document is read within little memory.
    if let Some(done) = command.run_alone() {
        return done;
    }
    run_to_end(Settings::worker_threads()?, run_command(command))?
}

async fn run_command(command: Command) -> anyhow::Result<()> {
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
