//! One listing: what it does, what it asks for, and the form to try it.

use leptos::prelude::*;
use leptos_meta::{Link, Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::FaultKind;
use resonant_domain::listing::Listing;

use super::api::{OpenedListing, get_listing};
use super::listing_facts::ListingFacts;
use super::listing_head::ListingHead;
use super::try_panel::TryPanel;
use crate::error::AppError;
use crate::lazy_page::LazyPage;
use crate::ui::{ButtonKind, CopyButton, EmptyState, ErrorPanel, IconName, LinkButton, Skeleton};
use crate::{paths, ssr};

/// One listing.
pub struct ListingRoute {
    listing: Resource<Result<OpenedListing, AppError>>,
}

impl LazyPage for ListingRoute {
    fn data() -> Self {
        let params = use_params_map();
        let slug = Memo::new(move |_| params.with(|params| params.get("slug").unwrap_or_default()));
        Self { listing: Resource::new_blocking(move || slug.get(), get_listing) }
    }

    fn view(this: Self) -> AnyView {
        let ListingRoute { listing } = this;
        let page = move || {
            Some(match listing.get()? {
                Ok(opened) => view! { <ListingPage opened=opened /> }.into_any(),
                Err(error) if error.kind == FaultKind::NotFound => {
                    ssr::not_found();
                    view! { <NoListing /> }.into_any()
                }
                Err(error) => view! {
                    <Title text=error.kind.title() />
                    <ErrorPanel error=error />
                }
                .into_any(),
            })
        };
        view! { <Transition fallback=|| view! { <Skeleton lines=8 /> }>{page}</Transition> }
            .into_any()
    }
}

#[component]
fn ListingPage(opened: OpenedListing) -> impl IntoView {
    let OpenedListing { listing, language_model } = opened;
    let summary = listing.summary.clone();
    let query = use_query_map();
    // Counted from 1 in the address.
    let chosen =
        query.with_untracked(|query| query.get("example").and_then(|text| text.parse().ok()));
    let chosen = usize::saturating_sub(chosen.unwrap_or(1), 1);

    let data = json_ld(&listing);
    let paragraphs = listing
        .description
        .split("\n\n")
        .map(|paragraph| view! { <p>{paragraph.to_owned()}</p> })
        .collect_view();
    let prompt = listing.agent.system_prompt.clone();

    // Parts of their own type would make one so deep that a debug build runs out of stack.
    let head = view! { <ListingHead listing=summary.clone() /> }.into_any();
    let (slug, examples) = (summary.slug.clone(), listing.examples.clone());
    let form = view! { <TryPanel slug=slug examples=examples chosen=chosen /> }.into_any();
    let facts = view! { <ListingFacts listing=listing language_model=language_model /> }.into_any();
    view! {
        <Title text=summary.name.clone() />
        <Meta name="description" content=summary.tagline.clone() />
        <Meta property="og:type" content="website" />
        <Meta property="og:site_name" content="Resonant" />
        <Meta property="og:title" content=summary.name.clone() />
        <Meta property="og:description" content=summary.tagline.clone() />
        <Link rel="canonical" href=paths::listing(&summary.slug) />
        <script type="application/ld+json" inner_html=data></script>
        <article class="listing">
            {head}
            <div class="listing__columns">
                <div class="listing__main">
                    {form}
                    <section class="listing__section" aria-labelledby="about-title">
                        <h2 id="about-title">"What it does"</h2>
                        <div class="listing__prose">{paragraphs}</div>
                    </section>
                    <section class="listing__section" aria-labelledby="prompt-title">
                        <h2 id="prompt-title">"What it is told"</h2>
                        <p class="listing__note">
                            "The whole system prompt, as its publisher wrote it. Once the agent is in your studio you can change every word."
                        </p>
                        <details class="listing__prompt">
                            <summary>"Show the system prompt"</summary>
                            <pre class="listing__prompt-text" tabindex="0">{prompt.clone()}</pre>
                            <CopyButton text=prompt label="Copy the system prompt" />
                        </details>
                    </section>
                </div>
                {facts}
            </div>
        </article>
    }
}

/// Says that there is no such listing.
#[component]
fn NoListing() -> impl IntoView {
    view! {
        <Title text="Listing not found" />
        <h1 class="visually-hidden">"Listing not found"</h1>
        <EmptyState
            icon=IconName::Store
            title="There is no such listing"
            text="It may have been taken back by its publisher, or the address was mistyped."
        >
            <LinkButton href=paths::MARKETPLACE kind=ButtonKind::Primary>
                "Browse the marketplace"
            </LinkButton>
            <LinkButton href=paths::NEW_AGENT>"Build your own agent"</LinkButton>
        </EmptyState>
    }
}

/// What search engines read about a listing (schema.org), as the text of a script element.
fn json_ld(listing: &Listing) -> String {
    let summary = &listing.summary;
    let mut data = serde_json::json!({
        "@context": "https://schema.org",
        "@type": "SoftwareApplication",
        "name": summary.name,
        "description": summary.tagline,
        "applicationCategory": summary.category.title(),
        "operatingSystem": "Any",
        "softwareVersion": listing.version.to_string(),
        "author": { "@type": "Organization", "name": summary.publisher },
        "datePublished": listing.created_at,
        "dateModified": listing.updated_at,
        "offers": { "@type": "Offer", "price": "0", "priceCurrency": "USD" },
    });
    if summary.rating_count > 0 {
        data["aggregateRating"] = serde_json::json!({
            "@type": "AggregateRating",
            "ratingValue": f64::from(summary.rating_hundredths) / 100.0,
            "ratingCount": summary.rating_count,
            "bestRating": 5,
            "worstRating": 1,
        });
    }
    // Inside a script element only `<` could end it or open a comment.
    data.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent::{AgentSpec, Avatar};
    use resonant_domain::listing::{Category, ListingSummary};

    use super::*;

    fn listing(name: &str, rating_count: i64) -> Listing {
        Listing {
            summary: ListingSummary {
                id: "01900000-0000-7000-8000-000000000000".parse().unwrap(),
                slug: "reader".to_owned(),
                name: name.to_owned(),
                tagline: "Reads".to_owned(),
                category: Category::Research,
                avatar: Avatar::default(),
                publisher: "Resonant".to_owned(),
                installs: 0,
                rating_count,
                rating_hundredths: 437,
                is_template: false,
            },
            description: String::new(),
            examples: Vec::new(),
            agent: AgentSpec::default(),
            version: 1,
            created_at: "2026-11-23T00:00:00Z".parse().unwrap(),
            updated_at: "2026-11-23T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_name_cannot_leave_the_script() {
        let text = json_ld(&listing("</script><script>alert(1)", 0));
        assert!(!text.contains('<'), "{text}");
        let data: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(data["name"], "</script><script>alert(1)");
    }

    #[test]
    fn ratings_are_told_only_when_there_are_any() {
        let data: serde_json::Value = serde_json::from_str(&json_ld(&listing("R", 0))).unwrap();
        assert_eq!(data.get("aggregateRating"), None);
        let data: serde_json::Value = serde_json::from_str(&json_ld(&listing("R", 3))).unwrap();
        assert_eq!(data["aggregateRating"]["ratingValue"], 4.37);
    }
}
