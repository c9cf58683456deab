//! What the installation does for itself now and then. Every piece may be done twice or by two
//! processes at once without harm.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::database::Shard;
use crate::store::partitions::{self, Month, TABLES, first_id_at};
use crate::{Backend, Ctx, Error, Result, access};

/// How many months have their partition before they begin.
const MONTHS_AHEAD: i32 = 3;

/// Makes the partitions of the coming months and drops those that are older than the installation
/// keeps sessions. A partition with a session that is not over stays until it is.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Unavailable`] when long statements are in
/// the way: nothing has changed then.
#[tracing::instrument(name = "upkeep.renew_partitions", level = "debug", parent = ctx.span(), skip_all)]
pub async fn renew_partitions(ctx: &Ctx) -> Result<()> {
    access::system(ctx)?;
    let backend = ctx.backend();
    backend.on_each(|shard| renew_on(backend, shard)).await.1
}

async fn renew_on(backend: &Backend, shard: Shard) -> Result<()> {
    let mut tx = backend.begin_on(shard).await?;
    make_partitions(&mut tx, backend.now()).await?;
    if let Some(oldest) = backend.oldest_session_kept() {
        drop_partitions(&mut tx, first_id_at(oldest)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Makes the partitions of this month and the coming ones, as far as they are not there.
pub(crate) async fn make_partitions(tx: &mut PgConnection, now: Timestamp) -> Result<()> {
    partitions::lock(&mut *tx).await.map_err(in_the_way)?;
    for table in TABLES {
        let later = partitions::list(&mut *tx, table).await?.pop().and_then(|later| later.from);
        let later = later.ok_or_else(|| Error::internal("sessions are not partitioned"))?;
        let months = months_from(later, now)?;
        if !months.is_empty() {
            partitions::insert_months(&mut *tx, table, &months).await.map_err(in_the_way)?;
            tracing::info!(table, count = months.len(), "partitions made");
        }
    }
    Ok(())
}

/// The months that begin at the id `later` or after it, up to those that are made ahead.
fn months_from(later: Uuid, now: Timestamp) -> Result<Vec<Month>> {
    let first_day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date().first_of_month();
    let millis = i64::try_from(later.as_u128() >> 80).unwrap_or(i64::MAX);
    let mut month = first_day(Timestamp::from_millisecond(millis).map_err(Error::internal)?);
    let end = months_after(first_day(now), MONTHS_AHEAD + 1)?;
    let mut months = Vec::new();
    while month < end {
        let next = months_after(month, 1)?;
        months.push(Month {
            suffix: month.strftime("%Y_%m").to_string(),
            from: first_id_of(month)?.max(later),
            to: first_id_of(next)?,
        });
        month = next;
    }
    Ok(months)
}

fn months_after(month: Date, count: i32) -> Result<Date> {
    let months = i32::from(month.year()) * 12 + i32::from(month.month()) - 1 + count;
    let year = i16::try_from(months.div_euclid(12)).map_err(Error::internal)?;
    let number = i8::try_from(months.rem_euclid(12) + 1).map_err(Error::internal)?;
    Ok(date(year, number, 1))
}

fn first_id_of(month: Date) -> Result<Uuid> {
    let start = month.to_zoned(TimeZone::UTC).map_err(Error::internal)?;
    Ok(first_id_at(start.timestamp()))
}

/// Drops the partitions that end at `oldest` or before it, from the earliest to the first that has a
/// session which is not over.
async fn drop_partitions(tx: &mut PgConnection, oldest: Uuid) -> Result<()> {
    let mut ends = Vec::new();
    for partition in partitions::list(&mut *tx, TABLES[0]).await? {
        match partition.to {
            Some(to) if to <= oldest && !partitions::has_open_session(&mut *tx, to).await? => {
                ends.push(to);
            }
            _ => break,
        }
    }
    let Some(&last) = ends.last() else {
        return Ok(());
    };
    for table in TABLES {
        let all = partitions::list(&mut *tx, table).await?;
        let names: Vec<_> = all
            .iter()
            .filter(|partition| {
                partition.from.is_some() && partition.to.is_some_and(|to| to <= last)
            })
            .map(|partition| partition.name.as_str())
            .collect();
        // What is earlier than all months is emptied each time: whatever is there is older still.
        partitions::delete(&mut *tx, table, &names, last).await.map_err(in_the_way)?;
        if !names.is_empty() {
            tracing::info!(table, count = names.len(), "partitions dropped");
        }
    }
    Ok(())
}

/// A lock that was not had in time (55P03) is no defect.
fn in_the_way(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(source) if source.code().as_deref() == Some("55P03") => {
            Error::unavailable(error)
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests;
