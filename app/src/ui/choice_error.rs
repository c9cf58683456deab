//! What is wrong with boxes, which have no field around them.

use leptos::prelude::*;

/// Says what is wrong with a box, or with several that belong together. The box or the `<fieldset>` around
/// them names the id as its `aria-describedby`.
#[component]
pub fn ChoiceError(
    /// Its id.
    id: &'static str,
    /// What is wrong.
    #[prop(into)]
    error: Signal<Option<String>>,
) -> impl IntoView {
    view! {
        <p class="field__error" id=id hidden=move || error.with(Option::is_none)>
            {move || error.get()}
        </p>
    }
}
