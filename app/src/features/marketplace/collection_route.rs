//! `/marketplace/collections/{slug}`: a shelf of the marketplace.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use resonant_domain::collection::Collection;

use super::api::get_collection;
use super::listing_card::{listings_section, not_to_be_seen};
use crate::error::AppError;
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::public_head::{PublicHead, cards};
use crate::ui::{LinkButton, PageHead, Skeleton, kept};

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
                {kept(move || async move {
                    match collection.await {
                        Ok(collection) => page(collection),
                        Err(error) => not_to_be_seen(error),
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
    let card = cards::of_collection(&collection);
    let Collection { slug, title, description, listings, .. } = collection;
    let about = if description.is_empty() {
        tr_with("Agents: {title}", &[("title", &title)])
    } else {
        description.clone()
    };
    view! {
        <Title text=title.clone() />
        <PublicHead title=title.clone() description=about path=paths::collection(&slug) card />
        <script type="application/ld+json" inner_html=data></script>
        <div class="marketplace">
            <PageHead title lead=description>
                <LinkButton href=paths::MARKETPLACE>{tr("All agents")}</LinkButton>
            </PageHead>
            {listings_section(
                listings,
                tr("This shelf is empty"),
                tr("What stood here is not in the marketplace at present."),
            )}
        </div>
    }
    .into_any()
}
