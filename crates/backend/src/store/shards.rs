//! The SQL of the buckets: where they are, what each database may do with them, and which move.

use sqlx::PgConnection;

/// The advisory lock of whoever moves a bucket.
const MOVES: i64 = 0x6d6f_7665_6275_636b;
/// The first half of the lock under which a bucket is written or its state changes; the bucket is the
/// second. The function `enter_bucket` has the same.
const WRITES: i32 = 1_651_862_389;
/// What stands for every bucket in that lock.
const EVERY: i32 = -1;

/// What a database may do with a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BucketState {
    /// Read and write it.
    Held,
    /// Read and write it, while its replicas do nothing with it any more.
    Leaving,
    /// Read it; its replicas do nothing.
    Fenced,
    /// Nothing: what is there is a copy that is being made or deleted.
    Left,
}

impl BucketState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Held | Self::Leaving => "held",
            Self::Fenced => "fenced",
            Self::Left => "left",
        }
    }
}

/// Whose things a statement over all owners takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owners {
    /// Everyone's: there is one database.
    All,
    /// Everyone's, over the nodes of a cluster: what is spread and what is not takes a statement each.
    Spread,
    /// Theirs whose bucket the database holds: it may have copies of others.
    Held,
}

impl Owners {
    /// Whether they are to be looked at one by one.
    pub(super) fn are_held(self) -> bool {
        self == Self::Held
    }
}

/// A move that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) bucket: i32,
    pub(crate) source: i32,
    pub(crate) target: i32,
    /// Whether the target is in charge already.
    pub(crate) is_switched: bool,
}

/// How a database has a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stay {
    /// Of the try that has left it so.
    pub(crate) epoch: i64,
    pub(crate) is_fenced: bool,
    pub(crate) is_left: bool,
}

/// How a database has a bucket, if it has ever heard of it.
#[tracing::instrument(name = "db.shard.find_stay", skip_all, err(level = "debug"))]
pub(crate) async fn find_stay(conn: &mut PgConnection, bucket: i32) -> sqlx::Result<Option<Stay>> {
    let stay = sqlx::query_as!(
        Stay,
        r#"
        SELECT epoch, state = 'fenced' AS "is_fenced!", state = 'left' AS "is_left!"
        FROM bucket_states WHERE bucket = $1
        "#,
        bucket,
    );
    stay.fetch_optional(conn).await
}

/// Whether a bucket may be read here.
#[tracing::instrument(name = "db.shard.may_read", skip_all, err(level = "debug"))]
pub(crate) async fn may_read(conn: &mut PgConnection, bucket: i32) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM bucket_states
            WHERE bucket = $1
              AND (state = 'held' AND NOT is_leaving
                   OR state IN ('held', 'fenced') AND NOT pg_is_in_recovery())
        ) AS "exists!"
        "#,
        bucket,
    )
    .fetch_one(conn)
    .await
}

/// Keeps a bucket as it is until the transaction ends; `false` when it cannot be written here.
#[tracing::instrument(name = "db.shard.enter", skip_all, err(level = "debug"))]
pub(crate) async fn enter(tx: &mut PgConnection, bucket: i32) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT enter_bucket($1) AS "is_held!""#, bucket).fetch_one(tx).await
}

/// Keeps every bucket as it is until the transaction ends.
#[tracing::instrument(name = "db.shard.enter_all", skip_all, err(level = "debug"))]
pub(crate) async fn enter_all(tx: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock_shared($1, $2)", WRITES, EVERY).execute(tx).await?;
    Ok(())
}

/// Lists the shard of every bucket that has one, by bucket.
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

/// Lets a database hold those of these buckets that it has never heard of.
#[tracing::instrument(name = "db.shard.insert_states", skip_all, err(level = "debug"))]
pub(crate) async fn insert_states(conn: &mut PgConnection, buckets: &[i32]) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO bucket_states (bucket, epoch, state)
        SELECT bucket, 1, 'held' FROM unnest($1::INTEGER[]) AS bucket
        ON CONFLICT (bucket) DO NOTHING
        "#,
        buckets,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a database its number, unless it has one. Answers the one that it has.
#[tracing::instrument(name = "db.shard.insert_number", skip_all, err(level = "debug"))]
pub(crate) async fn insert_number(conn: &mut PgConnection, shard: i32) -> sqlx::Result<i32> {
    sqlx::query!("INSERT INTO shard_numbers (shard) VALUES ($1) ON CONFLICT DO NOTHING", shard)
        .execute(&mut *conn)
        .await?;
    sqlx::query_scalar!("SELECT shard FROM shard_numbers").fetch_one(conn).await
}

/// The number of a database, if it was ever one of several.
#[tracing::instrument(name = "db.shard.find_number", skip_all, err(level = "debug"))]
pub(crate) async fn find_number(conn: &mut PgConnection) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!("SELECT shard FROM shard_numbers").fetch_optional(conn).await
}

/// The highest number of a shard that has buckets or gets one; nothing where there are no shards.
#[tracing::instrument(name = "db.shard.find_last", skip_all, err(level = "debug"))]
pub(crate) async fn find_last(conn: &mut PgConnection) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        r#"
        SELECT max(shard) FROM (
            SELECT max(shard) AS shard FROM shard_buckets
            UNION ALL SELECT max(greatest(source, target)) FROM shard_moves
        ) AS used
        "#
    )
    .fetch_one(conn)
    .await
}

/// Changes what a database may do with a bucket, after waiting a second at most for those who write it.
/// `false`: a later try has been here, and nothing has changed.
///
/// # Errors
/// 55P03 when those who write did not end in time.
#[tracing::instrument(name = "db.shard.update_state", skip_all, err(level = "debug"))]
pub(crate) async fn update_state(
    tx: &mut PgConnection,
    bucket: i32,
    epoch: i64,
    state: BucketState,
) -> sqlx::Result<bool> {
    sqlx::query!("SELECT set_config('lock_timeout', '1s', TRUE)").fetch_one(&mut *tx).await?;
    for of in [bucket, EVERY] {
        sqlx::query!("SELECT pg_advisory_xact_lock($1, $2)", WRITES, of).execute(&mut *tx).await?;
    }
    let changed = sqlx::query!(
        r#"
        INSERT INTO bucket_states (bucket, epoch, state, is_leaving) VALUES ($1, $2, $3, $4)
        ON CONFLICT (bucket) DO UPDATE SET epoch = $2, state = $3, is_leaving = $4
        WHERE bucket_states.epoch <= $2
        "#,
        bucket,
        epoch,
        state.as_str(),
        state == BucketState::Leaving,
    );
    Ok(changed.execute(tx).await?.rows_affected() == 1)
}

/// Whether what is here of a bucket is a copy that a try of this epoch may delete. Keeps it so until the
/// transaction ends.
#[tracing::instrument(name = "db.shard.lock_left", skip_all, err(level = "debug"))]
pub(crate) async fn lock_left(
    tx: &mut PgConnection,
    bucket: i32,
    epoch: i64,
) -> sqlx::Result<bool> {
    let found = sqlx::query!(
        "SELECT FROM bucket_states WHERE bucket = $1 AND epoch = $2 AND state = 'left' FOR UPDATE",
        bucket,
        epoch,
    );
    Ok(found.fetch_optional(tx).await?.is_some())
}

/// Takes the lock of whoever moves a bucket, for as long as the connection lives; `false`: another has
/// it.
#[tracing::instrument(name = "db.shard.lock_moves", skip_all, err(level = "debug"))]
pub(crate) async fn lock_moves(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "is_mine!""#, MOVES)
        .fetch_one(conn)
        .await
}

/// Lists the moves that are not over.
#[tracing::instrument(name = "db.shard.list_moves", skip_all, err(level = "debug"))]
pub(crate) async fn list_moves(conn: &mut PgConnection) -> sqlx::Result<Vec<Move>> {
    let moves = sqlx::query_as!(
        Move,
        "SELECT bucket, source, target, is_switched FROM shard_moves ORDER BY bucket",
    );
    moves.fetch_all(conn).await
}

/// Writes a move down.
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

/// Begins a try: whoever tried before can change nothing any more. Answers its epoch, which is above `known`
/// too: the table may have been set back when another became the primary.
#[tracing::instrument(name = "db.shard.update_epoch", skip_all, err(level = "debug"))]
pub(crate) async fn update_epoch(
    conn: &mut PgConnection,
    bucket: i32,
    known: i64,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "UPDATE shard_buckets SET epoch = greatest(epoch, $2) + 1 WHERE bucket = $1 RETURNING epoch",
        bucket,
        known,
    )
    .fetch_one(conn)
    .await
}

/// Whether a try is the latest.
#[tracing::instrument(name = "db.shard.is_latest", skip_all, err(level = "debug"))]
pub(crate) async fn is_latest(
    conn: &mut PgConnection,
    bucket: i32,
    epoch: i64,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM shard_buckets WHERE bucket = $1 AND epoch = $2
        ) AS "exists!"
        "#,
        bucket,
        epoch,
    )
    .fetch_one(conn)
    .await
}

/// Whether the table of buckets has heard of a try, or of a later one.
#[tracing::instrument(name = "db.shard.is_known", skip_all, err(level = "debug"))]
pub(crate) async fn is_known(
    conn: &mut PgConnection,
    bucket: i32,
    epoch: i64,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM shard_buckets WHERE bucket = $1 AND epoch >= $2
        ) AS "exists!"
        "#,
        bucket,
        epoch,
    )
    .fetch_one(conn)
    .await
}

/// Makes the target of a move the bucket's shard; `false` when a later try has begun.
#[tracing::instrument(name = "db.shard.update_shard", skip_all, err(level = "debug"))]
pub(crate) async fn update_shard(
    conn: &mut PgConnection,
    bucket: i32,
    epoch: i64,
) -> sqlx::Result<bool> {
    let switched = sqlx::query!(
        r#"
        WITH switched AS (
            UPDATE shard_buckets b
            SET shard = m.target
            FROM shard_moves m
            WHERE b.bucket = $1 AND b.epoch = $2 AND m.bucket = $1
            RETURNING b.bucket
        )
        UPDATE shard_moves m
        SET is_switched = TRUE
        FROM switched
        WHERE m.bucket = switched.bucket
        "#,
        bucket,
        epoch,
    );
    Ok(switched.execute(conn).await?.rows_affected() == 1)
}

/// Forgets a move that is over.
#[tracing::instrument(name = "db.shard.delete_move", skip_all, err(level = "debug"))]
pub(crate) async fn delete_move(conn: &mut PgConnection, bucket: i32) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM shard_moves WHERE bucket = $1", bucket).execute(conn).await?;
    Ok(())
}

/// How far the numbers of fences have come.
#[tracing::instrument(name = "db.shard.find_fence", skip_all, err(level = "debug"))]
pub(crate) async fn find_fence(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!("SELECT last_value FROM session_fence_seq").fetch_one(conn).await
}

/// Lets fences go on far behind `last`, so that no number is given twice to a session.
#[tracing::instrument(name = "db.shard.update_fence", skip_all, err(level = "debug"))]
pub(crate) async fn update_fence(conn: &mut PgConnection, last: i64) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        SELECT setval('session_fence_seq', greatest($1, last_value) + 1000000)
        FROM session_fence_seq
        "#,
        last,
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}
