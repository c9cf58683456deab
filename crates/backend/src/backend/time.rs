//! The present instant, and the ids that tell it.

use std::time::Instant;

use jiff::Timestamp;
use uuid::{Builder, Uuid};

use super::{Backend, random};
use crate::database::Shard;
use crate::{Result, store};

impl Backend {
    /// Sees that this process tells the same time as all that use the database: it is the database's.
    pub(crate) async fn agree_on_time(&self) -> Result<()> {
        let mut conn = self.catalogue_read_latest().await?;
        let asked = Instant::now();
        let theirs = store::metrics::find_now(&mut conn).await?;
        drop(conn);
        if self.inner.clock.agree(theirs, asked).is_negative() {
            // Leases that were taken before lie too far ahead: who holds one renews it, the others end.
            return self.on_each(|shard| self.shorten_leases_on(shard)).await.1;
        }
        Ok(())
    }

    async fn shorten_leases_on(&self, shard: Shard) -> Result<()> {
        let mut tx = self.begin_on(shard).await?;
        store::queue::shorten_leases(&mut tx, self.lease(), self.owners()).await?;
        tx.commit().await
    }

    /// The present instant, to the microsecond that PostgreSQL keeps.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self.inner.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// A new identity (RFC 9562, version 7): the present instant to a quarter of a microsecond, as its
    /// section 6.2 lets the first 12 random bits say, and 62 random bits. Ids of one clock are in the
    /// order of their making.
    pub(crate) fn new_id(&self) -> Result<Uuid> {
        let micros = u64::try_from(self.now().as_microsecond()).unwrap_or(0);
        let mut random: [u8; 10] = random()?;
        let fraction = micros % 1000 * 4096 / 1000;
        [random[0], random[1]] = u16::try_from(fraction).unwrap_or(0).to_be_bytes();
        Ok(Builder::from_unix_timestamp_millis(micros / 1000, &random).into_uuid())
    }
}
