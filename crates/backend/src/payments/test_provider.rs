//! A provider that moves no money. Its checkout is a page of this installation; what people do there it
//! says by messages that are signed and read as those of any other.

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use jiff::Timestamp;
use resonant_domain::UserId;
use resonant_domain::purchase::{PaymentEvent, PaymentKind};
use uuid::Uuid;

use super::{Checkout, Order, PaymentProvider};
use crate::signature::{Signed, SigningKey};
use crate::{Backend, Error, Result};

/// How its references begin.
const REFERENCE: &str = "test_";

/// The provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestProvider;

impl TestProvider {
    /// What purchases keep as its name.
    pub(crate) const NAME: &'static str = "test";

    async fn key(backend: &Backend) -> Result<SigningKey> {
        // One key for the installation: it is nobody's trigger.
        SigningKey::of(backend, "test-payments", UserId::from_uuid(Uuid::nil()), Uuid::nil()).await
    }

    /// A message that says this.
    pub(crate) async fn sign(
        backend: &Backend,
        event: &PaymentEvent,
        now: Timestamp,
    ) -> Result<Signed> {
        let body = serde_json::to_string(event).map_err(Error::internal)?;
        let seconds = now.as_second();
        let signature = Self::key(backend).await?.sign(&event.id, seconds, &body)?;
        Ok(Signed { id: event.id.clone(), timestamp: seconds.to_string(), signature, body })
    }

    async fn verified(backend: &Backend, message: &Signed) -> Result<PaymentEvent> {
        if !Self::key(backend).await?.verify(message, backend.now())? {
            return Err(Error::Unauthenticated);
        }
        serde_json::from_str(&message.body)
            .map_err(|error| Error::field("body", format!("must be an event: {error}")))
    }
}

impl PaymentProvider for TestProvider {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn begin<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Checkout>> {
        let checkout = Checkout {
            reference: format!("{REFERENCE}{}", order.id),
            url: format!("/checkout/test/{}", order.id),
        };
        ready(Ok(checkout)).boxed()
    }

    fn read<'a>(
        &'a self,
        backend: &'a Backend,
        message: &'a Signed,
    ) -> BoxFuture<'a, Result<PaymentEvent>> {
        Self::verified(backend, message).boxed()
    }

    fn cancel<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        ready(Ok(())).boxed()
    }

    fn refund<'a>(
        &'a self,
        reference: &'a str,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<PaymentEvent>> {
        let event = PaymentEvent {
            id: format!("refunded-{}", order.id),
            kind: PaymentKind::Refunded,
            reference: reference.to_owned(),
            amount: order.amount,
            currency: order.currency,
        };
        ready(Ok(event)).boxed()
    }
}
