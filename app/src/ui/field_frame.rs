//! What every form field has around its control: label, hint and error, tied together for assistive
//! technology.

use leptos::prelude::*;

use crate::language::tr;

/// The ids that tie a control to its texts, made of its name.
#[derive(Clone)]
pub(super) struct FieldIds {
    pub control: String,
    hint: String,
    error: String,
}

impl FieldIds {
    pub fn new(id: Option<String>, name: &str) -> Self {
        let control = id.unwrap_or_else(|| {
            let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
            format!("field-{}", name.chars().map(safe).collect::<String>())
        });
        Self { hint: format!("{control}-hint"), error: format!("{control}-error"), control }
    }

    /// The value of `aria-describedby`.
    pub fn described_by(&self, has_hint: bool, has_error: bool) -> Option<String> {
        match (has_hint, has_error) {
            (false, false) => None,
            (true, false) => Some(self.hint.clone()),
            (false, true) => Some(self.error.clone()),
            (true, true) => Some(format!("{} {}", self.error, self.hint)),
        }
    }
}

/// Label, control, hint and error, one below the other.
#[component]
pub(super) fn FieldFrame(
    /// The ids of the parts.
    ids: FieldIds,
    /// What the field is called.
    label: String,
    /// Whether to say that it may be left empty.
    optional: bool,
    /// What helps to fill it in; empty for none.
    hint: String,
    /// What is wrong with it.
    error: Signal<Option<String>>,
    /// The control.
    children: Children,
) -> impl IntoView {
    let has_error = move || error.with(Option::is_some);
    view! {
        <div class="field" class:is-invalid=has_error>
            <label class="field__label" for=ids.control>
                {label}
                {optional
                    .then(|| view! { <span class="field__optional">{tr(" (optional)")}</span> })}
            </label>
            {children()}
            {(!hint.is_empty())
                .then(|| view! { <p class="field__hint" id=ids.hint>{hint}</p> })}
            <p class="field__error" id=ids.error hidden=move || !has_error()>
                {move || error.get()}
            </p>
        </div>
    }
}

/// Keeps a control and its signal the same.
///
/// What a person typed before the page became live wins over the value that the server knew: setting
/// a property while hydrating would wipe it out.
pub(super) fn keep_text(
    value: Signal<String>,
    on_input: Option<Callback<String>>,
    read: impl Fn() -> Option<String> + 'static,
    write: impl Fn(&str) + 'static,
) {
    Effect::new(move |was_there: Option<bool>| {
        let wanted = value.get();
        let Some(shown) = read() else { return false };
        if shown != wanted {
            match on_input {
                Some(on_input) if was_there != Some(true) => on_input.run(shown),
                None if was_there != Some(true) => {}
                _ => write(&wanted),
            }
        }
        true
    });
}
