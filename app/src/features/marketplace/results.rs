//! The listings that were found.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use resonant_domain::listing::{Category, ListingFilter, ListingPage};

use super::api::browse_listings;
use super::figures::counted;
use super::listing_card::ListingCard;
use super::search::Search;
use crate::paths;
use crate::ui::{ButtonKind, EmptyState, ErrorPanel, IconName, LinkButton};

/// A page of listings and the way to the next one: a plain link that, once the page is live, adds
/// to what is shown instead.
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
    let shown = RwSignal::new(page.listings);
    let next = RwSignal::new(page.next_cursor);
    let more = Action::new(|filter: &ListingFilter| browse_listings(filter.clone()));
    let answer = more.value();
    Effect::new(move || {
        if let Some(Ok(page)) = answer.get() {
            shown.update(|shown| shown.extend(page.listings));
            next.set(page.next_cursor);
        }
    });
    let failed = move || answer.with(|answer| answer.as_ref()?.as_ref().err().cloned());

    let begin = search.cursor.is_some().then(|| search.at(None).href());
    let search = StoredValue::new(search);
    let next_search = move || search.with_value(|search| search.at(next.get()));
    let show_more = move |event: MouseEvent| {
        // A click that asks for a new tab or window stays a plain link.
        if event.ctrl_key() || event.meta_key() || event.shift_key() {
            return;
        }
        event.prevent_default();
        if !more.pending().get_untracked() {
            more.dispatch(next_search().filter());
        }
    };
    view! {
        {begin
            .map(|href| view! { <p><a href=href>"Back to the beginning of the list"</a></p> })}
        <ul class="listing-grid">
            <For each=move || shown.get() key=|listing| listing.id let:listing>
                <li class="listing-grid__item">
                    <ListingCard listing=listing />
                </li>
            </For>
        </ul>
        {move || failed().map(|error| view! { <ErrorPanel error=error /> })}
        <Show when=move || next.with(Option::is_some)>
            <p class="marketplace__more">
                <a
                    class="button"
                    class:is-busy=move || more.pending().get()
                    href=move || next_search().href()
                    on:click=show_more
                >
                    {move || if more.pending().get() { "Loading…" } else { "Show more" }}
                </a>
            </p>
        </Show>
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
                title="The marketplace is empty"
                text="Nothing has been published here yet. You can build an agent of your own."
            >
                <LinkButton href=paths::NEW_AGENT kind=ButtonKind::Primary>
                    "New agent"
                </LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    let title = if search.text.is_empty() {
        "Nothing here".to_owned()
    } else {
        format!("Nothing matches “{}”", search.text)
    };
    let wider = (search.narrowed() > 0).then(|| {
        view! { <LinkButton href=search.widened().href()>"Clear all filters"</LinkButton> }
    });
    let elsewhere = search.category.filter(|_| !search.text.is_empty()).map(|_| {
        let href = search.with_category(None).href();
        view! { <LinkButton href=href>"Search in all categories"</LinkButton> }
    });
    view! {
        <EmptyState
            icon=IconName::Search
            title=title
            text="Try fewer words or other ones: what the agent reads, or what it should give back."
        >
            {wider}
            {elsewhere}
            <LinkButton href=paths::MARKETPLACE>"Show all agents"</LinkButton>
        </EmptyState>
    }
    .into_any()
}

/// How many listings there are, as a sentence.
pub(super) fn count_text(search: &Search, page: &ListingPage) -> String {
    let count = match search.category {
        None => page.total,
        Some(wanted) => {
            let held = page.categories.iter().find(|held| held.category == wanted);
            held.map_or(0, |held| held.count)
        }
    };
    let place = search.category.map(|category| format!(" in {}", Category::title(category)));
    let words = (!search.text.is_empty()).then(|| format!(" for “{}”", search.text));
    let more = if page.facets.is_partial { "At least " } else { "" };
    format!(
        "{more}{}{}{}",
        counted(count, "agent"),
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
        let page = ListingPage {
            listings: Vec::new(),
            next_cursor: None,
            total: 29,
            categories: vec![CategoryCount { category: Category::Sales, count: 1 }],
            facets: Facets::default(),
        };
        let mut search = Search::default();
        assert_eq!(count_text(&search, &page), "29 agents");
        search.category = Some(Category::Sales);
        assert_eq!(count_text(&search, &page), "1 agent in Sales");
        search.category = Some(Category::Custom);
        search.text = "x".to_owned();
        assert_eq!(count_text(&search, &page), "0 agents in Custom for “x”");
    }
}
