//! How the listing and what was handed in stand.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::AgentId;
use resonant_domain::listing::ListingState;
use resonant_domain::page::Page;
use resonant_domain::publication::{PublishedListing, Submission, SubmissionState};

use super::api::{DeleteListingVersion, DeprecateListing, SetListingState};
use crate::error::{action_error, field_error};
use crate::language::{tr, tr_with};
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{Badge, Button, ButtonKind, Field, FormError, PageLinks, Time, Tone};

/// The listing with what its publisher may do to it.
#[component]
pub(super) fn ListingStanding(
    /// The agent.
    agent_id: AgentId,
    /// The listing.
    listing: PublishedListing,
    /// What changes it.
    set: ServerAction<SetListingState>,
    /// What deprecates it.
    deprecate: ServerAction<DeprecateListing>,
    /// What deletes its versions.
    delete: ServerAction<DeleteListingVersion>,
    /// What else its publisher may do.
    children: Children,
) -> impl IntoView {
    let PublishedListing { slug, state, version, versions, is_deprecated, successor } = listing;
    let end = view_end(agent_id, is_deprecated, successor, deprecate);
    let versions = view_versions(agent_id, versions, delete);
    let (tone, text) = match state {
        ListingState::Published => (Tone::Good, tr("Anyone finds and installs it.")),
        ListingState::Paused => {
            (Tone::Warn, tr("Its page is there, but it is in no list and nobody can install it."))
        }
        ListingState::Unlisted => (Tone::Warn, tr("Nobody but you sees it.")),
        ListingState::Removed => {
            (Tone::Bad, tr("Moderators removed it. A new version that they approve puts it back."))
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
    view! {
        <section class="account__part" aria-labelledby="listing-title">
            <h2 id="listing-title">{tr("The listing ")} <Badge tone>{tr(state.title())}</Badge></h2>
            <p>
                <a href=paths::listing(&slug)>{tr_with("Version {version}", &[("version", &version)])}</a>
                " " {text}
            </p>
            <FormError error=action_error(set) />
            <div class="publish__buttons">
                {button(ListingState::Published, tr("Put it back"))}
                {button(ListingState::Paused, tr("Pause it"))}
                {button(ListingState::Unlisted, tr("Take it off"))}
            </div>
            {children()}
            {end}
            {versions}
        </section>
    }
}

/// The end of a listing: the form that deprecates it, or that takes this back.
fn view_end(
    agent_id: AgentId,
    is_deprecated: bool,
    successor: Option<String>,
    deprecate: ServerAction<DeprecateListing>,
) -> AnyView {
    let error = action_error(deprecate);
    let id = agent_id.to_string();
    if is_deprecated {
        let next = successor
            .map(|slug| view! { {tr(" Its page leads to ")} <a href=paths::listing(&slug)>{slug.clone()}</a> "." });
        return view! {
            <p>{tr("You do not keep it up any more: it is in no list, and who installed it was told.")} {next}</p>
            <FormError error />
            <ActionForm action=deprecate>
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="is_deprecated" value="false" />
                <Button busy=deprecate.pending()>{tr("Keep it up again")}</Button>
            </ActionForm>
        }
        .into_any();
    }
    view! {
        <details>
            <summary>{tr("Deprecate it")}</summary>
            <ActionForm action=deprecate>
                <div class="form">
                    <FormError error fields=&["successor"] />
                    <input type="hidden" name="id" value=id />
                    <input type="hidden" name="is_deprecated" value="true" />
                    <Field
                        label=tr("Successor")
                        name="successor"
                        value=refused_form().text("successor").unwrap_or_default()
                        optional=true
                        autocomplete="off"
                        hint=tr("The address of the listing that takes its place")
                        error=field_error(error, "successor")
                    />
                    <Button busy=deprecate.pending()>{tr("Tell everybody")}</Button>
                </div>
            </ActionForm>
        </details>
    }
    .into_any()
}

/// The versions, each with the button that deletes it; nothing where there is one alone.
fn view_versions(
    agent_id: AgentId,
    versions: Vec<i32>,
    delete: ServerAction<DeleteListingVersion>,
) -> AnyView {
    if versions.len() < 2 {
        return ().into_any();
    }
    let rows: Vec<_> = versions
        .into_iter()
        .map(|version| {
            view! {
                <li>
                    <ActionForm action=delete>
                        <input type="hidden" name="id" value=agent_id.to_string() />
                        <input type="hidden" name="version" value=version.to_string() />
                        <Button kind=ButtonKind::Danger busy=delete.pending()>
                            {tr_with("Delete version {version}", &[("version", &version)])}
                        </Button>
                    </ActionForm>
                </li>
            }
        })
        .collect();
    view! {
        <details>
            <summary>{tr("Versions")}</summary>
            <p>{tr("Who has a copy of a version keeps it. The newest that is left is what people install, with the texts, pictures and price that it was approved with.")}</p>
            <FormError error=action_error(delete) />
            <ul class="publish__buttons">{rows}</ul>
        </details>
    }
    .into_any()
}

/// What was handed in before, with what moderators said.
#[component]
pub(super) fn History(
    /// The agent.
    agent_id: AgentId,
    /// The submissions, the newest first.
    page: Page<Submission>,
    /// Whether there are newer ones on a page before.
    is_later: bool,
) -> impl IntoView {
    let Page { items, next_cursor } = page;
    let next = next_cursor.map(|cursor| paths::submissions_page(agent_id, &cursor));
    let rows = items
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
                        <Badge tone>{tr(submission.state.title())}</Badge>
                        <span class="review__about">
                            {tr_with(
                                "version {version} of the agent, ",
                                &[("version", &submission.agent_version)],
                            )}
                            {at.map(|at| view! { <Time at /> })}
                        </span>
                    </p>
                    {comment.map(|comment| view! { <p class="review__text">{comment}</p> })}
                </li>
            }
        })
        .collect::<Vec<_>>();
    (is_later || next.is_some() || !rows.is_empty()).then(|| {
        view! {
            <section class="account__part" aria-labelledby="history-title">
                <h2 id="history-title">{tr("What moderators said")}</h2>
                <ol class="reviews">{rows}</ol>
                <PageLinks
                    next
                    more=tr("Older submissions")
                    first=is_later.then(|| format!("{}#history-title", paths::publish(agent_id)))
                    back=tr("Back to the newest")
                />
            </section>
        }
    })
}
