//! The SQL of the words that listings hold. A trigger keeps them.

use sqlx::PgConnection;

/// A word of a search, and how many listings it finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WordHits {
    pub(crate) word: String,
    /// `None`: it is one that every text holds, and that nobody looks up.
    pub(crate) hits: Option<i64>,
}

/// Counts what each of these words finds, up to `most`: it, and words that begin so. They hold letters and
/// digits alone. What a word finds is found by itself: for a few rows of it PostgreSQL would rather look at
/// the whole table.
#[tracing::instrument(name = "db.listing_word.count_hits", skip_all, err(level = "debug"))]
pub(crate) async fn count_hits(
    conn: &mut PgConnection,
    words: &[String],
    most: i64,
) -> sqlx::Result<Vec<WordHits>> {
    sqlx::query_as!(
        WordHits,
        r#"
        SELECT word AS "word!",
               CASE WHEN numnode(to_tsquery('english', word || ':*')) > 0 THEN (
                   WITH found AS MATERIALIZED (
                       SELECT FROM listings
                       WHERE search @@ to_tsquery('english', word || ':*')
                         AND state = 'published' AND deprecated_at IS NULL
                   )
                   SELECT count(*) FROM (SELECT FROM found LIMIT $2) AS hit
               ) END AS hits
        FROM unnest($1::TEXT[]) AS word
        "#,
        words,
        most,
    )
    .fetch_all(conn)
    .await
}

/// Words that may be like another one: by one of its first letters, or by how it ends.
pub(crate) struct Likeness {
    /// The first letters that they may have.
    pub(crate) starts: Vec<String>,
    /// Their last two letters.
    pub(crate) end: String,
    /// So many letters they have at least and at most.
    pub(crate) letters: (i32, i32),
}

/// Lists at most `limit` words that listings hold and that may be like another one.
#[tracing::instrument(name = "db.listing_word.list_like", skip_all, err(level = "debug"))]
pub(crate) async fn list_like(
    conn: &mut PgConnection,
    like: &Likeness,
    limit: i64,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        SELECT word AS "word!"
        FROM listing_words
        WHERE left(word, 1) = ANY ($1) AND char_length(word) BETWEEN $3 AND $4
        UNION
        SELECT word
        FROM listing_words
        WHERE right(word, 2) = $2 AND char_length(word) BETWEEN $3 AND $4
        LIMIT $5
        "#,
        &like.starts,
        like.end,
        like.letters.0,
        like.letters.1,
        limit,
    )
    .fetch_all(conn)
    .await
}
