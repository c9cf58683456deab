//! The SQL of sessions of which not every field is wanted. Put together of fixed parts and bound values.

use resonant_domain::session::Session;
use resonant_domain::{AgentId, SessionId, UserId};
use sqlx::types::Uuid;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::sessions::{SessionPosition, SessionRow};

/// Which wide columns are fetched. The others are left empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    pub(crate) goal: bool,
    /// The context and the variables.
    pub(crate) context: bool,
    pub(crate) limits: bool,
}

/// The beginning of each statement, up to the owner.
fn select(owner: UserId, wide: Wide) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        r"SELECT owner_id, session_id, agent_id, agent_version, agent_name, agent_avatar, state, reason, steps,
                 input_tokens, output_tokens, cost_micro_usd, model, waiting, waiting_sequence,
                 waiting_since, waited_ms, is_test, parent_session_id, parent_step, caller_session_id,
                 caller_call_id, depth, started_by, thumb, pins, last_sequence, created_at, started_at,
                 ended_at, priority, run_at, origin, origin_id, CASE WHEN ",
    );
    query.push_bind(wide.goal).push(" THEN goal ELSE '' END AS goal, CASE WHEN ");
    query.push_bind(wide.context).push(" THEN context END AS context, CASE WHEN ");
    query.push_bind(wide.context);
    query.push(" THEN variables ELSE '{}'::JSONB END AS variables, CASE WHEN ");
    query.push_bind(wide.limits);
    query.push(" THEN spec -> 'limits' ELSE '{}'::JSONB END AS limits FROM sessions");
    query.push(" WHERE owner_id = ").push_bind(owner.as_uuid());
    query
}

#[tracing::instrument(name = "db.session_record.find", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
    wide: Wide,
) -> sqlx::Result<Option<Session>> {
    let mut query = select(owner, wide);
    query.push(" AND session_id = ").push_bind(id.as_uuid());
    let row: Option<SessionRow> = query.build_query_as().fetch_optional(conn).await?;
    row.map(Session::try_from).transpose()
}

/// Lists at most `limit` sessions behind `after`, newest first; those that `starters` began alone where
/// they are named.
#[tracing::instrument(name = "db.session_record.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    agent: Option<AgentId>,
    after: Option<SessionPosition>,
    limit: i64,
    wide: Wide,
    starters: Option<&[UserId]>,
) -> sqlx::Result<Vec<Session>> {
    let before = after.map_or(Uuid::max(), |position| position.id.as_uuid());
    let mut query = select(owner, wide);
    query.push(" AND NOT is_test AND session_id < ").push_bind(before);
    if let Some(agent) = agent {
        query.push(" AND agent_id = ").push_bind(agent.as_uuid());
    }
    if let Some(starters) = starters {
        let starters: Vec<_> = starters.iter().map(|id| id.as_uuid()).collect();
        query.push(" AND started_by = ANY (").push_bind(starters).push(")");
    }
    query.push(" ORDER BY session_id DESC LIMIT ").push_bind(limit);
    let rows: Vec<SessionRow> = query.build_query_as().fetch_all(conn).await?;
    rows.into_iter().map(Session::try_from).collect()
}
