//! What search engines read about a listing. The server alone writes it.

use resonant_domain::collection::Collection;
use resonant_domain::listing::{Listing, ListingSummary};
use resonant_domain::price::{Interval, Price};
use resonant_domain::publisher::Publisher;

use crate::paths;

fn author(summary: &ListingSummary) -> serde_json::Value {
    match &summary.publisher_handle {
        None => serde_json::json!({ "@type": "Organization", "name": summary.publisher }),
        Some(handle) => serde_json::json!({
            "@type": "Person",
            "name": summary.publisher,
            "url": paths::absolute(&paths::publisher(handle)),
        }),
    }
}

/// What search engines read about a publisher (schema.org), as the text of a script element.
pub(super) fn publisher_json_ld(publisher: &Publisher) -> String {
    let data = serde_json::json!({
        "@context": "https://schema.org",
        "@type": "ProfilePage",
        "dateCreated": publisher.created_at,
        "mainEntity": {
            "@type": "Person",
            "name": publisher.name,
            "alternateName": publisher.handle,
            "description": publisher.bio,
            "url": paths::absolute(&paths::publisher(&publisher.handle)),
        },
    });
    data.to_string().replace('<', "\\u003c")
}

/// What search engines read about a collection (schema.org), as the text of a script element.
pub(super) fn collection_json_ld(collection: &Collection) -> String {
    let data = serde_json::json!({
        "@context": "https://schema.org",
        "@type": "ItemList",
        "name": collection.title,
        "description": collection.description,
        "itemListElement": items(&collection.listings),
    });
    data.to_string().replace('<', "\\u003c")
}

/// What search engines read about a page of the marketplace (schema.org), as the text of a script element.
pub(super) fn page_json_ld(listings: &[ListingSummary]) -> String {
    let data = serde_json::json!({
        "@context": "https://schema.org",
        "@type": "ItemList",
        "itemListElement": items(listings),
    });
    data.to_string().replace('<', "\\u003c")
}

/// Listings in their order, each by its name and its page.
fn items(listings: &[ListingSummary]) -> Vec<serde_json::Value> {
    let item = |(place, listing): (u32, &ListingSummary)| {
        serde_json::json!({
            "@type": "ListItem",
            "position": place,
            "name": listing.name,
            "url": paths::absolute(&paths::listing(&listing.slug)),
        })
    };
    (1..).zip(listings).map(item).collect()
}

/// What a listing costs. A price for a span of time says so, by the codes of UN/CEFACT.
fn offer(price: &Price) -> serde_json::Value {
    let amount = price.currency.decimal(price.amount.unsigned_abs());
    let currency = price.currency.as_str();
    let mut offer = serde_json::json!({
        "@type": "Offer",
        "price": if price.is_free() { "0".to_owned() } else { amount.clone() },
        "priceCurrency": currency,
    });
    if let Some(interval) = price.interval {
        let unit = match interval {
            Interval::Day => "DAY",
            Interval::Week => "WEE",
            Interval::Month => "MON",
            Interval::Year => "ANN",
        };
        offer["priceSpecification"] = serde_json::json!({
            "@type": "UnitPriceSpecification",
            "price": amount,
            "priceCurrency": currency,
            "referenceQuantity": { "@type": "QuantitativeValue", "value": 1, "unitCode": unit },
        });
    }
    offer
}

/// What search engines read about a listing (schema.org), as the text of a script element.
pub(super) fn json_ld(listing: &Listing) -> String {
    let summary = &listing.summary;
    let mut data = serde_json::json!({
        "@context": "https://schema.org",
        "@type": "SoftwareApplication",
        "name": summary.name,
        "url": paths::absolute(&paths::listing(&summary.slug)),
        "description": summary.tagline,
        "applicationCategory": summary.category.title(),
        "operatingSystem": "Any",
        "softwareVersion": listing.version.to_string(),
        "author": author(summary),
        "datePublished": listing.created_at,
        "dateModified": listing.updated_at,
        "offers": offer(&summary.price),
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
    use resonant_domain::listing::{Category, ListingState};

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
                picture: None,
                publisher: "Resonant".to_owned(),
                installs: 0,
                rating_count,
                rating_hundredths: 437,
                is_template: false,
                publisher_handle: None,
                is_verified: false,
                median_cost: None,
                price: Price::FREE,
                highlights: None,
            },
            description: String::new(),
            tags: Vec::new(),
            state: ListingState::Published,
            examples: Vec::new(),
            agent: AgentSpec::default(),
            version: 1,
            created_at: "2026-11-23T00:00:00Z".parse().unwrap(),
            updated_at: "2026-11-23T00:00:00Z".parse().unwrap(),
            versions: Vec::new(),
            deprecation: None,
            showcase: None,
            screenshots: Vec::new(),
            forked_from: None,
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
    fn a_price_is_told_as_an_offer() {
        use resonant_domain::price::PriceKind;

        let mut listing = listing("R", 0);
        let data: serde_json::Value = serde_json::from_str(&json_ld(&listing)).unwrap();
        assert_eq!(data["offers"]["price"], "0");
        let interval = Some(Interval::Month);
        listing.summary.price =
            Price { kind: PriceKind::Subscription, amount: 999, interval, ..Price::FREE };
        let data: serde_json::Value = serde_json::from_str(&json_ld(&listing)).unwrap();
        assert_eq!(
            (&data["offers"]["price"], &data["offers"]["priceCurrency"]),
            (&"9.99".into(), &"USD".into())
        );
        let unit = &data["offers"]["priceSpecification"]["referenceQuantity"]["unitCode"];
        assert_eq!(unit, "MON");
    }

    #[test]
    fn ratings_are_told_only_when_there_are_any() {
        let data: serde_json::Value = serde_json::from_str(&json_ld(&listing("R", 0))).unwrap();
        assert_eq!(data.get("aggregateRating"), None);
        let data: serde_json::Value = serde_json::from_str(&json_ld(&listing("R", 3))).unwrap();
        assert_eq!(data["aggregateRating"]["ratingValue"], 4.37);
    }
}
