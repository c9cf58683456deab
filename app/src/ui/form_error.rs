//! What a form says after the server refused it.

use leptos::prelude::*;

use super::{ErrorPanel, Notice, Tone};
use crate::error::AppError;
use crate::language::tr;

/// Says above a form why it was not taken. Where fields are at fault, they say it themselves: pass
/// their names, and only the others are listed here.
#[component]
pub fn FormError(
    /// What the server answered.
    #[prop(into)]
    error: Signal<Option<AppError>>,
    /// The fields that show their own error.
    #[prop(optional)]
    fields: &'static [&'static str],
) -> impl IntoView {
    move || {
        let mut error = error.get()?;
        let had_fields = error.is_about_fields();
        error.fields.retain(|fault| !fields.contains(&fault.field.as_str()));
        Some(if had_fields && error.fields.is_empty() {
            view! {
                <div class="form-error" role="alert">
                    <Notice tone=Tone::Bad>
                        <p>{tr("Not saved yet: look at the marked fields.")}</p>
                    </Notice>
                </div>
            }
            .into_any()
        } else {
            view! { <div class="form-error"><ErrorPanel error=error /></div> }.into_any()
        })
    }
}
