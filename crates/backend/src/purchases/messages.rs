//! What the payment provider says: each message counts once, in the transaction that keeps it.

use resonant_domain::PurchaseId;
use resonant_domain::audit::Deed;
use resonant_domain::price::PriceKind;
use resonant_domain::purchase::{Entitlement, PaymentEvent, PaymentKind, PurchaseState, follow};

use super::{NOT_FOUND, cancel_of, note, own, provider};
use crate::payments::TestProvider;
use crate::signature::Signed;
use crate::store::purchases::Owned;
use crate::{Backend, Ctx, Error, Result, entitlements, store};

/// The longest name of a message, in characters.
const EVENT_ID_MAX: usize = 200;

/// Takes a message of the payment provider. Anyone may send it who has the provider's key; the same one
/// counts once. One that overtook the payment that it is about is not kept: it comes again.
///
/// # Errors
/// [`Error::Unauthenticated`] for a signature that is not the provider's; [`Error::Invalid`] for another
/// amount than the purchase's; [`Error::NotFound`]; [`Error::Conflict`] where nothing can be bought, and for
/// what follows a payment while none is known.
#[tracing::instrument(name = "purchases.take_message", level = "debug", parent = ctx.span(), skip_all)]
pub async fn take_message(ctx: &Ctx, message: &Signed) -> Result<()> {
    let backend = ctx.backend();
    let provider = provider(backend)?;
    let event = provider.read(backend, message).await?;
    take(ctx, provider.name(), &event).await
}

pub(super) async fn take(ctx: &Ctx, provider: &str, event: &PaymentEvent) -> Result<()> {
    let backend = ctx.backend();
    if event.id.is_empty() || event.id.chars().count() > EVENT_ID_MAX {
        return Err(Error::field("id", format!("must be 1 to {EVENT_ID_MAX} characters")));
    }
    let now = backend.now();
    let mut tx = backend.catalogue_begin().await?;
    let owned = store::purchases::lock_referred(&mut tx, provider, &event.reference).await?;
    let owned = owned.ok_or(NOT_FOUND)?;
    let purchase = &owned.purchase;
    let is_whole = (event.amount, event.currency) == (purchase.total, purchase.price.currency);
    if event.kind.moves_money() && !is_whole {
        tracing::warn!(purchase.id = %purchase.id, payment.event = event.id, "another amount was paid");
        let due = purchase.price.currency.text(purchase.total);
        return Err(Error::field("amount", format!("must be {due}")));
    }
    if event.kind.follows_payment() && purchase.paid_at.is_none() {
        return Err(Error::Conflict(
            "No payment is known that it could be about. Send it again later".to_owned(),
        ));
    }
    // What is rented once more is rented from the end of what is rented already.
    let mut from = now;
    if event.kind == PaymentKind::Paid && purchase.price.kind == PriceKind::Rental {
        let held = store::purchases::list_held(&mut tx, owned.buyer, purchase.listing_id).await?.0;
        from = Entitlement::of(&held).valid_until.map_or(now, |until| until.max(now));
    }
    let before = (purchase.state, purchase.valid_until);
    let next = follow(&purchase.price, before, event.kind, from);
    let earned = if next.is_some() { event.kind.earned(event.amount) } else { 0 };
    let is_new = store::purchases::insert_event(&mut tx, &owned, (event, earned), now).await?;
    if let Some(next) = next.filter(|_| is_new) {
        store::purchases::update_state(&mut tx, purchase.id, next, now).await?;
        if let Some(deed) = deed_of(event.kind) {
            note(ctx, &mut tx, &owned, deed).await?;
        }
        let state = next.0.as_str();
        tracing::info!(purchase.id = %purchase.id, purchase.state = state, "purchase goes on");
    } else {
        tracing::info!(payment.event = event.id, is_new, "a message changes nothing");
    }
    tx.commit().await?;
    // Also after a message that is known: the process that took it may have been lost before this.
    if event.kind == PaymentKind::Paid && purchase.price.kind == PriceKind::Subscription {
        end_with_who_left(ctx, &owned).await?;
    }
    entitlements::follow_purchases(backend, owned.buyer, owned.purchase.listing_id).await
}

/// Ends a subscription that was begun before its buyer or its publisher left, and paid for after that: nobody who is
/// gone shall go on paying, or be paid.
async fn end_with_who_left(ctx: &Ctx, owned: &Owned) -> Result<()> {
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let has_left = match owned.publisher {
        Some(publisher) => {
            store::accounts::is_any_closed(&mut conn, &[owned.buyer, publisher]).await?
        }
        None => true,
    };
    let paid = store::purchases::find(&mut conn, owned.purchase.id).await?;
    drop(conn);
    match paid.filter(|paid| has_left && paid.purchase.state == PurchaseState::Paid) {
        Some(paid) => cancel_of(ctx, &paid).await,
        None => Ok(()),
    }
}

/// What is done where money goes that way. That a subscription goes on, or nothing was paid, is no deed.
const fn deed_of(kind: PaymentKind) -> Option<Deed> {
    match kind {
        PaymentKind::Paid => Some(Deed::ListingBought),
        PaymentKind::Ended => Some(Deed::PurchaseCancelled),
        PaymentKind::Refunded => Some(Deed::PurchaseRefunded),
        PaymentKind::Declined | PaymentKind::Renewed => None,
    }
}

/// What somebody does at the checkout of the test provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestAct {
    /// They pay.
    Approve,
    /// They do not.
    Decline,
    /// The next span of a subscription is paid.
    Renew,
}

/// Whether purchases are paid at the checkout of the test provider.
#[must_use]
pub fn are_tests(backend: &Backend) -> bool {
    backend.payments().is_some_and(|provider| provider.name() == TestProvider::NAME)
}

/// Plays the test provider's part for one of the caller's purchases: it sends the message that a real one
/// would send.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`], also where another provider takes the money.
#[tracing::instrument(name = "purchases.act_as_test", level = "debug", parent = ctx.span(), skip_all)]
pub async fn act_as_test(ctx: &Ctx, id: PurchaseId, act: TestAct) -> Result<()> {
    let owned = own(ctx, id).await?;
    let backend = ctx.backend();
    if !are_tests(backend) || owned.provider != TestProvider::NAME {
        return Err(NOT_FOUND);
    }
    let purchase = &owned.purchase;
    let (kind, event) = match act {
        TestAct::Approve => (PaymentKind::Paid, format!("paid-{id}")),
        TestAct::Decline => (PaymentKind::Declined, format!("declined-{id}")),
        TestAct::Renew => {
            // One message a span, however often it is asked for.
            let span = purchase.valid_until.map_or(0, jiff::Timestamp::as_second);
            (PaymentKind::Renewed, format!("renewed-{id}-{span}"))
        }
    };
    let event = PaymentEvent {
        id: event,
        kind,
        reference: owned.reference.ok_or(NOT_FOUND)?,
        amount: purchase.total,
        currency: purchase.price.currency,
    };
    let message = TestProvider::sign(backend, &event, backend.now()).await?;
    take_message(ctx, &message).await
}

/// A message of the test provider, as it would be sent.
///
/// # Errors
/// When the installation's key cannot be read.
#[cfg(any(test, feature = "fakes"))]
pub async fn test_message(backend: &Backend, event: &PaymentEvent) -> Result<Signed> {
    TestProvider::sign(backend, event, backend.now()).await
}
