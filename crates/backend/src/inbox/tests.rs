use std::collections::HashSet;
use std::time::Duration;

use resonant_domain::FaultKind;
use resonant_domain::publication::ReportReason;
use resonant_domain::review::NewReview;
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, PgPool, Row as _};
use tokio::time::timeout;

use super::*;
use crate::moderation::{self, Verdict};
use crate::publications::tests::{admin, approve, ask_for, hand_in, published_agent, texts};
use crate::{Backend, RequestId, listings, members, news, reviews, sample};

async fn told(ctx: &Ctx) -> Vec<(NoticeKind, String)> {
    let page = list(ctx, PageRequest::default()).await.unwrap();
    page.items.into_iter().map(|notice| (notice.kind, notice.text)).collect()
}

async fn unread(ctx: &Ctx) -> i64 {
    members::viewer(ctx).await.unwrap().unwrap().unread_notices
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn authors_are_told_what_moderators_decide(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    assert_eq!((told(&ada).await.len(), unread(&ada).await), (0, 0));
    ask_for(&root, id, "Say more").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;
    let expected = [
        (NoticeKind::Approved, String::new()),
        (NoticeKind::ChangesRequested, "Say more".to_owned()),
    ];
    assert_eq!(told(&ada).await, expected);
    let page = list(&ada, PageRequest { cursor: None, limit: Some(1) }).await.unwrap();
    assert_eq!(page.items[0].slug.as_deref(), Some("reader"));
    assert_eq!(page.items[0].agent_id, Some(agent));
    let next = PageRequest { cursor: page.next_cursor, limit: Some(1) };
    let next = list(&ada, next).await.unwrap();
    assert_eq!((next.items[0].kind, next.next_cursor), (NoticeKind::ChangesRequested, None));

    assert_eq!(unread(&ada).await, 2);
    mark_read(&ada, &[next.items[0].id]).await.unwrap();
    assert_eq!(unread(&ada).await, 1);
    // Another's notice is left alone.
    mark_read(&root, &[page.items[0].id]).await.unwrap();
    assert_eq!(unread(&ada).await, 1);
    mark_read(&ada, &[]).await.unwrap();
    assert_eq!(unread(&ada).await, 0);
    assert!(list(&ada, PageRequest::default()).await.unwrap().items[0].is_read);
    assert!(told(&root).await.is_empty());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn people_hear_of_reports_and_newer_versions(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let (bob, eve) =
        (sample::guest(&backend).await.unwrap(), sample::member(&backend, "eve").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;
    for ctx in [&bob, &ada] {
        listings::install(ctx, "reader").await.unwrap();
    }
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;
    assert_eq!(told(&bob).await, [], "a job tells them");
    news::tell_holders(&backend.system()).await.unwrap();
    assert_eq!(told(&bob).await, [(NoticeKind::UpdateAvailable, "The first".to_owned())]);
    assert!(told(&ada).await.iter().all(|(kind, _)| *kind == NoticeKind::Approved));

    for (verdict, kind) in [
        (Verdict::Dismiss, NoticeKind::ReportDismissed),
        (Verdict::Remove(" It is spam "), NoticeKind::ReportUpheld),
    ] {
        moderation::report(&eve, "reader", ReportReason::Spam, "Spam").await.unwrap();
        let reports = moderation::reports(&root, PageRequest::default()).await.unwrap();
        let report = &reports.items[0];
        moderation::close_report(&root, report.id, verdict).await.unwrap();
        assert_eq!(told(&eve).await[0].0, kind);
    }
    assert_eq!(told(&eve).await[0].1, "", "what moderators say is its publisher's to read");
    assert_eq!(told(&ada).await[0], (NoticeKind::Removed, "It is spam".to_owned()));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn nobody_reads_without_a_name(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let nobody = backend.anonymous();
    let error = list(&nobody, PageRequest::default()).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::Unauthenticated);
    assert_eq!(mark_read(&nobody, &[]).await.unwrap_err().kind(), FaultKind::Unauthenticated);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let wrong = PageRequest { cursor: Some("x".to_owned()), limit: None };
    assert_eq!(list(&ada, wrong).await.unwrap_err().fields()[0].field, "cursor");
    let new = NewReview { stars: 5, text: "Good".to_owned() };
    // What is refused is told to nobody.
    assert!(reviews::create(&ada, "reader", new).await.is_err());
    assert!(told(&ada).await.is_empty());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_looks_hears_at_once_what_is_told_and_read_in_any_process(pool: PgPool) {
    let (here, there) = (Backend::for_tests(pool.clone()), Backend::for_tests(pool));
    let (root, ada) = (admin(&here).await, sample::member(&here, "ada").await.unwrap());
    let looking = there.ctx(ada.actor(), RequestId::new("there"));
    let mut watch = watch_unread(&looking).unwrap();
    assert_eq!(super::unread(&looking, &mut watch).await.unwrap(), Some(0));
    assert_eq!(super::unread(&looking, &mut watch).await.unwrap(), None);
    let next = async |watch: &mut UnreadWatch| loop {
        timeout(Duration::from_secs(20), watch.called()).await.expect("it is called out");
        if let Some(count) = super::unread(&looking, watch).await.unwrap() {
            break count;
        }
    };
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    ask_for(&root, id, "Say more").await;
    assert_eq!(next(&mut watch).await, 1);
    mark_read(&ada, &[]).await.unwrap();
    assert_eq!(next(&mut watch).await, 0);
    assert_eq!(watch_unread(&there.anonymous()).unwrap_err().kind(), FaultKind::Unauthenticated);
}

/// While a release replaces the last one.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_the_last_release_tells_is_known_to_be_of_somebody(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let bob = sample::member(&backend, "bob").await.unwrap();
    let agent = published_agent(&ada, "Reader").await;
    approve(&root, hand_in(&ada, agent, texts("Reader")).await).await;
    let (publisher, reader) = (access::user(&ada).unwrap(), access::user(&bob).unwrap());
    let statements = format!(
        "INSERT INTO reviews (review_id, listing_id, author_id, version, stars, body, created_at,
                              updated_at)
         SELECT gen_random_uuid(), listing_id, '{reader}', 1, 5, 'It reads', now(), now()
         FROM listings WHERE slug = 'reader';
         INSERT INTO account_notices (reader_id, notice_id, kind, about, slug, body, created_at)
         SELECT '{reader}', gen_random_uuid(), kind, 'Reader', 'reader', 'What was said', now()
         FROM unnest(ARRAY['answered', 'followed_listing', 'reviewed', 'withdrawn']) AS kind;"
    );
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&pool).await.unwrap();
    let told = "SELECT person_id FROM account_notices WHERE body = 'What was said' ORDER BY kind";
    let rows = sqlx::raw_sql(told).fetch_all(&pool).await.unwrap();
    let persons: Vec<Option<Uuid>> = rows.iter().map(|row| row.get(0)).collect();
    let expected = [Some(publisher), Some(publisher), Some(reader), None];
    assert_eq!(persons, expected.map(|person| person.map(UserId::as_uuid)));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_a_newer_release_tells_is_read_with_all_else(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ada = sample::member(&backend, "ada").await.unwrap();
    let reader = access::user(&ada).unwrap();
    let newer = format!(
        "INSERT INTO account_notices (reader_id, notice_id, kind, about, slug, body, created_at)
         VALUES ('{reader}', gen_random_uuid(), 'sung', 'Reader', 'reader', 'La la', now())"
    );
    sqlx::raw_sql(AssertSqlSafe(newer)).execute(&pool).await.unwrap();
    assert_eq!(told(&ada).await, [(NoticeKind::Other, "La la".to_owned())]);
    assert_eq!(unread(&ada).await, 1);
}

/// What release 0.1.0 knows; it reads nothing of an account that was told anything else.
const LAST_RELEASE: [&str; 12] = [
    "approved",
    "changes_requested",
    "reviewed",
    "answered",
    "report_dismissed",
    "report_upheld",
    "removed",
    "update_available",
    "deprecated",
    "followed_listing",
    "followed_version",
    "team_invited",
];

/// While a release replaces the last one.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_last_release_has_a_word_for_each_kind(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let (ada, bob) = (
        sample::member(&backend, "ada").await.unwrap(),
        sample::member(&backend, "bob").await.unwrap(),
    );
    let readers = [access::user(&ada).unwrap(), access::user(&bob).unwrap()];
    let mut tx = backend.catalogue_begin().await.unwrap();
    for kind in NoticeKind::ALL {
        tell(&ada, &mut tx, readers[0], Told::of(kind, "Reader", "reader")).await.unwrap();
        tell_each(&ada, &mut tx, &readers[1..], Told::of(kind, "Reader", "reader")).await.unwrap();
    }
    tx.commit().await.unwrap();
    for ctx in [&ada, &bob] {
        let read: HashSet<_> = told(ctx).await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(read, HashSet::from(NoticeKind::ALL));
    }
    let kept = "SELECT DISTINCT kind FROM account_notices";
    for row in sqlx::raw_sql(kept).fetch_all(&pool).await.unwrap() {
        let kind: String = row.get(0);
        assert!(LAST_RELEASE.contains(&kind.as_str()), "{kind}");
    }
}
