//! The SQL of what people buy, and of what payment providers say of it.

mod earnings;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::listing::ListingState;
use resonant_domain::price::{Currency, Interval, Price, PriceKind};
use resonant_domain::purchase::{Held, PaymentEvent, Purchase, PurchaseState, Sale};
use resonant_domain::{ListingId, PurchaseId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::known;

pub(crate) use earnings::{EarningPosition, list_earnings, list_earnings_of};

/// A listing as far as buying is concerned.
pub(crate) struct Offer {
    pub(crate) listing: ListingId,
    pub(crate) name: String,
    pub(crate) price: Price,
    pub(crate) state: ListingState,
    pub(crate) publisher: Option<UserId>,
}

/// Reads what a listing costs, and whose it is.
#[tracing::instrument(name = "db.listing.find_offer", skip_all, fields(listing.slug = slug), err(level = "debug"))]
pub(crate) async fn find_offer(conn: &mut PgConnection, slug: &str) -> sqlx::Result<Option<Offer>> {
    let row = sqlx::query!(
        r#"
        SELECT listing_id, name, price AS "price: Json<Price>", state, publisher_id
        FROM listings
        WHERE slug = $1 AND state IN ('published', 'paused')
        "#,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Offer {
            listing: ListingId::from_uuid(row.listing_id),
            name: row.name,
            price: row.price.0,
            state: known(ListingState::parse(&row.state), "state")?,
            publisher: row.publisher_id.map(UserId::from_uuid),
        })
    })
    .transpose()
}

/// A purchase with those whom it concerns.
pub(crate) struct Owned {
    pub(crate) buyer: UserId,
    pub(crate) publisher: Option<UserId>,
    pub(crate) provider: String,
    pub(crate) reference: Option<String>,
    pub(crate) purchase: Purchase,
}

struct PurchaseRow {
    purchase_id: Uuid,
    buyer_id: Uuid,
    publisher_id: Option<Uuid>,
    listing_id: Uuid,
    slug: String,
    name: String,
    kind: String,
    amount: i64,
    currency: String,
    period: Option<String>,
    quantity: i32,
    state: String,
    valid_until: Option<Timestamp>,
    provider: String,
    reference: Option<String>,
    checkout_url: Option<String>,
    created_at: Timestamp,
    paid_at: Option<Timestamp>,
}

impl TryFrom<PurchaseRow> for Owned {
    type Error = sqlx::Error;

    fn try_from(row: PurchaseRow) -> sqlx::Result<Self> {
        let interval = row.period.map(|period| known(Interval::parse(&period), "period"));
        let price = Price {
            kind: known(PriceKind::parse(&row.kind), "kind")?,
            amount: row.amount,
            currency: known(Currency::parse(&row.currency), "currency")?,
            interval: interval.transpose()?,
        };
        let quantity = u32::try_from(row.quantity).unwrap_or(1);
        let state = known(PurchaseState::parse(&row.state), "state")?;
        let purchase = Purchase {
            id: PurchaseId::from_uuid(row.purchase_id),
            listing_id: ListingId::from_uuid(row.listing_id),
            slug: row.slug,
            name: row.name,
            price,
            quantity,
            total: price.total(quantity),
            state,
            valid_until: row.valid_until.map(Timestamp::to_jiff),
            checkout_url: row.checkout_url.filter(|_| state == PurchaseState::Pending),
            created_at: row.created_at.to_jiff(),
            paid_at: row.paid_at.map(Timestamp::to_jiff),
        };
        Ok(Self {
            buyer: UserId::from_uuid(row.buyer_id),
            publisher: row.publisher_id.map(UserId::from_uuid),
            provider: row.provider,
            reference: row.reference,
            purchase,
        })
    }
}

/// The purchases of a condition.
macro_rules! purchases {
    ($condition:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            PurchaseRow,
            r#"
            SELECT p.purchase_id, p.buyer_id, p.publisher_id, p.listing_id, l.slug, l.name, p.kind,
                   p.amount, p.currency, p.period, p.quantity, p.state, p.valid_until, p.provider,
                   p.reference, p.checkout_url, p.created_at, p.paid_at
            FROM purchases p JOIN listings l ON l.listing_id = p.listing_id
            WHERE "#
                + $condition,
            $($argument),+
        )
    };
}

/// Begins a purchase, unless the buyer has one of the listing on its way; answers whether it did.
#[tracing::instrument(name = "db.purchase.insert", skip_all, fields(purchase.id = %id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    id: PurchaseId,
    buyer: UserId,
    offer: &Offer,
    (quantity, provider): (u32, &str),
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        INSERT INTO purchases (purchase_id, buyer_id, listing_id, publisher_id, kind, amount,
                               currency, period, quantity, provider, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (buyer_id, listing_id) WHERE state = 'pending' DO NOTHING
        "#,
        id.as_uuid(),
        buyer.as_uuid(),
        offer.listing.as_uuid(),
        offer.publisher.map(UserId::as_uuid),
        offer.price.kind.as_str(),
        offer.price.amount,
        offer.price.currency.as_str(),
        offer.price.interval.map(Interval::as_str),
        i32::try_from(quantity).unwrap_or(i32::MAX),
        provider,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The buyer's purchase of a listing that is on its way, kept from changing until the transaction ends.
#[tracing::instrument(name = "db.purchase.lock_pending", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn lock_pending(
    conn: &mut PgConnection,
    buyer: UserId,
    listing: ListingId,
) -> sqlx::Result<Option<Owned>> {
    let row = purchases!(
        "p.buyer_id = $1 AND p.listing_id = $2 AND p.state = 'pending' FOR UPDATE OF p",
        buyer.as_uuid(),
        listing.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    row.map(Owned::try_from).transpose()
}

/// Reads a purchase, whoever's it is.
#[tracing::instrument(name = "db.purchase.find", skip_all, fields(purchase.id = %id), err(level = "debug"))]
pub(crate) async fn find(conn: &mut PgConnection, id: PurchaseId) -> sqlx::Result<Option<Owned>> {
    let row = purchases!("p.purchase_id = $1", id.as_uuid()).fetch_optional(conn).await?;
    row.map(Owned::try_from).transpose()
}

/// Reads the purchase that a provider knows by this name and keeps others from changing it until the
/// transaction ends.
#[tracing::instrument(name = "db.purchase.lock_referred", skip_all, err(level = "debug"))]
pub(crate) async fn lock_referred(
    conn: &mut PgConnection,
    provider: &str,
    reference: &str,
) -> sqlx::Result<Option<Owned>> {
    let row =
        purchases!("p.provider = $1 AND p.reference = $2 FOR UPDATE OF p", provider, reference)
            .fetch_optional(conn)
            .await?;
    row.map(Owned::try_from).transpose()
}

/// Lists what somebody bought before a purchase, at most `limit`, the newest first.
#[tracing::instrument(name = "db.purchase.list", skip_all, fields(user.id = %buyer), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    buyer: UserId,
    before: Option<PurchaseId>,
    limit: i64,
) -> sqlx::Result<Vec<Purchase>> {
    let rows = purchases!(
        "p.buyer_id = $1 AND p.purchase_id < $2 ORDER BY p.purchase_id DESC LIMIT $3",
        buyer.as_uuid(),
        before.map_or(Uuid::max(), PurchaseId::as_uuid),
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok(Owned::try_from(row)?.purchase)).collect()
}

/// How these listings stand, and whether somebody ever installed them.
#[tracing::instrument(name = "db.purchase.list_places", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn list_places(
    conn: &mut PgConnection,
    user: UserId,
    listings: &[ListingId],
) -> sqlx::Result<Vec<(ListingId, ListingState, bool)>> {
    let ids: Vec<_> = listings.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT l.listing_id AS "listing_id!", l.state AS "state!",
               i.listing_id IS NOT NULL AS "is_installed!"
        FROM listings l
        LEFT JOIN installs i ON i.owner_id = $1 AND i.listing_id = l.listing_id
        WHERE l.listing_id = ANY ($2)
        "#,
        user.as_uuid(),
        &ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state = known(ListingState::parse(&row.state), "state")?;
            Ok((ListingId::from_uuid(row.listing_id), state, row.is_installed))
        })
        .collect()
}

/// Subscriptions that go on, of which somebody is the buyer or the publisher.
#[tracing::instrument(name = "db.purchase.list_running", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn list_running(
    conn: &mut PgConnection,
    user: UserId,
) -> sqlx::Result<Vec<Owned>> {
    let rows = purchases!(
        "(p.buyer_id = $1 OR p.publisher_id = $1) AND p.kind = 'subscription' AND p.state = 'paid'",
        user.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Owned::try_from).collect()
}

/// What somebody holds of a listing, what was paid first first, and the sum of the revisions that it is
/// read at.
#[tracing::instrument(name = "db.purchase.list_held", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn list_held(
    conn: &mut PgConnection,
    buyer: UserId,
    listing: ListingId,
) -> sqlx::Result<(Vec<Held>, i64)> {
    let rows = sqlx::query!(
        r#"
        SELECT purchase_id, kind, state, valid_until AS "valid_until: Timestamp", quantity, revision
        FROM purchases
        WHERE buyer_id = $1 AND listing_id = $2
        ORDER BY paid_at, purchase_id
        "#,
        buyer.as_uuid(),
        listing.as_uuid(),
    )
    .fetch_all(conn)
    .await?;
    let mut revision = 0;
    let mut held = Vec::new();
    for row in rows {
        revision += row.revision;
        held.push(Held {
            id: PurchaseId::from_uuid(row.purchase_id),
            kind: known(PriceKind::parse(&row.kind), "kind")?,
            state: known(PurchaseState::parse(&row.state), "state")?,
            valid_until: row.valid_until.map(Timestamp::to_jiff),
            quantity: u32::try_from(row.quantity).unwrap_or(1),
        });
    }
    Ok((held, revision))
}

/// Keeps the provider's name for a purchase and where it is paid.
#[tracing::instrument(name = "db.purchase.update_checkout", skip_all, fields(purchase.id = %id), err(level = "debug"))]
pub(crate) async fn update_checkout(
    conn: &mut PgConnection,
    id: PurchaseId,
    reference: &str,
    url: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE purchases SET reference = $2, checkout_url = $3 WHERE purchase_id = $1",
        id.as_uuid(),
        reference,
        url,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps how a purchase stands now. It was paid at the first instant at which it was.
#[tracing::instrument(name = "db.purchase.update_state", skip_all, fields(purchase.id = %id), err(level = "debug"))]
pub(crate) async fn update_state(
    conn: &mut PgConnection,
    id: PurchaseId,
    (state, valid_until): (PurchaseState, Option<jiff::Timestamp>),
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE purchases
        SET state = $2, valid_until = $3, revision = revision + 1,
            paid_at = CASE WHEN $2 = 'paid' THEN coalesce(paid_at, $4) ELSE paid_at END
        WHERE purchase_id = $1
        "#,
        id.as_uuid(),
        state.as_str(),
        valid_until.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps a message of a provider; `false` when it was kept before. What `earned` says is added to the
/// publisher's earnings.
#[tracing::instrument(name = "db.payment_event.insert", skip_all, fields(payment.event = event.id), err(level = "debug"))]
pub(crate) async fn insert_event(
    conn: &mut PgConnection,
    owned: &Owned,
    (event, earned): (&PaymentEvent, i64),
    now: jiff::Timestamp,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        INSERT INTO payment_events (provider, event_id, purchase_id, listing_id, publisher_id, kind,
                                    earned, currency, received_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (provider, event_id) DO NOTHING
        "#,
        owned.provider,
        event.id,
        owned.purchase.id.as_uuid(),
        owned.purchase.listing_id.as_uuid(),
        owned.publisher.map(UserId::as_uuid),
        event.kind.as_str(),
        earned,
        event.currency.as_str(),
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lists at most `limit` purchases of a publisher's listings that were paid and begun before `before`, the
/// newest first.
#[tracing::instrument(name = "db.purchase.list_sales", skip_all, fields(user.id = %publisher), err(level = "debug"))]
pub(crate) async fn list_sales(
    conn: &mut PgConnection,
    publisher: UserId,
    before: Option<PurchaseId>,
    limit: i64,
) -> sqlx::Result<Vec<Sale>> {
    let rows = purchases!(
        "p.publisher_id = $1 AND p.paid_at IS NOT NULL AND p.purchase_id < $2
         ORDER BY p.purchase_id DESC LIMIT $3",
        publisher.as_uuid(),
        before.map_or(Uuid::max(), PurchaseId::as_uuid),
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let Purchase { id, slug, price, total, state, created_at, .. } =
                Owned::try_from(row)?.purchase;
            Ok(Sale { id, slug, price, total, state, created_at })
        })
        .collect()
}
