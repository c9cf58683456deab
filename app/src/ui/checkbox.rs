//! The yes-or-no field.

use leptos::prelude::*;

use super::field_frame::FieldIds;

/// A check box with its label beside it and a hint below.
#[component]
pub fn Checkbox(
    /// What it says.
    #[prop(into)]
    label: String,
    /// The name under which a form sends it.
    #[prop(into)]
    name: String,
    /// What a form sends when it is checked.
    #[prop(into, optional, default = "on".to_owned())]
    value: String,
    /// Whether it is checked.
    #[prop(into, optional)]
    checked: Signal<bool>,
    /// Hears each change.
    #[prop(into, optional)]
    on_change: Option<Callback<bool>>,
    /// What helps to decide.
    #[prop(into, optional)]
    hint: String,
    /// The control's id. Without one it is made of name and value.
    #[prop(into, optional)]
    id: Option<String>,
) -> impl IntoView {
    let ids = FieldIds::new(id, &format!("{name}-{value}"));
    let described = ids.described_by(!hint.is_empty(), false);
    let hint_id = described.clone();
    view! {
        <div class="checkbox">
            <input
                class="checkbox__control"
                type="checkbox"
                id=ids.control.clone()
                name=name
                value=value
                checked=checked.get_untracked()
                prop:checked=checked
                aria-describedby=described
                on:change=move |event| {
                    if let Some(on_change) = on_change {
                        on_change.run(event_target_checked(&event));
                    }
                }
            />
            <label class="checkbox__label" for=ids.control>
                {label}
            </label>
            {(!hint.is_empty())
                .then(|| view! { <p class="checkbox__hint" id=hint_id>{hint}</p> })}
        </div>
    }
}
