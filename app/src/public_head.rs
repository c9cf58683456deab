//! What search engines, and sites that a link is shared on, read about a page that anyone may see.

use leptos::prelude::*;
use leptos_meta::{Link, Meta};

use crate::language::tr_with;
use crate::paths;

/// Description, canonical address and Open Graph of a public page. Its `<Title>` stands beside this.
#[component]
pub fn PublicHead(
    /// The title without the name of the site.
    #[prop(into)]
    title: Signal<String>,
    /// What there is to see, in a sentence.
    #[prop(into)]
    description: Signal<String>,
    /// The one path that stands for all addresses of this page.
    #[prop(into)]
    path: Signal<String>,
    /// Where the card is that stands for it on other sites, of [`cards`].
    card: String,
) -> impl IntoView {
    // Whoever leaves while the head is written takes the signals along.
    let address = move || paths::absolute(&path.try_get().unwrap_or_default());
    let description = move || description.try_get().unwrap_or_default();
    let title = move || title.try_get().unwrap_or_default();
    let card = paths::absolute(&card);
    let alt = move || tr_with("A card of Resonant: {title}", &[("title", &title())]);
    view! {
        <Meta name="description" content=description />
        <Meta property="og:type" content="website" />
        <Meta property="og:site_name" content="Resonant" />
        <Meta property="og:title" content=title />
        <Meta property="og:description" content=description />
        <Meta property="og:url" content=address />
        <Meta property="og:image" content=card />
        <Meta property="og:image:type" content="image/png" />
        <Meta property="og:image:width" content="1200" />
        <Meta property="og:image:height" content="630" />
        <Meta property="og:image:alt" content=alt />
        <Meta name="twitter:card" content="summary_large_image" />
        {move || view! { <Link rel="canonical" href=address() /> }}
    }
}

/// Where the cards are that stand for pages on other sites. Those sites read what the server writes: a
/// browser knows of none.
pub mod cards {
    #[cfg(feature = "ssr")]
    use resonant_backend::cards;
    use resonant_domain::collection::Collection;
    use resonant_domain::listing::ListingSummary;
    use resonant_domain::publisher::Publisher;

    /// The card of pages that have none of their own.
    pub fn of_the_site() -> String {
        #[cfg(feature = "ssr")]
        return cards::site_path();
        #[cfg(not(feature = "ssr"))]
        String::new()
    }

    /// The card of a listing.
    #[cfg_attr(
        not(feature = "ssr"),
        expect(unused_variables, reason = "the server alone reads it")
    )]
    pub fn of_listing(listing: &ListingSummary) -> String {
        #[cfg(feature = "ssr")]
        return cards::listing_path(listing);
        #[cfg(not(feature = "ssr"))]
        String::new()
    }

    /// The card of a publisher.
    #[cfg_attr(
        not(feature = "ssr"),
        expect(unused_variables, reason = "the server alone reads it")
    )]
    pub fn of_publisher(publisher: &Publisher) -> String {
        #[cfg(feature = "ssr")]
        return cards::publisher_path(publisher);
        #[cfg(not(feature = "ssr"))]
        String::new()
    }

    /// The card of a collection.
    #[cfg_attr(
        not(feature = "ssr"),
        expect(unused_variables, reason = "the server alone reads it")
    )]
    pub fn of_collection(collection: &Collection) -> String {
        #[cfg(feature = "ssr")]
        return cards::collection_path(collection);
        #[cfg(not(feature = "ssr"))]
        String::new()
    }
}
