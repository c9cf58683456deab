//! What the process can be told to do: `server help` lists it.

mod admin;
mod backup;
mod doctor;
mod serve;
mod shards;

use std::io::{stdin, stdout};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use resonant_backend::{Backend, answer_pdf};

use crate::Settings;
use crate::serve::{Role, wait_for};
use crate::settings::{READ_PDF, SettingError};

/// The list of commands.
pub const HELP: &str = "\
server [all]             answer requests and run sessions
server web               answer requests alone
server worker            run sessions alone; answers health checks and /metrics
server migrate           bring the schema up to date, one process at a time
server migrate --distribute    the same, then spread the tables over a Citus cluster
server shards status     how the owners' buckets are spread over several databases
server shards move BUCKETS TO    move a bucket (7) or some (0-255) to another of them while owners work
server load-content      publish the sample listings, once
server admin create EMAIL    make a member an admin; without such a member, make one
server admin remove EMAIL    make an admin a member as all others
server admin list            who operates this installation
server admin reset-password EMAIL    give a member another password and end their sign-ins
server admin rotate-keys     print a value for SECRETS_KEY: a new key, then those that are there
server admin reencrypt       seal all secrets under the first key of SECRETS_KEY
server doctor            check settings, database, Redis, models and disk, and say what to mend
server backup FILE       write the database into a file; several, into a folder of that name
server restore FILE      fill an empty database from such a file; several, from such a folder
server help              this list
server --version         which release this is";

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve in a role.
    Serve(Role),
    /// Bring the schema up to date.
    Migrate,
    /// The same, then spread the tables over the nodes of a cluster.
    Distribute,
    /// Look after several databases.
    Shards(ShardsCommand),
    /// Publish the sample listings.
    LoadContent,
    /// Print a value for `SECRETS_KEY` with a new key.
    RotateKeys,
    /// Make or unmake admins, let members in again, seal secrets anew.
    Admin(AdminCommand),
    /// Look for what needs mending.
    Doctor,
    /// Write the database into a file, or several into a folder.
    Backup(PathBuf),
    /// Fill the database from a file, or several from a folder.
    Restore(PathBuf),
    /// Read a PDF from the input: what a server starts for itself, so that no file can end it.
    ReadPdf,
    /// List the commands.
    Help,
    /// Say which release this is.
    Version,
}

/// What to do about several databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardsCommand {
    /// Say how the buckets are spread.
    Status,
    /// Move buckets.
    Move {
        /// The first one.
        first: i32,
        /// The last one, which may be the same.
        last: i32,
        /// The number of the shard that they go to, from 0.
        to: usize,
    },
}

/// What those who look after the installation can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminCommand {
    /// Make one.
    Create(String),
    /// Unmake one.
    Remove(String),
    /// Name all.
    List,
    /// Give a member another password.
    ResetPassword(String),
    /// Seal all secrets under the first key.
    Reencrypt,
}

impl Command {
    /// Reads the process's arguments, without its own name.
    ///
    /// # Errors
    /// Lists the commands.
    pub fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Ok(match *words.as_slice() {
            [] | ["all"] => Self::Serve(Role::All),
            ["web"] => Self::Serve(Role::Web),
            ["worker"] => Self::Serve(Role::Worker),
            ["migrate"] => Self::Migrate,
            ["migrate", "--distribute"] => Self::Distribute,
            ["shards", "status"] => Self::Shards(ShardsCommand::Status),
            ["shards", "move", buckets, to] => Self::Shards(shards::parse_move(buckets, to)?),
            ["load-content"] => Self::LoadContent,
            ["admin", "rotate-keys"] => Self::RotateKeys,
            // As it was called first.
            ["admin", "reencrypt"] | ["rotate-secrets"] => Self::Admin(AdminCommand::Reencrypt),
            ["admin", "create", email] => Self::Admin(AdminCommand::Create(email.to_owned())),
            ["admin", "remove", email] => Self::Admin(AdminCommand::Remove(email.to_owned())),
            ["admin", "list"] => Self::Admin(AdminCommand::List),
            ["admin", "reset-password", email] => {
                Self::Admin(AdminCommand::ResetPassword(email.to_owned()))
            }
            ["doctor"] => Self::Doctor,
            ["backup", file] => Self::Backup(file.into()),
            ["restore", file] => Self::Restore(file.into()),
            [READ_PDF] => Self::ReadPdf,
            ["help" | "--help" | "-h"] => Self::Help,
            ["version" | "--version" | "-V"] => Self::Version,
            _ => bail!("there is no command {}; these are there:\n{HELP}", words.join(" ")),
        })
    }

    /// Does what needs neither settings nor database. `None`: it needs them.
    #[expect(clippy::print_stdout, reason = "the answer goes to whoever asked")]
    #[must_use]
    pub fn run_alone(&self) -> Option<anyhow::Result<()>> {
        match self {
            Self::Help => println!("{HELP}"),
            Self::Version => println!("server {}", env!("CARGO_PKG_VERSION")),
            Self::ReadPdf => {
                return Some(answer_pdf(stdin().lock(), stdout().lock()).map_err(Into::into));
            }
            Self::RotateKeys => return Some(admin::rotate_keys()),
            _ => return None,
        }
        Some(Ok(()))
    }

    /// Does it although the settings cannot be used, or says why not.
    ///
    /// # Errors
    /// The fault of the settings.
    pub fn run_without(&self, fault: SettingError) -> anyhow::Result<()> {
        match self {
            Self::Doctor => doctor::tell_of_settings(&fault),
            _ => Err(fault.into()),
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// Says what failed and names the place, never a secret.
    pub async fn run(self, settings: &Settings) -> anyhow::Result<()> {
        let connect = || wait_for(settings, || Backend::connect(settings.backend.clone()));
        match self {
            Self::Serve(role) => serve::run(settings, role).await,
            Self::Migrate => migrate(settings).await,
            Self::Distribute => {
                migrate(settings).await?;
                let steps = Backend::distribute(&settings.backend.database.url).await;
                let steps = steps.with_context(|| settings.no_database())?;
                if steps == 0 {
                    tracing::info!("the tables were spread by owner already");
                } else {
                    tracing::info!(steps, "the tables are spread by owner");
                }
                Ok(())
            }
            Self::Shards(command) => {
                shards::run(&connect().await?, &settings.backend.database, command).await
            }
            Self::LoadContent => {
                let count = connect().await?.load_content().await;
                let count = count.with_context(|| settings.no_database())?;
                tracing::info!(count, "sample listings published");
                Ok(())
            }
            Self::Admin(command) => admin::run(&connect().await?, command).await,
            Self::Doctor => doctor::run(settings).await,
            Self::Backup(file) => backup::write(settings, &file).await,
            Self::Restore(file) => backup::read(settings, &file).await,
            Self::ReadPdf | Self::Help | Self::Version | Self::RotateKeys => {
                self.run_alone().unwrap_or(Ok(()))
            }
        }
    }
}

async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    wait_for(settings, || resonant_backend::shards::migrate(&settings.backend.database)).await?;
    tracing::info!("the schema is up to date");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_help_is_understood() {
        for line in HELP.lines() {
            let words = line.split("  ").next().unwrap_or_default().replace("[all]", "all");
            let words = words.replace("BUCKETS TO", "0-1023 1");
            let words: Vec<_> = words.split_whitespace().skip(1).map(str::to_owned).collect();
            assert!(Command::parse(&words).is_ok(), "{words:?}");
        }
        assert_eq!(Command::parse(&[]).unwrap(), Command::Serve(Role::All));
        let [old, new] = [&["rotate-secrets"][..], &["admin", "reencrypt"]].map(|words| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            Command::parse(&words).unwrap()
        });
        assert_eq!(old, new);
        for words in
            [&["backup"][..], &["admin"], &["web", "now"], &["serve"], &["shards", "move", "1"]]
        {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            let error = Command::parse(&words).unwrap_err().to_string();
            assert!(error.contains("load-content"), "{error}");
        }
    }
}
