//! `/marketplace/collections/{slug}`: a shelf of the marketplace.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use resonant_domain::FaultKind;
use resonant_domain::collection::Collection;

use super::api::get_collection;
use super::listing_card::ListingCard;
use crate::app::NotFoundPage;
use crate::error::AppError;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::public_head::PublicHead;
use crate::ui::{EmptyState, ErrorPanel, IconName, LinkButton, PageHead, Skeleton};

/// A collection.
pub struct CollectionRoute(Resource<Result<Collection, AppError>>);

impl LazyPage for CollectionRoute {
    fn data() -> Self {
        let params = use_params_map();
        let slug = Memo::new(move |_| params.read().get("slug").unwrap_or_default());
        Self(Resource::new_blocking(move || slug.get(), get_collection))
    }

    fn view(this: Self) -> AnyView {
        let collection = this.0;
        view! {
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {move || Suspend::new(async move {
                    match collection.await {
                        Ok(collection) => page(collection),
                        Err(error) if error.kind == FaultKind::NotFound => {
                            view! { <NotFoundPage /> }.into_any()
                        }
                        Err(error) => {
                            view! {
                                <Title text=error.kind.title() />
                                <ErrorPanel error=error />
                            }
                                .into_any()
                        }
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn page(collection: Collection) -> AnyView {
    #[cfg(feature = "ssr")]
    let data = super::listing_data::collection_json_ld(&collection);
    // Search engines read what the server writes.
    #[cfg(not(feature = "ssr"))]
    let data = String::new();
    let Collection { slug, title, description, listings, .. } = collection;
    let about =
        if description.is_empty() { format!("Agents: {title}") } else { description.clone() };
    let cards: Vec<_> = listings
        .into_iter()
        .map(|listing| view! { <li class="listing-grid__item"><ListingCard listing /></li> })
        .collect();
    let cards = if cards.is_empty() {
        view! {
            <EmptyState
                icon=IconName::Store
                title="This shelf is empty"
                text="What stood here is not in the marketplace at present."
            >
                <LinkButton href=paths::MARKETPLACE>"Browse the marketplace"</LinkButton>
            </EmptyState>
        }
        .into_any()
    } else {
        view! { <ul class="listing-grid">{cards}</ul> }.into_any()
    };
    view! {
        <Title text=title.clone() />
        <PublicHead title=title.clone() description=about path=paths::collection(&slug) />
        <script type="application/ld+json" inner_html=data></script>
        <div class="marketplace">
            <PageHead title lead=description>
                <LinkButton href=paths::MARKETPLACE>"All agents"</LinkButton>
            </PageHead>
            <section aria-labelledby="listings-title">
                <h2 class="visually-hidden" id="listings-title">"Listings"</h2>
                {cards}
            </section>
        </div>
    }
    .into_any()
}
