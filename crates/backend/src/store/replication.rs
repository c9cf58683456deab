//! The SQL that asks a database how far its log has come. Positions in the log are bytes from its
//! beginning.

use sqlx::PgConnection;

/// Which database a connection leads to, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The cluster's identity, the same for a primary and its replicas.
    pub(crate) cluster: i64,
    pub(crate) database: String,
    pub(crate) is_replica: bool,
    /// Which line of the log it writes or follows: a replica that becomes the primary begins another one, on
    /// which positions mean something else.
    pub(crate) timeline: i32,
    /// What was written, or on a replica what was replayed.
    pub(crate) position: i64,
}

/// How far a log has come, or is to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) timeline: i32,
    pub(crate) bytes: i64,
}

impl Position {
    /// Where nobody has come.
    pub(crate) const NEVER: Self = Self { timeline: 0, bytes: i64::MAX };

    /// Whether who has come here has come there. What is farther on an earlier line has nothing of what was
    /// written on a later one.
    pub(crate) const fn is_past(self, other: Self) -> bool {
        self.timeline >= other.timeline && self.bytes >= other.bytes
    }

    /// Past both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { timeline: self.timeline.max(other.timeline), bytes: self.bytes.max(other.bytes) }
    }
}

impl Place {
    pub(crate) const fn position(&self) -> Position {
        Position { timeline: self.timeline, bytes: self.position }
    }
}

/// The size of a page of the log and of its header, and of a segment and the header of its first page.
const PAGE: (i64, i64) = (8_192, 24);
const SEGMENT: (i64, i64) = (16 << 20, 40);

/// The end of the last record before a position. On the border of two pages the writer's position is
/// behind a header that no record has followed yet, and a replica's is before it.
const fn end_of_record(position: i64) -> i64 {
    if position % SEGMENT.0 == SEGMENT.1 {
        position - SEGMENT.1
    } else if position % PAGE.0 == PAGE.1 {
        position - PAGE.1
    } else {
        position
    }
}

/// Where a database is. Which line a replica follows is told by what it receives; where that is hidden, by its
/// last checkpoint, which tells it later and never too early.
#[tracing::instrument(name = "db.replication.find_place", skip_all, err(level = "debug"))]
pub(crate) async fn find_place(conn: &mut PgConnection) -> sqlx::Result<Place> {
    let place = sqlx::query_as!(
        Place,
        r#"
        SELECT system_identifier AS "cluster!", current_database()::TEXT AS "database!",
               pg_is_in_recovery() AS "is_replica!",
               CASE WHEN pg_is_in_recovery() THEN coalesce(
                   (SELECT received_tli FROM pg_stat_wal_receiver),
                   (SELECT timeline_id FROM pg_control_checkpoint())
               ) ELSE (
                   'x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
               )::BIT(32)::INTEGER END AS "timeline!",
               coalesce(pg_wal_lsn_diff(
                   CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                        ELSE pg_current_wal_insert_lsn() END,
                   '0/0'
               ), 0)::BIGINT AS "position!"
        FROM pg_control_system()
        "#
    )
    .fetch_one(conn)
    .await?;
    Ok(Place { position: end_of_record(place.position), ..place })
}

/// How far the log has come: all that was committed before is behind this.
#[tracing::instrument(name = "db.replication.find_position", skip_all, err(level = "debug"))]
pub(crate) async fn find_position(conn: &mut PgConnection) -> sqlx::Result<Position> {
    let position = sqlx::query_as!(
        Position,
        r#"
        SELECT (
                   'x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
               )::BIT(32)::INTEGER AS "timeline!",
               pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::BIGINT AS "bytes!"
        "#
    )
    .fetch_one(conn)
    .await?;
    Ok(Position { bytes: end_of_record(position.bytes), ..position })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_farther_on_an_earlier_line_has_not_come_there() {
        let of = |timeline, bytes| Position { timeline, bytes };
        assert!(of(1, 7).is_past(of(1, 7)) && of(2, 7).is_past(of(1, 7)));
        assert!(!of(1, 9).is_past(of(2, 7)), "another became the primary meanwhile");
        assert!(!of(2, 6).is_past(of(1, 7)), "it may have to read on before the new line begins");
        assert!(!of(2, 9).is_past(Position::NEVER));
        assert_eq!(of(1, 9).and(of(2, 7)), of(2, 9));
    }

    #[test]
    fn a_header_that_no_record_follows_does_not_count() {
        for (position, end) in [
            (8_192, 8_192),
            (8_216, 8_192),
            (8_232, 8_232),
            ((16 << 20) + 40, 16 << 20),
            ((16 << 20) + 24, 16 << 20),
            (0, 0),
        ] {
            assert_eq!(end_of_record(position), end, "{position}");
        }
    }
}
