//! The listings that were found.

use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use resonant_domain::listing::{Category, ListingPage, ListingSummary};
use resonant_domain::page::Page;

use super::api::browse_listings;
use super::figures::counted;
use super::listing_card::ListingCard;
use super::search::Search;
use crate::language::{key, tr, tr_with};
use crate::paths;
use crate::ui::{ButtonKind, EmptyState, Grid, IconName, LinkButton, PageAnswer, VirtualGrid};

/// The id of the list.
const LIST: &str = "listings";
/// The id of what follows the list.
const END: &str = "listings-end";

/// The listings that were found, from one page on. Further pages come while somebody scrolls; the way
/// to the next one is a plain link all the same.
#[component]
pub(super) fn Results(
    /// What was looked for.
    search: Search,
    /// What was found.
    page: ListingPage,
) -> impl IntoView {
    if page.listings.is_empty() {
        return view! { <NothingFound search=search /> }.into_any();
    }
    let from_start = search.cursor.is_none();
    let set_size = (from_start && !page.facets.is_partial).then(|| count(&search, &page));
    let filter = search.filter();
    let first = Page { items: page.listings, next_cursor: page.next_cursor };
    let grid = Grid::new(
        search.cursor.clone(),
        first,
        Arc::new(move |cursor| -> PageAnswer<ListingSummary> {
            let mut filter = filter.clone();
            filter.page.cursor = cursor;
            Box::pin(async move {
                let page = browse_listings(filter).await?;
                Ok(Page { items: page.listings, next_cursor: page.next_cursor })
            })
        }),
    );
    let begin = search.at(None).href();
    let search = StoredValue::new(search);
    let next = move || search.with_value(|search| search.at(grid.next()).href());
    let show_more = move |event: MouseEvent| {
        // A click that asks for a new tab or window stays a plain link.
        if event.ctrl_key() || event.meta_key() || event.shift_key() {
            return;
        }
        event.prevent_default();
        if !untrack(|| grid.is_growing()) {
            grid.show_more(LIST);
        }
    };
    let card = |listing: ListingSummary| view! { <ListingCard listing /> }.into_any();
    view! {
        {(!from_start)
            .then(|| view! { <p><a href=begin>{tr("Back to the beginning of the list")}</a></p> })}
        <a class="visually-hidden marketplace__skip" href=format!("#{END}") rel="external">
            {tr("Skip the list")}
        </a>
        <VirtualGrid
            id=LIST
            class="listing-grid"
            item_class="listing-grid__item"
            grid=grid
            set_size=set_size
            card=card
        />
        <div id=END class="marketplace__end" tabindex="-1">
            <Show when=move || grid.next().is_some() || grid.error().is_some()>
                <p class="marketplace__more">
                    <a
                        class="button"
                        class:is-busy=move || grid.is_growing()
                        href=next
                        on:click=show_more
                    >
                        {move || match (grid.is_growing(), grid.error()) {
                            (true, _) => tr("Loading…"),
                            (false, Some(_)) => tr("Try again"),
                            (false, None) => tr("Show more"),
                        }}
                    </a>
                </p>
            </Show>
        </div>
    }
    .into_any()
}

/// Says that nothing matches, and what to try instead.
#[component]
fn NothingFound(
    /// What was looked for.
    search: Search,
) -> impl IntoView {
    if search.is_plain() {
        return view! {
            <EmptyState
                icon=IconName::Store
                title=tr("The marketplace is empty")
                text=tr("Nothing has been published here yet. You can build an agent of your own.")
            >
                <LinkButton href=paths::NEW_AGENT kind=ButtonKind::Primary>
                    {tr("New agent")}
                </LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    let title = if search.text.is_empty() {
        tr("Nothing here").to_owned()
    } else {
        tr_with("Nothing matches “{text}”", &[("text", &search.text)])
    };
    let wider = (search.narrowed() > 0).then(|| {
        view! { <LinkButton href=search.widened().href()>{tr("Clear all filters")}</LinkButton> }
    });
    let elsewhere = search.category.filter(|_| !search.text.is_empty()).map(|_| {
        let href = search.with_category(None).href();
        view! { <LinkButton href=href>{tr("Search in all categories")}</LinkButton> }
    });
    view! {
        <EmptyState
            icon=IconName::Search
            title=title
            text=tr("Try fewer words or other ones: what the agent reads, or what it should give back.")
        >
            {wider}
            {elsewhere}
            <LinkButton href=paths::MARKETPLACE>{tr("Show all agents")}</LinkButton>
        </EmptyState>
    }
    .into_any()
}

/// How many listings there are.
fn count(search: &Search, page: &ListingPage) -> i64 {
    let Some(wanted) = search.category else { return page.total };
    let held = page.categories.iter().find(|held| held.category == wanted);
    held.map_or(0, |held| held.count)
}

/// How many listings there are, as a sentence.
pub(super) fn count_text(search: &Search, page: &ListingPage) -> String {
    let count = count(search, page);
    let place = search
        .category
        .map(|category| tr_with(" in {category}", &[("category", &tr(Category::title(category)))]));
    let text = page.corrected.as_ref().unwrap_or(&search.text);
    let words = (!text.is_empty()).then(|| tr_with(" for “{text}”", &[("text", text)]));
    let instead = page.corrected.as_ref().map(|corrected| {
        tr_with(
            "Nothing matches “{text}”. Showing results for “{corrected}”: ",
            &[("text", &search.text), ("corrected", corrected)],
        )
    });
    let more = if page.facets.is_partial { tr("At least ") } else { "" };
    format!(
        "{}{more}{}{}{}",
        instead.unwrap_or_default(),
        counted(count, key("{n} agent"), key("{n} agents")),
        place.unwrap_or_default(),
        words.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use resonant_domain::listing::{CategoryCount, Facets};

    use super::*;

    #[test]
    fn the_count_is_that_of_the_chosen_category() {
        let mut page = ListingPage {
            listings: Vec::new(),
            next_cursor: None,
            total: 29,
            categories: vec![CategoryCount { category: Category::Sales, count: 1 }],
            facets: Facets::default(),
            corrected: None,
        };
        let mut search = Search::default();
        assert_eq!(count_text(&search, &page), "29 agents");
        search.category = Some(Category::Sales);
        assert_eq!(count_text(&search, &page), "1 agent in Sales");
        search.category = Some(Category::Custom);
        search.text = "x".to_owned();
        assert_eq!(count_text(&search, &page), "0 agents in Custom for “x”");
        page.corrected = Some("y".to_owned());
        search.category = None;
        assert_eq!(
            count_text(&search, &page),
            "Nothing matches “x”. Showing results for “y”: 29 agents for “y”"
        );
    }
}
