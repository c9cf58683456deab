//! One listing: what it does, what it asks for, and the form to try it.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use leptos_router::params::ParamsMap;
use resonant_domain::FaultKind;
use resonant_domain::listing::{Deprecation, ListingState, ListingSummary, Showcase};
use resonant_domain::review::{ReviewFilter, ReviewSort};

use super::api::{OpenedListing, get_listing};
use super::buy_panel::{buy_panel, held_panel};
use super::change_log::{ChangeLog, Tags};
use super::figures::counted;
use super::follow_api::{BuyListing, SetFollowing, ViewerStanding, get_standing};
use super::follow_button::follow_form;
use super::forked_line::forked_line;
use super::listing_facts::ListingFacts;
use super::listing_head::ListingHead;
use super::no_listing::NoListing;
use super::report_form::ReportForm;
use super::review_api::{SeenReviews, get_reviews};
use super::reviews_panel::{ReviewActions, ReviewsPanel};
use super::screenshots::screenshots;
use super::taken_off::{is_taken_off, taken_off_page};
use super::try_panel::TryPanel;
use crate::error::{AppError, successes};
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::public_head::{PublicHead, cards};
use crate::ui::{
    ButtonKind, CopyButton, ErrorPanel, LinkButton, Notice, Skeleton, Tone, duration_text, kept,
};
use crate::{paths, ssr};

/// One listing.
pub struct ListingRoute {
    slug: Memo<String>,
    cursor: Memo<Option<String>>,
    listing: Resource<Result<OpenedListing, AppError>>,
    reviews: Resource<Result<SeenReviews, AppError>>,
    actions: ReviewActions,
    personal: Personal,
}

/// What concerns the viewer alone: whom they follow, what they have bought.
#[derive(Clone, Copy)]
struct Personal {
    standing: Resource<Result<ViewerStanding, AppError>>,
    follow: ServerAction<SetFollowing>,
    buy: ServerAction<BuyListing>,
}

impl LazyPage for ListingRoute {
    fn data() -> Self {
        let params = use_params_map();
        let slug = Memo::new(move |_| params.with(|params| params.get("slug").unwrap_or_default()));
        let query = use_query_map();
        let cursor = Memo::new(move |_| query.with(|query| query.get("reviews")));
        let filter = Memo::new(move |_| query.with(asked_reviews));
        let actions = ReviewActions::new();
        let (follow, buy) = (ServerAction::new(), ServerAction::new());
        let followed = successes(follow);
        let standing =
            Resource::new(move || (slug.get(), followed.get()), |(slug, _)| get_standing(slug));
        Self {
            slug,
            cursor,
            // A review changes the rating in the head.
            listing: Resource::new_blocking(
                move || (slug.get(), actions.ratings()),
                |(slug, _)| get_listing(slug),
            ),
            reviews: Resource::new(
                move || (slug.get(), cursor.get(), filter.get(), actions.changes()),
                |(slug, cursor, filter, _)| get_reviews(slug, cursor, filter),
            ),
            actions,
            personal: Personal { standing, follow, buy },
        }
    }

    fn view(this: Self) -> AnyView {
        let ListingRoute { slug, cursor, listing, reviews, actions, personal } = this;
        let page = move || {
            Some(match listing.get()? {
                Ok(opened) if is_taken_off(&opened) => taken_off_page(opened),
                Ok(opened) => {
                    view! { <ListingPage opened cursor reviews actions personal /> }.into_any()
                }
                Err(error) if error.kind == FaultKind::NotFound => {
                    ssr::not_found();
                    view! { <NoListing slug=slug.get_untracked() actions /> }.into_any()
                }
                Err(error) => view! {
                    <Title text=tr(error.kind.title()) />
                    <ErrorPanel error=error />
                }
                .into_any(),
            })
        };
        view! { <Transition fallback=|| view! { <Skeleton lines=8 /> }>{page}</Transition> }
            .into_any()
    }
}

/// Which reviews an address asks for. What it does not know counts as absent.
fn asked_reviews(query: &ParamsMap) -> ReviewFilter {
    let stars = query.get("stars").and_then(|stars| stars.parse().ok());
    let sort = query.get("sort").as_deref().and_then(ReviewSort::parse);
    let filter = ReviewFilter { stars, sort: sort.unwrap_or_default() };
    if filter.check().is_ok() { filter } else { ReviewFilter { stars: None, ..filter } }
}

#[component]
fn ListingPage(
    opened: OpenedListing,
    cursor: Memo<Option<String>>,
    reviews: Resource<Result<SeenReviews, AppError>>,
    actions: ReviewActions,
    personal: Personal,
) -> impl IntoView {
    let (listing, guest_limits) = (&opened.listing, opened.guest_limits);
    let summary = listing.summary.clone();
    let query = use_query_map();
    // Counted from 1 in the address.
    let chosen =
        query.with_untracked(|query| query.get("example").and_then(|text| text.parse().ok()));
    let chosen = usize::saturating_sub(chosen.unwrap_or(1), 1);

    #[cfg(feature = "ssr")]
    let data = super::listing_data::json_ld(listing);
    // Search engines read what the server writes.
    #[cfg(not(feature = "ssr"))]
    let data = String::new();
    let is_paused = listing.state == ListingState::Paused;
    let form = if is_paused {
        let is_sold = !summary.price.is_free();
        let held =
            is_sold.then(|| held_panel(summary.slug.clone(), listing.version, personal.standing));
        view! {
            <Notice tone=Tone::Warn>
                <p>{tr("Its publisher has paused this listing: nobody can install it for now.")}</p>
            </Notice>
            {held}
        }
        .into_any()
    } else {
        let (slug, examples) = (summary.slug.clone(), listing.examples.clone());
        let version = listing.version;
        let variables = listing.agent.variables.clone();
        let form = move || {
            let (slug, examples) = (slug.clone(), examples.clone());
            let variables = variables.clone();
            view! { <TryPanel slug version examples variables chosen guest_limits /> }.into_any()
        };
        if summary.price.is_free() {
            form()
        } else {
            buy_panel((&summary, version), personal.standing, personal.buy, form)
        }
    };
    let form = match listing.deprecation.clone() {
        None => form,
        Some(deprecation) => view! { <Deprecated deprecation /> {form} }.into_any(),
    };
    let is_sent = Signal::derive(move || query.with(|query| query.get("reported").is_some()));
    let report = view! { <ReportForm slug=summary.slug.clone() reviews is_sent /> }.into_any();
    let (slug, version) = (summary.slug.clone(), listing.version);
    let judged =
        view! { <ReviewsPanel slug version is_paused cursor reviews actions /> }.into_any();
    let follow = follow_part(&summary, personal);
    view! {
        <Title text=summary.name.clone() />
        <PublicHead
            title=summary.name.clone()
            description=summary.tagline.clone()
            path=paths::listing(&summary.slug)
            card=cards::of_listing(&summary)
        />
        <script type="application/ld+json" inner_html=data></script>
        {listing_page(opened, Parts { form, judged, report, follow })}
    }
}

/// What stands on the page of a listing that is in the marketplace, and not on a preview.
pub(super) struct Parts {
    /// Where it is tried.
    pub(super) form: AnyView,
    /// What people think of it.
    pub(super) judged: AnyView,
    /// Where it is reported.
    pub(super) report: AnyView,
    /// Where its publisher is followed.
    pub(super) follow: AnyView,
}

impl Parts {
    /// A note in the place of the form, and nothing else.
    pub(super) fn of_preview(form: AnyView) -> Self {
        let nothing = || ().into_any();
        Self { form, judged: nothing(), report: nothing(), follow: nothing() }
    }
}

/// The button that follows the publisher, where they have a page.
fn follow_part(summary: &ListingSummary, personal: Personal) -> AnyView {
    let Some(handle) = summary.publisher_handle.clone() else { return ().into_any() };
    let (name, back) = (summary.publisher.clone(), paths::listing(&summary.slug));
    view! {
        <Transition>
            {kept(move || {
                let (whom, back) = ((handle.clone(), name.clone()), back.clone());
                async move {
                    let state = personal.standing.await.ok()?.follow?;
                    Some(follow_form(personal.follow, state, whom, back))
                }
            })}
        </Transition>
    }
    .into_any()
}

/// A listing with all that its publisher says about it.
pub(super) fn listing_page(opened: OpenedListing, parts: Parts) -> AnyView {
    let OpenedListing { listing, description, language_model, figures, .. } = opened;
    let Parts { form, judged, report, follow } = parts;
    // Parts of their own type would make one so deep that a debug build runs out of stack.
    let can_install = listing.state == ListingState::Published;
    let head = view! {
        <ListingHead
            listing=listing.summary.clone()
            version=listing.version
            is_paused=!can_install
            follow
        />
    }
    .into_any();
    let prompt = view_prompt(listing.agent.system_prompt.clone(), !listing.summary.price.is_free());
    let tags = view! { <Tags tags=listing.tags.clone() /> }.into_any();
    let forked = listing.forked_from.clone().map(forked_line);
    let shots = screenshots(listing.screenshots.clone());
    let shown = listing.showcase.clone().map(showcase);
    let changes = view! { <ChangeLog versions=listing.versions.clone() figures /> }.into_any();
    let facts = view! { <ListingFacts listing=listing language_model=language_model /> }.into_any();
    view! {
        <article class="listing">
            {head}
            <div class="listing__columns">
                <div class="listing__main">
                    {form}
                    {shots}
                    {shown}
                    <section class="listing__section" aria-labelledby="about-title">
                        <h2 id="about-title">{tr("What it does")}</h2>
                        <div class="listing__prose prose" inner_html=description></div>
                        {tags}
                        {forked}
                    </section>
                    <section class="listing__section" aria-labelledby="prompt-title">
                        <h2 id="prompt-title">{tr("What it is told")}</h2>
                        {prompt}
                    </section>
                    {changes}
                    {judged}
                    {report}
                </div>
                {facts}
            </div>
        </article>
    }
    .into_any()
}

/// The system prompt; of what is for sale it is told to those who bought it.
fn view_prompt(prompt: String, is_sold: bool) -> AnyView {
    if is_sold && prompt.is_empty() {
        return view! {
            <p class="listing__note">
                {tr("The system prompt comes with the agent: once you have bought it, you read and change every word in your studio.")}
            </p>
        }
        .into_any();
    }
    view! {
        <p class="listing__note">
            {tr("The whole system prompt, as its publisher wrote it. Once the agent is in your studio you can change every word.")}
        </p>
        <details class="listing__prompt">
            <summary>{tr("Show the system prompt")}</summary>
            <pre class="listing__prompt-text" tabindex="0">{prompt.clone()}</pre>
            <CopyButton text=prompt label=tr("Copy the system prompt") />
        </details>
    }
    .into_any()
}

/// A recorded session of the publisher's: what it was asked, what came of it, and the way to all of it.
fn showcase(showcase: Showcase) -> AnyView {
    let steps = counted(showcase.steps.into(), key("{n} step"), key("{n} steps"));
    let took = duration_text(showcase.took_ms);
    view! {
        <section class="listing__section showcase" aria-labelledby="showcase-title">
            <h2 id="showcase-title">{tr("A recorded session")}</h2>
            <p class="listing__note">
                {tr_with(
                    "Of version {version}, as it ran: {steps}, {took}.",
                    &[("version", &showcase.version), ("steps", &steps), ("took", &took)],
                )}
            </p>
            <blockquote class="showcase__goal">{showcase.goal}</blockquote>
            <p class="showcase__answer">{showcase.answer}</p>
            <LinkButton href=paths::shared(&showcase.token)>{tr("Read it step by step")}</LinkButton>
        </section>
    }
    .into_any()
}

/// Says that a listing is kept up no more, and where to go.
#[component]
fn Deprecated(deprecation: Deprecation) -> impl IntoView {
    let next = deprecation.successor.map(|slug| {
        let name = deprecation.successor_name.unwrap_or_else(|| slug.clone());
        view! {
            <LinkButton href=paths::listing(&slug) kind=ButtonKind::Primary>
                {tr_with("Go to {name}", &[("name", &name)])}
            </LinkButton>
        }
    });
    view! {
        <Notice tone=Tone::Warn>
            <p>{tr("Its publisher does not keep this listing up any more.")}</p>
            {next}
        </Notice>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_asks_for_reviews() {
        let asked = |pairs: &[(&'static str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| (*name, (*value).to_owned()));
            asked_reviews(&pairs.collect())
        };
        let (none, newest) = (ReviewFilter::default(), ReviewSort::Newest);
        assert_eq!(asked(&[]), none);
        assert_eq!(asked(&[("stars", "6"), ("sort", "best")]), none);
        let filter = ReviewFilter { stars: Some(4), sort: newest };
        assert_eq!(asked(&[("stars", "4"), ("sort", "newest")]), filter);
        let address = paths::reviews_page("reader", filter, Some("a b"));
        assert_eq!(address, "/marketplace/reader?stars=4&sort=newest&reviews=a%20b#reviews");
        assert_eq!(paths::reviews_page("reader", none, None), "/marketplace/reader#reviews");
    }
}
