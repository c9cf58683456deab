//! What search engines, and sites that a link is shared on, read about a page that anyone may see.

use leptos::prelude::*;
use leptos_meta::{Link, Meta};

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
) -> impl IntoView {
    // Whoever leaves while the head is written takes the signals along.
    let address = move || paths::absolute(&path.try_get().unwrap_or_default());
    let description = move || description.try_get().unwrap_or_default();
    let title = move || title.try_get().unwrap_or_default();
    view! {
        <Meta name="description" content=description />
        <Meta property="og:type" content="website" />
        <Meta property="og:site_name" content="Resonant" />
        <Meta property="og:title" content=title />
        <Meta property="og:description" content=description />
        <Meta property="og:url" content=address />
        {move || view! { <Link rel="canonical" href=address() /> }}
    }
}
