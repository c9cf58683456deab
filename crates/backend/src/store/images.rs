//! The SQL of pictures that publishers upload, and of the files that are made of them.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::image::{Fallback, ImageKind, Picture};
use resonant_domain::{ImageId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::counted::{self, Counted};
use super::known;

/// A picture as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredImage {
    pub(crate) kind: ImageKind,
    pub(crate) picture: Picture,
    pub(crate) thumbhash: Vec<u8>,
}

/// A file that is made of a picture.
#[derive(Clone, Debug)]
pub(crate) struct Rendition {
    pub(crate) width: u32,
    /// `webp`, `jpg` or `png`.
    pub(crate) format: &'static str,
    pub(crate) bytes: Vec<u8>,
}

struct ImageRow {
    image_id: Uuid,
    kind: String,
    width: i32,
    height: i32,
    fallback: String,
    thumbhash: Vec<u8>,
    placeholder: String,
}

impl TryFrom<ImageRow> for StoredImage {
    type Error = sqlx::Error;

    fn try_from(row: ImageRow) -> sqlx::Result<Self> {
        Ok(Self {
            kind: known(ImageKind::parse(&row.kind), "kind")?,
            picture: Picture {
                id: ImageId::from_uuid(row.image_id),
                width: row.width.unsigned_abs(),
                height: row.height.unsigned_abs(),
                fallback: known(Fallback::parse(&row.fallback), "fallback")?,
                placeholder: row.placeholder,
            },
            thumbhash: row.thumbhash,
        })
    }
}

/// Keeps others from adding to somebody's pictures until the transaction ends; answers how many there
/// are.
#[tracing::instrument(name = "db.image.lock_count", skip_all, fields(user.id = %publisher), err(level = "debug"))]
pub(crate) async fn lock_count(conn: &mut PgConnection, publisher: UserId) -> sqlx::Result<i64> {
    counted::lock(&mut *conn, Counted::Images, publisher).await?;
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM images WHERE publisher_id = $1"#,
        publisher.as_uuid()
    )
    .fetch_one(conn)
    .await
}

/// Marks these of somebody's pictures as used and answers them, in any order.
#[tracing::instrument(name = "db.image.update_used", skip_all, fields(user.id = %publisher), err(level = "debug"))]
pub(crate) async fn update_used(
    conn: &mut PgConnection,
    publisher: UserId,
    ids: &[ImageId],
    now: jiff::Timestamp,
) -> sqlx::Result<Vec<StoredImage>> {
    let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query_as!(
        ImageRow,
        r#"
        UPDATE images
        SET used_at = $3
        WHERE publisher_id = $1 AND image_id = ANY ($2)
        RETURNING image_id, kind, width, height, fallback, thumbhash, placeholder
        "#,
        publisher.as_uuid(),
        &ids,
        now.to_sqlx() as Timestamp,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(StoredImage::try_from).collect()
}

/// Keeps a picture with its files.
#[tracing::instrument(name = "db.image.insert", skip_all, fields(image.id = %image.picture.id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    publisher: UserId,
    image: &StoredImage,
    renditions: Vec<Rendition>,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    let number = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let widths: Vec<_> = renditions.iter().map(|rendition| number(rendition.width)).collect();
    let formats: Vec<_> = renditions.iter().map(|it| it.format.to_owned()).collect();
    let files: Vec<_> = renditions.into_iter().map(|it| it.bytes).collect();
    sqlx::query!(
        r#"
        WITH kept AS (
            INSERT INTO images (image_id, publisher_id, kind, width, height, fallback, thumbhash,
                                placeholder, created_at, used_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
            RETURNING image_id
        )
        INSERT INTO image_renditions (image_id, width, format, bytes)
        SELECT image_id, file.width, file.format, file.bytes
        FROM kept, unnest($10::INTEGER[], $11::TEXT[], $12::BYTEA[]) file (width, format, bytes)
        "#,
        image.picture.id.as_uuid(),
        publisher.as_uuid(),
        image.kind.as_str(),
        number(image.picture.width),
        number(image.picture.height),
        image.picture.fallback.as_str(),
        image.thumbhash,
        image.picture.placeholder,
        now.to_sqlx() as Timestamp,
        &widths,
        &formats,
        &files,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Reads one of a picture's files.
#[tracing::instrument(name = "db.image.find_rendition", skip_all, fields(image.id = %id), err(level = "debug"))]
pub(crate) async fn find_rendition(
    conn: &mut PgConnection,
    id: ImageId,
    width: u32,
    format: &str,
) -> sqlx::Result<Option<Vec<u8>>> {
    let Ok(width) = i32::try_from(width) else {
        return Ok(None);
    };
    sqlx::query_scalar!(
        "SELECT bytes FROM image_renditions WHERE image_id = $1 AND width = $2 AND format = $3",
        id.as_uuid(),
        width,
        format,
    )
    .fetch_optional(conn)
    .await
}

/// Deletes at most `limit` pictures that were used before `before` last and that no listing and nothing
/// on its way shows, nor would show again without its newest version; answers how many. A listing shows its
/// publisher's own pictures alone: counting those of each by an index keeps PostgreSQL from reading all
/// listings at once.
#[tracing::instrument(name = "db.image.delete_unused", skip_all, err(level = "debug"))]
pub(crate) async fn delete_unused(
    conn: &mut PgConnection,
    before: jiff::Timestamp,
    limit: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"
        DELETE FROM images
        WHERE used_at < $1 AND image_id = ANY (ARRAY(
            SELECT i.image_id
            FROM images i
            WHERE i.used_at < $1
              AND 0 = (
                  SELECT count(*) FROM listings l
                  WHERE l.publisher_id = i.publisher_id
                    AND (l.picture ->> 'id' = i.image_id::TEXT
                         OR l.screenshots @> jsonb_build_array(jsonb_build_object('id', i.image_id)))
              )
              AND 0 = (
                  SELECT count(*) FROM listing_submissions s
                  WHERE s.publisher_id = i.publisher_id
                    AND (s.state <> 'approved' OR s.listing_version = (
                        SELECT max(v.version)
                        FROM listings l JOIN listing_versions v ON v.listing_id = l.listing_id
                        WHERE l.publisher_id = s.publisher_id AND l.agent_id = s.agent_id
                          AND v.version < l.version AND v.deleted_at IS NULL
                    ))
                    AND (s.picture ->> 'id' = i.image_id::TEXT
                         OR s.screenshots @> jsonb_build_array(jsonb_build_object('id', i.image_id)))
              )
            ORDER BY i.used_at
            LIMIT $2
        ))
        "#,
        before.to_sqlx() as Timestamp,
        limit,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
