//! What a form says after the server refused it.

use leptos::html;
use leptos::prelude::*;

use super::{ErrorPanel, Notice, Tone};
use crate::browser;
use crate::error::AppError;
use crate::language::tr;

/// Says above a form why it was not taken. Where fields are at fault, they say it themselves: pass
/// their names, with a `*` behind those that say it of their parts, too, and only the others are listed
/// here. Whoever has sent the form is led to the first of the fields, or to what is said here.
#[component]
pub fn FormError(
    /// What the server answered.
    #[prop(into)]
    error: Signal<Option<AppError>>,
    /// The fields that show their own error.
    #[prop(optional)]
    fields: &'static [&'static str],
    /// Where this stands, for a form that sends itself and so leads nobody unasked.
    #[prop(optional)]
    place: Option<NodeRef<html::Div>>,
) -> impl IntoView {
    let is_leading = place.is_none();
    let place = place.unwrap_or_default();
    if is_leading {
        Effect::new(move |was_there: Option<()>| {
            let is_refused = error.try_with(Option::is_some) == Some(true);
            // What a page came with was read from its beginning.
            if was_there.is_some() && is_refused {
                browser::lead_to_fault(place);
            }
        });
    }
    move || {
        // An action's signals may be gone before the last effect of the page that had the form.
        let mut error = error.try_get().flatten()?;
        let had_fields = error.is_about_fields();
        error.fields.retain(|fault| !fields.iter().any(|field| is_told_by(field, &fault.field)));
        Some(if had_fields && error.fields.is_empty() {
            view! {
                <div class="form-error" role="alert" tabindex="-1" node_ref=place>
                    <Notice tone=Tone::Bad>
                        <p>{tr("Not saved yet: look at the marked fields.")}</p>
                    </Notice>
                </div>
            }
            .into_any()
        } else {
            view! {
                <div class="form-error" tabindex="-1" node_ref=place>
                    <ErrorPanel error=error is_aside=true />
                </div>
            }
            .into_any()
        })
    }
}

/// Whether a field tells a fault of this name itself.
fn is_told_by(field: &str, fault: &str) -> bool {
    field.strip_suffix('*').map_or(field == fault, |field| {
        let rest = fault.strip_prefix(field);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_tells_its_own_faults_and_where_it_says_so_those_of_its_parts() {
        assert!(is_told_by("hosts", "hosts"));
        assert!(!is_told_by("hosts", "hosts[0]"));
        for fault in ["hosts", "hosts[0]", "hosts.first"] {
            assert!(is_told_by("hosts*", fault), "{fault}");
        }
        assert!(!is_told_by("host*", "hosts"));
    }
}
