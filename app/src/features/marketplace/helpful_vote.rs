//! How many people find a review helpful, and the viewer's own word on that. It is shown at once and
//! taken back when the server refuses it.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::ReviewId;
use server_fn::ServerFn as _;

use super::figures::counted;
use super::review_api::{VoteReview, vote_review};
use crate::language::{key, tr, tr_text, tr_with};
use crate::state::use_toasts;
use crate::ui::{Button, ButtonKind, Tone};

/// The number of votes, and the button for the viewer's. Without scripts it is a plain form.
#[component]
pub(super) fn HelpfulVote(
    /// The listing.
    slug: String,
    /// The review.
    id: ReviewId,
    /// Who wrote it.
    author: String,
    /// How many people find it helpful.
    count: i64,
    /// Whether the viewer does; `None` where they have no vote.
    own: Option<bool>,
) -> impl IntoView {
    let toasts = use_toasts();
    let shown = RwSignal::new(own.unwrap_or_default());
    let others = count - i64::from(own.unwrap_or_default());
    let count = move || others + i64::from(shown.get());
    let helped = move || {
        let count = count();
        let (one, many) = (key("1 person finds this helpful"), key("{n} people find this helpful"));
        (count > 0).then(|| view! { <span>{counted(count, one, many)}</span> })
    };
    let is_asked = StoredValue::new(false);
    let form = own.map(|_| {
        let asked_slug = slug.clone();
        let vote = Callback::new(move |event: MouseEvent| {
            event.prevent_default();
            if is_asked.get_value() {
                return;
            }
            is_asked.set_value(true);
            let (slug, is_helpful) = (asked_slug.clone(), !shown.get_untracked());
            shown.set(is_helpful);
            spawn_local(async move {
                let answer = vote_review(slug, id, is_helpful).await;
                is_asked.try_set_value(false);
                if let Err(error) = answer {
                    shown.try_set(!is_helpful);
                    toasts.show(Tone::Bad, tr_text(error.message));
                }
            });
        });
        view! {
            <form method="post" action=VoteReview::url()>
                <input type="hidden" name="slug" value=slug />
                <input type="hidden" name="id" value=id.to_string() />
                <input
                    type="hidden"
                    name="is_helpful"
                    value=move || (!shown.get()).to_string()
                />
                <Button kind=ButtonKind::Quiet on_click=vote>
                    {move || if shown.get() { tr("Not helpful after all") } else { tr("Helpful") }}
                    <span class="visually-hidden">{tr_with(": the review by {author}", &[("author", &author)])}</span>
                </Button>
            </form>
        }
    });
    view! {
        {helped}
        {form}
    }
}
