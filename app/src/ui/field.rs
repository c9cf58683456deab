//! One-line fields.

use leptos::html;
use leptos::prelude::*;

use super::field_frame::{FieldFrame, FieldIds, keep_text};

/// A one-line text field with label, hint and error.
#[component]
pub fn Field(
    /// What it is called.
    #[prop(into)]
    label: String,
    /// The name under which a form sends it.
    #[prop(into)]
    name: String,
    /// What stands in it. Without `on_input` this is the text that it starts with.
    #[prop(into, optional)]
    value: Signal<String>,
    /// Hears each change.
    #[prop(into, optional)]
    on_input: Option<Callback<String>>,
    /// The kind of input: `text`, `email`, `password`, `search`, `url`.
    #[prop(optional, default = "text")]
    type_: &'static str,
    /// What helps to fill it in.
    #[prop(into, optional)]
    hint: String,
    /// What is wrong with it.
    #[prop(into, optional)]
    error: Signal<Option<String>>,
    /// Whether the form cannot be sent without it.
    #[prop(optional)]
    required: bool,
    /// Whether to say that it may be left empty.
    #[prop(optional)]
    optional: bool,
    /// The fewest characters.
    #[prop(optional)]
    minlength: Option<usize>,
    /// The most characters.
    #[prop(optional)]
    maxlength: Option<usize>,
    /// What the browser may fill in: `email`, `current-password`, `new-password`, `name`, `off`.
    #[prop(optional)]
    autocomplete: Option<&'static str>,
    /// An example, shown while it is empty. Never the only explanation.
    #[prop(into, optional)]
    placeholder: Option<String>,
    /// The control's id, where the page has two fields of one name.
    #[prop(into, optional)]
    id: Option<String>,
) -> impl IntoView {
    let ids = FieldIds::new(id, &name);
    let has_hint = !hint.is_empty();
    let described = ids.clone();
    let node = NodeRef::<html::Input>::new();
    keep_text(
        value,
        on_input,
        move || node.get().map(|input| input.value()),
        move |text| {
            if let Some(input) = node.get_untracked() {
                input.set_value(text);
            }
        },
    );
    view! {
        <FieldFrame ids=ids.clone() label=label optional=optional hint=hint error=error>
            <input
                node_ref=node
                class="field__control"
                id=ids.control
                type=type_
                name=name
                value=value.get_untracked()
                required=required
                minlength=minlength.map(|length| length.to_string())
                maxlength=maxlength.map(|length| length.to_string())
                autocomplete=autocomplete
                placeholder=placeholder
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=move || described.described_by(has_hint, error.with(Option::is_some))
                on:input=move |event| {
                    if let Some(on_input) = on_input {
                        on_input.run(event_target_value(&event));
                    }
                }
            />
        </FieldFrame>
    }
}

/// A field for a whole number.
#[component]
pub fn NumberField(
    /// What it is called.
    #[prop(into)]
    label: String,
    /// The name under which a form sends it.
    #[prop(into)]
    name: String,
    /// What stands in it. Without `on_input` this is the number that it starts with.
    #[prop(into)]
    value: Signal<i64>,
    /// Hears each change to a whole number.
    #[prop(into, optional)]
    on_input: Option<Callback<i64>>,
    /// The least.
    min: i64,
    /// The most.
    max: i64,
    /// What helps to fill it in.
    #[prop(into, optional)]
    hint: String,
    /// What is wrong with it.
    #[prop(into, optional)]
    error: Signal<Option<String>>,
    /// The control's id, where the page has two fields of one name.
    #[prop(into, optional)]
    id: Option<String>,
) -> impl IntoView {
    let ids = FieldIds::new(id, &name);
    let has_hint = !hint.is_empty();
    let described = ids.clone();
    view! {
        <FieldFrame ids=ids.clone() label=label optional=false hint=hint error=error>
            <input
                class="field__control field__control--number"
                id=ids.control
                type="number"
                inputmode="numeric"
                name=name
                value=value.get_untracked().to_string()
                min=min.to_string()
                max=max.to_string()
                step="1"
                required=true
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=move || described.described_by(has_hint, error.with(Option::is_some))
                on:input=move |event| {
                    if let (Some(on_input), Ok(number)) = (
                        on_input,
                        event_target_value(&event).trim().parse(),
                    ) {
                        on_input.run(number);
                    }
                }
            />
        </FieldFrame>
    }
}
