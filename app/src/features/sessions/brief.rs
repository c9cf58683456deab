//! What a session was asked for. Its own page and its replay draw it alike.

use leptos::prelude::*;
use resonant_domain::text::shorten;
use resonant_domain::variable::Values;

use super::message_panel::Material;
use crate::language::tr;

/// The goal as it stands in a heading, shortened where it is long.
pub(super) fn heading(goal: &str) -> String {
    shorten(goal, 120)
}

/// What goes with the heading, folded up: the whole of a long goal, the context, the values of variables.
#[component]
pub(super) fn Brief(
    /// The goal.
    goal: String,
    /// Material for it.
    context: Option<String>,
    /// The values of the prompt's variables.
    variables: Values,
) -> impl IntoView {
    // The heading holds all of a short goal already.
    let is_long = heading(&goal) != goal.trim();
    let goal = is_long.then(|| {
        view! {
            <details class="session__material">
                <summary>{tr("The whole goal")}</summary>
                <p class="session__text">{goal}</p>
            </details>
        }
    });
    let context = context.map(|context| view! { <Material context=context /> });
    let variables = (!variables.is_empty()).then(|| {
        let line = |(name, value): (String, String)| view! { <dt>{name}</dt><dd>{value}</dd> };
        view! {
            <details class="session__material">
                <summary>{tr("Variables")}</summary>
                <dl class="session__variables">
                    {variables.into_iter().map(line).collect_view()}
                </dl>
            </details>
        }
    });
    view! {
        {goal}
        {context}
        {variables}
    }
}
