//! A session as its owner sees it.
//!
//! Key: owner and id. Value: the session. Lifetime: 1 h when it is over, and forgotten when it goes on
//! after all; one that is not over changes with every append and is not kept, and what may be dropped with
//! its month is not looked for here. Empty: one look-up in PostgreSQL.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use resonant_domain::session::Session;
use resonant_domain::{SessionId, UserId};

use super::{Document, Entry, Kind, document};
use crate::store::partitions::first_id_at;
use crate::{Backend, Result, store};

pub(crate) struct SessionEntry;

impl SessionEntry {
    /// Gets a session. One that is older than the installation keeps them is looked up: it goes with its
    /// month, and nobody calls that out.
    pub(crate) async fn find(
        backend: &Backend,
        key: SessionKey,
    ) -> Result<Option<Arc<Document<Session>>>> {
        let SessionKey(_, id) = key;
        let oldest = backend.oldest_session_kept().map(first_id_at);
        if oldest.is_some_and(|oldest| id.as_uuid() < oldest) {
            return Self::load(backend, &key).await?.map(document::write::<Self>).transpose();
        }
        backend.cache().get::<Self>(backend, &key).await
    }
}

/// Whose session, and which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionKey(pub(crate) UserId, pub(crate) SessionId);

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl Entry for SessionEntry {
    type Key = SessionKey;
    type Value = Session;
    const KIND: Kind = Kind::Session;
    const SCHEMA: u16 = 4;
    const LIFETIME: Duration = Duration::from_hours(1);
    const STALE: Duration = Duration::ZERO;
    const ABSENT: Duration = Duration::ZERO;
    // Most of what is not kept is still running: nobody waits for another to read it.
    const WAIT: Duration = Duration::ZERO;

    async fn load(
        backend: &Backend,
        &SessionKey(owner, id): &SessionKey,
    ) -> Result<Option<Session>> {
        // A write is heard before its place in the log is known to every process: in between a replica
        // could answer with a session that was over and is not any more, and it would be kept for long.
        let mut conn = backend.read_latest(owner).await?;
        Ok(store::sessions::find(&mut conn, owner, id).await?)
    }

    /// A session changes with its log, in between when a worker takes it or gives it back, and by what
    /// people think of it and pin.
    fn version(session: &Session, _: &[u8]) -> String {
        let mut parts = vec![session.last_sequence.to_string(), session.state.as_str().to_owned()];
        parts.extend(session.thumb.map(|thumb| thumb.as_str().to_owned()));
        parts.extend(session.pins.iter().map(ToString::to_string));
        parts.join("-")
    }

    fn is_kept(session: &Session) -> bool {
        session.state.is_terminal()
    }
}
