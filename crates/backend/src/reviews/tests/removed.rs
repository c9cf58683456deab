//! Reviews that are reported, removed, asked for, and those of listings that are off.

use resonant_domain::notice::NoticeKind;
use resonant_domain::publication::{Report, ReportReason, Reported};
use resonant_domain::review::Removal;
use sqlx::Row as _;

use super::*;
use crate::inbox;
use crate::moderation::{self, Verdict};
use crate::publications::tests::{admin, kind};

async fn report(ctx: &Ctx, id: ReviewId, text: &str) -> Result<()> {
    moderation::report_review(ctx, SLUG, id, ReportReason::Spam, text).await
}

async fn queue(root: &Ctx) -> Vec<Report> {
    moderation::reports(root, PageRequest::default()).await.unwrap().items
}

async fn told(ctx: &Ctx) -> Vec<(NoticeKind, String)> {
    let page = inbox::list(ctx, PageRequest::default()).await.unwrap();
    page.items.into_iter().map(|notice| (notice.kind, notice.text)).collect()
}

/// A moderator removes a review that somebody reports.
async fn remove(root: &Ctx, reporter: &Ctx, id: ReviewId, why: &str) {
    report(reporter, id, "Spam").await.unwrap();
    let report = queue(root).await.remove(0).id;
    moderation::close_report(root, report, Verdict::Remove(why)).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_report_of_a_review_is_dismissed_or_takes_the_review_away(pool: PgPool) {
    let backend = with_content(pool).await;
    let root = admin(&backend).await;
    let (ada, bob) = (runner(&backend, "ada").await, runner(&backend, "bob").await);
    let guest = sample::guest(&backend).await.unwrap();
    let id = create(&ada, SLUG, review(1)).await.unwrap().id;
    create(&bob, SLUG, review(4)).await.unwrap();
    mark_helpful(&bob, SLUG, id).await.unwrap();

    // Once more says it in other words.
    for text in ["Mean", "Mean and wrong"] {
        report(&guest, id, text).await.unwrap();
    }
    let waiting = queue(&root).await;
    assert_eq!((waiting.len(), waiting[0].text.as_str()), (1, "Mean and wrong"));
    let Reported::Review(reported) = &waiting[0].about else { panic!("{waiting:?}") };
    assert_eq!((reported.author.as_str(), reported.stars), ("ada", 1));
    moderation::close_report(&root, waiting[0].id, Verdict::Dismiss).await.unwrap();
    assert_eq!(told(&guest).await, [(NoticeKind::ReviewReportDismissed, String::new())]);
    assert_eq!((told(&ada).await, rating(&ada).await), (vec![], (2, 250)));
    let again = moderation::close_report(&root, waiting[0].id, Verdict::Dismiss).await;
    assert_eq!(kind(again), Some(FaultKind::NotFound));

    for ctx in [&guest, &bob] {
        report(ctx, id, "Mean").await.unwrap();
    }
    let waiting = queue(&root).await;
    let silent = moderation::close_report(&root, waiting[0].id, Verdict::Remove(" ")).await;
    assert_eq!(silent.unwrap_err().fields()[0].field, "comment", "its author learns why");
    moderation::close_report(&root, waiting[0].id, Verdict::Remove(" It is mean ")).await.unwrap();
    assert!(queue(&root).await.is_empty(), "with it goes what else is open about it");
    for ctx in [&guest, &bob] {
        assert_eq!(told(ctx).await[0], (NoticeKind::ReviewReportUpheld, String::new()));
    }
    assert_eq!(told(&ada).await, [(NoticeKind::ReviewRemoved, "It is mean".to_owned())]);

    // It counts in no number, and nobody finds it.
    assert_eq!(rating(&ada).await, (1, 400));
    let listed = list(&ada, SLUG, ReviewFilter::default(), PageRequest::default()).await.unwrap();
    assert_eq!((listed.page.items.len(), listed.stars), (1, [0, 0, 0, 1, 0]));
    assert_eq!(kind(get(&ada, SLUG, id).await), Some(FaultKind::NotFound));
    assert_eq!(kind(mark_helpful(&bob, SLUG, id).await), Some(FaultKind::NotFound));
    assert_eq!(kind(report(&guest, id, "Mean").await), Some(FaultKind::NotFound));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_was_removed_stands_again_only_when_moderators_put_it_back(pool: PgPool) {
    let backend = with_content(pool.clone()).await;
    let root = admin(&backend).await;
    let (ada, bob) = (runner(&backend, "ada").await, runner(&backend, "bob").await);
    let id = create(&ada, SLUG, review(1)).await.unwrap().id;
    remove(&root, &bob, id, "It is mean").await;
    let own = async || own(&ada, SLUG).await.unwrap().unwrap();
    let removal = |is_waiting| Some(Removal { reason: "It is mean".to_owned(), is_waiting });
    assert_eq!((own().await.text.as_str(), own().await.removal), ("1 of 5", removal(false)));
    assert_eq!(standing(&ada, SLUG).await.unwrap(), Standing::HasWritten(own().await));

    // Another one is not written over it, also not by a process of the last release.
    assert_eq!(kind(create(&ada, SLUG, review(1)).await), Some(FaultKind::Conflict));
    let past = "INSERT INTO reviews (review_id, listing_id, author_id, version, stars, body,
                                     created_at, updated_at)
                SELECT gen_random_uuid(), listing_id, author_id, 1, 1, 'Mean', now(), now()
                FROM removed_reviews";
    let error = sqlx::raw_sql(past).execute(&pool).await.unwrap_err();
    let constraint = error.as_database_error().and_then(|fault| fault.constraint());
    assert_eq!(constraint, Some("reviews_author_id_key"));

    // Whoever changes it asks for it; what is changed once more meanwhile is another thing to decide about.
    let change = async |text: &str| {
        let changes = ReviewChanges { stars: Some(2), text: Some(text.to_owned()) };
        update(&ada, SLUG, id, changes).await.unwrap()
    };
    assert_eq!(change("It is slow").await.removal, removal(true));
    let read = queue(&root).await;
    let Reported::ChangedReview(asked) = &read[0].about else { panic!("{read:?}") };
    assert_eq!((asked.text.as_str(), read[0].text.as_str()), ("It is slow", "It is mean"));
    change("It is slow and mean").await;
    let unread = moderation::close_report(&root, read[0].id, Verdict::Dismiss).await;
    assert_eq!(kind(unread), Some(FaultKind::NotFound));
    assert_eq!(rating(&ada).await, (0, 0));

    let report = queue(&root).await.remove(0).id;
    moderation::close_report(&root, report, Verdict::Remove("Still mean")).await.unwrap();
    assert_eq!(told(&ada).await[0], (NoticeKind::ReviewRemoved, "Still mean".to_owned()));
    assert!(queue(&root).await.is_empty());
    change("It takes a minute").await;
    let report = queue(&root).await.remove(0).id;
    moderation::close_report(&root, report, Verdict::Dismiss).await.unwrap();
    assert_eq!(told(&ada).await[0].0, NoticeKind::ReviewRestored);
    let back = get(&bob, SLUG, id).await.unwrap();
    assert_eq!((back.text.as_str(), back.stars, back.removal), ("It takes a minute", 2, None));
    assert_eq!(rating(&ada).await, (1, 200));
    change("It takes two").await;
    assert!(queue(&root).await.is_empty(), "it is a review as all others");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_deletes_what_was_removed_writes_nothing_unseen_either(pool: PgPool) {
    let backend = with_content(pool.clone()).await;
    let root = admin(&backend).await;
    let (ada, bob) = (runner(&backend, "ada").await, runner(&backend, "bob").await);
    let id = create(&ada, SLUG, review(1)).await.unwrap().id;
    remove(&root, &bob, id, "It is mean").await;
    let changes = ReviewChanges { stars: None, text: Some("Mean".to_owned()) };
    update(&ada, SLUG, id, changes.clone()).await.unwrap();
    delete(&ada, SLUG, id).await.unwrap();
    assert!(queue(&root).await.is_empty(), "nothing is asked for any more");
    let kept = sqlx::raw_sql("SELECT body FROM removed_reviews").fetch_one(&pool).await.unwrap();
    assert_eq!(kept.get::<String, _>(0), "");
    assert_eq!(kind(delete(&ada, SLUG, id).await), Some(FaultKind::NotFound));
    assert_eq!(kind(create(&ada, SLUG, review(5)).await), Some(FaultKind::Conflict));
    update(&ada, SLUG, id, changes).await.unwrap();
    assert_eq!(queue(&root).await.len(), 1);
    assert_eq!(rating(&ada).await, (0, 0));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_author_deletes_their_review_while_the_listing_is_off(pool: PgPool) {
    let backend = with_content(pool.clone()).await;
    let (ada, bob) = (runner(&backend, "ada").await, runner(&backend, "bob").await);
    let set_state = async |state: &str| {
        let set = format!("UPDATE listings SET state = '{state}' WHERE slug = '{SLUG}'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&pool).await.unwrap();
    };
    for (author, state) in [(&ada, "unlisted"), (&bob, "removed")] {
        set_state("published").await;
        let id = create(author, SLUG, review(3)).await.unwrap().id;
        set_state(state).await;
        let stranger = sample::member(&backend, &format!("eve.{state}")).await.unwrap();
        let (hidden, found) = (delete(&stranger, SLUG, id).await, own(&stranger, SLUG).await);
        assert_eq!(hidden.unwrap_err().message(), Error::NotFound("listing").message());
        assert_eq!(found.unwrap(), None);
        assert_eq!(own(author, SLUG).await.unwrap().map(|review| review.id), Some(id));
        delete(author, SLUG, id).await.unwrap();
        assert_eq!(own(author, SLUG).await.unwrap(), None);
        let counted = "SELECT rating_count FROM listings WHERE slug = 'meeting-minutes'";
        let counted = sqlx::raw_sql(counted).fetch_one(&pool).await.unwrap();
        assert_eq!(counted.get::<i64, _>(0), 0, "{state}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn whoever_is_known_reports_what_is_anothers(pool: PgPool) {
    let backend = with_content(pool).await;
    let (ada, bob) = (runner(&backend, "ada").await, runner(&backend, "bob").await);
    let id = create(&ada, SLUG, review(1)).await.unwrap().id;
    let guest = sample::guest(&backend).await.unwrap();
    let Actor::User { id: owner, .. } = bob.actor() else { panic!("a member is a user") };
    let key = Actor::Key {
        owner,
        key: resonant_domain::ApiKeyId::from_uuid(uuid::Uuid::nil()),
        scopes: resonant_domain::api_key::Scope::ALL.into_iter().collect(),
    };
    for (ctx, expected) in [
        (&ada, Some(FaultKind::Conflict)),
        (&bob, None),
        (&guest, None),
        (&backend.anonymous(), Some(FaultKind::Unauthenticated)),
        (&backend.system(), Some(FaultKind::Forbidden)),
        (&backend.ctx(key, RequestId::new("test")), Some(FaultKind::Forbidden)),
    ] {
        assert_eq!(kind(report(ctx, id, "Mean").await), expected, "{ctx:?}");
    }
    let error = report(&bob, id, " ").await.unwrap_err();
    assert_eq!(error.fields()[0].field, "report");
    let nothing = ReviewId::from_uuid(uuid::Uuid::nil());
    assert_eq!(kind(report(&bob, nothing, "Mean").await), Some(FaultKind::NotFound));
}
