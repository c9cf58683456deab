//! A database of its own for a test outside this crate, copied from a migrated template.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, raw_sql};

use crate::{Backend, MIGRATOR};

/// The advisory lock under which the template is made and copied.
const LOCK: i64 = 0x7265_736f_6e61_6e74;

/// A database that goes when this goes, also after a panic.
#[derive(Debug)]
pub struct FreshDatabase {
    server: String,
    name: String,
}

impl FreshDatabase {
    /// Makes a database with the present schema on the server of `url`.
    ///
    /// # Panics
    /// When the server does not do it.
    pub async fn create(url: &str) -> Self {
        let mut conn = locked(url).await;
        let template = template(&mut conn, url).await;
        Self::copy(url, conn, &template).await
    }

    /// Makes a database without any table.
    ///
    /// # Panics
    /// When the server does not do it.
    pub async fn create_empty(url: &str) -> Self {
        Self::copy(url, locked(url).await, "template0").await
    }

    async fn copy(url: &str, mut conn: PgConnection, template: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("resonant_test_{}_{count}", std::process::id());
        sweep(&mut conn).await;
        run(&mut conn, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        run(&mut conn, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        conn.close().await.expect("the connection closes");
        Self { server: url.to_owned(), name }
    }

    /// The database's address.
    #[must_use]
    pub fn url(&self) -> String {
        at(&self.server, &self.name)
    }
}

impl Drop for FreshDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A thread of its own: the test's runtime may be about to end.
        let removed = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime starts").block_on(async {
                remove(&mut connect(&server).await, &name).await;
            });
        });
        drop(removed.join());
    }
}

/// Removes a database, or leaves it half removed for [`sweep`]. The test's runtime stands still
/// meanwhile: a connection that it was just opening answers nobody, and PostgreSQL would wait for that
/// one until its own patience with sign-ins ends, which is a minute.
async fn remove(conn: &mut PgConnection, name: &str) {
    run(conn, "SET statement_timeout = '2s'").await;
    let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    drop(raw_sql(AssertSqlSafe(statement)).execute(conn).await);
}

/// Removes what earlier tests have left half removed.
async fn sweep(conn: &mut PgConnection) {
    let left = "SELECT datname::TEXT AS name FROM pg_database \
                WHERE datname LIKE 'resonant\\_test\\_%' AND datconnlimit = -2";
    let left = raw_sql(left).fetch_all(&mut *conn).await.expect("the server tells its databases");
    for row in left {
        let name: String = row.get("name");
        remove(conn, &name).await;
    }
    run(conn, "RESET statement_timeout").await;
}

/// Does one statement on a test's database.
///
/// # Panics
/// When the server does not do it.
pub async fn execute(url: &str, statement: &str) {
    run(&mut connect(url).await, statement).await;
}

/// The number that a statement answers on a test's database.
///
/// # Panics
/// When the server does not answer one.
pub async fn number(url: &str, statement: &str) -> i64 {
    let mut conn = connect(url).await;
    let row = raw_sql(AssertSqlSafe(statement.to_owned())).fetch_one(&mut conn).await;
    row.expect("the server answers").get(0)
}

/// How many rows each table of a test's database holds, but for those that tell of requests themselves.
///
/// # Panics
/// When the server does not tell.
pub async fn count_rows(url: &str) -> Vec<(String, i64)> {
    let mut conn = connect(url).await;
    let mut counts = Vec::new();
    for name in tables(&mut conn).await {
        if ["idempotency_keys", "cache_outbox", "processes"].contains(&name.as_str()) {
            continue;
        }
        let statement = format!("SELECT count(*) AS count FROM {name}");
        let counted = raw_sql(AssertSqlSafe(statement)).fetch_one(&mut conn).await;
        counts.push((name, counted.expect("the server counts").get("count")));
    }
    counts
}

/// How many rows each table of a test's database holds, and a sum over all that they hold; and how far each
/// sequence is.
///
/// # Panics
/// When the server does not tell.
pub async fn fingerprints(url: &str) -> Vec<(String, i64, String)> {
    let mut conn = connect(url).await;
    let mut all = Vec::new();
    for name in tables(&mut conn).await {
        let statement = format!(
            "SELECT count(*) AS count, coalesce(sum(hashtextextended(t::TEXT, 0)), 0)::TEXT AS sum \
             FROM {name} t"
        );
        let told = raw_sql(AssertSqlSafe(statement)).fetch_one(&mut conn).await;
        let told = told.expect("the server counts");
        all.push((name, told.get("count"), told.get("sum")));
    }
    let sequences = "SELECT sequencename::TEXT AS name, coalesce(last_value, 0) AS last \
                     FROM pg_sequences WHERE schemaname = 'public' ORDER BY sequencename";
    let sequences = raw_sql(sequences).fetch_all(&mut conn).await;
    let sequences = sequences.expect("the server tells its sequences").into_iter();
    all.extend(sequences.map(|row| (row.get("name"), row.get("last"), String::new())));
    all
}

/// The tables of a test's database, each partitioned one as a whole.
async fn tables(conn: &mut PgConnection) -> Vec<String> {
    let tables = "SELECT c.relname::TEXT AS name FROM pg_class c \
                  WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relkind IN ('r', 'p') \
                    AND NOT c.relispartition \
                  ORDER BY c.relname";
    let tables = raw_sql(tables).fetch_all(conn).await.expect("the server tells its tables");
    tables.iter().map(|row| row.get("name")).collect()
}

/// The template of the present migrations, made when it is not there.
async fn template(conn: &mut PgConnection, url: &str) -> String {
    let hash = MIGRATOR
        .iter()
        .flat_map(|migration| migration.checksum.iter())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let name = format!("resonant_template_{hash:016x}");
    let known =
        raw_sql(AssertSqlSafe(format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")))
            .fetch_optional(&mut *conn)
            .await
            .expect("the server tells its databases");
    if known.is_none() {
        let draft = format!("{name}_draft");
        run(conn, &format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await;
        run(conn, &format!("CREATE DATABASE {draft}")).await;
        Backend::migrate(&at(url, &draft)).await.expect("the migrations apply");
        run(conn, &format!("ALTER DATABASE {draft} RENAME TO {name}")).await;
    }
    name
}

/// A connection that holds the lock as long as it lives.
async fn locked(url: &str) -> PgConnection {
    let mut conn = connect(url).await;
    run(&mut conn, &format!("SELECT pg_advisory_lock({LOCK})")).await;
    conn
}

async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().expect("DATABASE_URL is an address");
    options.connect().await.expect("the server answers")
}

async fn run(conn: &mut PgConnection, statement: &str) {
    raw_sql(AssertSqlSafe(statement.to_owned())).execute(conn).await.expect("the server does it");
}

/// The address of another database on the same server.
fn at(url: &str, name: &str) -> String {
    let (address, parameters) =
        url.split_once('?').map_or((url, String::new()), |(a, p)| (a, format!("?{p}")));
    let start = address.find("://").map_or(0, |at| at + 3);
    let server = address[start..].find('/').map_or(address, |slash| &address[..start + slash]);
    format!("{server}/{name}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server() {
        for (url, other) in [
            ("postgres://u@h:1/a", "postgres://u@h:1/b"),
            ("postgres://u@h", "postgres://u@h/b"),
            ("postgres://u@/a?host=/tmp/s", "postgres://u@/b?host=/tmp/s"),
        ] {
            assert_eq!(at(url, "b"), other);
        }
    }
}
