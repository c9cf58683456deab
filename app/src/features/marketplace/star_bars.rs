//! How the stars of a listing's reviews are distributed, and the orders in which the reviews come: links alone, so that
//! the address says what is shown.

use leptos::prelude::*;
use resonant_domain::review::{ReviewFilter, ReviewSort, STARS_MAX, StarCounts};

use super::figures::counted;
use crate::language::{key, tr, tr_count};
use crate::paths;

/// How wide the bar of all reviews would be.
const WIDTH: i64 = 100;

/// A bar for each number of stars, which leads to the reviews with so many; once more, and it leads back to all.
pub(super) fn star_bars(slug: &str, filter: ReviewFilter, counts: StarCounts) -> AnyView {
    let all = counts.iter().sum::<i64>().max(1);
    let rows: Vec<_> = (1..=STARS_MAX)
        .zip(counts)
        .rev()
        .map(|(stars, count)| {
            let is_chosen = filter.stars == Some(stars);
            let bar = view! {
                <span class="star-bars__stars">
                    {tr_count("{n} star", "{n} stars", u64::from(stars))}
                </span>
                <svg
                    class="star-bars__bar"
                    viewBox=format!("0 0 {WIDTH} 10")
                    preserveAspectRatio="none"
                    aria-hidden="true"
                >
                    <rect width=(count * WIDTH / all).to_string() height="10"></rect>
                </svg>
                <span class="star-bars__count">
                    {counted(count, key("{n} review"), key("{n} reviews"))}
                </span>
            };
            let row = if count > 0 || is_chosen {
                let next = ReviewFilter { stars: (!is_chosen).then_some(stars), ..filter };
                view! {
                    <a
                        class="star-bars__row"
                        class:is-selected=is_chosen
                        href=paths::reviews_page(slug, next, None)
                        aria-current=is_chosen.then_some("true")
                        data-noscroll="true"
                        rel="nofollow"
                    >
                        {bar}
                    </a>
                }
                .into_any()
            } else {
                view! { <span class="star-bars__row">{bar}</span> }.into_any()
            };
            view! { <li>{row}</li> }
        })
        .collect();
    view! {
        <ul class="star-bars" aria-label=tr("How the stars are distributed")>
            {rows}
        </ul>
    }
    .into_any()
}

/// The orders in which reviews come.
pub(super) fn orders(slug: &str, filter: ReviewFilter) -> AnyView {
    let links: Vec<_> = ReviewSort::ALL
        .into_iter()
        .map(|sort| {
            let is_chosen = filter.sort == sort;
            view! {
                <li class="chips__item">
                    <a
                        class="chip"
                        class:is-selected=is_chosen
                        href=paths::reviews_page(slug, ReviewFilter { sort, ..filter }, None)
                        aria-current=is_chosen.then_some("true")
                        data-noscroll="true"
                        rel="nofollow"
                    >
                        {tr(sort.title())}
                    </a>
                </li>
            }
        })
        .collect();
    view! {
        <ul class="chips" aria-label=tr("Order of the reviews")>
            {links}
        </ul>
    }
    .into_any()
}
