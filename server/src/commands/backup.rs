//! `server backup` and `server restore`: PostgreSQL's own tools, with the address that the server
//! uses. A backup is one file in `pg_dump`'s custom format: compressed, consistent, and readable by
//! `pg_restore` of the same or a newer version. That of several databases is a folder with such a file for
//! each, by its number; each file is of an instant of its own.

use std::fs::{self, DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use resonant_backend::shards::{self, Spread};
use resonant_backend::{Actor, Backend, RequestId};
use tokio::process::Command;
use url::Url;

use crate::Settings;
use crate::settings::without_secrets;

/// Writes the database into `place`, or several into a folder there. It is there only when it is whole.
pub(super) async fn write(settings: &Settings, place: &Path) -> anyhow::Result<()> {
    let databases = Database::all(settings)?;
    if place.is_dir() && fs::read_dir(place)?.next().is_some() {
        bail!("{} is a folder that is not empty: name another place", place.display());
    }
    let part = PathBuf::from(format!("{}.part", place.display()));
    forget(&part);
    let written = match databases.as_slice() {
        [one] => one.dump(&part).await,
        several => write_all(settings, several, &part).await,
    };
    let done = written.and_then(|()| {
        fs::rename(&part, place).with_context(|| format!("cannot write {}", place.display()))
    });
    if done.is_err() {
        // What is not whole shall not be taken for a backup.
        forget(&part);
        return done;
    }
    let size_bytes: u64 = files_in(place).iter().map(|file| size_of(file)).sum();
    tracing::info!(file = %place.display(), size_bytes, "backup written");
    Ok(())
}

/// Writes each database into its file of the folder, while every owner stays in one of them.
async fn write_all(
    settings: &Settings,
    databases: &[Database],
    folder: &Path,
) -> anyhow::Result<()> {
    let before = spread(settings).await?;
    let made = DirBuilder::new().mode(0o700).create(folder);
    made.with_context(|| format!("cannot write {}", folder.display()))?;
    for (number, database) in databases.iter().enumerate() {
        database.dump(&file_in(folder, number)).await?;
    }
    if spread(settings).await? != before {
        bail!(
            "a bucket was moved meanwhile, and its owners may be in none of the files: try again"
        );
    }
    Ok(())
}

/// How the owners are spread over several databases, of which none is on its way.
async fn spread(settings: &Settings) -> anyhow::Result<Spread> {
    let backend =
        Backend::connect(settings.backend.clone()).await.with_context(|| settings.no_database())?;
    let spread = shards::status(&backend.ctx(Actor::System, RequestId::new("backup"))).await?;
    if let Some(it) = spread.moves.first() {
        bail!(
            "bucket {} is on its way to another database: let `server shards move` end",
            it.bucket
        );
    }
    Ok(spread)
}

/// Fills empty databases from `place`: each with all of its file or, on a fault, with nothing.
pub(super) async fn read(settings: &Settings, place: &Path) -> anyhow::Result<()> {
    let databases = Database::all(settings)?;
    for database in &databases {
        let name = &database.name;
        let is_blank = Backend::is_blank(&database.url).await;
        if !is_blank.with_context(|| format!("cannot use the database {name}"))? {
            bail!(
                "the database {name} is not empty; restore into a new one, then let DATABASE_URL name it"
            );
        }
    }
    let files = files_in(place);
    if files.len() != databases.len() {
        bail!(
            "{} is the backup of {} databases, and the settings name {}",
            place.display(),
            files.len(),
            databases.len()
        );
    }
    // All can be read before any is.
    for file in &files {
        list(file).await?;
    }
    for (database, file) in databases.iter().zip(&files) {
        let arguments =
            ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"];
        let file = file.display().to_string();
        let arguments: Vec<&str> = arguments.into_iter().chain([file.as_str()]).collect();
        database.run("pg_restore", &arguments).await?;
    }
    if settings.backend.redis_url.is_some() {
        tracing::warn!(
            "Redis may hold copies of what is newer than the backup: empty it before any process starts"
        );
    }
    tracing::info!(file = %place.display(), "backup restored; `server migrate` brings it up to date");
    Ok(())
}

/// The files of a backup, by the numbers of their databases; of one database it is the file itself.
fn files_in(place: &Path) -> Vec<PathBuf> {
    if !place.is_dir() {
        return vec![place.to_owned()];
    }
    let files = std::iter::successors(Some(0), |number| Some(number + 1));
    files.map(|number| file_in(place, number)).take_while(|file| file.is_file()).collect()
}

fn file_in(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number}.dump"))
}

fn size_of(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

/// Removes what was begun, now or by a call that was broken off.
fn forget(part: &Path) {
    drop(if part.is_dir() { fs::remove_dir_all(part) } else { fs::remove_file(part) });
}

/// Fails for what is no backup, or not all of one.
async fn list(file: &Path) -> anyhow::Result<()> {
    run(Command::new("pg_restore").args(["--list", &file.display().to_string()])).await
}

/// A database as PostgreSQL's tools are told of it: the password goes through the environment,
/// because everyone on the machine can read arguments.
struct Database {
    url: String,
    /// For messages.
    name: String,
    address: String,
    password: Option<String>,
}

impl Database {
    fn all(settings: &Settings) -> anyhow::Result<Vec<Self>> {
        settings.backend.database.urls().into_iter().map(Self::at).collect()
    }

    fn at(url: String) -> anyhow::Result<Self> {
        let mut address: Url = url.parse().context("the database's address cannot be read")?;
        let password = password_in_query(&mut address);
        let password = password.or_else(|| address.password().map(decoded));
        put_in_words_of_the_tools(&mut address);
        let name = without_secrets(&url);
        // One without a host, as that of a socket, has no place for any, and takes none out either.
        if address.password().is_some() && address.set_password(None).is_err() {
            bail!("the database's address {name} has a password and no host");
        }
        Ok(Self { url, name, address: address.into(), password })
    }

    /// Writes all of it into a file that nobody else on the machine can read, not while it grows either.
    async fn dump(&self, file: &Path) -> anyhow::Result<()> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        made.with_context(|| format!("cannot write {}", file.display()))?;
        let written = format!("--file={}", file.display());
        self.run("pg_dump", &["--format=custom", "--no-owner", "--no-privileges", &written])
            .await?;
        list(file).await
    }

    async fn run(&self, tool: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(tool);
        command.arg(format!("--dbname={}", self.address)).args(arguments);
        if let Some(password) = &self.password {
            command.env("PGPASSWORD", password);
        }
        run(&mut command).await
    }
}

/// Runs one of PostgreSQL's tools; what it says on a fault is told.
async fn run(command: &mut Command) -> anyhow::Result<()> {
    let tool = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .await
        .with_context(|| format!("cannot start {tool}; Debian's postgresql-client has it"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("{tool} failed: {}", words.trim());
    }
    Ok(())
}

/// Takes a password out of an address that stands behind its question mark, where the server finds it too.
fn password_in_query(address: &mut Url) -> Option<String> {
    let password = address.query_pairs().filter(|(name, _)| name == "password").last();
    let password = password?.1.into_owned();
    let is_other = |pair: &&str| {
        url::form_urlencoded::parse(pair.as_bytes()).all(|(name, _)| name != "password")
    };
    let others = address.query().unwrap_or_default().split('&').filter(is_other);
    let others = others.collect::<Vec<_>>().join("&");
    address.set_query(Some(others.as_str()).filter(|others| !others.is_empty()));
    Some(password)
}

/// Says what stands behind the question mark of an address as PostgreSQL's tools read it. The server takes names
/// there that they refuse, and a plus for a space, which they do not.
fn put_in_words_of_the_tools(address: &mut Url) {
    let Some(query) = address.query() else { return };
    let (mut pairs, mut options) = (Vec::new(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (given, value) = (decoded(name), value.replace('+', "%20"));
        match given.as_str() {
            // What the server's connections keep, and what only tools from PostgreSQL 16 on know.
            "statement-cache-capacity" | "load_balance_hosts" => {}
            "sslmode" | "ssl-mode" => {
                pairs.push(format!("sslmode={}", value.to_ascii_lowercase()));
            }
            "ssl-root-cert" | "ssl-ca" => pairs.push(format!("sslrootcert={value}")),
            "ssl-cert" => pairs.push(format!("sslcert={value}")),
            "ssl-key" => pairs.push(format!("sslkey={value}")),
            "options" => options.push(value),
            name => match name.strip_prefix("options[").and_then(|rest| rest.strip_suffix(']')) {
                Some(option) => {
                    // A space is the option's own: behind a backslash.
                    let value = value.replace("%20", "%5C%20");
                    options.push(format!("-c%20{option}%3D{value}"));
                }
                None => pairs.push(format!("{name}={value}")),
            },
        }
    }
    if !options.is_empty() {
        // Of several the tools would take the last one alone.
        pairs.push(format!("options={}", options.join("%20")));
    }
    let query = pairs.join("&");
    address.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
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

    #[test]
    fn the_tools_are_told_what_the_server_is_told() {
        for (written, told) in [
            ("?sslmode=require&host=/run/postgresql", "?sslmode=require&host=/run/postgresql"),
            ("?ssl-mode=Verify-Full&ssl-ca=/ca.pem", "?sslmode=verify-full&sslrootcert=/ca.pem"),
            ("?ssl-root-cert=/ca&ssl-cert=/c&ssl-key=/k", "?sslrootcert=/ca&sslcert=/c&sslkey=/k"),
            ("?statement-cache-capacity=0&load_balance_hosts=random", ""),
            ("?statement%2Dcache-capacity=0&password=a", ""),
            (
                "?options[role]=a+b&application_name=a+b&options=-c%20jit%3Doff",
                "?application_name=a%20b&options=-c%20role%3Da%5C%20b%20-c%20jit%3Doff",
            ),
        ] {
            let database = Database::at(format!("postgres://ada@db/r{written}")).unwrap();
            assert_eq!(database.address, format!("postgres://ada@db/r{told}"));
        }
    }

    #[test]
    fn arguments_hold_no_password() {
        for (url, address, password) in [
            ("postgres://ada:a%2Fb@db/resonant", "postgres://ada@db/resonant", Some("a/b")),
            (
                "postgres://ada@db/resonant?sslmode=require&password=a%2Fb",
                "postgres://ada@db/resonant?sslmode=require",
                Some("a/b"),
            ),
            ("postgres://ada:old@db/r?password=new", "postgres://ada@db/r", Some("new")),
            ("postgres://ada@db/r?%70assword=new", "postgres://ada@db/r", Some("new")),
            ("postgres://ada@db/r?sslmode=require", "postgres://ada@db/r?sslmode=require", None),
            ("postgres:///r?host=/run/postgresql", "postgres:///r?host=/run/postgresql", None),
            (
                "postgres:///r?host=/run/postgresql&password=a%2Fb",
                "postgres:///r?host=/run/postgresql",
                Some("a/b"),
            ),
        ] {
            let database = Database::at(url.to_owned()).unwrap();
            assert_eq!(
                (database.address.as_str(), database.password.as_deref()),
                (address, password)
            );
        }
    }
}
