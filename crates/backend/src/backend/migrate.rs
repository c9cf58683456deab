//! Bringing the schema up to date.

use std::time::Duration;

use resonant_runtime::clock::{Clock as _, SystemClock};
use sqlx::migrate::Migrator;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::sleep;

use super::Backend;
use super::distribute::take_steps;
use crate::store::{self, MIGRATOR, migrations};
use crate::{Error, Result, database, upkeep};

/// The pause between two looks whether another process is done.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// What stands before the name of an index that is built while its table is used.
const BUILT_APART: &str = "INDEX CONCURRENTLY IF NOT EXISTS ";

impl Backend {
    /// Brings the schema up to date, one process at a time. Migrations of a newer release that were
    /// applied already stay as they are. Where the tables are spread over a cluster, new ones are too.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer, [`Error::Internal`] when a migration
    /// fails, [`Error::Conflict`] when a new table cannot be spread.
    pub async fn migrate(database_url: &str) -> Result<()> {
        let mut conn =
            database::address(database_url)?.connect().await.map_err(Error::unavailable)?;
        take_turn(&mut conn).await?;
        let is_defined_here = store::distribution::define_here(&mut conn).await?;
        mend_indexes(&mut conn).await?;
        if !is_defined_here {
            migrations::apply_singly(&mut conn).await.map_err(Error::internal)?;
        }
        let mut migrator = Migrator { ..Migrator::DEFAULT };
        migrator.migrations.clone_from(&MIGRATOR.migrations);
        migrator.set_ignore_missing(true);
        migrator.set_locking(false);
        migrator.run(&mut conn).await.map_err(Error::internal)?;
        let mut tx = conn.begin().await?;
        upkeep::make_partitions(&mut tx, SystemClock.now()).await?;
        // pgvector may have come since the migration that asked for it.
        store::embeddings::use_vectors(&mut tx).await?;
        tx.commit().await?;
        if store::distribution::is_spread(&mut conn).await? {
            take_steps(&mut conn).await?;
        }
        conn.close().await.map_err(Error::unavailable)?;
        Ok(())
    }
}

/// Waits until no other process migrates, by asking: a statement that waited for a lock would be one whose
/// end an index waits for that the other builds concurrently, and neither would come to an end.
async fn take_turn(conn: &mut PgConnection) -> Result<()> {
    let mut is_told = false;
    while !migrations::try_lock(&mut *conn).await? {
        if !is_told {
            tracing::info!("another process migrates: waiting for it");
            is_told = true;
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// Builds again what a migration was building when it was broken off. The migration itself would take the
/// index for there, and it may have been taken for applied since.
async fn mend_indexes(conn: &mut PgConnection) -> Result<()> {
    for name in migrations::list_broken_indexes(&mut *conn).await? {
        if built_apart().any(|own| own == name) {
            tracing::warn!(index = name, "an index was not built to its end: it is built again");
            migrations::rebuild_index(&mut *conn, &name).await?;
        } else if built_apart().any(|own| is_left_of(own, &name)) {
            migrations::drop_index(&mut *conn, &name).await?;
        }
    }
    Ok(())
}

/// The indexes that migrations build while their tables are used.
fn built_apart() -> impl Iterator<Item = &'static str> {
    MIGRATOR.iter().filter_map(|migration| {
        let (_, rest) = migration.sql.as_str().split_once(BUILT_APART)?;
        rest.split_whitespace().next()
    })
}

/// Whether an index is what PostgreSQL leaves of one that was being built again.
fn is_left_of(own: &str, name: &str) -> bool {
    let rest = name.strip_prefix(own).unwrap_or_default();
    rest.starts_with("_ccnew") || rest.starts_with("_ccold")
}

#[cfg(test)]
mod tests {
    use sqlx::{PgPool, raw_sql};

    use super::*;

    const INDEX: &str = "agents_created_at_idx";

    async fn broken(pool: &PgPool) -> Vec<String> {
        let mut conn = pool.acquire().await.unwrap();
        migrations::list_broken_indexes(&mut conn).await.unwrap()
    }

    /// Breaks the building of an index off, as the end of its process does.
    async fn break_off(pool: &PgPool) {
        raw_sql("DROP INDEX IF EXISTS agents_created_at_idx").execute(pool).await.unwrap();
        // Whoever builds an index apart waits for those who write to its table.
        let mut writer = pool.begin().await.unwrap();
        let write = "LOCK TABLE agents IN ROW EXCLUSIVE MODE";
        raw_sql(write).execute(&mut *writer).await.unwrap();
        let mut conn = pool.acquire().await.unwrap();
        raw_sql("SET statement_timeout = '200ms'").execute(&mut *conn).await.unwrap();
        let build = "CREATE INDEX CONCURRENTLY agents_created_at_idx \
                     ON agents (owner_id, created_at DESC, agent_id DESC)";
        raw_sql(build).execute(&mut *conn).await.unwrap_err();
        raw_sql("RESET statement_timeout").execute(&mut *conn).await.unwrap();
        writer.rollback().await.unwrap();
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn an_index_whose_building_was_broken_off_is_built_again(pool: PgPool) {
        assert!(built_apart().any(|own| own == INDEX));
        let url = pool.connect_options().to_url_lossy().to_string();
        let forget = "DELETE FROM _sqlx_migrations WHERE version = 20261124120300";
        for is_noted in [true, false] {
            break_off(&pool).await;
            assert_eq!(broken(&pool).await, [INDEX]);
            if !is_noted {
                raw_sql(forget).execute(&pool).await.unwrap();
            }
            Backend::migrate(&url).await.unwrap();
            assert!(broken(&pool).await.is_empty(), "noted as applied: {is_noted}");
            let there = "SELECT 1 FROM pg_class WHERE relname = 'agents_created_at_idx'";
            assert_eq!(raw_sql(there).fetch_all(&pool).await.unwrap().len(), 1);
        }
    }

    #[test]
    fn what_is_left_of_a_rebuilding_is_known() {
        for (name, is_left) in [
            ("agents_created_at_idx_ccnew", true),
            ("agents_created_at_idx_ccnew2", true),
            ("agents_created_at_idx_ccold", true),
            ("agents_created_at_idx", false),
            ("agents_created_at_idx_of_mine", false),
            ("other_ccnew", false),
        ] {
            assert_eq!(is_left_of(INDEX, name), is_left, "{name}");
        }
    }
}
