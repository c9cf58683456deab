//! A listing in a grid.

use leptos::prelude::*;
use resonant_domain::listing::ListingSummary;

use super::figures;
use crate::paths;
use crate::ui::{Avatar, AvatarSize, Icon, IconName};

/// A listing with what helps to choose: what it does, its category, rating and installs. The whole
/// card leads to its page.
#[component]
pub(super) fn ListingCard(
    /// The listing.
    listing: ListingSummary,
) -> impl IntoView {
    let installs = figures::installs(&listing);
    let rating = figures::stars(&listing);
    let rating_count = listing.rating_count;
    view! {
        <article class="listing-card">
            <div class="listing-card__head">
                <Avatar avatar=listing.avatar />
                <div class="listing-card__names">
                    <h3 class="listing-card__name">
                        <a class="listing-card__link" href=paths::listing(&listing.slug)>
                            {listing.name}
                        </a>
                    </h3>
                    <p class="listing-card__category">{listing.category.title()}</p>
                </div>
            </div>
            <p class="listing-card__tagline">{listing.tagline}</p>
            <p class="listing-card__figures">
                <Rating stars=rating count=rating_count />
                <span class="listing-card__installs">
                    <Icon name=IconName::Download />
                    {installs}
                </span>
            </p>
        </article>
    }
}

/// A listing on a shelf: its picture, name and what it does.
#[component]
pub(super) fn ListingTile(
    /// The listing.
    listing: ListingSummary,
) -> impl IntoView {
    view! {
        <article class="listing-tile">
            <Avatar avatar=listing.avatar size=AvatarSize::Small />
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
        None => view! { <span class="rating">"No ratings yet"</span> }.into_any(),
        Some(stars) => view! {
            <span class="rating is-rated">
                <Icon name=IconName::Star />
                <span class="visually-hidden">"Rated "</span>
                <strong>{stars}</strong>
                <span class="visually-hidden">" out of 5 by "</span>
                <span class="rating__count">{figures::people(count)}</span>
            </span>
        }
        .into_any(),
    }
}
