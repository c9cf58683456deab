//! The SQL of listings on their way to the marketplace.

mod published;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::AgentSpec;
use resonant_domain::image::{Picture, Pictures, Screenshot};
use resonant_domain::listing::{Category, Example};
use resonant_domain::price::Price;
use resonant_domain::publication::{CaseSummary, ListingTexts, Submission, SubmissionState};
use resonant_domain::{AgentId, ListingId, SubmissionId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::agent_versions::{number, stored};
use super::known;
use super::listing_runs::Origin;

pub(crate) use published::{find_approved, find_listing, find_pictures, lock_listing};

/// A submission with whoever hands it in.
pub(crate) struct Owned {
    pub(crate) publisher: UserId,
    pub(crate) submission: Submission,
    /// The listing from which its agent was copied.
    pub(crate) forked_from: Option<Origin>,
}

struct SubmissionRow {
    submission_id: Uuid,
    publisher_id: Uuid,
    agent_id: Uuid,
    agent_version: i32,
    state: String,
    name: String,
    tagline: String,
    category: String,
    description: String,
    tags: Vec<String>,
    change_log: String,
    picture: Option<Json<Picture>>,
    screenshots: Json<Vec<Screenshot>>,
    price: Json<Price>,
    examples: Json<Vec<Example>>,
    forked_from: Option<Uuid>,
    forked_version: Option<i32>,
    spec: Json<AgentSpec>,
    comment: String,
    created_at: Timestamp,
    submitted_at: Option<Timestamp>,
    decided_at: Option<Timestamp>,
}

impl TryFrom<SubmissionRow> for Owned {
    type Error = sqlx::Error;

    fn try_from(row: SubmissionRow) -> sqlx::Result<Self> {
        let submission = Submission {
            id: SubmissionId::from_uuid(row.submission_id),
            agent_id: AgentId::from_uuid(row.agent_id),
            agent_version: number(row.agent_version),
            state: known(SubmissionState::parse(&row.state), "state")?,
            texts: ListingTexts {
                name: row.name,
                tagline: row.tagline,
                category: known(Category::parse(&row.category), "category")?,
                description: row.description,
                tags: row.tags,
                change_log: row.change_log,
                price: row.price.0,
                examples: row.examples.0,
            },
            pictures: pictures(row.picture, row.screenshots),
            spec: row.spec.0,
            comment: row.comment,
            created_at: row.created_at.to_jiff(),
            submitted_at: row.submitted_at.map(Timestamp::to_jiff),
            decided_at: row.decided_at.map(Timestamp::to_jiff),
        };
        let forked_from = row
            .forked_from
            .zip(row.forked_version)
            .map(|(listing, version)| Origin { listing: ListingId::from_uuid(listing), version });
        Ok(Self { publisher: UserId::from_uuid(row.publisher_id), submission, forked_from })
    }
}

/// The pictures of two columns.
fn pictures(avatar: Option<Json<Picture>>, screenshots: Json<Vec<Screenshot>>) -> Pictures {
    Pictures { avatar: avatar.map(|avatar| avatar.0), screenshots: screenshots.0 }
}

/// The submissions of a condition.
macro_rules! submissions {
    ($condition:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            SubmissionRow,
            r#"
            SELECT submission_id, publisher_id, agent_id, agent_version, state, name, tagline,
                   category, description, tags, change_log, picture AS "picture: Json<Picture>",
                   screenshots AS "screenshots: Json<Vec<Screenshot>>",
                   price AS "price: Json<Price>", examples AS "examples: Json<Vec<Example>>",
                   forked_from, forked_version, spec AS "spec: Json<AgentSpec>", comment, created_at,
                   submitted_at, decided_at
            FROM listing_submissions
            WHERE "#
                + $condition,
            $($argument),+
        )
    };
}

/// Lists at most `limit` of an agent's submissions before `before`, the newest first.
#[tracing::instrument(name = "db.submission.list_of_agent", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list_of_agent(
    conn: &mut PgConnection,
    publisher: UserId,
    agent: AgentId,
    before: Option<SubmissionId>,
    limit: i64,
) -> sqlx::Result<Vec<Submission>> {
    let rows = submissions!(
        "publisher_id = $1 AND agent_id = $2 AND submission_id < $3
         ORDER BY submission_id DESC LIMIT $4",
        publisher.as_uuid(),
        agent.as_uuid(),
        before.map_or(Uuid::max(), SubmissionId::as_uuid),
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok(Owned::try_from(row)?.submission)).collect()
}

/// The newest of an agent's submissions.
pub(crate) async fn find_newest(
    conn: &mut PgConnection,
    publisher: UserId,
    agent: AgentId,
) -> sqlx::Result<Option<Submission>> {
    Ok(list_of_agent(conn, publisher, agent, None, 1).await?.pop())
}

/// The listing from which the agent of a submission was copied.
#[tracing::instrument(name = "db.submission.find_forked", skip_all, fields(submission.id = %id), err(level = "debug"))]
pub(crate) async fn find_forked(
    conn: &mut PgConnection,
    id: SubmissionId,
) -> sqlx::Result<Option<Origin>> {
    let row = submissions!("submission_id = $1", id.as_uuid()).fetch_optional(conn).await?;
    Ok(row.map(Owned::try_from).transpose()?.and_then(|owned| owned.forked_from))
}

/// Reads the submission of an agent that is on its way and keeps others from changing it until the
/// transaction ends.
#[tracing::instrument(name = "db.submission.lock_open", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn lock_open(
    conn: &mut PgConnection,
    publisher: UserId,
    agent: AgentId,
) -> sqlx::Result<Option<Submission>> {
    let row = submissions!(
        "publisher_id = $1 AND agent_id = $2 AND state IN ('draft', 'in_review') FOR UPDATE",
        publisher.as_uuid(),
        agent.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(Owned::try_from(row)?.submission)).transpose()
}

/// Reads a submission that was handed in, whoever's it is.
#[tracing::instrument(name = "db.submission.find", skip_all, fields(submission.id = %id), err(level = "debug"))]
pub(crate) async fn find(conn: &mut PgConnection, id: SubmissionId) -> sqlx::Result<Option<Owned>> {
    let row = submissions!("submission_id = $1 AND state <> 'draft'", id.as_uuid())
        .fetch_optional(conn)
        .await?;
    row.map(Owned::try_from).transpose()
}

/// Reads a submission that was handed in and keeps others from changing it until the transaction
/// ends.
#[tracing::instrument(name = "db.submission.lock", skip_all, fields(submission.id = %id), err(level = "debug"))]
pub(crate) async fn lock(conn: &mut PgConnection, id: SubmissionId) -> sqlx::Result<Option<Owned>> {
    let row = submissions!("submission_id = $1 AND state <> 'draft' FOR UPDATE", id.as_uuid())
        .fetch_optional(conn)
        .await?;
    row.map(Owned::try_from).transpose()
}

/// Keeps a draft, new or as it is now.
#[tracing::instrument(name = "db.submission.upsert", skip_all, fields(submission.id = %submission.id), err(level = "debug"))]
pub(crate) async fn upsert(
    conn: &mut PgConnection,
    publisher: UserId,
    submission: &Submission,
    forked_from: Option<Origin>,
) -> sqlx::Result<()> {
    let texts = &submission.texts;
    sqlx::query!(
        r#"
        INSERT INTO listing_submissions (submission_id, publisher_id, agent_id, agent_version, name,
                                         tagline, category, description, tags, change_log, spec,
                                         created_at, picture, screenshots, price, examples,
                                         forked_from, forked_version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        ON CONFLICT (submission_id) DO UPDATE
        SET agent_version = EXCLUDED.agent_version, name = EXCLUDED.name,
            tagline = EXCLUDED.tagline, category = EXCLUDED.category,
            description = EXCLUDED.description, tags = EXCLUDED.tags,
            change_log = EXCLUDED.change_log, spec = EXCLUDED.spec,
            picture = EXCLUDED.picture, screenshots = EXCLUDED.screenshots,
            price = EXCLUDED.price, examples = EXCLUDED.examples,
            forked_from = EXCLUDED.forked_from, forked_version = EXCLUDED.forked_version
        "#,
        submission.id.as_uuid(),
        publisher.as_uuid(),
        submission.agent_id.as_uuid(),
        stored(submission.agent_version),
        texts.name,
        texts.tagline,
        texts.category.as_str(),
        texts.description,
        &texts.tags,
        texts.change_log,
        Json(&submission.spec) as _,
        submission.created_at.to_sqlx() as Timestamp,
        submission.pictures.avatar.as_ref().map(Json) as _,
        Json(&submission.pictures.screenshots) as _,
        Json(texts.price) as _,
        Json(&texts.examples) as _,
        forked_from.map(|origin| origin.listing.as_uuid()),
        forked_from.map(|origin| origin.version),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes the pictures of a draft that is locked.
#[tracing::instrument(name = "db.submission.update_pictures", skip_all, fields(submission.id = %id), err(level = "debug"))]
pub(crate) async fn update_pictures(
    conn: &mut PgConnection,
    id: SubmissionId,
    pictures: &Pictures,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE listing_submissions
        SET picture = $2, screenshots = $3
        WHERE submission_id = $1
        "#,
        id.as_uuid(),
        pictures.avatar.as_ref().map(Json) as _,
        Json(&pictures.screenshots) as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Hands a draft in, or takes it back.
#[tracing::instrument(name = "db.submission.update_submitted", skip_all, fields(submission.id = %id), err(level = "debug"))]
pub(crate) async fn update_submitted(
    conn: &mut PgConnection,
    id: SubmissionId,
    submitted_at: Option<jiff::Timestamp>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE listing_submissions
        SET submitted_at = $2,
            state = CASE WHEN $2::TIMESTAMPTZ IS NULL THEN 'draft' ELSE 'in_review' END
        WHERE submission_id = $1
        "#,
        id.as_uuid(),
        submitted_at.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a moderator decided.
pub(crate) struct Decided<'a> {
    pub(crate) state: SubmissionState,
    pub(crate) comment: &'a str,
    pub(crate) moderator: UserId,
    /// The version of its listing that it became.
    pub(crate) version: Option<i32>,
}

/// Writes what a moderator decided of a submission that is locked.
#[tracing::instrument(name = "db.submission.update_decided", skip_all, fields(submission.id = %id), err(level = "debug"))]
pub(crate) async fn update_decided(
    conn: &mut PgConnection,
    id: SubmissionId,
    decided: Decided<'_>,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE listing_submissions
        SET state = $2, comment = $3, decided_by = $4, decided_at = $5, listing_version = $6
        WHERE submission_id = $1
        "#,
        id.as_uuid(),
        decided.state.as_str(),
        decided.comment,
        decided.moderator.as_uuid(),
        now.to_sqlx() as Timestamp,
        decided.version,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where a page of what waits ends: the last submission on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct WaitingPosition {
    pub(crate) submitted_at: jiff::Timestamp,
    pub(crate) id: SubmissionId,
}

/// Lists what waits for a moderator behind `after`, at most `limit`, the longest first.
#[tracing::instrument(name = "db.submission.list_waiting", skip_all, err(level = "debug"))]
pub(crate) async fn list_waiting(
    conn: &mut PgConnection,
    after: Option<WaitingPosition>,
    limit: i64,
) -> sqlx::Result<Vec<CaseSummary>> {
    let rows = sqlx::query!(
        r#"
        SELECT s.submission_id, s.name, s.tagline, u.display_name AS publisher,
               s.submitted_at AS "submitted_at!",
               NOT EXISTS (
                   SELECT FROM listings l
                   WHERE l.publisher_id = s.publisher_id AND l.agent_id = s.agent_id
               ) AS "is_first!"
        FROM listing_submissions s JOIN users u ON u.user_id = s.publisher_id
        WHERE s.state = 'in_review'
          AND (s.submitted_at, s.submission_id) > (coalesce($1::TIMESTAMPTZ, '-infinity'), $2)
        ORDER BY s.submitted_at, s.submission_id
        LIMIT $3
        "#,
        after.map(|after| after.submitted_at.to_sqlx()) as Option<Timestamp>,
        after.map_or(Uuid::nil(), |after| after.id.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| CaseSummary {
            id: SubmissionId::from_uuid(row.submission_id),
            name: row.name,
            tagline: row.tagline,
            publisher: row.publisher,
            is_first: row.is_first,
            submitted_at: row.submitted_at.to_jiff(),
        })
        .collect())
}
