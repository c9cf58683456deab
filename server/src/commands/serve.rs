//! `server`, `server web`, `server worker`: serves until it is told to stop.

use anyhow::{Context as _, bail};
use resonant_backend::{Backend, Schema};

use crate::Settings;
use crate::serve::{Role, serve_until_stopped};

pub(super) async fn run(settings: &Settings, backend: Backend, role: Role) -> anyhow::Result<()> {
    check_schema(&backend).await?;
    serve_until_stopped(settings, backend, role).await
}

/// Refuses to start on tables that this program does not know how to use. Those of a newer release
/// are fine: migrations leave to the release before what it reads and writes.
async fn check_schema(backend: &Backend) -> anyhow::Result<()> {
    match backend.schema().await.context("cannot ask the database for its schema")? {
        Schema::Absent => {
            bail!("the database has no schema of Resonant: run `server migrate` first")
        }
        Schema::Behind { missing } => bail!(
            "the database's schema is {missing} migrations behind this program: run `server \
             migrate` first"
        ),
        Schema::Newer { more } => {
            tracing::info!(more, "the schema is newer than this program, which goes on");
        }
        Schema::Current => {}
    }
    Ok(())
}
