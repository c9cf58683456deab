//! Where a visitor says what they look for.

use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use resonant_domain::listing::{Category, ListingPage, ListingSort, QUERY_MAX};

use super::figures::grouped;
use super::search::Search;
use crate::error::AppError;
use crate::language::{key, tr};
use crate::paths;
use crate::typed_search::TypedSearch;
use crate::ui::{Button, Icon, IconName, Select};

/// Search text and order. Without scripts it is a plain form that leads to the same address.
#[component]
pub(super) fn FilterBar(
    /// What is being looked for.
    search: Memo<Search>,
) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    // The text of the address that was asked for last: what is typed meanwhile is not overwritten
    // by its own echo, while back and forward do write into the field.
    let asked = StoredValue::new(search.with_untracked(|search| search.text.clone()));
    let typed = TypedSearch::new(move |text| {
        let next = search.with_untracked(|search| search.with_text(&text));
        let is_other = asked.with_value(|asked| *asked != next.text);
        is_other.then(|| {
            asked.set_value(next.text.clone());
            next.href()
        })
    });

    Effect::new(move |seen: Option<()>| {
        let text = search.with(|search| search.text.clone());
        let Some(field) = field.get() else { return };
        if seen.is_none() && field.value().trim() != text {
            // Typed before the page was live.
            typed.ask(field.value());
        } else if asked.with_value(|asked| *asked != text) {
            field.set_value(&text);
            asked.set_value(text);
        }
    });

    let navigate = use_navigate();
    let sort = Callback::new(move |value: String| {
        let sort = ListingSort::parse(&value).unwrap_or_default();
        let next = search.with_untracked(|search| search.with_sort(sort));
        let options = NavigateOptions { scroll: false, ..Default::default() };
        navigate(&next.href(), options);
    });
    let orders = ListingSort::ALL
        .map(|sort| (sort.as_str().to_owned(), tr(sort.title()).to_owned()))
        .to_vec();
    let chosen = Signal::derive(move || search.with(|search| search.sort.as_str().to_owned()));
    // What narrows the search beside what the form asks for stays.
    let hidden = move || {
        let pairs = search.with(|search| search.with(|next| next.text.clear()).pairs());
        let pairs = pairs.into_iter().filter(|(name, _)| *name != "sort");
        pairs
            .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
            .collect_view()
    };

    view! {
        <form
            class="filter-bar"
            role="search"
            method="get"
            action=paths::MARKETPLACE
            on:submit=move |event| {
                event.prevent_default();
                if let Some(field) = field.get_untracked() {
                    typed.ask(field.value());
                }
            }
        >
            <div class="field filter-bar__search">
                <label class="field__label" for="marketplace-search">{tr("Search")}</label>
                <div class="filter-bar__box">
                    <Icon name=IconName::Search />
                    <input
                        node_ref=field
                        class="field__control filter-bar__input"
                        id="marketplace-search"
                        type="search"
                        name="q"
                        value=search.with_untracked(|search| search.text.clone())
                        maxlength=QUERY_MAX.to_string()
                        placeholder=tr("Invoices, meeting notes, JSON…")
                        autocomplete="off"
                        enterkeyhint="search"
                        on:input=move |event| typed.ask_soon(event_target_value(&event))
                    />
                </div>
            </div>
            <div class="filter-bar__sort">
                <Select label=tr("Sort by") name="sort" options=orders value=chosen on_change=sort />
            </div>
            {hidden}
            <Button>{tr("Search")}</Button>
        </form>
    }
}

/// The categories with how many listings each holds under the search text.
#[component]
pub(super) fn CategoryChips(
    /// What is being looked for.
    search: Memo<Search>,
    /// The newest answer. Read inside a `Transition`.
    page: Resource<Result<ListingPage, AppError>>,
) -> impl IntoView {
    let count = move |category: Option<Category>| {
        let page = page.get()?.ok()?;
        Some(match category {
            None => page.total,
            Some(category) => {
                let held = page.categories.iter().find(|held| held.category == category);
                held.map_or(0, |held| held.count)
            }
        })
    };
    // Every chip stays where it is while the counts change, so that the keyboard's focus stays too.
    let chip = move |category: Option<Category>| {
        let is_chosen = move || search.with(|search| search.category == category);
        let is_idle = move || count(category) == Some(0) && !is_chosen() && category.is_some();
        view! {
            <li class="chips__item" hidden=is_idle>
                <a
                    class="chip"
                    class:is-selected=is_chosen
                    href=move || search.with(|search| search.with_category(category).href())
                    aria-current=move || is_chosen().then_some("true")
                    data-noscroll="true"
                >
                    {category.map(|category| view! { <Icon name=IconName::of_category(category) /> })}
                    <span>{tr(category.map_or(key("All"), Category::title))}</span>
                    <span class="chip__count">{move || count(category).map(grouped)}</span>
                </a>
            </li>
        }
    };
    view! {
        <nav class="marketplace__categories" aria-label=tr("Categories")>
            <ul class="chips">
                {chip(None)}
                {Category::ALL.into_iter().map(|category| chip(Some(category))).collect_view()}
            </ul>
        </nav>
    }
}
