//! The one error of the use cases: what the caller may know, and the cause that stays inside.

use std::sync::Arc;
use std::time::Duration;

use resonant_domain::api_key::Scope;
use resonant_domain::{FaultKind, FieldFault};

/// A cause that a log may show and a caller may not.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// What every use case answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Values break rules.
    #[error("the request is not valid")]
    Invalid(Vec<FieldFault>),
    /// The caller must sign in first.
    #[error("the caller is not signed in")]
    Unauthenticated,
    /// The caller may not do this.
    #[error("the caller may not do this")]
    Forbidden,
    /// The caller may not do this with a thing that they may know of. Holds a sentence for them.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The caller's key may not do this; another may.
    #[error("the key has not the scope {}", .0.as_str())]
    MissingScope(Scope),
    /// There is no such thing, or the caller may not know of it. Holds the thing's name.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The thing has changed or is in no state for this. Holds a sentence for the caller.
    #[error("{0}")]
    Conflict(String),
    /// The thing is not in the version that the caller saw. Holds the thing's name.
    #[error("the {0} is not in the version that the caller saw")]
    Changed(&'static str),
    /// The thing is in no state for this: it lacks something, field by field.
    #[error("the thing lacks something")]
    Lacking(Vec<FieldFault>),
    /// Too much at once.
    #[error("too many requests")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// A part that the answer needs does not respond.
    #[error("a part that the answer needs does not respond")]
    Unavailable(#[source] Source),
    /// A defect of ours.
    #[error("a defect")]
    Internal(#[source] Source),
}

impl Error {
    /// One field that breaks a rule.
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldFault::new(field, reason)])
    }

    /// A defect, from its cause.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::Internal(source.into())
    }

    /// A part that does not respond, from its cause.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable(source.into())
    }

    /// The error of a piece of work that several callers wait for, for one of them.
    pub(crate) fn shared(error: Arc<Self>) -> Self {
        match &*error {
            Self::Invalid(fields) => Self::Invalid(fields.clone()),
            Self::Unavailable(_) => Self::Unavailable(Box::new(error)),
            _ => Self::Internal(Box::new(error)),
        }
    }

    /// The outcome, as callers of every kind know it.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid(_) => FaultKind::Invalid,
            Self::Unauthenticated => FaultKind::Unauthenticated,
            Self::Forbidden | Self::NotAllowed(_) | Self::MissingScope(_) => FaultKind::Forbidden,
            Self::NotFound(_) => FaultKind::NotFound,
            Self::Conflict(_) | Self::Changed(_) | Self::Lacking(_) => FaultKind::Conflict,
            Self::TooMany { .. } => FaultKind::TooMany,
            Self::Unavailable(_) => FaultKind::Unavailable,
            Self::Internal(_) => FaultKind::Internal,
        }
    }

    /// The fields that break rules; empty unless [`Error::Invalid`] or [`Error::Lacking`].
    #[must_use]
    pub fn fields(&self) -> &[FieldFault] {
        match self {
            Self::Invalid(fields) | Self::Lacking(fields) => fields,
            _ => &[],
        }
    }

    /// What a person is told. Never names the cause.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Invalid(fields) | Self::Lacking(fields) => {
                let parts: Vec<_> = fields.iter().map(ToString::to_string).collect();
                if parts.is_empty() {
                    "The request is not valid".to_owned()
                } else {
                    parts.join("; ")
                }
            }
            Self::Unauthenticated => "Sign in first".to_owned(),
            Self::Forbidden => "You may not do this".to_owned(),
            Self::NotAllowed(sentence) => (*sentence).to_owned(),
            Self::MissingScope(scope) => format!("The key has not the scope {}", scope.as_str()),
            Self::NotFound(thing) => format!("There is no such {thing}"),
            Self::Conflict(sentence) => sentence.clone(),
            Self::Changed(thing) => format!(
                "The {thing} has changed since you opened it. Reload it and make your changes again"
            ),
            Self::TooMany { retry_after } => {
                format!("Too many requests, try again in {} s", whole_seconds(*retry_after))
            }
            Self::Unavailable(_) => "Not available right now, try again in a moment".to_owned(),
            Self::Internal(_) => "Something went wrong on our side".to_owned(),
        }
    }
}

impl From<Vec<FieldFault>> for Error {
    fn from(fields: Vec<FieldFault>) -> Self {
        Self::Invalid(fields)
    }
}

impl From<FieldFault> for Error {
    fn from(fault: FieldFault) -> Self {
        Self::Invalid(vec![fault])
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if does_not_respond(&error) {
            Self::Unavailable(Box::new(error))
        } else {
            Self::Internal(Box::new(error))
        }
    }
}

/// How long somebody is to wait, in whole seconds: whoever came back earlier would be refused again.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// An error with all its causes, in one line.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = next.source();
    }
    text
}

/// Whether the database is away or busy, so that trying again may help.
fn does_not_respond(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Connection, resources, operator, serialization: classes 08, 53, 57 and 40 of appendix A.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "53", "57", "40"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_come_back_too_early() {
        for (wait_ms, seconds) in [(0, 1), (400, 1), (1_000, 1), (1_001, 2), (19_999, 20)] {
            let retry_after = Duration::from_millis(wait_ms);
            assert_eq!(whole_seconds(retry_after), seconds, "{wait_ms}");
            let told = Error::TooMany { retry_after }.message();
            assert!(told.ends_with(&format!(" {seconds} s")), "{told}");
        }
    }
}
