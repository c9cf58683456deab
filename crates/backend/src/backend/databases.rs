//! The way to the databases: a connection for whoever reads or writes, and the installation's own work over all
//! of them.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use resonant_domain::UserId;
use resonant_domain::metric::Family;
use uuid::Uuid;

use super::{Backend, random};
use crate::cache::{Stale, ear};
use crate::database::{Reading, Shard, Writing};
use crate::store::cache_outbox::Letter;
use crate::store::shards::Owners;
use crate::{Error, Result, store};

/// How many names fit into one call of PostgreSQL, which takes 8,000 bytes.
const NAMES_PER_LETTER: usize = 25;

impl Backend {
    /// Each replica by its name, and how far it is behind; `None`: it is not in use.
    pub(crate) fn replicas(&self) -> Vec<(String, Option<Duration>)> {
        self.inner.database.replicas()
    }

    /// Measures how long a connection was waited for, whether it came or not.
    async fn waited<T>(&self, connection: impl Future<Output = Result<T>>) -> Result<T> {
        let began = Instant::now();
        let connection = connection.await;
        self.metrics().observe(Family::DbPoolWait, "", began.elapsed());
        connection
    }

    /// A connection that reads what the owner owns: agents, sessions and whatever else has an
    /// `owner_id`.
    pub(crate) async fn read(&self, owner: UserId) -> Result<Reading> {
        self.waited(self.inner.database.read(owner)).await
    }

    /// The same from the database that takes the writes: for those who must see what others have
    /// just written.
    pub(crate) async fn read_latest(&self, owner: UserId) -> Result<Reading> {
        self.waited(self.inner.database.read_latest(owner)).await
    }

    /// A connection that writes what the owner owns by one statement, and then commits.
    pub(crate) async fn write(&self, owner: UserId) -> Result<Writing> {
        self.waited(self.inner.database.write(owner)).await
    }

    /// A transaction on what the owner owns.
    pub(crate) async fn begin(&self, owner: UserId) -> Result<Writing> {
        self.waited(self.inner.database.begin(owner)).await
    }

    /// A connection that reads what is everybody's: people, sign-ins, listings, settings.
    pub(crate) async fn catalogue_read(&self) -> Result<Reading> {
        self.waited(self.inner.database.catalogue_read()).await
    }

    /// The same from the database that takes the writes.
    pub(crate) async fn catalogue_read_latest(&self) -> Result<Reading> {
        self.waited(self.inner.database.catalogue_read_latest()).await
    }

    /// A connection that writes what is everybody's by one statement, and then commits.
    pub(crate) async fn catalogue_write(&self) -> Result<Writing> {
        self.waited(self.inner.database.catalogue_write()).await
    }

    /// A transaction on what is everybody's.
    pub(crate) async fn catalogue_begin(&self) -> Result<Writing> {
        self.waited(self.inner.database.catalogue_begin()).await
    }

    /// The databases that hold what owners own, for the installation's own work over all owners.
    pub(crate) fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        self.inner.database.shards()
    }

    /// A transaction of the installation's own on one of [`Backend::shards`].
    pub(crate) async fn begin_on(&self, shard: Shard) -> Result<Writing> {
        self.waited(self.inner.database.begin_on(shard)).await
    }

    /// Whose things such a transaction may take.
    pub(crate) fn owners(&self) -> Owners {
        self.inner.database.owners()
    }

    /// The one database of a test, whosever things are meant.
    #[cfg(test)]
    pub(crate) async fn conn(&self) -> Result<Reading> {
        self.catalogue_read().await
    }

    /// Commits what was written, together with word of what it has made untrue in the caches of all
    /// processes. When this returns, this process serves none of it any more.
    pub(crate) async fn commit(&self, mut tx: Writing, stale: Stale) -> Result<()> {
        let letters = stale.names().chunks(NAMES_PER_LETTER).map(|names| {
            let id = self.new_id()?;
            Ok(Letter { id, text: ear::letter(id, names), names: names.to_vec() })
        });
        let letters: Vec<_> = letters.collect::<Result<_>>()?;
        if !letters.is_empty() {
            store::cache_outbox::insert(&mut tx, &letters).await?;
        }
        let cache = self.cache().clone();
        // The caller may go away at any moment; what was committed is forgotten all the same.
        let task = tokio::spawn(async move {
            let kept = tx.commit().await;
            for Letter { id, names, .. } in letters {
                // After a fault too: it may have been kept, or be kept only now. So whoever hears that it was
                // forgets anew: here it goes under another id.
                let id = if kept.is_ok() { id } else { Uuid::from_bytes(random()?) };
                cache.forget(id, &names).await;
            }
            kept
        });
        task.await.map_err(Error::internal)?
    }

    /// Has a piece of the installation's own work done on each of [`Backend::shards`]. One that is away, or on
    /// which it fails otherwise, holds up no other. Answers what came of it where it was done, and the first
    /// fault.
    pub(crate) async fn on_each<T, F>(
        &self,
        mut work: impl FnMut(Shard) -> F,
    ) -> (Vec<T>, Result<()>)
    where
        F: Future<Output = Result<T>>,
    {
        let (mut all, mut done) = (Vec::new(), Ok(()));
        for shard in self.shards() {
            match work(shard).await {
                Ok(one) => all.push(one),
                Err(fault) => done = done.and(Err(fault)),
            }
        }
        (all, done)
    }

    /// What the first of [`Backend::shards`] has that has something. The others do not wait for one that is
    /// away; where none has anything, its fault is told.
    pub(crate) async fn first_of<T, F>(&self, mut look: impl FnMut(Shard) -> F) -> Result<Option<T>>
    where
        F: Future<Output = Result<Option<T>>>,
    {
        let mut done = Ok(None);
        for shard in self.shards() {
            match look(shard).await {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(fault) => done = done.and(Err(fault)),
            }
        }
        done
    }

    /// Those of these owners whose database did not answer the installation when it last asked.
    pub(crate) async fn list_away(&self, owners: &[UserId]) -> HashSet<UserId> {
        self.inner.database.list_away(owners).await
    }
}
