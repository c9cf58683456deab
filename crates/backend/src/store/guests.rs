//! The SQL of what guests may use: who is one, what they used, and what all of their network did.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::budget::BudgetLimits;
use resonant_domain::member::Viewer;
use resonant_domain::session::Usage;
use resonant_domain::waiting::BudgetScope;
use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;

use super::budgets::{ALL_AGENTS, Drawn};
use super::{signed, unsigned};

/// The first half of the lock under which what a guest uses is looked at; the guest is the second.
const GUESTS: i32 = 1_735_746_931;

/// Writes a guest down, and what stands for the network that they come from.
#[tracing::instrument(name = "db.guest.insert", skip_all, fields(user.id = %guest.id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    guest: &Viewer,
    origin: Option<&str>,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO users (user_id, kind, display_name, guest_origin, created_at, updated_at)
        VALUES ($1, 'guest', $2, $3, $4, $4)
        "#,
        guest.id.as_uuid(),
        guest.display_name,
        origin,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the user is a guest.
#[tracing::instrument(name = "db.guest.exists", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn exists(conn: &mut PgConnection, id: UserId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users WHERE user_id = $1 AND kind = 'guest') AS "exists!""#,
        id.as_uuid(),
    )
    .fetch_one(conn)
    .await
}

/// What stands for the network that a guest comes from; `None` for a member, and where it is not known.
#[tracing::instrument(name = "db.guest.find_origin", skip_all, fields(user.id = %id), err(level = "debug"))]
pub(crate) async fn find_origin(
    conn: &mut PgConnection,
    id: UserId,
) -> sqlx::Result<Option<String>> {
    let origin = sqlx::query_scalar!(
        "SELECT guest_origin FROM users WHERE user_id = $1 AND kind = 'guest'",
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(origin.flatten())
}

/// Keeps others from looking at what a guest uses until the transaction ends.
#[tracing::instrument(name = "db.guest.lock", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn lock(conn: &mut PgConnection, owner: UserId) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock($1, hashtext($2::UUID::TEXT))",
        GUESTS,
        owner.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is gone of what a guest may use in the month, and what is set aside for other sessions.
#[tracing::instrument(name = "db.guest.find_drawn", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn find_drawn(
    conn: &mut PgConnection,
    (owner, id): (UserId, SessionId),
    limits: BudgetLimits,
    at: jiff::Timestamp,
) -> sqlx::Result<Drawn> {
    let row = sqlx::query!(
        r#"
        SELECT coalesce(u.tokens, 0) AS "tokens!", coalesce(u.micro_usd, 0) AS "micro_usd!",
               coalesce(aside.tokens, 0) AS "tokens_aside!",
               coalesce(aside.micro_usd, 0) AS "micro_usd_aside!"
        FROM (VALUES ($1::UUID, $3::UUID)) AS wanted (owner_id, agent_id)
        LEFT JOIN budget_use u
            ON u.owner_id = $1 AND u.owner_id = wanted.owner_id AND u.agent_id = wanted.agent_id
               AND u.month = date_trunc('month', $4::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE
        CROSS JOIN LATERAL (
            SELECT sum(r.tokens)::BIGINT AS tokens, sum(r.micro_usd)::BIGINT AS micro_usd
            FROM budget_reservations r
            WHERE r.owner_id = $1 AND r.session_id <> $2
        ) AS aside
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        ALL_AGENTS,
        at.to_sqlx() as Timestamp,
    )
    .fetch_one(conn)
    .await?;
    Ok(Drawn {
        scope: BudgetScope::Guest,
        agent: None,
        max_tokens: limits.max_tokens,
        max_micro_usd: limits.max_micro_usd,
        tokens: unsigned(row.tokens),
        micro_usd: unsigned(row.micro_usd),
        tokens_aside: unsigned(row.tokens_aside),
        micro_usd_aside: unsigned(row.micro_usd_aside),
    })
}

/// Adds to what the guests of a network use on the day that `at` lies in; answers what that makes.
#[tracing::instrument(name = "db.guest.insert_use", skip_all, err(level = "debug"))]
pub(crate) async fn insert_use(
    conn: &mut PgConnection,
    origin: &str,
    more: Usage,
    at: jiff::Timestamp,
) -> sqlx::Result<(u64, u64)> {
    let row = sqlx::query!(
        r#"
        INSERT INTO guest_use (origin, day, tokens, micro_usd)
        VALUES ($1, ($4::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE, $2, $3)
        ON CONFLICT (day, origin) DO UPDATE
        SET tokens = guest_use.tokens + excluded.tokens,
            micro_usd = guest_use.micro_usd + excluded.micro_usd
        RETURNING tokens, micro_usd
        "#,
        origin,
        signed(more.total_tokens()),
        more.cost.0,
        at.to_sqlx() as Timestamp,
    )
    .fetch_one(conn)
    .await?;
    Ok((unsigned(row.tokens), unsigned(row.micro_usd)))
}

/// Puts what was used in the place of what was set aside on the day that `at` lies in.
#[tracing::instrument(name = "db.guest.update_use", skip_all, err(level = "debug"))]
pub(crate) async fn update_use(
    conn: &mut PgConnection,
    origin: &str,
    (aside, used): (Usage, Usage),
    at: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE guest_use
        SET tokens = greatest(tokens - $2 + $3, 0), micro_usd = greatest(micro_usd - $4 + $5, 0)
        WHERE origin = $1 AND day = ($6::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE
        "#,
        origin,
        signed(aside.total_tokens()),
        signed(used.total_tokens()),
        aside.cost.0,
        used.cost.0,
        at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what networks used on days that were over two days before `at`: a call may last that long.
#[tracing::instrument(name = "db.guest.delete_use", skip_all, err(level = "debug"))]
pub(crate) async fn delete_use(conn: &mut PgConnection, at: jiff::Timestamp) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM guest_use WHERE day < ($1::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE - 2",
        at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}
