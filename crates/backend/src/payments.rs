//! Payment providers: who takes the money for listings, in words of ours. Which one there is says the
//! operator; without one every listing is free.

use std::fmt;

use futures::future::BoxFuture;
use resonant_domain::PurchaseId;
use resonant_domain::price::Currency;
use resonant_domain::purchase::PaymentEvent;

use crate::signature::Signed;
use crate::{Backend, Result};

mod test_provider;

pub(crate) use test_provider::TestProvider;

/// Which provider takes the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentSettings {
    /// None that moves money: its checkout is a page of this installation, where people say by themselves
    /// whether they have paid. For trying out, and for tests.
    Test,
}

impl PaymentSettings {
    pub(crate) fn provider(self) -> Box<dyn PaymentProvider> {
        match self {
            Self::Test => Box::new(TestProvider),
        }
    }
}

/// What is to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// The purchase; the same order is given in under the same id.
    pub(crate) id: PurchaseId,
    /// How much, in minor units.
    pub(crate) amount: i64,
    /// Of which money.
    pub(crate) currency: Currency,
}

/// Where an order is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkout {
    /// The provider's name for it.
    pub(crate) reference: String,
    /// The page on which it is paid.
    pub(crate) url: String,
}

/// Who takes money. A provider knows an order by a reference, and tells by signed messages what became of
/// it; a message may come more than once, late, and out of order. One that is refused is to be sent again, as
/// one that overtook another is.
pub(crate) trait PaymentProvider: fmt::Debug + Send + Sync {
    /// What it is called, for ever: purchases keep it.
    fn name(&self) -> &'static str;

    /// Takes an order. The same one again has the same checkout.
    fn begin<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Checkout>>;

    /// Reads a message. One that the provider has not signed, or not just now, is refused as
    /// [`Error::Unauthenticated`](crate::Error::Unauthenticated).
    fn read<'a>(
        &'a self,
        backend: &'a Backend,
        message: &'a Signed,
    ) -> BoxFuture<'a, Result<PaymentEvent>>;

    /// Renews a subscription no more; what is paid lasts. May be asked again.
    fn cancel<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Gives back what was paid last. Answers what a message will say too. May be asked again.
    fn refund<'a>(
        &'a self,
        reference: &'a str,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<PaymentEvent>>;
}
