//! The outcomes that a caller can meet, and the one table from outcome to HTTP status.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, as far as the caller may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A value breaks a rule; the fields say which.
    Invalid,
    /// The caller must sign in first.
    Unauthenticated,
    /// The caller knows of the thing but may not do this to it.
    Forbidden,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// As things stand it cannot be done: the thing has changed or is in no state for it, there is no room
    /// for one more, or another one holds its place.
    Conflict,
    /// Too many requests from this caller.
    TooMany,
    /// A part that the answer needs does not respond.
    Unavailable,
    /// A defect of ours.
    Internal,
}

impl FaultKind {
    /// The HTTP status that tells this outcome (RFC 9110).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooMany => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }

    /// A short title for a person, the same for every fault of the kind.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Invalid => "The request is not valid",
            Self::Unauthenticated => "Sign in first",
            Self::Forbidden => "You may not do this",
            Self::NotFound => "Not found",
            Self::Conflict => "This is not possible as things stand",
            Self::TooMany => "Too many requests",
            Self::Unavailable => "Not available right now",
            Self::Internal => "Something went wrong on our side",
        }
    }

    /// The kind as it stands in JSON and in problem types.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::TooMany => "too_many",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// One field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldFault {
    /// The path of the field as the caller wrote it: `name`, `tools[2].name`, `limits.max_steps`.
    pub field: String,
    /// What the value must be, as a sentence part: `must be 1 to 100 characters`.
    pub reason: String,
}

impl FieldFault {
    /// A fault of `field` for `reason`.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

impl fmt::Display for FieldFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.reason)
    }
}
