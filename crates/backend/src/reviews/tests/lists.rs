//! The stars and the orders that reviews are asked for by.

use resonant_domain::review::{ReviewSort, StarCounts};

use super::*;

/// Five people who gave one, five, three, five and one star, one after the other; what the second one wrote is found
/// helpful, and what the first one did.
async fn judged(backend: &Backend) -> Vec<ReviewId> {
    let mut people = Vec::new();
    for name in ["ada", "bob", "cy", "dee", "eve"] {
        people.push(runner(backend, name).await);
    }
    let mut ids = Vec::new();
    for (person, stars) in people.iter().zip([1, 5, 3, 5, 1]) {
        ids.push(create(person, SLUG, review(stars)).await.unwrap().id);
    }
    mark_helpful(&people[4], SLUG, ids[1]).await.unwrap();
    mark_helpful(&people[4], SLUG, ids[0]).await.unwrap();
    ids
}

/// All of them, page by page.
async fn whole(ctx: &Ctx, filter: ReviewFilter) -> (Vec<ReviewId>, StarCounts) {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageRequest { cursor, limit: Some(2) };
        let listed = list(ctx, SLUG, filter, page).await.unwrap();
        found.extend(listed.page.items.iter().map(|review| review.id));
        cursor = listed.page.next_cursor;
        if cursor.is_none() {
            return (found, listed.stars);
        }
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn reviews_come_in_the_order_and_of_the_stars_that_are_asked_for(pool: PgPool) {
    let backend = with_content(pool).await;
    let ids = judged(&backend).await;
    let nobody = backend.anonymous();
    for (stars, sort, expected) in [
        (None, ReviewSort::Helpful, vec![1, 0, 4, 3, 2]),
        (None, ReviewSort::Newest, vec![4, 3, 2, 1, 0]),
        (None, ReviewSort::Highest, vec![1, 3, 2, 0, 4]),
        (None, ReviewSort::Lowest, vec![0, 4, 2, 1, 3]),
        (Some(5), ReviewSort::Helpful, vec![1, 3]),
        (Some(5), ReviewSort::Newest, vec![3, 1]),
        (Some(1), ReviewSort::Lowest, vec![0, 4]),
        (Some(2), ReviewSort::Newest, vec![]),
    ] {
        let (found, counts) = whole(&nobody, ReviewFilter { stars, sort }).await;
        let expected: Vec<_> = expected.into_iter().map(|place: usize| ids[place]).collect();
        assert_eq!(found, expected, "{stars:?} {sort:?}");
        assert_eq!(counts, [2, 0, 1, 0, 2], "whatever is asked for");
    }
}

/// As the migration does it that counts them.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn reviews_that_were_written_before_are_counted_by_their_stars(pool: PgPool) {
    const COUNTED: i64 = 20_261_202_000_450;

    let backend = with_content(pool.clone()).await;
    judged(&backend).await;
    // None is left of a review that was deleted between that and the file before.
    let as_it_was = "UPDATE listings SET star_counts = '{0,0,-1,0,0}'";
    sqlx::raw_sql(as_it_was).execute(&pool).await.unwrap();
    let counts = store::MIGRATOR.iter().find(|own| own.version == COUNTED).unwrap();
    let counts = sqlx::AssertSqlSafe(counts.sql.as_str().to_owned());
    let mut tx = pool.begin().await.unwrap();
    sqlx::raw_sql(counts).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();

    let (_, counts) = whole(&backend.anonymous(), ReviewFilter::default()).await;
    assert_eq!(counts, [2, 0, 1, 0, 2]);
    let others = "SELECT count(*) FROM listings WHERE star_counts <> '{0,0,0,0,0}'";
    let others = sqlx::raw_sql(others).fetch_one(&pool).await.unwrap();
    assert_eq!(sqlx::Row::get::<i64, _>(&others, 0), 1, "all others have none");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_cursor_is_of_one_order_and_stars_have_bounds(pool: PgPool) {
    let backend = with_content(pool).await;
    judged(&backend).await;
    let nobody = backend.anonymous();
    let of = |sort| ReviewFilter { stars: None, sort };
    let first = PageRequest { cursor: None, limit: Some(2) };
    let listed = list(&nobody, SLUG, of(ReviewSort::Highest), first).await.unwrap();
    let next = PageRequest { cursor: listed.page.next_cursor, limit: Some(2) };
    for sort in [ReviewSort::Helpful, ReviewSort::Newest, ReviewSort::Lowest] {
        let error = list(&nobody, SLUG, of(sort), next.clone()).await.unwrap_err();
        assert_eq!(error.fields()[0].field, "cursor", "{sort:?}");
    }
    let filter = ReviewFilter { stars: Some(6), ..ReviewFilter::default() };
    let error = list(&nobody, SLUG, filter, PageRequest::default()).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "stars");
    let missing = list(&nobody, "no-such", of(ReviewSort::Newest), PageRequest::default()).await;
    assert_eq!(missing.unwrap_err().kind(), FaultKind::NotFound);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_stars_are_counted_as_reviews_come_change_and_go(pool: PgPool) {
    let backend = with_content(pool).await;
    let ada = runner(&backend, "ada").await;
    let counts = async || {
        list(&ada, SLUG, ReviewFilter::default(), PageRequest::default()).await.unwrap().stars
    };
    let id = create(&ada, SLUG, review(5)).await.unwrap().id;
    assert_eq!(counts().await, [0, 0, 0, 0, 1]);
    for stars in [5, 2] {
        let changes = ReviewChanges { stars: Some(stars), text: None };
        update(&ada, SLUG, id, changes).await.unwrap();
    }
    assert_eq!(counts().await, [0, 1, 0, 0, 0]);
    delete(&ada, SLUG, id).await.unwrap();
    assert_eq!(counts().await, [0; 5]);
}
