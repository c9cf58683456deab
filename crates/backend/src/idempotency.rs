//! Requests that count once however often they are sent (`Idempotency-Key`).
//!
//! A request is claimed before it is run. The claim sets an identity aside for what the request makes
//! ([`Ctx`] hands it out), and holds for a lease. When the process dies in between, the next try of the
//! same request takes the claim over after the lease, with the same identity: a use case that finds
//! something under it answers with that and makes nothing. Where nothing is made that has an identity,
//! the transaction of the effect notes that it is done ([`crate::effects`]). So the effect happens once,
//! whenever a process ends, and without a transaction around claim, effect and reply.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use resonant_domain::UserId;
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;

use crate::ctx::Reserved;
use crate::store::idempotency::{Claimed, NewClaim, Place};
use crate::{Actor, Backend, Ctx, Error, Result, chain, store};

/// For how long a reply is kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// For how long a claim holds after its process was heard of last.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often the lease of a request that takes longer is renewed.
const RENEW_AFTER: Duration = Duration::from_secs(20);

/// The longest route that is kept as it is, in bytes: it is part of a key in an index, which has no room for
/// any length.
const ROUTE_MAX: usize = 1_000;

/// A request as its sender names it.
#[derive(Clone, Debug)]
pub struct Request {
    route: String,
    key: String,
    hash: [u8; 32],
}

impl Request {
    /// A request that calls `route` (method and path) under `key` (1 to 255 visible ASCII characters)
    /// and says all of `said`.
    #[must_use]
    pub fn new(route: String, key: String, said: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in said {
            // The length keeps the border between the parts.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let route = if route.len() > ROUTE_MAX {
            BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&route))
        } else {
            route
        };
        Self { route, key, hash: hash.finalize().into() }
    }

    /// A form of a page, which was given `intent` ([`new_key`]) when it was drawn, and says all of `said`.
    /// Whoever changes what it says has something else in mind: that is another request.
    #[must_use]
    pub fn of_form(route: String, intent: &str, said: &[&[u8]]) -> Self {
        let all: Vec<_> = [intent.as_bytes()].iter().chain(said).copied().collect();
        let request = Self::new(route, String::new(), &all);
        Self { key: BASE64_URL_SAFE_NO_PAD.encode(request.hash), ..request }
    }
}

/// A key that no request has had before.
///
/// # Errors
/// [`Error::Internal`].
pub fn new_key(backend: &Backend) -> Result<String> {
    Ok(backend.new_id()?.to_string())
}

/// What was answered, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Names and values of the headers that matter.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is to be done with a request.
#[derive(Debug)]
pub enum Verdict {
    /// Run it, then tell the claim how it went.
    Run(Claim),
    /// It was answered before.
    Answered(Reply),
    /// It is being answered at this moment.
    InFlight,
    /// The key was used for a request that says something else.
    OtherRequest,
}

/// The right to run a request.
#[derive(Debug)]
pub struct Claim {
    reserved: Arc<Reserved>,
}

/// Tells whether a request is to be run. `None` for a caller whom nothing tells from others.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "idempotency.claim", level = "debug", parent = ctx.span(), skip_all)]
pub async fn claim(ctx: &Ctx, request: Request) -> Result<Option<Verdict>> {
    let Some(user) = caller(ctx) else {
        return Ok(None);
    };
    let place = Place { user, route: request.route, key: request.key };
    let backend = ctx.backend();
    let (now, claim_id, fresh) = (backend.now(), backend.new_id()?, backend.new_id()?);
    let new = NewClaim {
        place: &place,
        request_hash: &request.hash,
        resource_id: fresh,
        claim_id,
        now,
        lease_until: now + LEASE,
        forget_before: now - KEPT_FOR,
    };
    let mut conn = backend.catalogue_write().await?;
    if let Some(Claimed { id, effect }) = store::idempotency::claim(&mut conn, &new).await? {
        store::idempotency::delete_forgotten(&mut conn, new.forget_before).await?;
        conn.commit().await?;
        let is_second_try = id != fresh;
        let reserved = Reserved { id, is_second_try, place, claim: claim_id, effect };
        return Ok(Some(Verdict::Run(Claim { reserved: Arc::new(reserved) })));
    }
    let Some(kept) = store::idempotency::find(&mut conn, &place).await? else {
        // Given up between our two looks: whoever held it is done, and the next try may claim it.
        return Ok(Some(Verdict::InFlight));
    };
    Ok(Some(match kept.reply {
        _ if kept.request_hash != request.hash => Verdict::OtherRequest,
        None => Verdict::InFlight,
        Some((status, headers, body)) => {
            Verdict::Answered(Reply { status: u16::try_from(status).unwrap_or(200), headers, body })
        }
    }))
}

impl Claim {
    /// The context in which the request is run.
    #[must_use]
    pub fn ctx(&self, ctx: &Ctx) -> Ctx {
        ctx.reserving(self.reserved.clone())
    }

    /// Does what was claimed. The claim holds for as long as that takes: a tool may need minutes, and whoever
    /// asks again meanwhile is not to have it called once more.
    pub async fn hold<T>(&self, backend: &Backend, work: impl Future<Output = T>) -> T {
        // First, so that work which never has to wait leaves it a turn.
        let Either::Right((done, _)) = select(pin!(self.renew(backend)), pin!(work)).await;
        done
    }

    async fn renew(&self, backend: &Backend) -> Infallible {
        loop {
            sleep(RENEW_AFTER).await;
            if let Err(error) = self.set_lease(backend, backend.now() + LEASE).await {
                tracing::warn!(error = chain(&error), "the lease of a claim is not renewed");
            }
        }
    }

    /// Keeps the reply for those who send the request again.
    ///
    /// # Errors
    /// [`Error::Unavailable`]. The claim then runs out, and the next try finds what was made.
    pub async fn succeeded(self, backend: &Backend, reply: Reply) -> Result<()> {
        let mut conn = backend.catalogue_write().await?;
        let status = i16::try_from(reply.status).map_err(Error::internal)?;
        let kept = (status, reply.headers, reply.body);
        let Reserved { place, claim, .. } = &*self.reserved;
        store::idempotency::update_reply(&mut conn, place, *claim, &kept).await?;
        conn.commit().await
    }

    /// Gives the claim up after a failure that changed nothing: the key is free for any request.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn refused(self, backend: &Backend) -> Result<()> {
        if self.reserved.is_second_try {
            return self.broke_off(backend).await;
        }
        let mut conn = backend.catalogue_write().await?;
        let Reserved { place, claim, .. } = &*self.reserved;
        store::idempotency::delete(&mut conn, place, *claim).await?;
        conn.commit().await
    }

    /// Gives the claim up after a use case has failed, or leaves it to the next try where nobody knows what
    /// was changed.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn failed(self, backend: &Backend, error: &Error) -> Result<()> {
        match error {
            Error::Internal(_) | Error::Unavailable(_) => self.broke_off(backend).await,
            _ => self.refused(backend).await,
        }
    }

    /// Leaves the claim to the next try after a failure of which nobody knows what it has changed.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn broke_off(self, backend: &Backend) -> Result<()> {
        self.set_lease(backend, backend.now()).await
    }

    async fn set_lease(&self, backend: &Backend, until: Timestamp) -> Result<()> {
        let mut conn = backend.catalogue_write().await?;
        let Reserved { place, claim, .. } = &*self.reserved;
        store::idempotency::update_lease(&mut conn, place, *claim, until).await?;
        conn.commit().await
    }
}

/// The user whose requests are told apart by their keys.
fn caller(ctx: &Ctx) -> Option<UserId> {
    match ctx.actor() {
        Actor::User { id, .. } => Some(id),
        Actor::Key { owner, .. } => Some(owner),
        Actor::Anonymous | Actor::System => None,
    }
}

#[cfg(test)]
mod tests;
