use resonant_domain::FaultKind;
use resonant_domain::listing::ListingSort;
use resonant_domain::page::PageRequest;
use resonant_domain::publisher::Profile;
use sqlx::{AssertSqlSafe, PgPool, Row as _};

use super::*;
use crate::cache::tests::until;
use crate::{follows, members, publishers, sample};

async fn with_content(pool: PgPool) -> Backend {
    let backend = Backend::for_tests(pool);
    backend.load_content().await.unwrap();
    backend
}

fn query(text: &str) -> ListingFilter {
    ListingFilter { query: text.to_owned(), ..ListingFilter::default() }
}

async fn slugs(backend: &Backend, filter: ListingFilter) -> Vec<String> {
    let page = browse(&backend.anonymous(), filter).await.unwrap();
    page.listings.into_iter().map(|listing| listing.slug).collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_samples_are_published_once(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let count = backend.load_content().await.unwrap();
    assert!(count >= 24, "{count}");
    assert_eq!(backend.load_content().await.unwrap(), 0);
    let page = browse(&backend.anonymous(), ListingFilter::default()).await.unwrap();
    assert_eq!(usize::try_from(page.total).unwrap(), count);
    assert_eq!(page.categories.len(), Category::ALL.len());
    assert!(page.categories.is_sorted_by_key(|count| count.category));
    let templates = templates(&backend.anonymous()).await.unwrap();
    assert!(!templates.is_empty());
    assert!(templates.iter().all(|listing| listing.summary.is_template));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_search_finds_words_beginnings_and_misspellings(pool: PgPool) {
    let backend = with_content(pool).await;
    let all = slugs(&backend, ListingFilter::default()).await;
    for (text, wanted) in [
        ("meeting minutes", "meeting-minutes"),
        ("MEETING", "meeting-minutes"),
        ("meet", "meeting-minutes"),
        ("meting minuts", "meeting-minutes"),
    ] {
        let found = slugs(&backend, query(text)).await;
        assert_eq!(found.first().map(String::as_str), Some(wanted), "{text}: {found:?}");
        assert!(found.len() < all.len() / 2, "{text}: {found:?}");
    }
    for text in ["xyzzy quux", "'; DROP TABLE listings; --", "& | ! ( :*", "\\"] {
        let page = browse(&backend.anonymous(), query(text)).await.unwrap();
        assert!(page.total < 3, "{text}");
    }
    assert_eq!(slugs(&backend, query("   ")).await.len(), all.len());
    let error = browse(&backend.anonymous(), query(&"x".repeat(201))).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "query");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn pages_of_every_order_hold_every_listing_once(pool: PgPool) {
    let backend = with_content(pool).await;
    let ctx = backend.anonymous();
    let mut all = slugs(&backend, ListingFilter::default()).await;
    all.sort_unstable();
    for sort in ListingSort::ALL {
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = PageRequest { cursor, limit: Some(7) };
            let filter = ListingFilter { sort, page, ..ListingFilter::default() };
            let page = browse(&ctx, filter).await.unwrap();
            assert_eq!(usize::try_from(page.total).unwrap(), all.len());
            seen.extend(page.listings);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        if sort == ListingSort::Name {
            assert!(seen.is_sorted_by_key(|listing| listing.name.to_lowercase()));
        }
        let mut slugs: Vec<_> = seen.into_iter().map(|listing| listing.slug).collect();
        slugs.sort_unstable();
        assert_eq!(slugs, all, "{sort:?}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_category_narrows_the_list_and_not_the_counts(pool: PgPool) {
    let backend = with_content(pool).await;
    let whole = browse(&backend.anonymous(), ListingFilter::default()).await.unwrap();
    let filter = ListingFilter { category: Some(Category::Finance), ..ListingFilter::default() };
    let finance = browse(&backend.anonymous(), filter).await.unwrap();
    assert!(finance.listings.iter().all(|listing| listing.category == Category::Finance));
    assert_eq!((finance.total, &finance.categories), (whole.total, &whole.categories));
    let count = finance.categories.iter().find(|count| count.category == Category::Finance);
    assert_eq!(count.unwrap().count, i64::try_from(finance.listings.len()).unwrap());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_cursor_serves_its_own_search_alone(pool: PgPool) {
    let backend = with_content(pool).await;
    let ctx = backend.anonymous();
    let page = PageRequest { cursor: None, limit: Some(2) };
    let first = ListingFilter { page, ..ListingFilter::default() };
    let cursor = browse(&ctx, first.clone()).await.unwrap().next_cursor;
    let page = PageRequest { cursor, limit: Some(2) };
    for filter in [
        ListingFilter { sort: ListingSort::Name, page: page.clone(), ..first.clone() },
        ListingFilter { query: "mail".to_owned(), page: page.clone(), ..first.clone() },
        ListingFilter {
            page: PageRequest { cursor: Some("x".into()), limit: None },
            ..first.clone()
        },
    ] {
        let error = browse(&ctx, filter).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.fields()[0].field.as_str()),
            (FaultKind::Invalid, "cursor")
        );
    }
    assert!(browse(&ctx, ListingFilter { page, ..first }).await.is_ok());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_install_copies_the_agent_and_counts_each_person_once(pool: PgPool) {
    let backend = with_content(pool).await;
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    let slug = "meeting-minutes";
    let listing = get(&ada, slug).await.unwrap();
    assert_eq!(listing.summary.installs, 0);
    browse(&ada, query("meeting")).await.unwrap();

    let agent = install(&ada, slug).await.unwrap();
    assert_eq!(agent.spec, listing.agent);
    assert_eq!(agent.listing_id, Some(listing.summary.id));
    assert_eq!(agents::get(&ada, agent.id).await.unwrap(), agent);
    assert_eq!(install(&ada, slug).await.unwrap(), agent, "an unchanged copy is taken again");
    let changes = resonant_domain::agent::AgentChanges {
        name: Some("Mine".to_owned()),
        ..Default::default()
    };
    agents::update(&ada, agent.id, changes, None).await.unwrap();
    assert_ne!(install(&ada, slug).await.unwrap().id, agent.id);
    install(&bob, slug).await.unwrap();

    assert_eq!(get(&ada, slug).await.unwrap().summary.installs, 2);
    let page = browse(&ada, query("meeting")).await.unwrap();
    assert_eq!(page.listings[0].installs, 2, "the cached page is not shown any more");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_guests_install_counts_from_when_the_guest_is_a_member(pool: PgPool) {
    let backend = with_content(pool).await;
    let slug = "world-clock";
    let guests = [sample::guest(&backend).await.unwrap(), sample::guest(&backend).await.unwrap()];
    for guest in &guests {
        install(guest, slug).await.unwrap();
    }
    let installs = async || get(&backend.anonymous(), slug).await.unwrap().summary.installs;
    let trends = async || -> Vec<i64> {
        let mut conn = backend.conn().await.unwrap();
        let now = backend.now();
        let since = now - jiff::SignedDuration::from_hours(24);
        let trends = store::ranking::list_trends(&mut conn, since, now, 14).await.unwrap();
        trends.into_iter().map(|(_, trend)| trend).collect()
    };
    assert_eq!(installs().await, 0, "anyone is as many guests as they like");
    assert_eq!(trends().await, Vec::<i64>::new());
    let shown =
        async || browse(&backend.anonymous(), query("clock")).await.unwrap().listings[0].installs;
    assert_eq!(shown().await, 0);
    members::sign_up(&guests[0], sample::new_member("ada")).await.unwrap();
    assert_eq!((installs().await, trends().await), (1, vec![14]));
    assert_eq!(shown().await, 1, "the cached page is not shown any more");
    // Each person once all the same.
    let copies = agents::list(&guests[0], agents::AgentFilter::default()).await.unwrap().items;
    agents::delete(&guests[0], copies[0].id, None).await.unwrap();
    install(&guests[0], slug).await.unwrap();
    assert_eq!((installs().await, trends().await), (1, vec![14]));
}

/// While a release replaces the last one.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_becomes_a_member_by_the_last_release_is_counted(pool: PgPool) {
    let backend = with_content(pool.clone()).await;
    let ada = sample::member(&backend, "ada").await.unwrap();
    let (handle, name) = ("ada".to_owned(), "Ada".to_owned());
    publishers::save(&ada, Profile { handle, name, bio: String::new() }).await.unwrap();
    let guest = sample::guest(&backend).await.unwrap();
    install(&guest, "world-clock").await.unwrap();
    follows::follow(&guest, "ada").await.unwrap();
    let id = access::user(&guest).unwrap();
    let counts = async || -> (i64, i64) {
        let counts = "SELECT (SELECT installs FROM listings WHERE slug = 'world-clock'),
                             (SELECT followers FROM publishers WHERE handle = 'ada')";
        let row = sqlx::raw_sql(counts).fetch_one(&pool).await.unwrap();
        (row.get(0), row.get(1))
    };
    let signs_in = async |token: &str| {
        let row = format!(
            "INSERT INTO sign_ins (token_hash, user_id, created_at, last_seen_at, expires_at)
             VALUES (decode(repeat('{token}', 32), 'hex'), '{id}', now(), now(), now())"
        );
        sqlx::raw_sql(AssertSqlSafe(row)).execute(&pool).await.unwrap();
    };
    signs_in("01").await;
    assert_eq!(counts().await, (0, 0), "a guest is not");
    let becomes = format!(
        "UPDATE users SET kind = 'member', email = 'eve@example.org', password_hash = ''
         WHERE user_id = '{id}'"
    );
    sqlx::raw_sql(AssertSqlSafe(becomes)).execute(&pool).await.unwrap();
    for token in ["02", "03"] {
        signs_in(token).await;
        assert_eq!(counts().await, (1, 1), "once");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_unknown_listing_is_not_found(pool: PgPool) {
    let backend = with_content(pool).await;
    let ctx = sample::guest(&backend).await.unwrap();
    for slug in ["", "nothing-here", "MEETING-MINUTES", "a\0b", "../x"] {
        assert_eq!(get(&ctx, slug).await.unwrap_err().kind(), FaultKind::NotFound, "{slug}");
        assert_eq!(install(&ctx, slug).await.unwrap_err().kind(), FaultKind::NotFound, "{slug}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn filters_narrow_and_say_how_much_each_would_leave(pool: PgPool) {
    let backend = with_content(pool).await;
    let ctx = backend.anonymous();
    let tags = |tags: &[&str]| ListingFilter {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..ListingFilter::default()
    };
    let count = |facets: &[resonant_domain::listing::Facet], value: &str| {
        facets.iter().find(|facet| facet.value == value).map_or(0, |facet| facet.count)
    };
    let whole = browse(&ctx, ListingFilter::default()).await.unwrap();
    let csv = browse(&ctx, tags(&["CSV"])).await.unwrap();
    assert!(csv.total > 1 && csv.total < whole.total, "{}", csv.total);
    assert_eq!(count(&whole.facets.tags, "csv"), csv.total);
    assert_eq!(count(&csv.facets.tags, "csv"), csv.total);
    let both = browse(&ctx, tags(&["csv", "figures"])).await.unwrap();
    assert_eq!(both.total, count(&csv.facets.tags, "figures"));
    // One alone can be chosen of a category: its neighbours count as if it was not.
    let filter = ListingFilter { category: Some(Category::Sales), ..tags(&["csv"]) };
    let sales = browse(&ctx, filter).await.unwrap();
    assert_eq!((sales.total, &sales.categories), (csv.total, &csv.categories));
    assert!(sales.listings.iter().all(|listing| listing.category == Category::Sales));
    assert!(count(&sales.facets.tags, "csv") < csv.total);
    let none = browse(&ctx, tags(&["nobody-has-this"])).await.unwrap();
    assert_eq!((none.total, count(&none.facets.tags, "nobody-has-this")), (0, 0));
    assert_eq!(none.facets.tags.len(), 1, "it can be taken back");
    let words = ListingFilter { query: "invoice".to_owned(), ..tags(&[]) };
    let words = browse(&ctx, words).await.unwrap();
    assert_eq!(words.listings[0].highlights.as_ref().unwrap().name, [(0, 7)]);
    assert!(words.facets.tags.iter().any(|facet| facet.value == "invoices"));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn trends_follow_installs_and_costs_follow_sessions(pool: PgPool) {
    use tokio_util::sync::CancellationToken;

    use crate::{sessions, work};

    let backend = sample::with_parrot(pool);
    backend.load_content().await.unwrap();
    let ada = sample::member(&backend, "ada").await.unwrap();
    let system = backend.system();
    let trending = || ListingFilter { sort: ListingSort::Trending, ..ListingFilter::default() };
    let agent = install(&ada, "world-clock").await.unwrap();
    ranking::follow_trends(&system).await.unwrap();
    assert_eq!(slugs(&backend, trending()).await[0], "world-clock");
    let since = ranking::measure_costs(&system, None).await.unwrap();
    let free = ListingFilter {
        max_cost: Some(resonant_domain::listing::CostLimit::Cent),
        ..ListingFilter::default()
    };
    assert!(slugs(&backend, free.clone()).await.is_empty());

    sessions::start(&ada, agent.id, sample::goal("Hello")).await.unwrap();
    let claim = work::claim(&system, "worker").await.unwrap().unwrap();
    work::run(&system, claim, CancellationToken::new()).await.unwrap();
    // From here on the listing is kept as it was before.
    until("the ear opens", async || backend.cache().hears()).await;
    assert_eq!(get(&ada, "world-clock").await.unwrap().summary.median_cost, None);
    ranking::measure_costs(&system, Some(since)).await.unwrap();
    assert_eq!(slugs(&backend, free).await, ["world-clock"]);
    let page = browse(&ada, ListingFilter::default()).await.unwrap();
    assert_eq!(page.facets.costs.iter().map(|facet| facet.count).collect::<Vec<_>>(), [0, 1, 1]);
    let cost = get(&ada, "world-clock").await.unwrap().summary.median_cost;
    assert!(cost.is_some_and(|cost| cost.0 > 0), "{cost:?}");
    for ctx in [&ada, &backend.anonymous()] {
        assert!(ranking::follow_trends(ctx).await.is_err());
        assert!(ranking::measure_costs(ctx, None).await.is_err());
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn misspelt_words_are_put_right_wherever_they_stand(pool: PgPool) {
    let backend = with_content(pool).await;
    let ctx = backend.anonymous();
    for (text, corrected, wanted) in [
        ("emial", Some("email"), Some("inbox-triage")),
        ("clcok", Some("clock"), Some("world-clock")),
        ("wrold clcok", Some("world clock"), Some("world-clock")),
        ("invioce", Some("invoice"), Some("invoice-reader")),
        // A tag, and a word of one description alone.
        ("time-znoes", Some("time-zones"), Some("world-clock")),
        ("Holidyas!", Some("holidays!"), Some("deadline-planner")),
        ("email", None, Some("inbox-triage")),
        ("the invoice", None, Some("invoice-reader")),
        ("xyzzy", None, None),
        // Each word finds something, and nothing has them all.
        ("emial clcok", None, None),
    ] {
        let page = browse(&ctx, query(text)).await.unwrap();
        assert_eq!(page.corrected.as_deref(), corrected, "{text}");
        let found: Vec<_> = page.listings.iter().map(|listing| listing.slug.as_str()).collect();
        match wanted {
            Some(slug) => assert!(found.contains(&slug), "{text}: {found:?}"),
            None => assert!(found.is_empty(), "{text}: {found:?}"),
        }
    }
    let page = browse(&ctx, query("clcok")).await.unwrap();
    assert_eq!(page.listings[0].highlights.as_ref().unwrap().name, [(6, 11)]);
    // The pages that follow are of the same search.
    let page = PageRequest { cursor: None, limit: Some(1) };
    let first = browse(&ctx, ListingFilter { page, ..query("emial") }).await.unwrap();
    let page = PageRequest { cursor: first.next_cursor, limit: Some(1) };
    let second = browse(&ctx, ListingFilter { page, ..query("emial") }).await.unwrap();
    assert_eq!(second.corrected.as_deref(), Some("email"));
    assert!(!second.listings.is_empty() && second.listings != first.listings);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn many_good_ratings_stand_above_one_that_is_best(pool: PgPool) {
    let backend = with_content(pool.clone()).await;
    let rate = "UPDATE listings SET rating_count = 1, rating_sum = 5 WHERE slug = 'world-clock';
                UPDATE listings SET rating_count = 500, rating_sum = 2450 WHERE slug = 'unit-converter';
                UPDATE listings SET rating_count = 2, rating_sum = 2 WHERE slug = 'log-reader'";
    sqlx::raw_sql(rate).execute(&pool).await.unwrap();
    let best = ["unit-converter", "world-clock", "log-reader"];
    let sort = ListingSort::Rating;
    let mut seen = Vec::new();
    let mut cursor = None;
    for _ in best {
        let page = PageRequest { cursor, limit: Some(1) };
        let filter = ListingFilter { sort, page, ..ListingFilter::default() };
        let page = browse(&backend.anonymous(), filter).await.unwrap();
        seen.extend(page.listings.into_iter().map(|listing| listing.slug));
        cursor = page.next_cursor;
    }
    assert_eq!(seen, best);
    let filtered = ListingFilter { sort, verified_only: true, ..ListingFilter::default() };
    assert_eq!(slugs(&backend, filtered).await[..3], best);
    let found = slugs(&backend, ListingFilter { sort, ..query("units") }).await;
    assert_eq!(found[0], "unit-converter", "{found:?}");
}
