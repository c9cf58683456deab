//! A connection that writes.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres, Transaction};

use super::replicas::Mark;
use crate::Result;

/// A connection for what is written together. Nothing is certain to be kept before
/// [`Writing::commit`].
#[must_use = "what is written is kept by commit()"]
pub(crate) struct Writing {
    conn: Conn,
    mark: Option<Mark>,
}

enum Conn {
    /// Each statement is a transaction.
    Statement(PoolConnection<Postgres>),
    Transaction(Transaction<'static, Postgres>),
}

impl Writing {
    pub(super) fn statement(conn: PoolConnection<Postgres>) -> Self {
        Self { conn: Conn::Statement(conn), mark: None }
    }

    pub(super) fn transaction(tx: Transaction<'static, Postgres>) -> Self {
        Self { conn: Conn::Transaction(tx), mark: None }
    }

    /// The same, with a mark for those who read afterwards.
    pub(super) fn marking(self, mark: Option<Mark>) -> Self {
        Self { mark, ..self }
    }

    /// Keeps what was written.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`]: it may or may not be kept.
    pub(crate) async fn commit(self) -> Result<()> {
        // Nobody holds one connection and waits for another: all could be held by those who wait.
        let (own, committed) = match self.conn {
            Conn::Statement(conn) => (Some(conn), Ok(())),
            Conn::Transaction(tx) => (None, tx.commit().await),
        };
        // Also when it is not certain: it may be kept.
        if let Some(mark) = self.mark {
            mark.note(own).await;
        }
        Ok(committed?)
    }
}

impl Deref for Writing {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match &self.conn {
            Conn::Statement(conn) => conn,
            Conn::Transaction(tx) => tx,
        }
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.conn {
            Conn::Statement(conn) => conn,
            Conn::Transaction(tx) => tx,
        }
    }
}
