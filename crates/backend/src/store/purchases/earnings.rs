//! What publishers have earned.

use resonant_domain::price::Currency;
use resonant_domain::purchase::Earning;
use resonant_domain::{ListingId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::store::known;

/// Where a page of earnings ends: the last of them on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct EarningPosition {
    pub(crate) listing: ListingId,
    pub(crate) currency: Currency,
}

/// Lists at most `limit` sums that a publisher's listings have earned behind `after`, each listing in each
/// currency, the newest listing first, each with its place in the order.
#[tracing::instrument(name = "db.payment_event.list_earnings", skip_all, fields(user.id = %publisher), err(level = "debug"))]
pub(crate) async fn list_earnings(
    conn: &mut PgConnection,
    publisher: UserId,
    after: Option<EarningPosition>,
    limit: i64,
) -> sqlx::Result<Vec<(Earning, EarningPosition)>> {
    let rows = sqlx::query_as!(
        EarningRow,
        r#"
        SELECT l.listing_id AS "listing_id!", l.slug AS "slug!", l.name AS "name!",
               e.currency AS "currency!", e.payments AS "payments!", e.refunds AS "refunds!",
               e.amount AS "amount!"
        FROM (
            SELECT listing_id, currency,
                   count(*) FILTER (WHERE earned > 0) AS payments,
                   count(*) FILTER (WHERE earned < 0) AS refunds,
                   sum(earned)::BIGINT AS amount
            FROM payment_events
            WHERE publisher_id = $1 AND earned <> 0 AND (listing_id, currency) < ($2, $3)
            GROUP BY listing_id, currency
            ORDER BY listing_id DESC, currency DESC
            LIMIT $4
        ) e
        JOIN listings l ON l.listing_id = e.listing_id
        ORDER BY e.listing_id DESC, e.currency DESC
        "#,
        publisher.as_uuid(),
        after.map_or(Uuid::max(), |after| after.listing.as_uuid()),
        after.map_or("", |after| after.currency.as_str()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(EarningRow::placed).collect()
}

/// What one of a publisher's listings has earned in each currency.
#[tracing::instrument(name = "db.payment_event.list_earnings_of", skip_all, fields(listing.slug = slug), err(level = "debug"))]
pub(crate) async fn list_earnings_of(
    conn: &mut PgConnection,
    publisher: UserId,
    slug: &str,
) -> sqlx::Result<Vec<Earning>> {
    let rows = sqlx::query_as!(
        EarningRow,
        r#"
        SELECT l.listing_id AS "listing_id!", l.slug AS "slug!", l.name AS "name!",
               e.currency AS "currency!",
               count(*) FILTER (WHERE e.earned > 0) AS "payments!",
               count(*) FILTER (WHERE e.earned < 0) AS "refunds!",
               sum(e.earned)::BIGINT AS "amount!"
        FROM payment_events e JOIN listings l ON l.listing_id = e.listing_id
        WHERE e.publisher_id = $1 AND e.earned <> 0 AND l.slug = $2
        GROUP BY l.listing_id, l.slug, l.name, e.currency
        ORDER BY e.currency DESC
        "#,
        publisher.as_uuid(),
        slug,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok(row.placed()?.0)).collect()
}

struct EarningRow {
    listing_id: Uuid,
    slug: String,
    name: String,
    currency: String,
    payments: i64,
    refunds: i64,
    amount: i64,
}

impl EarningRow {
    /// The sum, and its place among all of them.
    fn placed(self) -> sqlx::Result<(Earning, EarningPosition)> {
        let currency = known(Currency::parse(&self.currency), "currency")?;
        let earning = Earning {
            slug: self.slug,
            name: self.name,
            currency,
            payments: self.payments,
            refunds: self.refunds,
            amount: self.amount,
        };
        let listing = ListingId::from_uuid(self.listing_id);
        Ok((earning, EarningPosition { listing, currency }))
    }
}
