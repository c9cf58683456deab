//! The variables of a prompt, declared one by one.

use leptos::prelude::*;
use resonant_domain::variable::{DESCRIPTION_MAX, NAME_MAX, VALUE_MAX, VARIABLES_MAX, Variable};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::language::{tr, tr_text, tr_with};
use crate::refused_form::refused_form;
use crate::ui::{Button, ButtonKind, Field, Icon, IconName, TextArea};

/// What the form holds of a variable. The inputs are named `form[variables][<index>][<field>]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VariableForm {
    /// What stands between the braces. Without a name the row counts for nothing.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its value where none is given; empty: it has no default.
    pub default: String,
    /// `true` when no session starts without a value.
    pub required: String,
}

impl From<&Variable> for VariableForm {
    fn from(variable: &Variable) -> Self {
        Self {
            name: variable.name.clone(),
            description: variable.description.clone(),
            default: variable.default.clone().unwrap_or_default(),
            required: if variable.required { "true".to_owned() } else { String::new() },
        }
    }
}

impl VariableForm {
    /// Whether the row counts for something.
    pub fn is_named(&self) -> bool {
        !self.name.trim().is_empty()
    }

    /// The variable that the row describes, if it has a name.
    #[cfg(feature = "ssr")]
    pub fn variable(&self) -> Option<Variable> {
        self.is_named().then(|| Variable {
            name: self.name.trim().to_owned(),
            description: self.description.replace("\r\n", "\n").trim().to_owned(),
            default: Some(self.default.replace("\r\n", "\n"))
                .filter(|text| !text.trim().is_empty()),
            required: self.required == "true",
        })
    }

    /// The rows of a form that was refused, each in its place: what is wrong with one names its number.
    pub fn refused() -> Vec<Self> {
        let refused = refused_form();
        let row = |index: usize| {
            let text = |field: &str| refused.text(&format!("form[variables][{index}][{field}]"));
            Some(Self {
                name: text("name")?,
                description: text("description").unwrap_or_default(),
                default: text("default").unwrap_or_default(),
                required: text("required").unwrap_or_default(),
            })
        };
        let mut rows: Vec<_> = (0..VARIABLES_MAX).map_while(row).collect();
        let filled = rows.iter().rposition(Self::is_named).map_or(0, |last| last + 1);
        rows.truncate(filled);
        rows
    }
}

/// A row for each variable and an empty one for the next.
#[component]
pub(super) fn VariablesEditor(
    /// The variables.
    rows: Vec<VariableForm>,
    /// What was wrong with them when they were sent last.
    #[prop(into)]
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    let fault =
        Signal::derive(move || error.try_with(|error| first_fault(error.as_ref()?)).flatten());
    let is_open = !rows.is_empty();
    let fixed = rows.len();
    let more = RwSignal::new(1_usize);
    let given: Vec<_> =
        rows.into_iter().enumerate().map(|(index, row)| view! { <Row index row /> }).collect();
    view! {
        <details class="variables" open=is_open>
            <summary class="field__label">{tr("Variables")}</summary>
            <p class="agent-form__lead">
                {tr("Write {{name}} in the prompt, and declare the name here: whoever starts a session is asked \
                for its value. A row without a name counts for nothing.")}
            </p>
            {given}
            <For
                each=move || fixed..(fixed + more.get()).min(VARIABLES_MAX)
                key=|index| *index
                children=|index| view! { <Row index row=VariableForm::default() /> }
            />
            <p class="field__error" role="alert" hidden=move || fault.with(Option::is_none)>
                {move || fault.get()}
            </p>
            <span class="with-script">
                <Button
                    kind=ButtonKind::Quiet
                    type_="button"
                    on_click=Callback::new(move |_| more.update(|more| *more += 1))
                >
                    <Icon name=IconName::Plus />
                    {tr("Another variable")}
                </Button>
            </span>
        </details>
    }
}

#[component]
fn Row(index: usize, row: VariableForm) -> impl IntoView {
    let name = move |field: &str| format!("form[variables][{index}][{field}]");
    let about = tr_with("variable {number}", &[("number", &(index + 1))]);
    view! {
        <fieldset class="variables__row">
            <legend class="visually-hidden">{about}</legend>
            <Field
                label=tr("Name")
                name=name("name")
                value=row.name
                maxlength=NAME_MAX
                autocomplete="off"
                placeholder="city"
            />
            // Programs give these texts several lines, which a field of one line would take away.
            <TextArea
                label=tr("What it is for")
                name=name("description")
                value=row.description
                rows=1
                maxlength=DESCRIPTION_MAX
            />
            <TextArea
                label=tr("Where none is given")
                name=name("default")
                value=row.default
                rows=1
                maxlength=VALUE_MAX
            />
            <label class="variables__needed">
                <input
                    type="checkbox"
                    name=name("required")
                    value="true"
                    checked=row.required == "true"
                />
                {tr("Needed")}
            </label>
        </fieldset>
    }
}

/// `variables[0].name must …` becomes `Variable 1: the name must …`.
fn first_fault(error: &AppError) -> Option<String> {
    error.fields.iter().find_map(|fault| {
        let rest = fault.field.strip_prefix("variables")?;
        let reason = tr_text(fault.reason.clone());
        let Some((index, field)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("]."))
        else {
            return Some(tr_with("There {reason}", &[("reason", &reason)]));
        };
        let number = index.parse::<usize>().ok()? + 1;
        let field = match field {
            "name" => tr("name"),
            "description" => tr("description"),
            "default" => tr("default"),
            other => other,
        };
        Some(tr_with(
            "Variable {number}: its {field} {reason}",
            &[("number", &number), ("field", &field), ("reason", &reason)],
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_tells_which_variable_has_it() {
        let error = AppError::invalid("variables[1].name", "must be declared once");
        let told = first_fault(&error).unwrap();
        assert_eq!(told, "Variable 2: its name must be declared once");
        assert_eq!(first_fault(&AppError::invalid("name", "x")), None);
    }
}
