//! What search engines are told of.

use std::collections::BTreeSet;

use resonant_backend::fresh_database;

use crate::support::TestApp;

/// The paths that a map names, with what stands behind each address.
fn places(map: &str) -> Vec<(&str, &str)> {
    let entries = map.split("<loc>http://resonant.test").skip(1);
    entries.map(|entry| entry.split_once("</loc>").unwrap()).collect()
}

#[tokio::test]
async fn a_map_tells_when_a_listing_has_changed() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let change = "UPDATE listings SET updated_at = '2026-02-03T04:05:06.789Z'";
    fresh_database::execute(&app.database_url(), change).await;
    let map = app.get("/sitemap.xml").await.text();
    let listing = "<url><loc>http://resonant.test/marketplace/unit-converter</loc>\
                   <lastmod>2026-02-03T04:05:06Z</lastmod></url>\n";
    assert!(map.contains(listing), "{map}");
    assert!(map.contains("<url><loc>http://resonant.test/</loc></url>\n"), "{map}");
    app.end().await;
}

#[tokio::test]
async fn many_listings_are_told_of_in_several_maps() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let many = "
        INSERT INTO listings (listing_id, slug, name, tagline, category, avatar, publisher,
                              description, examples, is_template, version, created_at, updated_at)
        SELECT gen_random_uuid(), 'listing-' || n, 'Listing', '', 'custom', '{}', 'Someone',
               '', '[]', FALSE, 1, now(), now()
        FROM generate_series(1, 10000) n";
    fresh_database::execute(&app.database_url(), many).await;

    let index = app.get("/sitemap.xml").await;
    assert_eq!(index.header("content-type"), "application/xml; charset=utf-8");
    let index = index.text();
    assert!(index.contains("<sitemapindex xmlns="), "{index}");
    let maps: Vec<_> = places(&index).into_iter().map(|(path, _)| path).collect();
    assert_eq!(maps.len(), 3, "{index}");
    let mut told = BTreeSet::new();
    for path in &maps {
        let map = app.get(path).await;
        assert_eq!(map.status, 200, "{path}: {map:?}");
        let map = map.text();
        let places = places(&map);
        assert!((1..=10_000).contains(&places.len()), "{path} has {}", places.len());
        for (place, behind) in places {
            assert!(told.insert(place.to_owned()), "{place} once more in {path}");
            let is_listing = *path != maps[0];
            assert_eq!(behind.starts_with("<lastmod>"), is_listing, "{place}{behind}");
        }
    }
    for place in ["/", "/marketplace?category=custom", "/marketplace/unit-converter"] {
        assert!(told.contains(place), "lacks {place}");
    }
    let made = |number: u32| told.contains(&format!("/marketplace/listing-{number}"));
    assert!((1..=10_000).all(made));

    assert_eq!(app.get("/sitemap-listings.xml?from=No+slug").await.status, 404);
    assert_eq!(app.get("/sitemap-listings.xml").await.status, 400);
    app.end().await;
}
