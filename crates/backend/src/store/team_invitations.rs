//! The SQL of invitations to teams. Each can be taken once, until it expires.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::team::{InvitationOffer, TeamInvitation, TeamRole};
use resonant_domain::{TeamId, TeamInvitationId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::teams::role;
use super::unsigned;

/// SHA-256 of the token of an invitation's link.
pub(crate) type InvitationHash = [u8; 32];

/// Whom an invitation is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Invitee {
    /// An account.
    Account(UserId),
    /// Whoever comes first with the token.
    Anyone(InvitationHash),
}

/// Which invitation somebody has at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Invitation<'a> {
    /// The one of this token.
    ByToken(&'a InvitationHash),
    /// The one that is for this account, to the team of this slug.
    For(UserId, &'a str),
}

impl Invitation<'_> {
    fn parts(&self) -> (Option<&[u8]>, Option<UserId>, Option<&str>) {
        match self {
            Self::ByToken(hash) => (Some(hash.as_slice()), None, None),
            Self::For(user, slug) => (None, Some(*user), Some(slug)),
        }
    }
}

/// Writes an invitation down. One for an account takes the place of an earlier one to the same team.
#[tracing::instrument(name = "db.team_invitation.insert", skip_all, fields(team.id = %team), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    (team, invited_by): (TeamId, UserId),
    invitation: &TeamInvitation,
    invitee: Invitee,
) -> sqlx::Result<()> {
    let (account, hash) = match &invitee {
        Invitee::Account(id) => (Some(id.as_uuid()), None),
        Invitee::Anyone(hash) => (None, Some(hash.as_slice())),
    };
    sqlx::query!(
        r#"
        INSERT INTO team_invitations (invitation_id, team_id, role, invitee_id, token_hash,
                                      invited_by, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (team_id, invitee_id) DO UPDATE
        SET invitation_id = EXCLUDED.invitation_id, role = EXCLUDED.role,
            invited_by = EXCLUDED.invited_by, created_at = EXCLUDED.created_at,
            expires_at = EXCLUDED.expires_at
        "#,
        invitation.id.as_uuid(),
        team.as_uuid(),
        invitation.role.as_str(),
        account,
        hash,
        invited_by.as_uuid(),
        invitation.created_at.to_sqlx() as Timestamp,
        invitation.expires_at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where a page of invitations ends: the last invitation on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct InvitationPosition {
    pub(crate) created_at: jiff::Timestamp,
    pub(crate) id: TeamInvitationId,
}

/// Lists at most `limit` of the invitations to a team that can still be taken behind `after`, the newest
/// first.
#[tracing::instrument(name = "db.team_invitation.list", skip_all, fields(team.id = %team), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    team: TeamId,
    after: Option<InvitationPosition>,
    limit: i64,
    now: jiff::Timestamp,
) -> sqlx::Result<Vec<TeamInvitation>> {
    let rows = sqlx::query!(
        r#"
        SELECT i.invitation_id, i.role, u.email AS "email?", i.created_at AS "created_at: Timestamp",
               i.expires_at AS "expires_at: Timestamp"
        FROM team_invitations i
        LEFT JOIN users u ON u.user_id = i.invitee_id
        WHERE i.team_id = $1 AND i.expires_at > $2
          AND (i.created_at, i.invitation_id) < (coalesce($3::TIMESTAMPTZ, 'infinity'), $4)
        ORDER BY i.created_at DESC, i.invitation_id DESC
        LIMIT $5
        "#,
        team.as_uuid(),
        now.to_sqlx() as Timestamp,
        after.map(|after| after.created_at.to_sqlx()) as Option<Timestamp>,
        after.map_or(Uuid::max(), |after| after.id.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(TeamInvitation {
                id: TeamInvitationId::from_uuid(row.invitation_id),
                role: role(&row.role)?,
                email: row.email,
                created_at: row.created_at.to_jiff(),
                expires_at: row.expires_at.to_jiff(),
            })
        })
        .collect()
}

/// Deletes the invitations to a team that nobody can take any more; answers how many are left.
#[tracing::instrument(name = "db.team_invitation.delete_expired", skip_all, fields(team.id = %team), err(level = "debug"))]
pub(crate) async fn delete_expired(
    conn: &mut PgConnection,
    team: TeamId,
    now: jiff::Timestamp,
) -> sqlx::Result<u64> {
    sqlx::query!(
        "DELETE FROM team_invitations WHERE team_id = $1 AND expires_at <= $2",
        team.as_uuid(),
        now.to_sqlx() as Timestamp,
    )
    .execute(&mut *conn)
    .await?;
    let left = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM team_invitations WHERE team_id = $1"#,
        team.as_uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(unsigned(left))
}

/// Takes an invitation to a team back; `false` when there is no such.
#[tracing::instrument(name = "db.team_invitation.delete", skip_all, fields(team.id = %team), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    team: TeamId,
    id: TeamInvitationId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM team_invitations WHERE team_id = $1 AND invitation_id = $2",
        team.as_uuid(),
        id.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes what is for an account that is in the team now.
#[tracing::instrument(name = "db.team_invitation.delete_for", skip_all, fields(team.id = %team), err(level = "debug"))]
pub(crate) async fn delete_for(
    conn: &mut PgConnection,
    team: TeamId,
    user: UserId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM team_invitations WHERE team_id = $1 AND invitee_id = $2",
        team.as_uuid(),
        user.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What an invitation offers, while it can be taken.
#[tracing::instrument(name = "db.team_invitation.find", skip_all, err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    which: Invitation<'_>,
    now: jiff::Timestamp,
) -> sqlx::Result<Option<(TeamId, InvitationOffer)>> {
    let (hash, invitee, slug) = which.parts();
    let row = sqlx::query!(
        r#"
        SELECT i.team_id, t.slug, t.name, i.role, u.display_name AS "invited_by?",
               i.expires_at AS "expires_at: Timestamp"
        FROM team_invitations i
        JOIN teams t ON t.team_id = i.team_id
        LEFT JOIN users u ON u.user_id = i.invited_by
        WHERE (i.token_hash = $1 OR (i.invitee_id = $2 AND t.slug = $3)) AND i.expires_at > $4
        "#,
        hash,
        invitee.map(UserId::as_uuid),
        slug,
        now.to_sqlx() as Timestamp,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let offer = InvitationOffer {
            team_slug: row.slug,
            team_name: row.name,
            role: role(&row.role)?,
            invited_by: row.invited_by,
            expires_at: row.expires_at.to_jiff(),
        };
        Ok((TeamId::from_uuid(row.team_id), offer))
    })
    .transpose()
}

/// Lists at most `limit` of the invitations that are for somebody behind `after`, the newest first, each
/// with its place in the order.
#[tracing::instrument(name = "db.team_invitation.list_for", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn list_for(
    conn: &mut PgConnection,
    user: UserId,
    after: Option<InvitationPosition>,
    limit: i64,
    now: jiff::Timestamp,
) -> sqlx::Result<Vec<(InvitationOffer, InvitationPosition)>> {
    let rows = sqlx::query!(
        r#"
        SELECT i.invitation_id, t.slug, t.name, i.role, u.display_name AS "invited_by?",
               i.created_at AS "created_at: Timestamp", i.expires_at AS "expires_at: Timestamp"
        FROM team_invitations i
        JOIN teams t ON t.team_id = i.team_id
        LEFT JOIN users u ON u.user_id = i.invited_by
        WHERE i.invitee_id = $1 AND i.expires_at > $2
          AND (i.created_at, i.invitation_id) < (coalesce($3::TIMESTAMPTZ, 'infinity'), $4)
        ORDER BY i.created_at DESC, i.invitation_id DESC
        LIMIT $5
        "#,
        user.as_uuid(),
        now.to_sqlx() as Timestamp,
        after.map(|after| after.created_at.to_sqlx()) as Option<Timestamp>,
        after.map_or(Uuid::max(), |after| after.id.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let position = InvitationPosition {
                created_at: row.created_at.to_jiff(),
                id: TeamInvitationId::from_uuid(row.invitation_id),
            };
            let offer = InvitationOffer {
                team_slug: row.slug,
                team_name: row.name,
                role: role(&row.role)?,
                invited_by: row.invited_by,
                expires_at: row.expires_at.to_jiff(),
            };
            Ok((offer, position))
        })
        .collect()
}

/// Takes an invitation: it is gone from then on. Of two who take it at once one gets it.
#[tracing::instrument(name = "db.team_invitation.take", skip_all, fields(team.id = %team), err(level = "debug"))]
pub(crate) async fn take(
    conn: &mut PgConnection,
    team: TeamId,
    which: Invitation<'_>,
    now: jiff::Timestamp,
) -> sqlx::Result<Option<TeamRole>> {
    let (hash, invitee, _) = which.parts();
    let taken = sqlx::query_scalar!(
        r#"
        DELETE FROM team_invitations
        WHERE team_id = $1 AND (token_hash = $2 OR invitee_id = $3) AND expires_at > $4
        RETURNING role
        "#,
        team.as_uuid(),
        hash,
        invitee.map(UserId::as_uuid),
        now.to_sqlx() as Timestamp,
    )
    .fetch_optional(conn)
    .await?;
    taken.map(|text| role(&text)).transpose()
}
