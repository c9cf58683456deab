//! What the parts of a path name.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use resonant_domain::template::is_secret_name;
use resonant_domain::{
    AgentId, AlertId, ApiKeyId, DocumentId, FaultKind, MemoryId, PurchaseId, ReviewId, ScheduleId,
    SessionId, SubmissionId, TeamInvitationId, TestRunId, TestSetId, TriggerId, UserId, WebhookId,
};
use serde::de::DeserializeOwned;

use crate::fault::Fault;

/// The parts of the path that name something, as the caller wrote them. What is no text (`%ff`) names
/// nothing, so it is not found.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(names)) => Ok(Self(names)),
            Err(_) => Err(Fault::of(FaultKind::NotFound, "there is nothing at this address")),
        }
    }
}

/// An id in the path. What is no id names nothing, so it is not found.
#[derive(Debug)]
pub struct PathId<T>(pub T);

/// A thing that an id in a path names.
pub trait Named {
    /// What a person calls it.
    const NOUN: &'static str;
}

impl Named for AgentId {
    const NOUN: &'static str = "agent";
}

impl Named for SessionId {
    const NOUN: &'static str = "session";
}

impl Named for ApiKeyId {
    const NOUN: &'static str = "key";
}

impl Named for AlertId {
    const NOUN: &'static str = "alert";
}

impl Named for ScheduleId {
    const NOUN: &'static str = "schedule";
}

impl Named for TriggerId {
    const NOUN: &'static str = "trigger";
}

impl Named for DocumentId {
    const NOUN: &'static str = "document";
}

impl Named for MemoryId {
    const NOUN: &'static str = "memory";
}

impl Named for TestSetId {
    const NOUN: &'static str = "test set";
}

impl Named for TestRunId {
    const NOUN: &'static str = "test run";
}

impl Named for PurchaseId {
    const NOUN: &'static str = "purchase";
}

impl Named for SubmissionId {
    const NOUN: &'static str = "submission";
}

impl Named for WebhookId {
    const NOUN: &'static str = "webhook";
}

impl Named for ReviewId {
    const NOUN: &'static str = "review";
}

/// Somebody in a team.
impl Named for UserId {
    const NOUN: &'static str = "member";
}

impl Named for TeamInvitationId {
    const NOUN: &'static str = "invitation";
}

/// A listing's place in the path, as the caller wrote it.
#[derive(Debug)]
pub struct Slug(pub String);

impl FromStr for Slug {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl Named for Slug {
    const NOUN: &'static str = "listing";
}

/// A secret's name in the path.
#[derive(Debug)]
pub struct SecretName(pub String);

impl FromStr for SecretName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if is_secret_name(text) { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl Named for SecretName {
    const NOUN: &'static str = "secret";
}

impl<T, S> FromRequestParts<S> for PathId<T>
where
    T: FromStr + Named,
    S: Send + Sync,
{
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|_| Fault::not_found(T::NOUN))?;
        named(&text).map(Self)
    }
}

/// What a part of a path names.
pub(crate) fn named<T: FromStr + Named>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::not_found(T::NOUN))
}
