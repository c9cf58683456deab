use resonant_domain::FaultKind;
use resonant_domain::listing::ListingFilter;
use sqlx::PgPool;

use super::*;
use crate::publications::tests::admin;
use crate::sample;

fn new(title: &str, listings: &[&str]) -> NewCollection {
    NewCollection {
        title: title.to_owned(),
        description: "For a start".to_owned(),
        is_featured: true,
        listings: listings.iter().map(|slug| (*slug).to_owned()).collect(),
    }
}

fn kind<T>(answer: Result<T>) -> Option<FaultKind> {
    answer.err().map(|error| error.kind())
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_shelf_holds_its_listings_in_their_order(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    backend.load_content().await.unwrap();
    let root = admin(&backend).await;
    let nobody = backend.anonymous();
    assert!(featured(&nobody).await.unwrap().is_empty());
    let wanted = ["world-clock", "unit-converter", "invoice-reader"];
    let slug = create(&root, new("First steps", &wanted)).await.unwrap();
    assert_eq!(slug, "first-steps");
    let found = get(&nobody, "first-steps").await.unwrap();
    let slugs: Vec<_> = found.listings.iter().map(|listing| listing.slug.as_str()).collect();
    assert_eq!(slugs, wanted);
    assert_eq!(featured(&nobody).await.unwrap(), [found]);

    let error = create(&root, new("First steps!", &[])).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "title");
    let error = update(&root, &slug, new("First", &["nothing-here"])).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "listings");
    assert_eq!(get(&nobody, &slug).await.unwrap().title, "First steps", "nothing has changed");
    let changed = NewCollection { is_featured: false, ..new("Second steps", &wanted[1..]) };
    update(&root, &slug, changed).await.unwrap();
    assert_eq!(get(&nobody, &slug).await.unwrap().listings.len(), 2);
    assert!(featured(&nobody).await.unwrap().is_empty());
    assert_eq!(list(&nobody, PageRequest::default()).await.unwrap().items.len(), 1);
    delete(&root, &slug).await.unwrap();
    assert_eq!(kind(get(&nobody, &slug).await), Some(FaultKind::NotFound));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_front_shows_the_first_listings_of_the_newest_shelves(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    backend.load_content().await.unwrap();
    let (root, nobody) = (admin(&backend).await, backend.anonymous());
    let page = listings::browse(&nobody, ListingFilter::default()).await.unwrap();
    let slugs: Vec<_> = page.listings.iter().map(|listing| listing.slug.as_str()).collect();
    // Neither in the order of their names nor in that of their installs.
    let many: Vec<_> = slugs[..8].iter().rev().copied().collect();
    create(&root, new("Oldest", &slugs[..1])).await.unwrap();
    create(&root, new("Many", &many)).await.unwrap();
    create(&root, new("Empty", &[])).await.unwrap();
    let hidden = NewCollection { is_featured: false, ..new("Hidden", &slugs[..1]) };
    create(&root, hidden).await.unwrap();

    let shelves = featured(&nobody).await.unwrap();
    let titles: Vec<_> = shelves.iter().map(|shelf| shelf.title.as_str()).collect();
    assert_eq!(titles, ["Many", "Oldest"]);
    let whole = get(&nobody, "many").await.unwrap();
    assert_eq!(whole.listings.len(), 8);
    assert_eq!(shelves[0].listings, whole.listings[..6]);
    assert_eq!(shelves[1], get(&nobody, "oldest").await.unwrap());

    let page = async |cursor| {
        featured_page(&nobody, PageRequest { cursor, limit: Some(1) }).await.unwrap()
    };
    let first = page(None).await;
    assert_eq!((first.collections.as_slice(), first.has_more), (&shelves[..1], true));
    let second = page(first.next_cursor).await;
    assert_eq!((second.collections.as_slice(), second.has_more), (&shelves[1..], false));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn only_moderators_put_shelves_up(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let root = admin(&backend).await;
    let slug = create(&root, new("Shelf", &[])).await.unwrap();
    let callers = [
        (sample::member(&backend, "ada").await.unwrap(), FaultKind::NotFound),
        (sample::guest(&backend).await.unwrap(), FaultKind::NotFound),
        (backend.anonymous(), FaultKind::Unauthenticated),
    ];
    for (ctx, expected) in callers {
        assert_eq!(kind(create(&ctx, new("Other", &[])).await), Some(expected));
        assert_eq!(kind(update(&ctx, &slug, new("Other", &[])).await), Some(expected));
        assert_eq!(kind(delete(&ctx, &slug).await), Some(expected));
    }
    // The database takes no text with a zero in it.
    for missing in ["no-shelf", "no\0shelf"] {
        let other = new("Other", &[]);
        assert_eq!(kind(update(&root, missing, other).await), Some(FaultKind::NotFound));
        assert_eq!(kind(delete(&root, missing).await), Some(FaultKind::NotFound));
    }
    let error = create(&root, new("Other", &["unit\0converter"])).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "listings");
}
