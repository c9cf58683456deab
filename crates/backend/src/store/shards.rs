//! The SQL of the buckets: where they are, who answers for them, and which move.

use sqlx::PgConnection;

/// The advisory lock of whoever moves a bucket.
const MOVES: i64 = 0x6d6f_7665_6275_636b;
/// The first half of the lock under which a bucket is written or fenced; the bucket is the second. The
/// function `enter_bucket` has the same.
const WRITES: i32 = 1_651_862_389;

/// A move that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) source: i32,
    pub(crate) target: i32,
    /// Whether the target answers already.
    pub(crate) is_switched: bool,
}

/// Whether this database answers for a bucket.
#[tracing::instrument(name = "db.shard.holds", skip_all, err(level = "debug"))]
pub(crate) async fn holds(conn: &mut PgConnection, bucket: i32) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM held_buckets WHERE bucket = $1) AS "exists!""#,
        bucket,
    )
    .fetch_one(conn)
    .await
}

/// Keeps a bucket from being fenced until the transaction ends; `false` when it cannot be written here.
#[tracing::instrument(name = "db.shard.enter", skip_all, err(level = "debug"))]
pub(crate) async fn enter(conn: &mut PgConnection, bucket: i32) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT enter_bucket($1) AS "is_held!""#, bucket).fetch_one(conn).await
}

/// Lists every bucket with its shard.
#[tracing::instrument(name = "db.shard.list_buckets", skip_all, err(level = "debug"))]
pub(crate) async fn list_buckets(conn: &mut PgConnection) -> sqlx::Result<Vec<(i32, i32)>> {
    let rows = sqlx::query!("SELECT bucket, shard FROM shard_buckets ORDER BY bucket");
    Ok(rows.fetch_all(conn).await?.into_iter().map(|row| (row.bucket, row.shard)).collect())
}

/// Gives every bucket that has none a shard: all of `count` in turn while there is nobody yet, and the
/// first, where everything is, otherwise.
#[tracing::instrument(name = "db.shard.insert_buckets", skip_all, err(level = "debug"))]
pub(crate) async fn insert_buckets(conn: &mut PgConnection, count: i32) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO shard_buckets (bucket, shard)
        SELECT bucket, CASE WHEN EXISTS (SELECT FROM users) THEN 0 ELSE bucket % $1 END
        FROM generate_series(0, 1023) AS bucket
        ON CONFLICT (bucket) DO NOTHING
        "#,
        count,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes a database answer for these buckets.
#[tracing::instrument(name = "db.shard.insert_held", skip_all, err(level = "debug"))]
pub(crate) async fn insert_held(conn: &mut PgConnection, buckets: &[i32]) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO held_buckets (bucket) SELECT unnest($1::INTEGER[])
        ON CONFLICT (bucket) DO NOTHING
        "#,
        buckets,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps a bucket from being written, or lets it be written again. Waits for those who write.
#[tracing::instrument(name = "db.shard.update_fence", skip_all, err(level = "debug"))]
pub(crate) async fn update_fence(
    tx: &mut PgConnection,
    bucket: i32,
    is_fenced: bool,
) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1, $2)", WRITES, bucket).execute(&mut *tx).await?;
    sqlx::query!("UPDATE held_buckets SET is_fenced = $2 WHERE bucket = $1", bucket, is_fenced)
        .execute(tx)
        .await?;
    Ok(())
}

/// Makes a database answer for a bucket no more.
#[tracing::instrument(name = "db.shard.delete_held", skip_all, err(level = "debug"))]
pub(crate) async fn delete_held(conn: &mut PgConnection, bucket: i32) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM held_buckets WHERE bucket = $1", bucket).execute(conn).await?;
    Ok(())
}

/// Takes the lock of whoever moves a bucket, for as long as the connection lives; `false`: another has
/// it.
#[tracing::instrument(name = "db.shard.lock_moves", skip_all, err(level = "debug"))]
pub(crate) async fn lock_moves(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "is_mine!""#, MOVES)
        .fetch_one(conn)
        .await
}

#[tracing::instrument(name = "db.shard.find_move", skip_all, err(level = "debug"))]
pub(crate) async fn find_move(conn: &mut PgConnection, bucket: i32) -> sqlx::Result<Option<Move>> {
    sqlx::query_as!(
        Move,
        "SELECT source, target, is_switched FROM shard_moves WHERE bucket = $1",
        bucket,
    )
    .fetch_optional(conn)
    .await
}

#[tracing::instrument(name = "db.shard.insert_move", skip_all, err(level = "debug"))]
pub(crate) async fn insert_move(
    conn: &mut PgConnection,
    bucket: i32,
    source: i32,
    target: i32,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO shard_moves (bucket, source, target) VALUES ($1, $2, $3)",
        bucket,
        source,
        target,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes the target of a move the bucket's shard.
#[tracing::instrument(name = "db.shard.update_switched", skip_all, err(level = "debug"))]
pub(crate) async fn update_switched(conn: &mut PgConnection, bucket: i32) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        WITH switched AS (
            UPDATE shard_moves SET is_switched = TRUE WHERE bucket = $1 RETURNING bucket, target
        )
        UPDATE shard_buckets b
        SET shard = switched.target, epoch = b.epoch + 1
        FROM switched
        WHERE b.bucket = switched.bucket
        "#,
        bucket,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[tracing::instrument(name = "db.shard.delete_move", skip_all, err(level = "debug"))]
pub(crate) async fn delete_move(conn: &mut PgConnection, bucket: i32) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM shard_moves WHERE bucket = $1", bucket).execute(conn).await?;
    Ok(())
}
