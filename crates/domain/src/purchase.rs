//! What people buy: purchases, what a payment provider says of them, and what they entitle to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::ids::{ListingId, PurchaseId};
use crate::price::{Currency, Price, PriceKind, SESSIONS_MAX};

/// How a purchase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PurchaseState {
    /// It is not paid yet.
    Pending,
    /// It is paid; a subscription goes on.
    Paid,
    /// A subscription that ends with what was paid.
    Cancelled,
    /// It was not paid, and will not be.
    Declined,
    /// What was paid was given back.
    Refunded,
}

impl PurchaseState {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Paid, Self::Cancelled, Self::Declined, Self::Refunded];

    /// The state as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
            Self::Declined => "declined",
            Self::Refunded => "refunded",
        }
    }

    /// The state as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pending => "Not paid yet",
            Self::Paid => "Paid",
            Self::Cancelled => "Cancelled",
            Self::Declined => "Not paid",
            Self::Refunded => "Given back",
        }
    }

    /// Reads a state from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A purchase as its buyer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Purchase {
    /// Its identity.
    pub id: PurchaseId,
    /// What was bought.
    pub listing_id: ListingId,
    /// The listing's place in URLs.
    pub slug: String,
    /// The listing's name.
    pub name: String,
    /// The price at that time.
    pub price: Price,
    /// How many sessions, where each is paid for; 1 otherwise.
    pub quantity: u32,
    /// What is paid at once, in minor units of the price's currency.
    pub total: i64,
    /// How it stands.
    pub state: PurchaseState,
    /// Until when it lasts; absent for what has no end.
    pub valid_until: Option<Timestamp>,
    /// Where it is paid, while it is not.
    pub checkout_url: Option<String>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was paid first.
    pub paid_at: Option<Timestamp>,
}

impl Purchase {
    /// Whether its buyer may cancel it.
    #[must_use]
    pub fn can_be_cancelled(&self) -> bool {
        match self.state {
            PurchaseState::Pending => true,
            PurchaseState::Paid => self.price.kind == PriceKind::Subscription,
            PurchaseState::Cancelled | PurchaseState::Declined | PurchaseState::Refunded => false,
        }
    }
}

/// What a caller writes to buy a listing: the JSON of `POST /api/v1/listings/{slug}/purchases`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPurchase {
    /// How many sessions, where each is paid for; 1 otherwise.
    #[serde(default = "one")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = SESSIONS_MAX)))]
    pub quantity: u32,
}

impl Default for NewPurchase {
    fn default() -> Self {
        Self { quantity: one() }
    }
}

const fn one() -> u32 {
    1
}

impl NewPurchase {
    /// Checks that so many can be bought at this price.
    pub fn check(&self, price: &Price) -> Result<(), FieldFault> {
        let most = if price.kind == PriceKind::PerExecution { SESSIONS_MAX } else { 1 };
        if (1..=most).contains(&self.quantity) {
            return Ok(());
        }
        let reason =
            if most == 1 { "must be 1".to_owned() } else { format!("must be 1 to {most}") };
        Err(FieldFault::new("quantity", reason))
    }
}

/// What happened to the money of a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    /// It was paid.
    Paid,
    /// It was not.
    Declined,
    /// A subscription was paid for once more.
    Renewed,
    /// A subscription is not paid for any more.
    Ended,
    /// All that was paid last was given back.
    Refunded,
}

impl PaymentKind {
    /// The kind as it stands in messages and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::Renewed => "renewed",
            Self::Ended => "ended",
            Self::Refunded => "refunded",
        }
    }

    /// Whether money moved: then the amount must be the purchase's own.
    #[must_use]
    pub const fn moves_money(self) -> bool {
        matches!(self, Self::Paid | Self::Renewed | Self::Refunded)
    }

    /// Whether it is about a payment before it: that must be known first.
    #[must_use]
    pub const fn follows_payment(self) -> bool {
        matches!(self, Self::Renewed | Self::Ended | Self::Refunded)
    }

    /// What it adds to the publisher's earnings.
    #[must_use]
    pub const fn earned(self, amount: i64) -> i64 {
        match self {
            Self::Paid | Self::Renewed => amount,
            Self::Refunded => -amount,
            Self::Declined | Self::Ended => 0,
        }
    }
}

/// What a payment provider says of a purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentEvent {
    /// The same each time it is said.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: PaymentKind,
    /// The provider's name for the purchase.
    pub reference: String,
    /// How much money, in minor units.
    pub amount: i64,
    /// Of which currency.
    pub currency: Currency,
}

/// How a purchase goes on after an event: its state, and until when it lasts. `None`: the event changes
/// nothing, since it comes late or does not belong there. What is paid for lasts from `from` on.
#[must_use]
pub fn follow(
    price: &Price,
    (state, valid_until): (PurchaseState, Option<Timestamp>),
    event: PaymentKind,
    from: Timestamp,
) -> Option<(PurchaseState, Option<Timestamp>)> {
    use PurchaseState::{Cancelled, Declined, Paid, Pending, Refunded};

    let lasts = |from| price.interval.map(|interval| interval.after(from));
    let is_subscription = price.kind == PriceKind::Subscription;
    match (event, state) {
        // Money that came late after all buys what it was for.
        (PaymentKind::Paid, Pending | Declined) => Some((Paid, lasts(from))),
        (PaymentKind::Declined, Pending) => Some((Declined, None)),
        // Paid for just before it was cancelled: it lasts, and ends then.
        (PaymentKind::Renewed, Paid | Cancelled) if is_subscription => {
            let next = valid_until.map_or(from, |until| until.max(from));
            Some((state, lasts(next)))
        }
        (PaymentKind::Ended, Paid) if is_subscription => Some((Cancelled, valid_until)),
        (PaymentKind::Refunded, Paid | Cancelled) => Some((Refunded, None)),
        _ => None,
    }
}

/// A purchase as far as it entitles to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Its identity.
    pub id: PurchaseId,
    /// What was paid for.
    pub kind: PriceKind,
    /// How it stands.
    pub state: PurchaseState,
    /// Until when it lasts.
    pub valid_until: Option<Timestamp>,
    /// How many sessions.
    pub quantity: u32,
}

/// How many of the sessions that were used belong to purchases whose money was given back since: they
/// are forgotten with them, so that they count against no other purchase. Sessions use what was paid
/// first, and `purchases` stand in that order. For those that are `settled` it was done before.
#[must_use]
pub fn given_back(purchases: &[Held], settled: &[PurchaseId], used: i64) -> i64 {
    let (mut left, mut forgotten) = (used, 0);
    for held in purchases.iter().filter(|held| held.kind == PriceKind::PerExecution) {
        let is_refunded = held.state == PurchaseState::Refunded;
        if held.state != PurchaseState::Paid && (!is_refunded || settled.contains(&held.id)) {
            continue;
        }
        let part = left.min(i64::from(held.quantity));
        left -= part;
        forgotten += if is_refunded { part } else { 0 };
    }
    forgotten
}

/// What somebody may do with a listing by all that they have paid for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    /// It was bought for good.
    pub is_lasting: bool,
    /// Subscribed or rented until then.
    pub valid_until: Option<Timestamp>,
    /// How many sessions were paid for.
    pub executions_granted: i64,
    /// How many of them were started.
    pub executions_used: i64,
}

/// By what a session may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// As any other.
    Open,
    /// It uses one of the sessions that were paid for.
    Counted,
}

impl Entitlement {
    /// What purchases of one listing entitle to, but for what was used.
    #[must_use]
    pub fn of(purchases: &[Held]) -> Self {
        let mut all = Self::default();
        for held in purchases {
            let is_paid = held.state == PurchaseState::Paid;
            match held.kind {
                PriceKind::OneTime => all.is_lasting |= is_paid,
                PriceKind::Subscription | PriceKind::Rental => {
                    if is_paid || held.state == PurchaseState::Cancelled {
                        all.valid_until = all.valid_until.max(held.valid_until);
                    }
                }
                PriceKind::PerExecution if is_paid => {
                    all.executions_granted += i64::from(held.quantity);
                }
                PriceKind::PerExecution | PriceKind::Free => {}
            }
        }
        all
    }

    /// How many sessions are left of those that were paid for one by one.
    #[must_use]
    pub fn executions_left(&self) -> i64 {
        (self.executions_granted - self.executions_used).max(0)
    }

    /// Whether a session may start now, and by what. Otherwise why not, as the rest of a sentence about
    /// the agent.
    pub fn admits(&self, now: Timestamp) -> Result<Admission, &'static str> {
        if self.is_lasting || self.valid_until.is_some_and(|until| until > now) {
            return Ok(Admission::Open);
        }
        if self.executions_left() > 0 {
            return Ok(Admission::Counted);
        }
        Err(if self.executions_granted > 0 {
            "has used all the sessions that were paid for"
        } else if self.valid_until.is_some() {
            "was paid for a time that is over"
        } else {
            "is not paid for"
        })
    }
}

/// What a listing has earned its publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Earning {
    /// The listing's place in URLs.
    pub slug: String,
    /// The listing's name.
    pub name: String,
    /// In which money.
    pub currency: Currency,
    /// How often it was paid.
    pub payments: i64,
    /// How often that was given back.
    pub refunds: i64,
    /// What is left of it, in minor units.
    pub amount: i64,
}

/// A purchase as the listing's publisher sees it: of whom it is, they are not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// Its identity.
    pub id: PurchaseId,
    /// The listing's place in URLs.
    pub slug: String,
    /// The price at that time.
    pub price: Price,
    /// What was paid at once.
    pub total: i64,
    /// How it stands.
    pub state: PurchaseState,
    /// When it was begun.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::Interval;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn price(kind: PriceKind) -> Price {
        let interval = kind.has_interval().then_some(Interval::Month);
        Price { kind, amount: 500, interval, ..Price::FREE }
    }

    #[test]
    fn events_lead_from_state_to_state() {
        use PaymentKind as Event;
        use PriceKind::{OneTime, Subscription};
        use PurchaseState::{Cancelled, Declined, Paid, Pending, Refunded};

        let (now, next) = (at("2026-01-10T00:00:00Z"), at("2026-02-10T00:00:00Z"));
        let (until, later) = (at("2026-01-20T00:00:00Z"), at("2026-02-20T00:00:00Z"));
        for (kind, state, event, expected) in [
            (OneTime, (Pending, None), Event::Paid, Some((Paid, None))),
            (OneTime, (Paid, None), Event::Paid, None),
            (OneTime, (Pending, None), Event::Declined, Some((Declined, None))),
            (OneTime, (Declined, None), Event::Paid, Some((Paid, None))),
            (OneTime, (Paid, None), Event::Declined, None),
            (OneTime, (Paid, None), Event::Renewed, None),
            (OneTime, (Paid, None), Event::Refunded, Some((Refunded, None))),
            (OneTime, (Pending, None), Event::Refunded, None),
            (OneTime, (Refunded, None), Event::Paid, None),
            (Subscription, (Pending, None), Event::Paid, Some((Paid, Some(next)))),
            (Subscription, (Paid, Some(until)), Event::Renewed, Some((Paid, Some(later)))),
            (Subscription, (Paid, Some(until)), Event::Ended, Some((Cancelled, Some(until)))),
            (
                Subscription,
                (Cancelled, Some(until)),
                Event::Renewed,
                Some((Cancelled, Some(later))),
            ),
            (Subscription, (Cancelled, Some(until)), Event::Refunded, Some((Refunded, None))),
            (Subscription, (Refunded, None), Event::Renewed, None),
        ] {
            assert_eq!(follow(&price(kind), state, event, now), expected, "{kind:?} {event:?}");
        }
    }

    #[test]
    fn a_refund_takes_along_what_was_used_of_it() {
        use PurchaseState::{Paid, Refunded};

        let id = |number: u128| PurchaseId::from_uuid(uuid::Uuid::from_u128(number));
        // Purchases in the order of their payment: state, and how many sessions; those that are settled;
        // sessions used; sessions forgotten.
        for (purchases, settled, used, forgotten) in [
            (vec![(Paid, 2)], vec![], 2, 0),
            (vec![(Refunded, 2)], vec![], 2, 2),
            (vec![(Refunded, 5)], vec![], 2, 2),
            (vec![(Refunded, 2)], vec![0], 2, 0),
            // What was paid first is used first.
            (vec![(Refunded, 5), (Paid, 5)], vec![], 2, 2),
            (vec![(Refunded, 2), (Paid, 3)], vec![], 4, 2),
            (vec![(Paid, 2), (Refunded, 3)], vec![], 4, 2),
            (vec![(Paid, 2), (Refunded, 3)], vec![], 1, 0),
            (vec![(Refunded, 2), (Refunded, 2)], vec![0], 3, 2),
        ] {
            let held: Vec<_> = (0..)
                .zip(&purchases)
                .map(|(number, (state, quantity))| Held {
                    id: id(number),
                    kind: PriceKind::PerExecution,
                    state: *state,
                    valid_until: None,
                    quantity: *quantity,
                })
                .collect();
            let settled: Vec<_> = settled.into_iter().map(id).collect();
            assert_eq!(given_back(&held, &settled, used), forgotten, "{purchases:?} {used}");
        }
    }

    #[test]
    fn what_was_paid_admits_and_nothing_else() {
        use PurchaseState::{Cancelled, Paid, Pending, Refunded};

        let now = at("2026-01-10T00:00:00Z");
        let held = |kind, state, until: Option<&str>, quantity| Held {
            id: PurchaseId::from_uuid(uuid::Uuid::nil()),
            kind,
            state,
            valid_until: until.map(at),
            quantity,
        };
        let (future, past) = (Some("2026-02-01T00:00:00Z"), Some("2026-01-10T00:00:00Z"));
        for (purchases, expected) in [
            (vec![], Err("is not paid for")),
            (vec![held(PriceKind::OneTime, Paid, None, 1)], Ok(Admission::Open)),
            (vec![held(PriceKind::OneTime, Pending, None, 1)], Err("is not paid for")),
            (vec![held(PriceKind::OneTime, Refunded, None, 1)], Err("is not paid for")),
            (vec![held(PriceKind::Subscription, Cancelled, future, 1)], Ok(Admission::Open)),
            (vec![held(PriceKind::Rental, Paid, past, 1)], Err("was paid for a time that is over")),
            (
                vec![
                    held(PriceKind::Rental, Paid, past, 1),
                    held(PriceKind::Rental, Paid, future, 1),
                ],
                Ok(Admission::Open),
            ),
            (vec![held(PriceKind::PerExecution, Paid, None, 3)], Ok(Admission::Counted)),
        ] {
            assert_eq!(Entitlement::of(&purchases).admits(now), expected, "{purchases:?}");
        }
        let bought = Entitlement::of(&[held(PriceKind::PerExecution, Paid, None, 3)]);
        let used = Entitlement { executions_used: 3, ..bought };
        assert_eq!(used.admits(now), Err("has used all the sessions that were paid for"));
        // A refund may leave less than was used.
        let less = Entitlement { executions_granted: 1, ..used };
        assert_eq!(less.executions_left(), 0);
    }

    #[test]
    fn only_sessions_are_bought_in_numbers() {
        for (kind, quantity, ok) in [
            (PriceKind::OneTime, 1, true),
            (PriceKind::OneTime, 2, false),
            (PriceKind::PerExecution, 0, false),
            (PriceKind::PerExecution, 100, true),
            (PriceKind::PerExecution, SESSIONS_MAX + 1, false),
        ] {
            assert_eq!(NewPurchase { quantity }.check(&price(kind)).is_ok(), ok, "{kind:?}");
        }
        assert_eq!(price(PriceKind::PerExecution).total(10), 5_000);
        assert_eq!(price(PriceKind::Rental).total(1), 500);
    }
}
