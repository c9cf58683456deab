//! The one error that crosses the network between pages and server.

use std::fmt;

use leptos::prelude::*;
use resonant_domain::{FaultKind, FieldFault};
use serde::{Deserialize, Serialize};
use server_fn::ServerFn;
use server_fn::codec::JsonEncoding;
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

use crate::language::{key, tr_text};

/// What went wrong, as far as a page may know. Pages decide by `kind`, never by the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppError {
    /// The outcome.
    pub kind: FaultKind,
    /// What a person reads.
    pub message: String,
    /// The fields that break a rule.
    #[serde(default)]
    pub fields: Vec<FieldFault>,
}

impl AppError {
    /// An error of `kind` with a text for a person.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), fields: Vec::new() }
    }

    /// The thing is not there, or the viewer may not know of it.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(FaultKind::NotFound, message)
    }

    /// One value breaks a rule. The server says so by `ssr::invalid`, which sets the status, too.
    #[cfg(test)]
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            fields: vec![FieldFault::new(field, reason)],
            ..Self::new(FaultKind::Invalid, FaultKind::Invalid.title())
        }
    }

    /// Whether the thing is not there, as far as the viewer may know.
    pub fn is_not_found(&self) -> bool {
        self.kind == FaultKind::NotFound
    }

    /// What is wrong with the named field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|fault| fault.field == name).map(|fault| fault.reason.as_str())
    }

    /// Whether a field's own message says all that there is to say.
    pub fn is_about_fields(&self) -> bool {
        self.kind == FaultKind::Invalid && !self.fields.is_empty()
    }
}

/// What the last run of an action failed with, with and without JavaScript, until another run has
/// ended. Nothing once its page is gone: an effect of that page may still be due then.
pub fn last_error<S>(action: ServerAction<S>) -> Signal<Option<AppError>>
where
    S: ServerFn<Error = AppError> + Send + Sync + Clone + 'static,
    S::Output: Send + Sync + 'static,
{
    let value = action.value();
    Signal::derive(move || {
        let failed = value.try_with(|value| match value {
            Some(Err(error)) => Some(error.clone()),
            _ => None,
        });
        failed.flatten()
    })
}

/// As [`last_error`], but nothing while the action runs.
pub fn action_error<S>(action: ServerAction<S>) -> Signal<Option<AppError>>
where
    S: ServerFn<Error = AppError> + Send + Sync + Clone + 'static,
    S::Output: Send + Sync + 'static,
{
    let (error, pending) = (last_error(action), action.pending());
    Signal::derive(move || error.try_get().flatten().filter(|_| pending.try_get() == Some(false)))
}

/// Changes whenever an action has succeeded: what is read anew then keeps a form that was refused as
/// it was typed.
pub fn successes<S>(action: ServerAction<S>) -> Memo<usize>
where
    S: ServerFn<Error = AppError> + Send + Sync + Clone + 'static,
    S::Output: Send + Sync + 'static,
{
    settled(action, |_| false)
}

/// As [`successes`] of an action that takes something away: what is not there any more, somebody else has taken
/// away before, and what is shown of it is out of date all the same.
pub fn removals<S>(action: ServerAction<S>) -> Memo<usize>
where
    S: ServerFn<Error = AppError> + Send + Sync + Clone + 'static,
    S::Output: Send + Sync + 'static,
{
    settled(action, AppError::is_not_found)
}

/// As [`action_error`] of an action that takes something away: that it is not there is what was wanted.
pub fn removal_error<S>(action: ServerAction<S>) -> Signal<Option<AppError>>
where
    S: ServerFn<Error = AppError> + Send + Sync + Clone + 'static,
    S::Output: Send + Sync + 'static,
{
    let error = action_error(action);
    Signal::derive(move || error.try_get().flatten().filter(|error| !error.is_not_found()))
}

/// Changes whenever an action has succeeded, or failed with what is as good.
fn settled<S>(action: ServerAction<S>, is_as_good: fn(&AppError) -> bool) -> Memo<usize>
where
    S: ServerFn<Error = AppError> + Send + Sync + Clone + 'static,
    S::Output: Send + Sync + 'static,
{
    let (version, value) = (action.version(), action.value());
    Memo::new(move |before: Option<&usize>| {
        let version = version.get();
        let failed = value.with(|value| matches!(value, Some(Err(error)) if !is_as_good(error)));
        if failed { before.copied().unwrap_or_default() } else { version }
    })
}

/// What is wrong with one field of a form, in the language that is spoken.
pub fn field_error(error: Signal<Option<AppError>>, name: &'static str) -> Signal<Option<String>> {
    Signal::derive(move || {
        let reason = error.try_with(|error| error.as_ref()?.field(name).map(str::to_owned));
        reason.flatten().map(tr_text)
    })
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for AppError {}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_)
            | ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
                if crate::ssr::is_unreadable() =>
            {
                Self::new(FaultKind::Invalid, FaultKind::Invalid.title())
            }
            // An answer that is not ours comes from something between the browser and the server.
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Deserialization(_) => Self::new(
                FaultKind::Unavailable,
                key("Resonant could not be reached. Check your connection and try again"),
            ),
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                Self::new(FaultKind::Invalid, FaultKind::Invalid.title())
            }
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Serialization(_)
            | ServerFnErrorErr::Response(_) => {
                Self::new(FaultKind::Internal, FaultKind::Internal.title())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_crosses_the_network_whole() {
        let error = AppError::invalid("email", "must be an address");
        assert_eq!(AppError::de(error.ser()), error);
        assert_eq!(error.field("email"), Some("must be an address"));
        assert_eq!(error.field("name"), None);
    }

    #[test]
    fn an_answer_of_a_stranger_means_not_reachable() {
        let error = AppError::de("<html>502</html>".into());
        assert_eq!(error.kind, FaultKind::Unavailable);
    }
}
