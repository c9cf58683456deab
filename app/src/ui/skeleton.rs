//! The outline of what is being loaded.

use leptos::prelude::*;

use crate::language::tr;

/// Lines of text to come.
#[component]
pub fn Skeleton(
    /// How many.
    #[prop(optional, default = 3)]
    lines: usize,
) -> impl IntoView {
    view! {
        <div class="skeleton" role="status" aria-label=tr("Loading")>
            {(0..lines).map(|_| view! { <span class="skeleton__line"></span> }).collect_view()}
        </div>
    }
}

/// Cards to come.
#[component]
pub fn CardSkeletons(
    /// How many.
    #[prop(optional, default = 6)]
    count: usize,
) -> impl IntoView {
    let card = |_| {
        view! {
            <span class="skeleton__card">
                <span class="skeleton__line skeleton__line--short"></span>
                <span class="skeleton__line"></span>
                <span class="skeleton__line"></span>
            </span>
        }
    };
    view! {
        <div class="skeleton skeleton--cards" role="status" aria-label=tr("Loading")>
            {(0..count).map(card).collect_view()}
        </div>
    }
}
