//! What a person means to do with a form, once however often it is sent.
//!
//! An answer may be lost on the way, and whoever does not see it presses again. A form that starts
//! something carries a key for that in a hidden field: the server's, where it is sent without JavaScript,
//! and one of the page's own otherwise, which takes another one as soon as the form has succeeded. A form
//! that says something else is another intent by itself (`ssr::once`).

use leptos::prelude::*;
use server_fn::ServerFn;

use crate::error::AppError;
use crate::refused_form::refused_form;

/// The name of the field.
const FIELD: &str = "intent";

/// The key of one form.
#[derive(Debug, Clone, Copy)]
pub struct Intent(RwSignal<String>);

impl Intent {
    /// For a form that is sent by itself. Call it inside a component.
    pub fn new() -> Self {
        // A form that was refused means the same when it is sent again.
        let refused = refused_form().text(FIELD).filter(|key| !key.is_empty());
        Self(RwSignal::new(refused.unwrap_or_else(new_key)))
    }

    /// For the form of an action, which means something else each time that it has succeeded.
    pub fn of<S>(action: ServerAction<S>) -> Self
    where
        S: ServerFn<Error = AppError> + Send + Sync + Clone + 'static,
        S::Output: Send + Sync + 'static,
    {
        let (intent, value) = (Self::new(), action.value());
        Effect::new(move || {
            if value.try_with(|value| matches!(value, Some(Ok(_)))) == Some(true) {
                intent.renew();
            }
        });
        intent
    }

    /// The key, for who calls the server function.
    pub fn key(self) -> String {
        self.0.get_untracked()
    }

    /// What comes next is something else. Nothing where the form is gone.
    pub fn renew(self) {
        self.0.try_set(new_key());
    }
}

/// A key that no form has had before.
fn new_key() -> String {
    #[cfg(feature = "ssr")]
    return crate::ssr::new_key();
    #[cfg(not(feature = "ssr"))]
    crate::browser::new_key()
}

/// The field that carries the key.
#[component]
pub fn IntentField(
    /// The form's.
    intent: Intent,
) -> impl IntoView {
    let Intent(key) = intent;
    view! { <input type="hidden" name=FIELD value=intent.key() prop:value=move || key.get() /> }
}
