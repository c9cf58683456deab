//! The replicas of a database that takes part in a move: they have what was done there, or nobody reads from them.

use std::time::{Duration, Instant};

use futures::future::join_all;
use sqlx::PgConnection;
use tokio::time::{sleep, timeout_at};

use super::connect;
use crate::store::replication::{self, Place};
use crate::{DatabaseSettings, Result, database};

/// The pause between two looks at a replica.
const PAUSE: Duration = Duration::from_millis(20);

/// A place in the log of a database that its replicas are to come to; nothing where there are no replicas.
pub(super) struct Milestone(Option<(Place, Instant)>);

impl Milestone {
    /// Behind all that was done so far.
    pub(super) async fn set(
        settings: &DatabaseSettings,
        primary: &mut PgConnection,
    ) -> Result<Self> {
        if settings.replica_urls.is_empty() {
            return Ok(Self(None));
        }
        let since = Instant::now();
        Ok(Self(Some((replication::find_place(primary).await?, since))))
    }

    /// Waits until every replica has come there. One that lags, or does not answer here, is waited for until no
    /// process can be using it any more.
    pub(super) async fn passed(self, settings: &DatabaseSettings) {
        let Self(Some((place, since))) = self else { return };
        let all = settings.replica_urls.iter().map(|url| passes(url, &place));
        let until = since + database::span(settings.replica_max_lag);
        if timeout_at(until.into(), join_all(all)).await.is_err() {
            tracing::warn!(
                database = place.database,
                "a replica does not answer or lags too far behind"
            );
        }
    }
}

/// Waits until a replica has come to a place in the log of its primary; not at all when that is another's.
async fn passes(url: &str, place: &Place) {
    loop {
        if let Ok(mut conn) = connect(url).await {
            while let Ok(replica) = replication::find_place(&mut conn).await {
                if is_past(&replica, place) {
                    return;
                }
                sleep(PAUSE).await;
            }
        }
        sleep(PAUSE).await;
    }
}

/// Whether nobody can read from a replica what was before a place.
fn is_past(replica: &Place, place: &Place) -> bool {
    let is_of_another = replica.cluster != place.cluster || replica.database != place.database;
    // Nobody takes what writes for a replica.
    is_of_another
        || !replica.is_replica
        || (replica.timeline == place.timeline && replica.position >= place.position)
}
