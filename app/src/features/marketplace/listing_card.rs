//! A listing in a grid.

use leptos::prelude::*;
use leptos_meta::Title;
use resonant_domain::FaultKind;
use resonant_domain::listing::ListingSummary;

use super::figures;
use crate::app::NotFoundPage;
use crate::error::AppError;
use crate::language::tr;
use crate::paths;
use crate::ui::{AvatarSize, EmptyState, ErrorPanel, Icon, IconName, LinkButton, listing_avatar};

/// A listing with what helps to choose: what it does, its category, rating and installs. The whole
/// card leads to its page.
#[component]
pub(crate) fn ListingCard(
    /// The listing.
    listing: ListingSummary,
) -> impl IntoView {
    let installs = figures::installs(&listing);
    let rating = figures::stars(&listing);
    let rating_count = listing.rating_count;
    let price = figures::price_text(&listing.price);
    let highlights = listing.highlights.unwrap_or_default();
    view! {
        <article class="listing-card">
            <div class="listing-card__head">
                {listing_avatar(listing.avatar, listing.picture, AvatarSize::Medium)}
                <div class="listing-card__names">
                    <h3 class="listing-card__name">
                        <a class="listing-card__link" href=paths::listing(&listing.slug)>
                            {marked(&listing.name, &highlights.name)}
                        </a>
                    </h3>
                    <p class="listing-card__category">
                        {tr(listing.category.title())} {listing.is_verified.then(verified_mark)}
                    </p>
                </div>
            </div>
            <p class="listing-card__tagline">{marked(&listing.tagline, &highlights.tagline)}</p>
            <p class="listing-card__figures">
                <Rating stars=rating count=rating_count />
                <span class="listing-card__installs">
                    <Icon name=IconName::Download />
                    {installs}
                </span>
                <span class="listing-card__price">{price}</span>
            </p>
        </article>
    }
}

/// Listings of a page that names more than them, or why there are none.
pub(super) fn listings_section(
    listings: Vec<ListingSummary>,
    empty_title: &'static str,
    empty_text: &'static str,
) -> AnyView {
    let cards: Vec<_> = listings
        .into_iter()
        .map(|listing| view! { <li class="listing-grid__item"><ListingCard listing /></li> })
        .collect();
    let cards = if cards.is_empty() {
        view! {
            <EmptyState icon=IconName::Store title=empty_title text=empty_text>
                <LinkButton href=paths::MARKETPLACE>{tr("Browse the marketplace")}</LinkButton>
            </EmptyState>
        }
        .into_any()
    } else {
        view! { <ul class="listing-grid">{cards}</ul> }.into_any()
    };
    view! {
        <section aria-labelledby="listings-title">
            <h2 class="visually-hidden" id="listings-title">
                {tr("Listings")}
            </h2>
            {cards}
        </section>
    }
    .into_any()
}

/// Stands in the place of a public page that is not there, or that failed.
pub(super) fn not_to_be_seen(error: AppError) -> AnyView {
    if error.kind == FaultKind::NotFound {
        return view! { <NotFoundPage /> }.into_any();
    }
    view! {
        <Title text=tr(error.kind.title()) />
        <ErrorPanel error />
    }
    .into_any()
}

/// The mark of a publisher whom moderators vouch for.
pub(crate) fn verified_mark() -> AnyView {
    view! {
        <span class="verified">
            <Icon name=IconName::Check />
            {tr("Verified")}
        </span>
    }
    .into_any()
}

/// A text with what was found in it marked. The places count characters and are in order.
fn marked(text: &str, places: &[(u32, u32)]) -> Vec<AnyView> {
    let pieces = pieces(text, places);
    pieces
        .into_iter()
        .map(
            |(piece, is_found)| {
                if is_found { view! { <mark>{piece}</mark> }.into_any() } else { piece.into_any() }
            },
        )
        .collect()
}

/// The pieces of a text, each with whether it was found.
fn pieces(text: &str, places: &[(u32, u32)]) -> Vec<(String, bool)> {
    let mut pieces: Vec<(String, bool)> = Vec::new();
    for (at, letter) in (0..).zip(text.chars()) {
        let is_found = places.iter().any(|(from, to)| (*from..*to).contains(&at));
        match pieces.last_mut() {
            Some((piece, was_found)) if *was_found == is_found => piece.push(letter),
            _ => pieces.push((letter.to_string(), is_found)),
        }
    }
    pieces
}

/// A listing on a shelf: its picture, name and what it does.
#[component]
pub(super) fn ListingTile(
    /// The listing.
    listing: ListingSummary,
) -> impl IntoView {
    view! {
        <article class="listing-tile">
            {listing_avatar(listing.avatar, listing.picture, AvatarSize::Small)}
            <div class="listing-tile__text">
                <h3 class="listing-tile__name">
                    <a class="listing-card__link" href=paths::listing(&listing.slug)>
                        {listing.name}
                    </a>
                </h3>
                <p class="listing-tile__tagline">{listing.tagline}</p>
            </div>
        </article>
    }
}

/// What people think of a listing.
#[component]
pub(super) fn Rating(
    /// The mean, `4.4`; `None` without ratings.
    stars: Option<String>,
    /// How many people rated it.
    count: i64,
) -> impl IntoView {
    match stars {
        None => view! { <span class="rating">{tr("No ratings yet")}</span> }.into_any(),
        Some(stars) => view! {
            <span class="rating is-rated">
                <Icon name=IconName::Star />
                <span class="visually-hidden">{tr("Rated ")}</span>
                <strong>{stars}</strong>
                <span class="visually-hidden">{tr(" out of 5 by ")}</span>
                <span class="rating__count">{figures::people(count)}</span>
            </span>
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_a_piece_of_its_own() {
        let piece = |text: &str, is_found| (text.to_owned(), is_found);
        assert_eq!(
            pieces("Crème éclair", &[(6, 12)]),
            [piece("Crème ", false), piece("éclair", true)]
        );
        assert_eq!(pieces("ab", &[(0, 9), (90, 99)]), [piece("ab", true)]);
        assert!(pieces("", &[(0, 1)]).is_empty());
    }
}
