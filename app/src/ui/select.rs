//! The choice of one among several.

use leptos::prelude::*;

use super::field_frame::{FieldFrame, FieldIds};

/// A drop-down list with label and hint.
#[component]
pub fn Select(
    /// What it is called.
    #[prop(into)]
    label: String,
    /// The name under which a form sends it.
    #[prop(into)]
    name: String,
    /// What there is to choose: the value that is sent and the text that is read.
    options: Vec<(String, String)>,
    /// The chosen value.
    #[prop(into, optional)]
    value: Signal<String>,
    /// Hears each choice.
    #[prop(into, optional)]
    on_change: Option<Callback<String>>,
    /// What helps to choose.
    #[prop(into, optional)]
    hint: String,
    /// What is wrong with the choice.
    #[prop(into, optional)]
    error: Signal<Option<String>>,
    /// The control's id, where the page has two fields of one name.
    #[prop(into, optional)]
    id: Option<String>,
) -> impl IntoView {
    let ids = FieldIds::new(id, &name);
    let has_hint = !hint.is_empty();
    let described = ids.clone();
    let options = options
        .into_iter()
        .map(|(option, text)| {
            let own = option.clone();
            view! {
                <option value=option selected=move || value.with(|value| *value == own)>
                    {text}
                </option>
            }
        })
        .collect_view();
    view! {
        <FieldFrame ids=ids.clone() label=label optional=false hint=hint error=error>
            <select
                class="field__control field__control--select"
                id=ids.control
                name=name
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=move || described.described_by(has_hint, error.with(Option::is_some))
                on:change=move |event| {
                    if let Some(on_change) = on_change {
                        on_change.run(event_target_value(&event));
                    }
                }
            >
                {options}
            </select>
        </FieldFrame>
    }
}
