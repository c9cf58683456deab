//! Buying listings. A purchase is begun here and paid at a payment provider's, who says by signed
//! messages what became of it; each message counts once, in the transaction that keeps it.
//!
//! What is paid must be the price at which the purchase was begun. What it entitles to is written after
//! that ([`crate::entitlements`]).

use resonant_domain::audit::{Deed, SubjectKind};
use resonant_domain::listing::ListingState;
use resonant_domain::member::UserKind;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::price::PriceKind;
use resonant_domain::purchase::{Earning, Entitlement, NewPurchase, Purchase, PurchaseState, Sale};
use resonant_domain::{ListingId, PurchaseId, UserId};
use sqlx::PgConnection;

use crate::audit::{Log, Subject};
use crate::payments::{Order, PaymentProvider};
use crate::store::OnConstraint as _;
use crate::store::purchases::{EarningPosition, Offer, Owned};
use crate::{
    Actor, Backend, Ctx, Error, Result, access, audit, effects, entitlements, listings, store,
};

mod messages;

use self::messages::take;
#[cfg(any(test, feature = "fakes"))]
pub use self::messages::test_message;
pub use self::messages::{TestAct, act_as_test, are_tests, take_message};
pub use crate::signature::Signed;

const NOT_FOUND: Error = Error::NotFound("purchase");
const NO_LISTING: Error = Error::NotFound("listing");

fn provider(backend: &Backend) -> Result<&dyn PaymentProvider> {
    backend.payments().ok_or_else(|| {
        Error::Conflict(
            "Nothing can be bought here: this installation takes no payments".to_owned(),
        )
    })
}

fn order(purchase: &Purchase) -> Order {
    Order { id: purchase.id, amount: purchase.total, currency: purchase.price.currency }
}

/// Writes down what becomes of a purchase, for its buyer; that money was given back for its publisher, too.
/// What a provider says by itself is done by the system: it has signed that. Neither learns from where the
/// other one did it.
async fn note(ctx: &Ctx, tx: &mut PgConnection, owned: &Owned, deed: Deed) -> Result<()> {
    let (actor, who) = match ctx.actor() {
        Actor::Anonymous | Actor::System => (Actor::System, None),
        known @ (Actor::User { id, .. } | Actor::Key { owner: id, .. }) => (known, Some(id)),
    };
    let (id, name) = (owned.purchase.listing_id.as_uuid(), &*owned.purchase.name);
    let subject = Some(Subject::new(SubjectKind::Listing, id, name));
    let publisher = owned.publisher.filter(|_| deed == Deed::PurchaseRefunded);
    for whose in std::iter::once(owned.buyer).chain(publisher) {
        let address = ctx.address().filter(|_| who.is_none_or(|who| who == whose));
        let ctx = ctx.clone().from_address(address);
        audit::note_as(&ctx, tx, actor, Log::Account(whose), deed, subject).await?;
    }
    Ok(())
}

/// Begins to buy a listing. Answers where it is paid; the same purchase again, while it is not.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] on the field `quantity`;
/// [`Error::Conflict`] for a guest, for what is free, paused, the caller's own or bought already, and
/// where nothing can be bought.
#[tracing::instrument(name = "purchases.begin", level = "debug", parent = ctx.span(), skip_all)]
pub async fn begin(ctx: &Ctx, slug: &str, new: NewPurchase) -> Result<Purchase> {
    let buyer = access::member(ctx)?;
    if !listings::is_slug(slug) {
        return Err(NO_LISTING);
    }
    let open = match made_before(ctx, buyer).await? {
        Some(made) => made,
        None => open_purchase(ctx, buyer, slug, new).await?,
    };
    if open.state != PurchaseState::Pending || open.checkout_url.is_some() {
        return Ok(open);
    }
    let backend = ctx.backend();
    let checkout = provider(backend)?.begin(&order(&open)).await?;
    let mut conn = backend.catalogue_write().await?;
    let (reference, url) = (checkout.reference, checkout.url);
    store::purchases::update_checkout(&mut conn, open.id, &reference, &url).await?;
    conn.commit().await?;
    tracing::info!(purchase.id = %open.id, listing.slug = slug, "purchase begun");
    Ok(Purchase { checkout_url: Some(url), ..open })
}

/// What an earlier try of the same request began, which may have been lost before it was given in where it
/// is paid.
async fn made_before(ctx: &Ctx, buyer: UserId) -> Result<Option<Purchase>> {
    let Some(id) = ctx.made_before().map(PurchaseId::from_uuid) else {
        return Ok(None);
    };
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let made = store::purchases::find(&mut conn, id).await?.filter(|made| made.buyer == buyer);
    Ok(made.map(|made| made.purchase))
}

/// The buyer's purchase of a listing that is on its way: the one there is, or a new one.
async fn open_purchase(ctx: &Ctx, buyer: UserId, slug: &str, new: NewPurchase) -> Result<Purchase> {
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    let offer = store::purchases::find_offer(&mut tx, slug).await?.ok_or(NO_LISTING)?;
    let provider = provider(backend)?;
    check_offer(&offer, buyer)?;
    new.check(&offer.price)?;
    // Locked first: what is just being paid is known as paid below.
    let open = store::purchases::lock_pending(&mut tx, buyer, offer.listing).await?;
    let held = store::purchases::list_held(&mut tx, buyer, offer.listing).await?.0;
    let is_bought = held.iter().any(|held| {
        held.state == PurchaseState::Paid
            && matches!(held.kind, PriceKind::OneTime | PriceKind::Subscription)
    });
    if is_bought {
        return Err(Error::Conflict("You have bought this listing already".to_owned()));
    }
    let now = backend.now();
    let is_same = open.as_ref().is_some_and(|open| {
        open.purchase.price == offer.price
            && open.purchase.quantity == new.quantity
            && open.provider == provider.name()
    });
    if let Some(other) = open.filter(|_| !is_same) {
        // At another price, or so many of them: what is paid for it all the same still counts.
        let declined = (PurchaseState::Declined, None);
        store::purchases::update_state(&mut tx, other.purchase.id, declined, now).await?;
    }
    let id = PurchaseId::from_uuid(ctx.resource_id()?);
    let wanted = (new.quantity, provider.name());
    // Of two at the same time one waits here for the other, and then finds its purchase.
    store::purchases::insert(&mut tx, id, buyer, &offer, wanted, now)
        .await
        .on_constraint("purchases_pkey", effects::in_the_making)?;
    let open = store::purchases::lock_pending(&mut tx, buyer, offer.listing).await?;
    let open = open.ok_or_else(|| Error::Conflict("It has just been paid".to_owned()))?.purchase;
    tx.commit().await?;
    Ok(open)
}

fn check_offer(offer: &Offer, buyer: UserId) -> Result<()> {
    if offer.publisher == Some(buyer) {
        return Err(Error::Conflict("It is your own listing".to_owned()));
    }
    if offer.price.is_free() {
        return Err(Error::Conflict("It is free: install it".to_owned()));
    }
    if offer.state == ListingState::Paused {
        return Err(Error::Conflict("Its publisher has paused this listing".to_owned()));
    }
    Ok(())
}

/// Reads one of the caller's purchases.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "purchases.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, id: PurchaseId) -> Result<Purchase> {
    Ok(own(ctx, id).await?.purchase)
}

async fn own(ctx: &Ctx, id: PurchaseId) -> Result<Owned> {
    let buyer = access::user(ctx)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::purchases::find(&mut conn, id).await?;
    found.filter(|owned| owned.buyer == buyer).ok_or(NOT_FOUND)
}

/// Lists what the caller bought, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "purchases.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, page: PageRequest) -> Result<Page<Purchase>> {
    let buyer = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("purchases", buyer);
    let cursors = ctx.backend().cursors().await?;
    let before: Option<PurchaseId> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::purchases::list(&mut conn, buyer, before, i64::from(limit) + 1).await?;
    cursors.page(&scope, limit, found, |last| last.id)
}

/// What the caller may do with all that they paid for, listing by listing.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "purchases.entitlements", level = "debug", parent = ctx.span(), skip_all)]
pub async fn entitlements(ctx: &Ctx) -> Result<Vec<(ListingId, Entitlement)>> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().read_latest(owner).await?;
    Ok(store::entitlements::list(&mut conn, owner).await?)
}

/// Where a buyer finds what they bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What was bought.
    pub listing: ListingId,
    /// Whether it has a page in the marketplace.
    pub has_page: bool,
    /// Whether it can be installed and is not yet, or has no page where that could be done again.
    pub can_add: bool,
}

/// Where the caller finds what they bought, by what that entitles them to.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "purchases.places", level = "debug", parent = ctx.span(), skip_all)]
pub async fn places(
    ctx: &Ctx,
    bought: &[Purchase],
    held: &[(ListingId, Entitlement)],
) -> Result<Vec<Place>> {
    let buyer = access::user(ctx)?;
    if bought.is_empty() {
        return Ok(Vec::new());
    }
    let now = ctx.backend().now();
    let ids: Vec<_> = bought.iter().map(|purchase| purchase.listing_id).collect();
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::purchases::list_places(&mut conn, buyer, &ids).await?;
    let places = found.into_iter().map(|(listing, state, is_installed)| {
        let has_page = matches!(state, ListingState::Published | ListingState::Paused);
        let may_use = held.iter().any(|(id, held)| *id == listing && held.admits(now).is_ok());
        let is_there = state != ListingState::Removed;
        let can_add = may_use && is_there && !(is_installed && has_page);
        Place { listing, has_page, can_add }
    });
    Ok(places.collect())
}

/// How a person stands to a listing that is for sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They are not known.
    Nobody,
    /// They are a guest, who buys nothing.
    Guest,
    /// They may use it: it is free, paid for, or their own.
    Entitled,
    /// They have to buy it first.
    Buyer,
}

/// How the caller stands to a listing. Anyone may ask.
///
/// # Errors
/// [`Error::NotFound`].
#[tracing::instrument(name = "purchases.standing", level = "debug", parent = ctx.span(), skip_all)]
pub async fn standing(ctx: &Ctx, slug: &str) -> Result<Standing> {
    let backend = ctx.backend();
    let offer = offer(ctx, slug).await?;
    if offer.price.is_free() {
        return Ok(Standing::Entitled);
    }
    match ctx.actor() {
        Actor::User { kind: UserKind::Guest, .. } => Ok(Standing::Guest),
        Actor::User { id, .. } if may_use(backend, &offer, id).await? => Ok(Standing::Entitled),
        Actor::User { .. } => Ok(Standing::Buyer),
        Actor::Anonymous | Actor::Key { .. } | Actor::System => Ok(Standing::Nobody),
    }
}

async fn offer(ctx: &Ctx, slug: &str) -> Result<Offer> {
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    store::purchases::find_offer(&mut conn, slug).await?.ok_or(NO_LISTING)
}

async fn may_use(backend: &Backend, offer: &Offer, user: UserId) -> Result<bool> {
    if offer.publisher == Some(user) {
        return Ok(true);
    }
    let entitlement = entitlements::of(backend, user, offer.listing).await?;
    Ok(entitlement.admits(backend.now()).is_ok())
}

/// Lets somebody pass who may use a listing: one that is free, paid for, or their own. Answers whether
/// what they take of it needs an entitlement from then on.
pub(crate) async fn check_entitled(ctx: &Ctx, slug: &str, owner: UserId) -> Result<bool> {
    let offer = offer(ctx, slug).await?;
    if offer.price.is_free() || offer.publisher == Some(owner) {
        return Ok(false);
    }
    if may_use(ctx.backend(), &offer, owner).await? {
        return Ok(true);
    }
    Err(Error::Conflict(format!(
        "“{}” costs {}. Buy it first, at /marketplace/{slug}",
        offer.name, offer.price
    )))
}

/// Gives a purchase up before it is paid, or cancels a subscription, which then ends with what was paid.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Conflict`] for what cannot be cancelled.
#[tracing::instrument(name = "purchases.cancel", level = "debug", parent = ctx.span(), skip_all)]
pub async fn cancel(ctx: &Ctx, id: PurchaseId) -> Result<Purchase> {
    let owned = own(ctx, id).await?;
    // An earlier try of the same request may have done it, here or where it is paid.
    let state = owned.purchase.state;
    let is_over = matches!(state, PurchaseState::Declined | PurchaseState::Cancelled);
    if is_over && ctx.made_before().is_some() {
        let listing = owned.purchase.listing_id;
        entitlements::follow_purchases(ctx.backend(), owned.buyer, listing).await?;
        return Ok(owned.purchase);
    }
    if !owned.purchase.can_be_cancelled() {
        return Err(Error::Conflict(
            "It cannot be cancelled: nothing more will be paid for it".to_owned(),
        ));
    }
    cancel_of(ctx, &owned).await?;
    tracing::info!(purchase.id = %id, "purchase cancelled");
    get(ctx, id).await
}

async fn cancel_of(ctx: &Ctx, owned: &Owned) -> Result<()> {
    let backend = ctx.backend();
    let next = if owned.purchase.state == PurchaseState::Pending {
        (PurchaseState::Declined, None)
    } else {
        // First where money would be taken: what stands here follows.
        if let Some(reference) = &owned.reference {
            provider_of(backend, owned)?.cancel(reference).await?;
        }
        (PurchaseState::Cancelled, owned.purchase.valid_until)
    };
    let mut tx = backend.catalogue_begin().await?;
    let before = match &owned.reference {
        Some(reference) => {
            store::purchases::lock_referred(&mut tx, &owned.provider, reference).await?
        }
        None => None,
    };
    let before = before.map_or(owned.purchase.state, |before| before.purchase.state);
    if before == owned.purchase.state {
        let id = owned.purchase.id;
        store::purchases::update_state(&mut tx, id, next, backend.now()).await?;
        note(ctx, &mut tx, owned, Deed::PurchaseCancelled).await?;
    }
    tx.commit().await?;
    entitlements::follow_purchases(backend, owned.buyer, owned.purchase.listing_id).await
}

/// The provider of a purchase, which may be another than that of today.
fn provider_of<'a>(backend: &'a Backend, owned: &Owned) -> Result<&'a dyn PaymentProvider> {
    let provider = provider(backend)?;
    if provider.name() == owned.provider {
        return Ok(provider);
    }
    Err(Error::Conflict("Its payment provider is not connected any more".to_owned()))
}

/// Ends the subscriptions of somebody who leaves, and those to what they published.
pub(crate) async fn cancel_all(ctx: &Ctx, user: UserId) -> Result<()> {
    let backend = ctx.backend();
    let mut conn = backend.catalogue_read_latest().await?;
    let running = store::purchases::list_running(&mut conn, user).await?;
    drop(conn);
    for owned in running {
        match cancel_of(ctx, &owned).await {
            // Whoever took the money is not connected any more: nothing here can stop them, and that
            // shall not keep anybody from leaving.
            Err(Error::Conflict(why)) => {
                tracing::warn!(purchase.id = %owned.purchase.id, why, "a subscription goes on");
            }
            done => done?,
        }
    }
    Ok(())
}

/// Gives the money back for a purchase of one of the caller's listings: what it entitled to ends.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`], also for its buyer; [`Error::Conflict`] for what is
/// not paid.
#[tracing::instrument(name = "purchases.refund", level = "debug", parent = ctx.span(), skip_all)]
pub async fn refund(ctx: &Ctx, id: PurchaseId) -> Result<()> {
    let publisher = access::user(ctx)?;
    let backend = ctx.backend();
    let mut conn = backend.catalogue_read_latest().await?;
    let found = store::purchases::find(&mut conn, id).await?;
    drop(conn);
    let owned = found.filter(|owned| owned.publisher == Some(publisher)).ok_or(NOT_FOUND)?;
    // An earlier try of the same request may have done it, here or where it was paid.
    if owned.purchase.state == PurchaseState::Refunded && ctx.made_before().is_some() {
        let listing = owned.purchase.listing_id;
        return entitlements::follow_purchases(backend, owned.buyer, listing).await;
    }
    let is_paid = matches!(owned.purchase.state, PurchaseState::Paid | PurchaseState::Cancelled);
    let Some(reference) = owned.reference.as_ref().filter(|_| is_paid) else {
        return Err(Error::Conflict("Nothing is paid that could be given back".to_owned()));
    };
    let provider = provider_of(backend, &owned)?;
    let is_renewed = owned.purchase.price.kind == PriceKind::Subscription
        && owned.purchase.state == PurchaseState::Paid;
    if is_renewed {
        // What ends here shall not be paid for once more.
        provider.cancel(reference).await?;
    }
    let event = provider.refund(reference, &order(&owned.purchase)).await?;
    take(ctx, &owned.provider, &event).await?;
    tracing::info!(purchase.id = %id, "purchase refunded");
    Ok(())
}

/// Lists what the caller's listings earned, each in each currency, the newest listing first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "purchases.earnings", level = "debug", parent = ctx.span(), skip_all)]
pub async fn earnings(ctx: &Ctx, page: PageRequest) -> Result<Page<Earning>> {
    let publisher = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("earnings", publisher);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<EarningPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let wanted = i64::from(limit) + 1;
    let found = store::purchases::list_earnings(&mut conn, publisher, after, wanted).await?;
    let page = cursors.page(&scope, limit, found, |(_, position)| *position)?;
    Ok(page.map(|(earning, _)| earning))
}

/// What one of the caller's listings earned, in each currency; nothing for another's.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "purchases.earnings_of", level = "debug", parent = ctx.span(), skip_all)]
pub async fn earnings_of(ctx: &Ctx, slug: &str) -> Result<Vec<Earning>> {
    let publisher = access::user(ctx)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    Ok(store::purchases::list_earnings_of(&mut conn, publisher, slug).await?)
}

/// Lists the purchases of the caller's listings that were paid, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "purchases.sales", level = "debug", parent = ctx.span(), skip_all)]
pub async fn sales(ctx: &Ctx, page: PageRequest) -> Result<Page<Sale>> {
    let publisher = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("sales", publisher);
    let cursors = ctx.backend().cursors().await?;
    let before: Option<PurchaseId> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let wanted = i64::from(limit) + 1;
    let found = store::purchases::list_sales(&mut conn, publisher, before, wanted).await?;
    cursors.page(&scope, limit, found, |last| last.id)
}

#[cfg(test)]
mod tests;
