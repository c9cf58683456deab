//! The process: settings, telemetry, backend, router, and a graceful end.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use resonant_backend::Backend;
use server::worker::Workers;
use server::{AppState, Settings, listen, router, serve, telemetry, until_stopped};
use tokio_util::sync::CancellationToken;

#[tokio::main]
#[expect(
    clippy::print_stderr,
    reason = "the last words go to whoever started the process"
)]
async fn main() -> ExitCode {
    let done = run(std::env::args().nth(1).as_deref()).await;
    done.map_or_else(
        |error| {
            eprintln!("server: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

async fn run(command: Option<&str>) -> anyhow::Result<()> {
    let settings = Settings::from_env()?;
    telemetry::start(settings.log_format, &settings.log_filter)?;
    // One TLS provider for all clients; whoever installed one first may stay.
    drop(rustls::crypto::ring::default_provider().install_default());
    let no_database = || format!("cannot use the database {}", settings.database_name());
    let connect = || Backend::connect(settings.backend.clone());
    match command {
        None => serve_until_stopped(&settings, connect().await.with_context(no_database)?).await?,
        Some("migrate") => {
            Backend::migrate(&settings.backend.database_url)
                .await
                .with_context(no_database)?;
            tracing::info!("the schema is up to date");
        }
        Some("load-content") => {
            let count = connect()
                .await
                .with_context(no_database)?
                .load_content()
                .await?;
            tracing::info!(count, "sample listings published");
        }
        Some(other) => bail!("there is no command {other}, only migrate and load-content"),
    }
    Ok(())
}

async fn serve_until_stopped(settings: &Settings, backend: Backend) -> anyhow::Result<()> {
    let listener = listen(settings.address).await?;
    let stopping = CancellationToken::new();
    let workers = Workers::start(&backend, settings.workers, &stopping);
    let (leptos, site) = (settings.leptos.clone(), Arc::new(settings.site.clone()));
    let state = AppState {
        backend,
        leptos,
        site,
        stopping: stopping.clone(),
    };
    tracing::info!(address = %listener.local_addr()?, "Resonant listens");
    let served = tokio::spawn(serve(listener, router(state), stopping.clone()));
    until_stopped().await?;
    tracing::info!("stopping");
    stopping.cancel();
    let (served, ()) = tokio::join!(served, workers.stopped());
    served?.context("the server broke off")
}
