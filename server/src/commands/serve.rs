//! `server`, `server web`, `server worker`: serves until it is told to stop.

use std::time::Duration;

use anyhow::bail;
use resonant_backend::{Backend, Schema};
use tokio::time::{Instant, sleep};

use crate::Settings;
use crate::serve::{Role, Told, serve_until_stopped, wait_for};

/// The pause between two looks whether the schema is there.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn run(settings: &Settings, role: Role) -> anyhow::Result<()> {
    let mut told = Told::listen()?;
    let backend = tokio::select! {
        backend = begin(settings) => backend?,
        () = told.heard() => {
            tracing::info!("stopping before anything was served");
            return Ok(());
        }
    };
    serve_until_stopped(settings, backend, role, told).await
}

/// Waits for the database and for the schema.
async fn begin(settings: &Settings) -> anyhow::Result<Backend> {
    let backend = wait_for(settings, || Backend::connect(settings.backend.clone())).await?;
    await_schema(settings, &backend).await?;
    Ok(backend)
}

/// Waits for tables that this program knows how to use, as long as the settings say: of processes that are
/// started together one migrates. Those of a newer release are fine: migrations leave to the release
/// before what it reads and writes.
async fn await_schema(settings: &Settings, backend: &Backend) -> anyhow::Result<()> {
    let until = Instant::now() + settings.operations.start_patience;
    let mut is_told = false;
    loop {
        // It may go away again meanwhile.
        let schema = wait_for(settings, || backend.schema()).await?;
        let Some(lack) = lack(schema) else { return Ok(()) };
        if Instant::now() >= until {
            bail!("{lack}: run `server migrate` first");
        }
        if !is_told {
            tracing::warn!("{lack}: waiting for `server migrate`");
            is_told = true;
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Why a schema cannot be served, for a person. `None`: it can; the log says what is unusual about it.
fn lack(schema: Schema) -> Option<String> {
    match schema {
        Schema::Absent => Some("the database has no schema of Resonant".to_owned()),
        Schema::Behind { missing, is_served: false } => {
            Some(format!("the database's schema is {missing} migrations behind this program"))
        }
        Schema::Behind { missing, is_served: true } => {
            tracing::warn!(
                missing,
                "the schema lacks indexes or checks, without which this program goes on: run `server \
                 migrate`"
            );
            None
        }
        Schema::Newer { more } => {
            tracing::info!(more, "the schema is newer than this program, which goes on");
            None
        }
        Schema::Current => None,
    }
}
