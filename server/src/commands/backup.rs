//! `server backup` and `server restore`: PostgreSQL's own tools, with the address that the server
//! uses. A backup is one file in `pg_dump`'s custom format: compressed, consistent, and readable by
//! `pg_restore` of the same or a newer version.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use resonant_backend::{Backend, Schema};
use tokio::process::Command;
use url::Url;

use crate::Settings;

/// Writes the database into `file`. A file is there only when it is whole.
pub(super) async fn write(settings: &Settings, file: &Path) -> anyhow::Result<()> {
    let part = PathBuf::from(format!("{}.part", file.display()));
    let database = Database::of(settings)?;
    let part_argument = format!("--file={}", part.display());
    let dumped = database
        .run("pg_dump", &["--format=custom", "--no-owner", "--no-privileges", &part_argument])
        .await;
    let listed = match dumped {
        Ok(_) => database.run_alone("pg_restore", &["--list", &part.display().to_string()]).await,
        Err(error) => Err(error),
    };
    if let Err(error) = listed {
        // What is not whole shall not be taken for a backup.
        drop(std::fs::remove_file(&part));
        return Err(error);
    }
    std::fs::rename(&part, file).with_context(|| format!("cannot write {}", file.display()))?;
    let size_bytes = std::fs::metadata(file).map_or(0, |file| file.len());
    tracing::info!(file = %file.display(), size_bytes, "backup written");
    Ok(())
}

/// Fills an empty database from `file`: all of it or, on a fault, nothing.
pub(super) async fn read(settings: &Settings, file: &Path) -> anyhow::Result<()> {
    let backend =
        Backend::connect(settings.backend.clone()).await.with_context(|| settings.no_database())?;
    if !matches!(backend.schema().await?, Schema::Absent) {
        bail!(
            "the database {} is not empty; restore into a new one, then let DATABASE_URL name it",
            settings.database_name()
        );
    }
    drop(backend);
    let arguments = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"];
    let file_argument = file.display().to_string();
    let arguments: Vec<&str> = arguments.into_iter().chain([file_argument.as_str()]).collect();
    Database::of(settings)?.run("pg_restore", &arguments).await?;
    tracing::info!(file = %file.display(), "backup restored; `server migrate` brings it up to date");
    Ok(())
}

/// The database as PostgreSQL's tools are told of it: the password goes through the environment,
/// because everyone on the machine can read arguments.
struct Database {
    address: String,
    password: Option<String>,
}

impl Database {
    fn of(settings: &Settings) -> anyhow::Result<Self> {
        if settings.backend.database.shard_urls.len() > 1 {
            bail!("there are several databases: call pg_dump or pg_restore for each of them");
        }
        let mut url: Url = settings.backend.database.url.parse().context("DATABASE_URL")?;
        let password = url.password().map(decoded);
        if url.set_password(None).is_err() {
            bail!("DATABASE_URL names no host, which PostgreSQL's tools need");
        }
        Ok(Self { address: url.into(), password })
    }

    async fn run(&self, tool: &str, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let address = format!("--dbname={}", self.address);
        let arguments: Vec<&str> =
            std::iter::once(address.as_str()).chain(arguments.iter().copied()).collect();
        self.run_alone(tool, &arguments).await
    }

    async fn run_alone(&self, tool: &str, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let mut command = Command::new(tool);
        command.args(arguments).stdin(Stdio::null());
        if let Some(password) = &self.password {
            command.env("PGPASSWORD", password);
        }
        let output = command
            .output()
            .await
            .with_context(|| format!("cannot start {tool}; Debian's postgresql-client has it"))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            bail!("{tool} failed: {}", words.trim());
        }
        Ok(output.stdout)
    }
}

/// A part of an address as it was before it was put there.
fn decoded(text: &str) -> String {
    // Forms take a plus for a space, addresses do not.
    let form = format!("text={}", text.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(form.as_bytes());
    pairs.next().map(|(_, text)| text.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_told_as_it_is() {
        for (written, password) in [("a%2Fb", "a/b"), ("a+b", "a+b"), ("plain", "plain")] {
            assert_eq!(decoded(written), password);
        }
    }
}
