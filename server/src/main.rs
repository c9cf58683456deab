//! The process: settings, telemetry, backend, then one of its commands.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use resonant_backend::{Actor, Backend, RequestId, secrets, shards};
use server::{Settings, command, serve_until_stopped, telemetry};

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the last words go to whoever started the process")]
async fn main() -> ExitCode {
    match run(std::env::args().nth(1).as_deref()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Option<&str>) -> anyhow::Result<()> {
    let settings = Settings::from_env()?;
    telemetry::start(settings.log_format, &settings.log_filter)?;
    // One TLS provider for all clients; whoever installed one first may stay.
    drop(rustls::crypto::ring::default_provider().install_default());
    let no_database = || format!("cannot use the database {}", settings.database_name());
    let connect =
        async || Backend::connect(settings.backend.clone()).await.with_context(no_database);
    match command {
        None => serve_until_stopped(&settings, connect().await?).await?,
        Some("migrate") => {
            shards::migrate(&settings.backend.database).await.with_context(no_database)?;
            tracing::info!("the schema is up to date");
            if std::env::args().nth(2).as_deref() == Some("--distribute") {
                shards::distribute(&settings.backend.database).await.with_context(no_database)?;
                tracing::info!("the tables are spread by owner");
            }
        }
        Some("load-content") => {
            let count = connect().await?.load_content().await.with_context(no_database)?;
            tracing::info!(count, "sample listings published");
        }
        Some("rotate-secrets") => {
            let backend = connect().await?;
            let ctx = backend.ctx(Actor::System, RequestId::new("rotate-secrets"));
            let count = secrets::rotate(&ctx).await.context("cannot seal the secrets anew")?;
            tracing::info!(count, "secrets sealed under the first key");
        }
        Some("shards") => {
            let words: Vec<_> = std::env::args().skip(2).collect();
            command::shards(&connect().await?, &settings.backend.database, &words).await?;
        }
        Some(other) => bail!(
            "there is no command {other}, only migrate, load-content, rotate-secrets and shards"
        ),
    }
    Ok(())
}
