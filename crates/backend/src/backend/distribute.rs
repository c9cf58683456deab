//! Handing the tables to a cluster.

use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use super::Backend;
use crate::store::distribution::{begin, find_obstacle, is_possible, plan, read, take};
use crate::{Error, Result, database};

impl Backend {
    /// Spreads the tables over the nodes of a Citus cluster, by owner. Goes on where a run before was
    /// cut off; answers how many steps were left to take.
    ///
    /// # Errors
    /// [`Error::Conflict`] says what stands in the way, or which step failed.
    pub async fn distribute(database_url: &str) -> Result<usize> {
        let mut conn =
            database::address(database_url)?.connect().await.map_err(Error::unavailable)?;
        if !is_possible(&mut conn).await? {
            return Err(Error::Conflict("The database has no extension citus".to_owned()));
        }
        if let Some(obstacle) = find_obstacle(&mut conn).await? {
            return Err(Error::Conflict(obstacle));
        }
        let steps = take_steps(&mut conn).await?;
        conn.close().await.map_err(Error::unavailable)?;
        Ok(steps)
    }
}

/// Takes the steps that are left; answers how many they were.
pub(super) async fn take_steps(conn: &mut PgConnection) -> Result<usize> {
    let steps = plan(&read(&mut *conn).await?).map_err(Error::Conflict)?;
    begin(&mut *conn).await?;
    for (at, step) in steps.iter().enumerate() {
        take(&mut *conn, step).await.map_err(|error| {
            Error::Conflict(format!(
                "Step {} of {} ({}) failed; those before it stay, and another run goes on with it: \
                 {error}",
                at + 1,
                steps.len(),
                step.name
            ))
        })?;
        tracing::info!("{} of {}: {}", at + 1, steps.len(), step.name);
    }
    Ok(steps.len())
}
