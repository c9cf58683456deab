//! What the start of the process and `server doctor` ask.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use resonant_domain::agent::ModelPolicy;
use resonant_runtime::clock::SteadyClock;
use resonant_runtime::models::{Message, ModelName, ModelRequest};
use sqlx::{ConnectOptions as _, PgConnection};

use crate::database::Database;
use crate::{Backend, DatabaseSettings, Error, Result, Settings, database, store};

/// How the database's schema stands to this program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// There is none.
    Absent,
    /// Migrations of this program were not applied.
    Behind {
        /// How many.
        missing: usize,
        /// Whether no statement of this program needs what they do.
        is_served: bool,
    },
    /// The same.
    Current,
    /// All of this program's, and some that it does not know.
    Newer {
        /// How many.
        more: usize,
    },
}

impl Schema {
    /// How much there is to do before it is this program's: of several the greatest counts.
    const fn distance(self) -> (u8, usize) {
        match self {
            Self::Current => (0, 0),
            Self::Newer { more } => (1, more),
            Self::Behind { missing, is_served: true } => (2, missing),
            Self::Behind { missing, is_served: false } => (3, missing),
            Self::Absent => (4, 0),
        }
    }
}

/// What one of the databases is found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseLook {
    /// What it tells of itself.
    pub facts: DatabaseFacts,
    /// How its schema stands to this program's.
    pub schema: Schema,
    /// The indexes that answer nothing: the building of each was broken off, or is under way.
    pub broken_indexes: Vec<String>,
    /// Where it keeps its files, when that is known to be on this machine.
    pub data_folder: Option<PathBuf>,
}

/// What a database tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// Its version as `server_version_num` has it: 150018 is 15.18.
    pub version: i32,
    /// The most connections that it takes.
    pub connections_max: i64,
    /// Whether it takes no writes.
    pub is_replica: bool,
    /// Whether its log says enough for another database to copy from it (`wal_level`).
    pub is_log_logical: bool,
}

/// How the keys under which secrets lie stand to those that this process is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKeys {
    /// None is given, and no secret is kept.
    Missing,
    /// Some secrets lie under a key that is not given: they do not open.
    Lost,
    /// All open; some lie under a key that is not the first.
    Older,
    /// All lie under the first key.
    Current,
}

/// How long replicas may take to be known, and the pause between two looks.
const REPLICA_PATIENCE: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long a model may take for a word.
const MODEL_PATIENCE: Duration = Duration::from_secs(20);

impl Backend {
    /// What can be asked of all but the databases, which may be away.
    ///
    /// # Errors
    /// [`Error::Internal`] when a setting cannot be used.
    pub fn without_databases(settings: &Settings) -> Result<Self> {
        let database = Database::unasked(&settings.database)?;
        Self::with_database(database, settings, Arc::new(SteadyClock::new()))
    }

    /// Compares the schema with this program's; of several databases it is the one with the most to do.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when a database does not answer.
    pub async fn schema(&self) -> Result<Schema> {
        let mut worst = Schema::Current;
        for shard in self.shards() {
            let schema = schema_of(&mut *self.begin_on(shard).await?).await?;
            if schema.distance() > worst.distance() {
                worst = schema;
            }
        }
        Ok(worst)
    }

    /// Looks at one database by itself, whichever of several it is.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not answer, and why.
    pub async fn look_at(database_url: &str, settings: &DatabaseSettings) -> Result<DatabaseLook> {
        let database = Database::alone(database_url, settings).await?;
        let mut conn = database.catalogue_read_latest().await?;
        let folder = store::settings::find_data_folder(&mut conn).await?;
        Ok(DatabaseLook {
            facts: store::settings::find_facts(&mut conn).await?,
            schema: schema_of(&mut conn).await?,
            broken_indexes: store::migrations::list_broken_indexes(&mut conn).await?,
            // In a container the server may have other folders than this process.
            data_folder: folder.map(PathBuf::from).filter(|folder| folder.is_dir()),
        })
    }

    /// Whether a database has no schema yet.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn is_blank(database_url: &str) -> Result<bool> {
        let conn = database::address(database_url)?.connect().await;
        let mut conn = conn.map_err(Error::unavailable)?;
        let applied = store::settings::list_migrations(&mut conn).await?;
        Ok(applied.is_none_or(|applied| applied.is_empty()))
    }

    /// Compares the keys that secrets lie under with those that this process is given.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when a database does not answer.
    pub async fn secret_keys(&self) -> Result<SecretKeys> {
        let mut used = Vec::new();
        for shard in self.shards() {
            let mut conn = self.begin_on(shard).await?;
            used.extend(store::secrets::list_keys(&mut conn).await?);
        }
        let keyring = match self.keyring().await {
            Ok(keyring) => keyring,
            Err(Error::Conflict(_)) if used.is_empty() => return Ok(SecretKeys::Missing),
            Err(Error::Conflict(_)) => return Ok(SecretKeys::Lost),
            Err(error) => return Err(error),
        };
        let current = keyring.current_id()?;
        Ok(if used.iter().any(|key| !keyring.has(key)) {
            SecretKeys::Lost
        } else if used.iter().any(|key| key != current) {
            SecretKeys::Older
        } else {
            SecretKeys::Current
        })
    }

    /// Whether Redis answers, where one is configured.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not.
    pub async fn ping_redis(&self) -> Result<()> {
        match self.redis() {
            Some(redis) => redis.ping().await,
            None => Ok(()),
        }
    }

    /// The same at a glance; `None`: none is configured. Nobody waits long for it.
    pub async fn does_redis_answer(&self) -> Option<bool> {
        Some(self.redis()?.ping().await.is_ok())
    }

    /// What Redis does once its memory is full, as its `maxmemory-policy` says; `None` where it has no limit, and
    /// where it does not tell.
    pub async fn redis_policy(&self) -> Option<String> {
        self.redis()?.policy().await
    }

    /// Each replica by its name and how far it is behind, once all are known, or for long enough;
    /// `None`: it cannot be used.
    pub async fn try_replicas(&self) -> Vec<(String, Option<Duration>)> {
        let until = tokio::time::Instant::now() + REPLICA_PATIENCE;
        loop {
            let all = self.replicas();
            let is_known = all.iter().all(|(_, lag)| lag.is_some());
            if is_known || tokio::time::Instant::now() >= until {
                return all;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Whether the mail server lets this process in; `None`: none is configured.
    pub async fn try_mail(&self) -> Option<Result<(), String>> {
        Some(self.mailer()?.try_out().await)
    }

    /// Asks a model for one word, whether a provider's or that of the OpenAI-compatible endpoint.
    ///
    /// # Errors
    /// A sentence for a person that says why it gave none.
    pub async fn try_model(&self, name: &ModelName) -> Result<(), String> {
        let policy = ModelPolicy::Named { model: name.to_string() };
        let chosen = self.engine().models().choose(&policy)?;
        let request = ModelRequest {
            model: chosen.name.clone(),
            system: String::new(),
            messages: vec![Message::User { text: "Say yes.".to_owned(), context: None }],
            tools: Vec::new(),
            may_call: false,
            max_output_tokens: 8,
            window: chosen.facts.map(|facts| facts.window),
            now: self.now(),
        };
        let mut reply = chosen.model.reply(request);
        match tokio::time::timeout(MODEL_PATIENCE, reply.next()).await {
            Ok(Some(Ok(_))) => Ok(()),
            Ok(Some(Err(error))) => Err(error.to_string()),
            Ok(None) => Err("the reply was empty".to_owned()),
            Err(_) => Err(format!("no word within {} s", MODEL_PATIENCE.as_secs())),
        }
    }
}

/// Compares the schema of one database with this program's.
async fn schema_of(conn: &mut PgConnection) -> Result<Schema> {
    let Some(applied) = store::settings::list_migrations(conn).await? else {
        return Ok(Schema::Absent);
    };
    let applied: HashSet<i64> = applied.into_iter().collect();
    let ours: HashSet<i64> = store::MIGRATOR.iter().map(|migration| migration.version).collect();
    let missing: Vec<_> =
        store::MIGRATOR.iter().filter(|own| !applied.contains(&own.version)).collect();
    Ok(match (applied.is_empty(), missing.len(), applied.difference(&ours).count()) {
        (true, ..) => Schema::Absent,
        (_, 0, 0) => Schema::Current,
        (_, 0, more) => Schema::Newer { more },
        (_, count, _) => {
            let is_served = missing.iter().all(|own| is_dispensable(own.sql.as_str()));
            Schema::Behind { missing: count, is_served }
        }
    })
}

/// Whether every statement can do without a migration: it makes or drops indexes that keep nothing unique,
/// or looks whether all rows keep a constraint that new ones keep already.
fn is_dispensable(migration: &str) -> bool {
    let lines = migration.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join(" ");
    let mut statements = text.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    statements.all(|statement| {
        let words: Vec<_> = statement.split_whitespace().collect();
        match *words.as_slice() {
            ["CREATE", "INDEX", ..] | ["ALTER", "TABLE", _, "VALIDATE", "CONSTRAINT", _] => true,
            ["DROP", "INDEX", .., name] => name.ends_with("_idx"),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sqlx::{AssertSqlSafe, Executor as _, PgPool, SqlSafeStr as _};

    use super::*;

    #[test]
    fn what_no_statement_needs_is_told_from_the_rest() {
        for (version, can_do_without) in [
            (20_261_124_120_300, true),
            (20_261_128_010_300, false),
            (20_261_128_010_400, true),
            (20_261_129_040_100, true),
            (20_261_129_130_100, true),
            (20_261_129_150_000, false),
            (20_261_129_160_000, false),
            (20_261_129_175_100, true),
        ] {
            let migration = store::MIGRATOR.iter().find(|own| own.version == version).unwrap();
            let (sql, name) = (migration.sql.as_str(), &migration.description);
            assert_eq!(is_dispensable(sql), can_do_without, "{name}");
        }
        let dropped = "DROP INDEX CONCURRENTLY IF EXISTS agents_name_key;";
        assert!(!is_dispensable(dropped), "what was unique may now be there twice");
    }

    /// A release goes on working while and after the next one's migrations are applied: none takes away
    /// what its statements name. `./dev release-queries` keeps those of a release.
    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn the_release_before_works_on_this_schema(pool: PgPool) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/served");
        let files: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1, "the last release alone");
        let text = fs::read_to_string(files[0].path()).unwrap();
        let statements: Vec<String> = serde_json::from_str(&text).unwrap();
        assert!(statements.len() > 100, "{}", statements.len());
        let mut conn = pool.acquire().await.unwrap();
        let mut refused = Vec::new();
        for statement in statements {
            let sql = AssertSqlSafe(statement.clone()).into_sql_str();
            if let Err(error) = conn.prepare(sql).await {
                refused.push(format!("{error}: {statement}"));
            }
        }
        assert!(refused.is_empty(), "{}", refused.join("\n"));
    }
}
