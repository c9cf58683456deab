//! Goals to try a listing with: what a publisher writes of them, and how they are read.

use leptos::prelude::*;
use resonant_domain::listing::Example;
use resonant_domain::publication::{EXAMPLE_CONTEXT_MAX, EXAMPLE_GOAL_MAX, EXAMPLES_MAX};
use serde::{Deserialize, Serialize};

use crate::language::{tr, tr_with};
use crate::refused_form::refused_form;
use crate::ui::TextArea;

/// What the form holds of one. The inputs are named `form[examples][<index>][<field>]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExampleForm {
    /// The goal. Nothing counts without it, nor without material.
    pub goal: String,
    /// Material for it.
    pub context: String,
}

/// The examples that a form describes.
#[cfg(feature = "ssr")]
pub(super) fn read_examples(forms: Vec<ExampleForm>) -> Vec<Example> {
    // A form sends line ends as CR LF (WHATWG HTML 4.10.21.8); texts keep LF alone.
    let lines = |text: String| text.replace("\r\n", "\n");
    let is_given =
        |form: &ExampleForm| !form.goal.trim().is_empty() || !form.context.trim().is_empty();
    let given = forms.into_iter().filter(is_given);
    given
        .map(|ExampleForm { goal, context }| {
            let context = Some(lines(context)).filter(|context| !context.trim().is_empty());
            Example { goal: lines(goal), context }
        })
        .collect()
}

/// The fields of all of them, folded away while there are none.
pub(super) fn example_fields(examples: &[Example]) -> AnyView {
    let refused = refused_form();
    let field = |index: usize, field: &str, kept: Option<String>| {
        let name = format!("form[examples][{index}][{field}]");
        let text = refused.text(&name).or(kept).unwrap_or_default();
        (name, text)
    };
    let mut is_open = false;
    let rows: Vec<_> = (0..EXAMPLES_MAX)
        .map(|index| {
            let kept = examples.get(index);
            let (goal, goal_text) = field(index, "goal", kept.map(|kept| kept.goal.clone()));
            let material = kept.and_then(|kept| kept.context.clone());
            let (context, context_text) = field(index, "context", material);
            is_open |= !goal_text.is_empty() || !context_text.is_empty();
            let number = index + 1;
            view! {
                <TextArea
                    label=tr_with("Goal {number}", &[("number", &number)])
                    name=goal
                    value=goal_text
                    rows=2
                    optional=true
                    maxlength=EXAMPLE_GOAL_MAX
                />
                <TextArea
                    label=tr_with("Material for goal {number}", &[("number", &number)])
                    name=context
                    value=context_text
                    rows=3
                    optional=true
                    maxlength=EXAMPLE_CONTEXT_MAX
                />
            }
            .into_any()
        })
        .collect();
    view! {
        <details open=is_open>
            <summary>{tr("Goals to try it with")}</summary>
            <div class="form">
                <p>{tr("Whoever opens the listing tries it with the first, and chooses among the others.")}</p>
                {rows}
            </div>
        </details>
    }
    .into_any()
}

/// The examples as they are read before a listing is there; nothing where there are none.
pub(crate) fn shown_examples(examples: Vec<Example>) -> AnyView {
    if examples.is_empty() {
        return ().into_any();
    }
    let rows: Vec<_> = examples
        .into_iter()
        .map(|Example { goal, context }| {
            let material =
                context.map(|context| view! { <p class="diff__text" tabindex="0">{context}</p> });
            view! {
                <li class="review">
                    <p class="review__text">{goal}</p>
                    {material}
                </li>
            }
        })
        .collect();
    view! {
        <h3>{tr("Goals to try it with")}</h3>
        <ol class="reviews">{rows}</ol>
    }
    .into_any()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_no_example() {
        let form = |goal: &str, context: &str| ExampleForm {
            goal: goal.to_owned(),
            context: context.to_owned(),
        };
        let read = read_examples(vec![form("Add\r\nthese", " "), form(" ", ""), form("", "1, 2")]);
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].goal.as_str(), &read[0].context), ("Add\nthese", &None));
        assert_eq!((read[1].goal.as_str(), read[1].context.as_deref()), ("", Some("1, 2")));
    }
}
