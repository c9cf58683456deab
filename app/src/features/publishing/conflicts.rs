//! What both sides changed of a copy: the owner says whose side is taken, place by place.

use leptos::prelude::*;
use resonant_domain::upstream::{Conflict, Side};

use crate::language::tr;
use crate::refused_form::refused_form;

/// The sides that a form names. What is no side is the owner's.
#[cfg(feature = "ssr")]
pub(super) fn read_choices(
    chosen: &std::collections::BTreeMap<String, String>,
) -> resonant_domain::upstream::Choices {
    let side = |text: &String| Side::parse(text).unwrap_or_default();
    chosen.iter().map(|(field, text)| (field.clone(), side(text))).collect()
}

/// A choice for each conflict, with both texts; the inputs are named `choices[<field>]`.
pub(super) fn conflict_fields(conflicts: Vec<Conflict>) -> AnyView {
    if conflicts.is_empty() {
        return ().into_any();
    }
    let refused = refused_form();
    let rows: Vec<_> = conflicts
        .into_iter()
        .map(|Conflict { field, mine, theirs }| {
            let name = format!("choices[{field}]");
            let chosen = refused.text(&name).and_then(|text| Side::parse(&text));
            let chosen = chosen.unwrap_or_default();
            let side = |side: Side, label: &'static str, text: Option<String>| {
                let text = match text {
                    Some(text) => {
                        view! { <p class="diff__text" tabindex="0">{text}</p> }.into_any()
                    }
                    None => view! { <p class="diff__none">{tr("none")}</p> }.into_any(),
                };
                view! {
                    <div class="conflict__side">
                        <label class="star-choice__one">
                            <input
                                type="radio"
                                name=name.clone()
                                value=side.as_str()
                                checked=chosen == side
                            />
                            {label}
                        </label>
                        {text}
                    </div>
                }
                .into_any()
            };
            view! {
                <fieldset class="conflict">
                    <legend>
                        <code>{field}</code>
                    </legend>
                    {side(Side::Mine, tr("Keep mine"), mine)}
                    {side(Side::Theirs, tr("Take the publisher’s"), theirs)}
                </fieldset>
            }
            .into_any()
        })
        .collect();
    view! {
        <h3>{tr("What you and the publisher both changed")}</h3>
        <p>{tr("Yours stays where you choose nothing else.")}</p>
        {rows}
    }
    .into_any()
}
