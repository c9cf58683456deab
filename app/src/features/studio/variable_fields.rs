//! The values of a prompt's variables, asked for when a session is started.

use leptos::prelude::*;
use resonant_domain::variable::{VALUE_MAX, Values, Variable};

use crate::error::AppError;
use crate::language::{tr, tr_with};
use crate::refused_form::refused_form;
use crate::ui::TextArea;

/// A field for each variable, named `<prefix>[<variable>]`. Belongs into a form. None of them is
/// required by the browser: which edition runs decides what must be given, and the server knows.
///
/// The variables may become others while somebody fills them in: what was typed for one stays with its name.
#[component]
pub(crate) fn VariableFields(
    /// The variables.
    #[prop(into)]
    variables: Signal<Vec<Variable>>,
    /// Under which name a form sends them.
    prefix: &'static str,
    /// What they start with.
    #[prop(optional)]
    values: Values,
    /// What was wrong with them when they were sent last.
    #[prop(into)]
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    let refused = refused_form();
    let typed = StoredValue::new(values);
    let has_any = Memo::new(move |_| variables.with(|variables| !variables.is_empty()));
    let field = move |variable: Variable| {
        let name = format!("{prefix}[{}]", variable.name);
        let known = typed.with_value(|typed| typed.get(&variable.name).cloned());
        let value = refused.text(&name).or(known);
        let field = format!("variables.{}", variable.name);
        let fault = Signal::derive(move || {
            error.try_with(|error| error.as_ref()?.field(&field).map(str::to_owned)).flatten()
        });
        let own = variable.name.clone();
        let hear = Callback::new(move |text: String| {
            typed.try_update_value(|typed| {
                typed.insert(own.clone(), text);
            });
        });
        let is_needed = variable.must_be_given();
        let label = if is_needed {
            tr_with("{name} (needed)", &[("name", &variable.name)])
        } else {
            variable.name
        };
        view! {
            <TextArea
                label=label
                name=name
                value=value.unwrap_or_default()
                on_input=hear
                rows=1
                maxlength=VALUE_MAX
                placeholder=variable.default.unwrap_or_default()
                hint=variable.description
                error=fault
            />
        }
    };
    view! {
        <Show when=move || has_any.get()>
            <fieldset class="variables">
                <legend class="field__label">{tr("Variables of its prompt")}</legend>
                <For
                    each=move || variables.get()
                    // One that is declared otherwise is drawn anew.
                    key=|variable| {
                        let Variable { name, description, default, required } = variable.clone();
                        (name, description, default, required)
                    }
                    children=field.clone()
                />
            </fieldset>
        </Show>
    }
}
