//! What differs between two editions of an agent, drawn.

use leptos::prelude::*;
use resonant_domain::spec_diff::{FieldChange, Piece, PieceKind, SpecDiff};

use crate::language::tr;

/// The settings that differ as a table, then the prompt with its changed words marked.
#[component]
pub fn DiffView(
    /// The differences.
    diff: SpecDiff,
    /// What the table of settings is called, where a page has two.
    #[prop(default = tr("Settings that differ"))]
    label: &'static str,
) -> impl IntoView {
    if diff.is_empty() {
        return view! { <p class="diff__same">{tr("They are the same.")}</p> }.into_any();
    }
    let SpecDiff { fields, prompt } = diff;
    let fields = (!fields.is_empty()).then(|| {
        view! {
            <div class="diff__fields" tabindex="0" role="region" aria-label=label>
                <table class="diff__table">
                    <thead>
                        <tr>
                            <th scope="col">{tr("Setting")}</th>
                            <th scope="col">{tr("Before")}</th>
                            <th scope="col">{tr("After")}</th>
                        </tr>
                    </thead>
                    <tbody>{fields.into_iter().map(field_row).collect_view()}</tbody>
                </table>
            </div>
        }
    });
    let prompt = (!prompt.is_empty()).then(|| {
        view! {
            <h3 class="diff__title">{tr("System prompt")}</h3>
            <WordDiff pieces=prompt />
        }
    });
    view! {
        <div class="diff">
            {fields}
            {prompt}
        </div>
    }
    .into_any()
}

/// A text with the words marked that one of two texts has alone.
#[component]
pub(super) fn WordDiff(
    /// The text, piece by piece.
    pieces: Vec<Piece>,
) -> impl IntoView {
    view! {
        <p class="diff__text" tabindex="0">
            {pieces.into_iter().map(piece).collect_view()}
        </p>
    }
}

fn field_row(change: FieldChange) -> impl IntoView {
    let value = |value: Option<String>| match value {
        Some(value) => view! { <td>{value}</td> }.into_any(),
        None => view! { <td class="diff__none">{tr("none")}</td> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <code>{change.field}</code>
            </th>
            {value(change.before)}
            {value(change.after)}
        </tr>
    }
}

fn piece(piece: Piece) -> AnyView {
    let Piece { kind, text } = piece;
    match kind {
        PieceKind::Same => view! { <span>{text}</span> }.into_any(),
        PieceKind::Removed => view! { <del class="diff__removed">{text}</del> }.into_any(),
        PieceKind::Added => view! { <ins class="diff__added">{text}</ins> }.into_any(),
    }
}
