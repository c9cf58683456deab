//! How the listing and what was handed in stand.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::AgentId;
use resonant_domain::listing::ListingState;
use resonant_domain::publication::{PublishedListing, Submission, SubmissionState};

use super::api::SetListingState;
use crate::error::action_error;
use crate::paths;
use crate::ui::{Badge, Button, FormError, Time, Tone};

/// The listing with what its publisher may do to it.
#[component]
pub(super) fn ListingStanding(
    /// The agent.
    agent_id: AgentId,
    /// The listing.
    listing: PublishedListing,
    /// What changes it.
    set: ServerAction<SetListingState>,
) -> impl IntoView {
    let PublishedListing { slug, state, version } = listing;
    let (tone, text) = match state {
        ListingState::Published => (Tone::Good, "Anyone finds and installs it."),
        ListingState::Paused => {
            (Tone::Warn, "Its page is there, but it is in no list and nobody can install it.")
        }
        ListingState::Unlisted => (Tone::Warn, "Nobody but you sees it."),
        ListingState::Removed => {
            (Tone::Bad, "Moderators removed it. A new version that they approve puts it back.")
        }
    };
    let button = move |to: ListingState, name: &'static str| {
        (state != to && state != ListingState::Removed).then(|| {
            view! {
                <ActionForm action=set>
                    <input type="hidden" name="id" value=agent_id.to_string() />
                    <input type="hidden" name="state" value=to.as_str() />
                    <Button busy=set.pending()>{name}</Button>
                </ActionForm>
            }
        })
    };
    let is_seen = matches!(state, ListingState::Published | ListingState::Paused);
    view! {
        <section class="account__part" aria-labelledby="listing-title">
            <h2 id="listing-title">"The listing " <Badge tone>{state.title()}</Badge></h2>
            <p>
                {is_seen
                    .then(|| {
                        view! { <a href=paths::listing(&slug)>{format!("Version {version}")}</a> }
                    })} " " {text}
            </p>
            <FormError error=action_error(set) />
            <div class="publish__buttons">
                {button(ListingState::Published, "Put it back")}
                {button(ListingState::Paused, "Pause it")}
                {button(ListingState::Unlisted, "Take it off")}
            </div>
        </section>
    }
}

/// What was handed in before, with what moderators said.
#[component]
pub(super) fn History(
    /// The submissions, the newest first.
    submissions: Vec<Submission>,
) -> impl IntoView {
    let rows = submissions
        .into_iter()
        .filter(|submission| submission.state != SubmissionState::Draft)
        .map(|submission| {
            let tone = match submission.state {
                SubmissionState::Approved => Tone::Good,
                SubmissionState::ChangesRequested => Tone::Warn,
                SubmissionState::InReview | SubmissionState::Draft => Tone::Info,
            };
            let at = submission.decided_at.or(submission.submitted_at);
            let comment = Some(submission.comment).filter(|comment| !comment.is_empty());
            view! {
                <li class="review">
                    <p class="review__head">
                        <b>{submission.texts.name}</b>
                        <Badge tone>{submission.state.title()}</Badge>
                        <span class="review__about">
                            {format!("version {} of the agent, ", submission.agent_version)}
                            {at.map(|at| view! { <Time at /> })}
                        </span>
                    </p>
                    {comment.map(|comment| view! { <p class="review__text">{comment}</p> })}
                </li>
            }
        })
        .collect::<Vec<_>>();
    (!rows.is_empty()).then(|| {
        view! {
            <section class="account__part" aria-labelledby="history-title">
                <h2 id="history-title">"What moderators said"</h2>
                <ol class="reviews">{rows}</ol>
            </section>
        }
    })
}
