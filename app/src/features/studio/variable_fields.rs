//! The values of a prompt's variables, asked for when a session is started.

use leptos::prelude::*;
use resonant_domain::variable::{VALUE_MAX, Values, Variable};

use crate::error::AppError;
use crate::language::{tr, tr_with};
use crate::refused_form::refused_form;
use crate::ui::TextArea;

/// A field for each variable, named `<prefix>[<variable>]`. Belongs into a form. None of them is
/// required by the browser: which edition runs decides what must be given, and the server knows.
#[component]
pub(crate) fn VariableFields(
    /// The variables.
    variables: Vec<Variable>,
    /// Under which name a form sends them.
    prefix: &'static str,
    /// What they start with.
    #[prop(optional)]
    values: Values,
    /// What was wrong with them when they were sent last.
    #[prop(into)]
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    if variables.is_empty() {
        return ().into_any();
    }
    let refused = refused_form();
    let field = move |variable: Variable| {
        let name = format!("{prefix}[{}]", variable.name);
        let value = refused.text(&name).or_else(|| values.get(&variable.name).cloned());
        let field = format!("variables.{}", variable.name);
        let fault = Signal::derive(move || {
            error.try_with(|error| error.as_ref()?.field(&field).map(str::to_owned)).flatten()
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
                rows=1
                maxlength=VALUE_MAX
                placeholder=variable.default.unwrap_or_default()
                hint=variable.description
                error=fault
            />
        }
    };
    view! {
        <fieldset class="variables">
            <legend class="field__label">{tr("Variables of its prompt")}</legend>
            {variables.into_iter().map(field).collect_view()}
        </fieldset>
    }
    .into_any()
}
