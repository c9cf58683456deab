//! Which other agents an agent may call.

use leptos::prelude::*;

use super::api::Callable;
use crate::language::tr;
use crate::ui::{Icon, IconName};

/// Ticks for the viewer's other agents. Belongs into the form of an agent.
#[component]
pub(super) fn AgentPicker(
    /// The agents to choose from.
    callable: Vec<Callable>,
    /// The ids of those that are chosen.
    chosen: Vec<String>,
) -> impl IntoView {
    (!callable.is_empty()).then(|| {
        let card = move |agent: Callable| {
            let value = agent.id.to_string();
            let id = format!("calls-{value}");
            let about = format!("{id}-about");
            view! {
                <label class="option option--tool">
                    <input
                        type="checkbox"
                        class="option__control"
                        name="form[agents][]"
                        value=value.clone()
                        checked=chosen.contains(&value)
                        aria-labelledby=id.clone()
                        aria-describedby=about.clone()
                    />
                    <span class="option__title" id=id>
                        <Icon name=IconName::Agent />
                        {agent.name}
                    </span>
                    <span class="option__about" id=about>
                        {agent.description}
                    </span>
                </label>
            }
        };
        view! {
            <fieldset class="tool-picker">
                <legend class="agent-form__title">{tr("Which agents it may call")}</legend>
                <p class="agent-form__lead">
                    {tr(
                        "Each call starts a session of that agent and waits for its answer. What it uses counts \
                        towards the limits of the session that called.",
                    )}
                </p>
                <div class="options options--tools">
                    {callable.into_iter().map(card).collect_view()}
                </div>
            </fieldset>
        }
    })
}
