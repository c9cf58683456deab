//! The SQL of teams and of who is in them. What is shared with them stands in `team_agents`, invitations
//! in `team_invitations`.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::team::{Team, TeamMember, TeamRole};
use resonant_domain::{TeamId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::counted::{self, Counted};
use super::{known, unsigned};

pub(super) fn role(text: &str) -> sqlx::Result<TeamRole> {
    known(TeamRole::parse(text), "role")
}

fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Makes a team.
#[tracing::instrument(name = "db.team.insert", skip_all, fields(team.id = %id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    id: TeamId,
    (slug, name): (&str, &str),
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO teams (team_id, slug, name, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $4)
        "#,
        id.as_uuid(),
        slug,
        name,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a team another name.
#[tracing::instrument(name = "db.team.update_name", skip_all, fields(team.id = %id), err(level = "debug"))]
pub(crate) async fn update_name(
    conn: &mut PgConnection,
    id: TeamId,
    name: &str,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE teams SET name = $2, updated_at = $3 WHERE team_id = $1",
        id.as_uuid(),
        name,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a team with all that hangs on it.
#[tracing::instrument(name = "db.team.delete", skip_all, fields(team.id = %id), err(level = "debug"))]
pub(crate) async fn delete(conn: &mut PgConnection, id: TeamId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM teams WHERE team_id = $1", id.as_uuid()).execute(conn).await?;
    Ok(())
}

/// A team that somebody is in, by its slug.
#[tracing::instrument(name = "db.team.find", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    user: UserId,
    slug: &str,
) -> sqlx::Result<Option<(TeamId, Team)>> {
    let row = sqlx::query!(
        r#"
        SELECT t.team_id, t.slug, t.name, m.role, t.created_at AS "created_at: Timestamp",
               (SELECT count(*) FROM team_members o WHERE o.team_id = t.team_id) AS "members!",
               (SELECT count(*) FROM team_agents a WHERE a.team_id = t.team_id) AS "agents!"
        FROM teams t
        JOIN team_members m ON m.team_id = t.team_id AND m.user_id = $1
        WHERE t.slug = $2
        "#,
        user.as_uuid(),
        slug,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let team = Team {
            slug: row.slug,
            name: row.name,
            role: role(&row.role)?,
            members: count(row.members),
            agents: count(row.agents),
            created_at: row.created_at.to_jiff(),
        };
        Ok((TeamId::from_uuid(row.team_id), team))
    })
    .transpose()
}

/// Reads a team that somebody is in and keeps others from changing who is in it until the transaction
/// ends: its identity, its name, and the role of whoever asks.
#[tracing::instrument(name = "db.team.lock", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn lock(
    conn: &mut PgConnection,
    user: UserId,
    slug: &str,
) -> sqlx::Result<Option<(TeamId, String, TeamRole)>> {
    let row = sqlx::query!(
        r#"
        SELECT t.team_id, t.name, m.role
        FROM teams t
        JOIN team_members m ON m.team_id = t.team_id AND m.user_id = $1
        WHERE t.slug = $2
        FOR UPDATE OF t
        "#,
        user.as_uuid(),
        slug,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    // Whoever waited for the lock may have lost the role meanwhile.
    let id = TeamId::from_uuid(row.team_id);
    let now = find_role(conn, user, id).await?;
    Ok(now.map(|role| (id, row.name, role)))
}

/// Keeps others from changing who is in a team until the transaction ends; `None` when it is gone.
#[tracing::instrument(name = "db.team.lock_by_id", skip_all, fields(team.id = %id), err(level = "debug"))]
pub(crate) async fn lock_by_id(
    conn: &mut PgConnection,
    id: TeamId,
) -> sqlx::Result<Option<(String, String)>> {
    let row =
        sqlx::query!("SELECT slug, name FROM teams WHERE team_id = $1 FOR UPDATE", id.as_uuid())
            .fetch_optional(conn)
            .await?;
    Ok(row.map(|row| (row.slug, row.name)))
}

/// Where a page of teams ends: the last team on it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct TeamPosition {
    /// Its name, as it is sorted by.
    pub(crate) name: String,
    pub(crate) slug: String,
}

/// Lists at most `limit` of the teams that somebody is in behind `after`, by name, each with its place in
/// the order.
#[tracing::instrument(name = "db.team.list", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    user: UserId,
    after: Option<&TeamPosition>,
    limit: i64,
) -> sqlx::Result<Vec<(Team, TeamPosition)>> {
    let rows = sqlx::query!(
        r#"
        SELECT t.slug, t.name, lower(t.name) AS "sort_name!", m.role,
               t.created_at AS "created_at: Timestamp",
               (SELECT count(*) FROM team_members o WHERE o.team_id = t.team_id) AS "members!",
               (SELECT count(*) FROM team_agents a WHERE a.team_id = t.team_id) AS "agents!"
        FROM team_members m
        JOIN teams t ON t.team_id = m.team_id
        WHERE m.user_id = $1 AND (lower(t.name), t.slug) > ($2, $3)
        ORDER BY lower(t.name), t.slug
        LIMIT $4
        "#,
        user.as_uuid(),
        after.map_or("", |after| after.name.as_str()),
        after.map_or("", |after| after.slug.as_str()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let position = TeamPosition { name: row.sort_name, slug: row.slug.clone() };
            let team = Team {
                slug: row.slug,
                name: row.name,
                role: role(&row.role)?,
                members: count(row.members),
                agents: count(row.agents),
                created_at: row.created_at.to_jiff(),
            };
            Ok((team, position))
        })
        .collect()
}

/// Keeps somebody out of one more team until the transaction ends; answers in how many they are.
#[tracing::instrument(name = "db.team.lock_count", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn lock_count(conn: &mut PgConnection, user: UserId) -> sqlx::Result<u64> {
    counted::lock(&mut *conn, Counted::Teams, user).await?;
    let number = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM team_members WHERE user_id = $1"#,
        user.as_uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(unsigned(number))
}

/// Takes somebody into a team; `false` when they are no member of the installation.
#[tracing::instrument(name = "db.team_member.insert", skip_all, fields(team.id = %team, user.id = %user), err(level = "debug"))]
pub(crate) async fn insert_member(
    conn: &mut PgConnection,
    team: TeamId,
    user: UserId,
    role: TeamRole,
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        INSERT INTO team_members (user_id, team_id, role, joined_at)
        SELECT user_id, $2, $3, $4 FROM users WHERE user_id = $1 AND kind = 'member'
        "#,
        user.as_uuid(),
        team.as_uuid(),
        role.as_str(),
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The role of somebody in a team.
#[tracing::instrument(name = "db.team_member.find_role", skip_all, fields(team.id = %team, user.id = %user), err(level = "debug"))]
pub(crate) async fn find_role(
    conn: &mut PgConnection,
    user: UserId,
    team: TeamId,
) -> sqlx::Result<Option<TeamRole>> {
    let found = sqlx::query_scalar!(
        "SELECT role FROM team_members WHERE user_id = $1 AND team_id = $2",
        user.as_uuid(),
        team.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    found.map(|text| role(&text)).transpose()
}

/// Gives somebody in a team another role.
#[tracing::instrument(name = "db.team_member.update_role", skip_all, fields(team.id = %team, user.id = %user), err(level = "debug"))]
pub(crate) async fn update_role(
    conn: &mut PgConnection,
    team: TeamId,
    user: UserId,
    role: TeamRole,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE team_members SET role = $3 WHERE user_id = $1 AND team_id = $2",
        user.as_uuid(),
        team.as_uuid(),
        role.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes somebody out of a team, and what they share with it.
#[tracing::instrument(name = "db.team_member.delete", skip_all, fields(team.id = %team, user.id = %user), err(level = "debug"))]
pub(crate) async fn delete_member(
    conn: &mut PgConnection,
    team: TeamId,
    user: UserId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM team_members WHERE user_id = $1 AND team_id = $2",
        user.as_uuid(),
        team.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where a page of the people of a team ends: the last of them on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct MemberPosition {
    pub(crate) joined_at: jiff::Timestamp,
    pub(crate) id: UserId,
}

/// Lists at most `limit` of those who are in a team behind `after`, in the order in which they came.
#[tracing::instrument(name = "db.team_member.list", skip_all, fields(team.id = %team), err(level = "debug"))]
pub(crate) async fn list_members(
    conn: &mut PgConnection,
    team: TeamId,
    after: Option<MemberPosition>,
    limit: i64,
) -> sqlx::Result<Vec<TeamMember>> {
    let rows = sqlx::query!(
        r#"
        SELECT m.user_id, u.display_name, u.email, m.role, m.joined_at AS "joined_at: Timestamp"
        FROM team_members m
        JOIN users u ON u.user_id = m.user_id
        WHERE m.team_id = $1
          AND (m.joined_at, m.user_id) > (coalesce($2::TIMESTAMPTZ, '-infinity'), $3)
        ORDER BY m.joined_at, m.user_id
        LIMIT $4
        "#,
        team.as_uuid(),
        after.map(|after| after.joined_at.to_sqlx()) as Option<Timestamp>,
        after.map_or(Uuid::nil(), |after| after.id.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(TeamMember {
                user_id: UserId::from_uuid(row.user_id),
                name: row.display_name,
                email: row.email,
                role: role(&row.role)?,
                joined_at: row.joined_at.to_jiff(),
            })
        })
        .collect()
}

/// Somebody who is in a team.
#[tracing::instrument(name = "db.team_member.find", skip_all, fields(team.id = %team, user.id = %user), err(level = "debug"))]
pub(crate) async fn find_member(
    conn: &mut PgConnection,
    team: TeamId,
    user: UserId,
) -> sqlx::Result<Option<TeamMember>> {
    let row = sqlx::query!(
        r#"
        SELECT m.user_id, u.display_name, u.email, m.role, m.joined_at AS "joined_at: Timestamp"
        FROM team_members m
        JOIN users u ON u.user_id = m.user_id
        WHERE m.team_id = $1 AND m.user_id = $2
        "#,
        team.as_uuid(),
        user.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(TeamMember {
            user_id: UserId::from_uuid(row.user_id),
            name: row.display_name,
            email: row.email,
            role: role(&row.role)?,
            joined_at: row.joined_at.to_jiff(),
        })
    })
    .transpose()
}

/// The teams that somebody owns, and how many people are in each.
#[tracing::instrument(name = "db.team.list_owned", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn list_owned(
    conn: &mut PgConnection,
    user: UserId,
) -> sqlx::Result<Vec<(TeamId, String, u64)>> {
    let rows = sqlx::query!(
        r#"
        SELECT t.team_id, t.name,
               (SELECT count(*) FROM team_members o WHERE o.team_id = t.team_id) AS "members!"
        FROM teams t
        JOIN team_members m ON m.team_id = t.team_id
        WHERE m.user_id = $1 AND m.role = 'owner'
        ORDER BY t.name
        FOR UPDATE OF t
        "#,
        user.as_uuid(),
    )
    .fetch_all(conn)
    .await?;
    let found = rows.into_iter();
    Ok(found.map(|row| (TeamId::from_uuid(row.team_id), row.name, unsigned(row.members))).collect())
}

/// Takes somebody out of every team.
#[tracing::instrument(name = "db.team_member.delete_of_user", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn delete_memberships(conn: &mut PgConnection, user: UserId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM team_members WHERE user_id = $1", user.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}
