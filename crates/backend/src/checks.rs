//! What the start of the process and `server doctor` ask.

use std::collections::HashSet;
use std::time::Duration;

use futures::StreamExt as _;
use resonant_domain::agent::ModelPolicy;
use resonant_runtime::models::{Message, ModelName, ModelRequest};

use crate::{Backend, Result, store};

/// How the database's schema stands to this program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// There is none.
    Absent,
    /// Migrations of this program were not applied.
    Behind {
        /// How many.
        missing: usize,
    },
    /// The same.
    Current,
    /// All of this program's, and some that it does not know.
    Newer {
        /// How many.
        more: usize,
    },
}

/// What the database tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// Its version as `server_version_num` has it: 150018 is 15.18.
    pub version: i32,
    /// The most connections that it takes.
    pub connections_max: i64,
    /// Whether it takes no writes.
    pub is_replica: bool,
}

/// How long replicas may take to be known, and the pause between two looks.
const REPLICA_PATIENCE: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long a model may take for a word.
const MODEL_PATIENCE: Duration = Duration::from_secs(20);

impl Backend {
    /// Compares the database's schema with this program's.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) when the database does not answer.
    pub async fn schema(&self) -> Result<Schema> {
        let Some(applied) =
            store::settings::list_migrations(&mut *self.catalogue_read().await?).await?
        else {
            return Ok(Schema::Absent);
        };
        let applied: HashSet<i64> = applied.into_iter().collect();
        let ours: HashSet<i64> =
            store::MIGRATOR.iter().map(|migration| migration.version).collect();
        let (missing, more) =
            (ours.difference(&applied).count(), applied.difference(&ours).count());
        Ok(match (applied.is_empty(), missing, more) {
            (true, ..) => Schema::Absent,
            (_, 0, 0) => Schema::Current,
            (_, 0, more) => Schema::Newer { more },
            (_, missing, _) => Schema::Behind { missing },
        })
    }

    /// Asks the database for its version and limits.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) when the database does not answer.
    pub async fn database_facts(&self) -> Result<DatabaseFacts> {
        Ok(store::settings::find_facts(&mut *self.catalogue_read().await?).await?)
    }

    /// Whether Redis answers, where one is configured.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) when it does not.
    pub async fn ping_redis(&self) -> Result<()> {
        match self.redis() {
            Some(redis) => redis.ping().await,
            None => Ok(()),
        }
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
            max_output_tokens: 8,
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
