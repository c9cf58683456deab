//! Who asks: the first parameter of every use case.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resonant_domain::api_key::Scopes;
use resonant_domain::member::UserKind;
use resonant_domain::{ApiKeyId, UserId};
use serde_json::Value;
use tracing::Span;
use uuid::Uuid;

use crate::seen::Seen;
use crate::store::idempotency::Place;
use crate::{Backend, Result};

/// Joins all that one request leaves in the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Takes over an id that the caller or the server made.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as it stands in headers.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody known.
    Anonymous,
    /// A person.
    User {
        /// Their identity.
        id: UserId,
        /// Guest or member.
        kind: UserKind,
    },
    /// A program, by a key of a person.
    Key {
        /// Whose key it is.
        owner: UserId,
        /// The key's identity.
        key: ApiKeyId,
        /// What it may do.
        scopes: Scopes,
    },
    /// The installation itself: workers and commands.
    System,
}

/// A browser's proof of its sign-in: 256 random bits. Only its hash is kept here.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInToken(String);

impl SignInToken {
    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }

    /// The token as the cookie carries it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SignInToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInToken(…)")
    }
}

/// What a use case did to the caller's sign-in. The server turns it into a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInChange {
    /// The caller is signed in by this token from now on.
    Issued(SignInToken),
    /// The caller is signed out.
    Ended,
}

/// Who asks, in which request, of which backend.
///
/// Clones share one slot: after a use case has signed someone in or out, all of them act as the new
/// actor.
#[derive(Clone)]
pub struct Ctx {
    backend: Backend,
    request_id: RequestId,
    slot: Arc<Mutex<Slot>>,
    reserved: Option<Arc<Reserved>>,
    seen: Seen,
    /// Where the request comes from.
    address: Option<IpAddr>,
    /// How the key begins by which the caller is known.
    key_prefix: Option<Arc<str>>,
    span: Span,
}

/// The identity that was set aside for what a request makes, so that trying again makes nothing twice.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) id: Uuid,
    /// Whether an earlier try may have made it already.
    pub(crate) is_second_try: bool,
    /// Which request it is.
    pub(crate) place: Place,
    /// Who runs it.
    pub(crate) claim: Uuid,
    /// What an earlier try has done in the catalogue.
    pub(crate) effect: Option<Value>,
}

struct Slot {
    actor: Actor,
    token: Option<SignInToken>,
    change: Option<SignInChange>,
}

impl Ctx {
    pub(crate) fn new(
        backend: Backend,
        actor: Actor,
        request_id: RequestId,
        token: Option<SignInToken>,
    ) -> Self {
        let slot = Slot { actor, token, change: None };
        let (slot, span) = (Arc::new(Mutex::new(slot)), Span::current());
        let (reserved, seen, address, key_prefix) = (None, Seen::default(), None, None);
        Self { backend, request_id, slot, reserved, seen, address, key_prefix, span }
    }

    /// The same, for a request that comes from this network address.
    #[must_use]
    pub fn from_address(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// The same, for a caller who is known by this key.
    #[must_use]
    pub fn by_key(self, key: &str) -> Self {
        Self { key_prefix: crate::api_keys::prefix_of(key).map(Arc::from), ..self }
    }

    /// Where the request comes from, when it comes over a network.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// How the key begins by which the caller is known.
    pub(crate) fn key_prefix(&self) -> Option<&str> {
        self.key_prefix.as_deref()
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a use case's span is part of: the work at hand or, in a task of its own, as pages have
    /// them, the request.
    pub(crate) fn span(&self) -> Span {
        let current = Span::current();
        if current.is_none() { self.span.clone() } else { current }
    }

    /// Who asks.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.slot().actor
    }

    /// In which request.
    #[must_use]
    pub const fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// The backend that is asked.
    #[must_use]
    pub const fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The same, for a request whose new thing gets the identity that was set aside for it.
    pub(crate) fn reserving(&self, reserved: Arc<Reserved>) -> Self {
        Self { reserved: Some(reserved), ..self.clone() }
    }

    /// The same, for a request that changes a thing in a version that the caller saw and in no other.
    #[must_use]
    pub fn expecting(&self, seen: Seen) -> Self {
        Self { seen, ..self.clone() }
    }

    /// The versions in which the caller saw what is to be changed.
    pub(crate) const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// What was set aside for this request; `None` when it counts as often as it is sent.
    pub(crate) fn reserved(&self) -> Option<&Reserved> {
        self.reserved.as_deref()
    }

    /// The identity of the one thing that this request makes.
    pub(crate) fn resource_id(&self) -> Result<Uuid> {
        match &self.reserved {
            Some(reserved) => Ok(reserved.id),
            None => self.backend.new_id(),
        }
    }

    /// The identity under which an earlier try of this request may have made its thing already. Whoever
    /// makes something with [`Ctx::resource_id`] looks there first.
    pub(crate) fn made_before(&self) -> Option<Uuid> {
        self.reserved().filter(|reserved| reserved.is_second_try).map(|reserved| reserved.id)
    }

    /// What happened to the caller's sign-in during this request.
    #[must_use]
    pub fn sign_in_change(&self) -> Option<SignInChange> {
        self.slot().change.clone()
    }

    /// The token by which the caller is signed in at present.
    pub(crate) fn token(&self) -> Option<SignInToken> {
        self.slot().token.clone()
    }

    pub(crate) fn signed_in(&self, actor: Actor, token: SignInToken) {
        let mut slot = self.slot();
        slot.actor = actor;
        slot.token = Some(token.clone());
        slot.change = Some(SignInChange::Issued(token));
    }

    pub(crate) fn signed_out(&self) {
        let mut slot = self.slot();
        slot.actor = Actor::Anonymous;
        slot.token = None;
        slot.change = Some(SignInChange::Ended);
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx")
            .field("actor", &self.actor())
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}
