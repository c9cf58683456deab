//! The marketplace's front: search, categories, templates and the grid of listings.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use resonant_domain::listing::{Category, ListingPage, ListingSummary};

use super::api::{Shelves, browse_listings, list_shelves};
use super::facet_panel::FacetPanel;
use super::filter_bar::{CategoryChips, FilterBar};
use super::follow_api::list_followed;
use super::listing_card::ListingTile;
use super::results::{Results, count_text};
use super::search::Search;
use crate::error::AppError;
use crate::language::{key, tr};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::public_head::{PublicHead, cards};
use crate::ui::{CardSkeletons, ErrorPanel, PageHead};

const LEAD: &str =
    key("Agents that do one job well. Open one, try it on your own text at once, and keep \
     it in your studio if you like it.");

/// The marketplace.
pub struct BrowseRoute {
    search: Memo<Search>,
    page: Resource<Result<ListingPage, AppError>>,
    shelves: Resource<Result<Shelves, AppError>>,
    followed: Resource<Result<Vec<ListingSummary>, AppError>>,
}

impl LazyPage for BrowseRoute {
    fn data() -> Self {
        let query = use_query_map();
        let search = Memo::new(move |_| query.with(|query| Search::read(|name| query.get(name))));
        let page = Resource::new_blocking(move || search.get().filter(), browse_listings);
        let shelves = Resource::new(
            move || search.with(Search::is_plain),
            |is_plain| async move {
                if is_plain { list_shelves().await } else { Ok(Shelves::default()) }
            },
        );
        // The one part that is the viewer's alone: nothing else on the page depends on who asks.
        let followed = Resource::new(
            move || search.with(Search::is_plain),
            |is_plain| async move { if is_plain { list_followed().await } else { Ok(Vec::new()) } },
        );
        Self { search, page, shelves, followed }
    }

    fn view(this: Self) -> AnyView {
        let BrowseRoute { search, page, shelves, followed } = this;
        view! { <BrowsePage search page shelves followed /> }.into_any()
    }
}

#[component]
fn BrowsePage(
    search: Memo<Search>,
    page: Resource<Result<ListingPage, AppError>>,
    shelves: Resource<Result<Shelves, AppError>>,
    followed: Resource<Result<Vec<ListingSummary>, AppError>>,
) -> impl IntoView {
    let category = Memo::new(move |_| search.with(|search| search.category));
    // The head is written last: a visitor who left before that has taken the page along, and the
    // language is known no more.
    let (front, agents) = (tr("Marketplace"), tr("{category} agents"));
    let names = Category::ALL.map(|category| (category, tr(category.title())));
    let title = move || {
        let chosen = category.try_get().flatten();
        let name = names.into_iter().find(|(category, _)| Some(*category) == chosen);
        name.map_or_else(|| front.to_owned(), |(_, name)| agents.replace("{category}", name))
    };
    // One address per category stands for all its searches, orders and pages.
    let canonical =
        move || Search { category: category.try_get().flatten(), ..Search::default() }.href();

    let count = move || {
        let page = page.get()?.ok()?;
        Some(search.with_untracked(|search| count_text(search, &page)))
    };
    let results = move || {
        let answer = page.get()?;
        Some(match answer {
            Ok(page) => {
                let search = search.get_untracked();
                #[cfg(feature = "ssr")]
                let data = super::listing_data::page_json_ld(&page.listings);
                // Search engines read what the server writes.
                #[cfg(not(feature = "ssr"))]
                let data = String::new();
                view! {
                    <script type="application/ld+json" inner_html=data></script>
                    <Results search=search page=page />
                }
                .into_any()
            }
            Err(error) => view! { <ErrorPanel error=error /> }.into_any(),
        })
    };
    let facets = move || {
        let facets = page.get()?.ok()?.facets;
        let search = search.get_untracked();
        Some(view! { <FacetPanel search facets /> })
    };
    let shelf = move || {
        let Shelves { featured, templates } = shelves.get()?.ok()?;
        let mut shown: Vec<_> = featured
            .into_iter()
            .map(|shelf| {
                let href = paths::collection(&shelf.slug);
                view_shelf(shelf.slug, shelf.title, Some(href), shelf.listings)
            })
            .collect();
        if !templates.is_empty() {
            let title = tr("Good first agents").to_owned();
            shown.push(view_shelf("first".to_owned(), title, None, templates));
        }
        Some(shown)
    };
    let news = move || {
        let listings = followed.get()?.ok()?;
        let title = tr("New from publishers you follow").to_owned();
        let href = Some(paths::FOLLOWING.to_owned());
        (!listings.is_empty()).then(|| view_shelf("followed".to_owned(), title, href, listings))
    };
    view! {
        <Title text=title />
        <PublicHead
            title=Signal::derive(title)
            description=tr(LEAD)
            path=Signal::derive(canonical)
            card=cards::of_the_site()
        />
        <div class="marketplace">
            <PageHead title=tr("Marketplace") lead=tr(LEAD) />
            <FilterBar search=search />
            <Transition>
                <CategoryChips search=search page=page />
            </Transition>
            <Transition>{facets}</Transition>
            <Transition>{news}</Transition>
            <Transition>{shelf}</Transition>
            <section class="marketplace__results" aria-labelledby="results-title">
                <h2 class="visually-hidden" id="results-title">{tr("Agents")}</h2>
                <Transition fallback=|| view! { <CardSkeletons count=9 /> }>
                    <p class="marketplace__count" role="status">{count}</p>
                    {results}
                </Transition>
            </section>
        </div>
    }
}

/// A row of listings under a title, which leads to all of them where there is such a page.
fn view_shelf(
    id: String,
    title: String,
    href: Option<String>,
    listings: Vec<ListingSummary>,
) -> AnyView {
    /// A shelf shows so many.
    const SHOWN: usize = 6;

    let tiles: Vec<_> = listings
        .into_iter()
        .take(SHOWN)
        .map(|listing| view! { <li class="shelf__item"><ListingTile listing=listing /></li> })
        .collect();
    let id = format!("shelf-{id}");
    let own = id.clone();
    let title = match href {
        Some(href) => view! { <a href=href>{title}</a> }.into_any(),
        None => title.into_any(),
    };
    view! {
        <section class="shelf" aria-labelledby=id>
            <h2 class="shelf__title" id=own>{title}</h2>
            <ul class="shelf__tiles">{tiles}</ul>
        </section>
    }
    .into_any()
}
