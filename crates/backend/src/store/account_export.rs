//! The SQL that reads all that is kept of a person, row by row, without the columns that are of use to
//! the installation alone: hashes, sealed values, indexes of words. Who decided of something, or is told of, is
//! another person.

use resonant_domain::UserId;
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, Postgres, Row as _, Transaction, raw_sql,
};

use super::distribution::{EVERYBODYS, list_tables};
use super::shards::Owners;

/// The tables beside those of owners in which a person stands, and the column; views of what is theirs in the
/// rows of others, too.
const CATALOGUE: [(&str, &str); 24] = [
    ("users", "user_id"),
    ("sign_ins", "user_id"),
    ("account_letters", "user_id"),
    ("account_links", "user_id"),
    ("api_keys", "user_id"),
    ("reviews", "author_id"),
    ("removed_reviews", "author_id"),
    ("review_votes", "voter_id"),
    ("listing_submissions", "publisher_id"),
    ("listing_reports", "reporter_id"),
    ("review_reports", "reporter_id"),
    ("publishers", "user_id"),
    ("listings", "publisher_id"),
    ("payment_events", "publisher_id"),
    ("account_notices", "reader_id"),
    ("team_members", "user_id"),
    ("team_agents", "agent_owner_id"),
    ("team_invitations", "invitee_id"),
    ("images", "publisher_id"),
    ("account_audit", "account_id"),
    ("purchases", "buyer_id"),
    ("publisher_follows", "follower_id"),
    ("review_answers", "publisher_id"),
    ("joined_teams", "user_id"),
];

/// A table of owners whose rows are another person's, who stands beside the owner: what agents keep for
/// teammates. No owner gets them.
const OF_OTHERS: &str = "teammate_memories";

/// A table and the column by which it names the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) table: String,
    column: &'static str,
    /// Whether the rows count only where their owner's bucket is held.
    is_of_held: bool,
}

/// The tables of the first database.
pub(crate) fn catalogue() -> Vec<Source> {
    let owners = EVERYBODYS.iter().map(|table| (*table, "owner_id"));
    let all = CATALOGUE.into_iter().chain(owners);
    all.map(|(table, column)| Source { table: table.to_owned(), column, is_of_held: false })
        .collect()
}

/// The tables of what owners own.
pub(crate) async fn owned(conn: &mut PgConnection) -> sqlx::Result<Vec<Source>> {
    let tables = list_tables(conn).await?.into_iter().filter(|table| table != OF_OTHERS);
    let source = |table| Source { table, column: "owner_id", is_of_held: false };
    Ok(tables.map(source).collect())
}

/// The table of what agents of others keep for the person: each database has a part of it.
pub(crate) fn of_others(owners: Owners) -> Source {
    Source { table: OF_OTHERS.to_owned(), column: "user_id", is_of_held: owners.are_held() }
}

/// Begins to read: everything from here on is of one instant, whatever is written meanwhile.
#[tracing::instrument(name = "db.account_export.begin", skip_all, err(level = "debug"))]
pub(crate) async fn begin(conn: &mut PgConnection) -> sqlx::Result<Transaction<'_, Postgres>> {
    conn.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await
}

/// Begins with a table. The one before is given up.
#[tracing::instrument(name = "db.account_export.open", skip_all, err(level = "debug"))]
pub(crate) async fn open(
    conn: &mut PgConnection,
    source: &Source,
    person: UserId,
) -> sqlx::Result<()> {
    let columns = sqlx::query!(
        r#"
        SELECT coalesce(array_agg(quote_literal(a.attname)) FILTER (
                   WHERE a.atttypid::REGTYPE::TEXT IN ('bytea', 'tsvector', 'vector')
                         OR a.attname IN ('password_hash', 'decided_by', 'person_id')
               ), '{}') AS "hidden!: Vec<String>",
               coalesce((
                   SELECT string_agg(quote_ident(k.attname), ', ' ORDER BY array_position(c.conkey, k.attnum))
                   FROM pg_constraint c JOIN pg_attribute k
                       ON k.attrelid = c.conrelid AND k.attnum = ANY (c.conkey)
                   WHERE c.conrelid = $1::TEXT::REGCLASS AND c.contype = 'p'
               ), '1') AS "key!"
        FROM pg_attribute a
        WHERE a.attrelid = $1::TEXT::REGCLASS AND a.attnum > 0 AND NOT a.attisdropped
        "#,
        source.table,
    )
    .fetch_one(&mut *conn)
    .await?;
    let Source { table, column, is_of_held } = source;
    let held = if *is_of_held { "AND is_owner_held(t.owner_id)" } else { "" };
    let (hidden, key) = (columns.hidden.join(", "), columns.key);
    // Names come from the catalogue of the database, and an id is digits and dashes.
    let cursor = format!(
        "DECLARE account_export NO SCROLL CURSOR FOR
         SELECT (to_jsonb(t) - ARRAY[{hidden}]::TEXT[])::TEXT FROM {table} t
         WHERE t.{column} = '{person}' {held} ORDER BY {key}"
    );
    raw_sql(AssertSqlSafe(cursor)).execute(conn).await?;
    Ok(())
}

/// The next rows of the table, each as a JSON object; none: it is at its end.
#[tracing::instrument(name = "db.account_export.next", skip_all, err(level = "debug"))]
pub(crate) async fn next(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let rows = raw_sql("FETCH 200 FROM account_export").fetch_all(&mut *conn).await?;
    if rows.is_empty() {
        raw_sql("CLOSE account_export").execute(conn).await?;
    }
    rows.iter().map(|row| row.try_get(0)).collect()
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;

    /// Whoever makes a table that names a person says here under which column.
    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn each_table_that_names_a_person_is_read(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owned = owned(&mut conn).await.unwrap();
        let known: Vec<_> = owned
            .into_iter()
            .chain(catalogue())
            .map(|source| (source.table, source.column))
            .collect();
        let references = sqlx::query!(
            r#"
            SELECT k.conrelid::REGCLASS::TEXT AS "table!", a.attname::TEXT AS "column!"
            FROM pg_constraint k
            JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
            WHERE k.contype = 'f' AND k.confrelid = 'users'::REGCLASS AND k.conparentid = 0
              AND k.confdeltype = 'c'
            "#
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        for reference in references {
            // What is kept of a request so that it may be sent again is gone in a day.
            if reference.table == "idempotency_keys" {
                continue;
            }
            let named = (reference.table.clone(), reference.column.as_str());
            assert!(known.iter().any(|(t, c)| (t, *c) == (&named.0, named.1)), "{named:?}");
        }
    }
}
