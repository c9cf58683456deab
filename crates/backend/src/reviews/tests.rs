mod lists;
mod removed;

use resonant_domain::FaultKind;
use resonant_domain::agent::AgentChanges;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::review::{ReviewChanges, ReviewFilter};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{RequestId, agents, members, sample, sessions, work};

const SLUG: &str = "meeting-minutes";

async fn with_content(pool: PgPool) -> Backend {
    let backend = sample::with_parrot(pool);
    backend.load_content().await.unwrap();
    backend
}

async fn run(backend: &Backend, ctx: &Ctx, agent: resonant_domain::AgentId) {
    sessions::start(ctx, agent, sample::goal("Polly")).await.unwrap();
    let claim = work::claim(&backend.system(), "worker").await.unwrap().unwrap();
    work::run(&backend.system(), claim, CancellationToken::new()).await.unwrap();
}

/// A member who has run the listing.
async fn runner(backend: &Backend, name: &str) -> Ctx {
    let ctx = sample::member(backend, name).await.unwrap();
    let agent = listings::install(&ctx, SLUG).await.unwrap().id;
    run(backend, &ctx, agent).await;
    ctx
}

fn review(stars: u8) -> NewReview {
    NewReview { stars, text: format!(" {stars} of 5 ") }
}

/// Its reviews in the order in which they come where nothing else is said.
async fn listed(ctx: &Ctx, page: PageRequest) -> Result<Page<Review>> {
    list(ctx, SLUG, ReviewFilter::default(), page).await.map(|listed| listed.page)
}

async fn rating(ctx: &Ctx) -> (i64, i32) {
    let summary = listings::get(ctx, SLUG).await.unwrap().summary;
    (summary.rating_count, summary.rating_hundredths)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_listing_counts_each_review_as_it_comes_changes_and_goes(pool: PgPool) {
    let backend = with_content(pool).await;
    let (ada, bob) = (runner(&backend, "ada").await, runner(&backend, "bob").await);
    assert_eq!(rating(&ada).await, (0, 0), "a sample begins with nothing");
    let first = create(&ada, SLUG, review(5)).await.unwrap();
    assert_eq!((first.version, first.text.as_str(), first.author.as_str()), (1, "5 of 5", "ada"));
    create(&bob, SLUG, review(2)).await.unwrap();
    assert_eq!(rating(&ada).await, (2, 350));
    let again = create(&ada, SLUG, review(4)).await.unwrap_err();
    assert_eq!(again.kind(), FaultKind::Conflict);
    assert_eq!(standing(&ada, SLUG).await.unwrap(), Standing::HasWritten(first.clone()));

    let changes = ReviewChanges { stars: Some(1), text: None };
    let changed = update(&ada, SLUG, first.id, changes).await.unwrap();
    assert_eq!((changed.stars, changed.text.as_str()), (1, "5 of 5"));
    assert_eq!(rating(&ada).await, (2, 150));
    delete(&ada, SLUG, first.id).await.unwrap();
    assert_eq!(rating(&ada).await, (1, 200));
    assert_eq!(standing(&ada, SLUG).await.unwrap(), Standing::MayWrite(1));
    assert_eq!(listed(&ada, PageRequest::default()).await.unwrap().items.len(), 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn only_members_who_ran_it_write(pool: PgPool) {
    let backend = with_content(pool).await;
    let guest = sample::guest(&backend).await.unwrap();
    let agent = listings::install(&guest, SLUG).await.unwrap().id;
    run(&backend, &guest, agent).await;
    let idle = sample::member(&backend, "idle").await.unwrap();
    listings::install(&idle, SLUG).await.unwrap();
    for (ctx, kind, stands) in [
        (backend.anonymous(), FaultKind::Unauthenticated, Standing::Anonymous),
        (backend.system(), FaultKind::Forbidden, Standing::Anonymous),
        (guest, FaultKind::Conflict, Standing::Guest),
        (idle, FaultKind::Conflict, Standing::HasNotRun),
    ] {
        assert_eq!(create(&ctx, SLUG, review(5)).await.unwrap_err().kind(), kind, "{ctx:?}");
        assert_eq!(standing(&ctx, SLUG).await.unwrap(), stands);
    }
    let ada = runner(&backend, "ada").await;
    let error = create(&ada, SLUG, review(9)).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "stars");
    assert_eq!(create(&ada, "no-such", review(3)).await.unwrap_err().kind(), FaultKind::NotFound);
    assert_eq!(rating(&ada).await, (0, 0));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_review_is_its_authors_alone(pool: PgPool) {
    let backend = with_content(pool).await;
    let (ada, bob) = (runner(&backend, "ada").await, runner(&backend, "bob").await);
    let id = create(&ada, SLUG, review(5)).await.unwrap().id;
    let Actor::User { id: owner, .. } = ada.actor() else { panic!("a member is a user") };
    let key = Actor::Key {
        owner,
        key: resonant_domain::ApiKeyId::from_uuid(uuid::Uuid::nil()),
        scopes: resonant_domain::api_key::Scope::ALL.into_iter().collect(),
    };
    let guest = sample::guest(&backend).await.unwrap();
    for (ctx, change, reply, vote) in [
        (&bob, FaultKind::NotFound, FaultKind::Forbidden, None),
        (&guest, FaultKind::NotFound, FaultKind::Forbidden, Some(FaultKind::Conflict)),
        (
            &backend.anonymous(),
            FaultKind::Unauthenticated,
            FaultKind::Unauthenticated,
            Some(FaultKind::Unauthenticated),
        ),
        (&backend.system(), FaultKind::Forbidden, FaultKind::Forbidden, Some(FaultKind::Forbidden)),
        (
            &backend.ctx(key, RequestId::new("test")),
            FaultKind::Forbidden,
            FaultKind::Forbidden,
            Some(FaultKind::Forbidden),
        ),
    ] {
        let changes = ReviewChanges { stars: Some(1), text: None };
        assert_eq!(update(ctx, SLUG, id, changes).await.unwrap_err().kind(), change, "{ctx:?}");
        assert_eq!(delete(ctx, SLUG, id).await.unwrap_err().kind(), change);
        assert_eq!(answer(ctx, SLUG, id, "Thanks").await.unwrap_err().kind(), reply);
        let voted = mark_helpful(ctx, SLUG, id).await;
        assert_eq!(voted.err().map(|error| error.kind()), vote);
    }
    assert_eq!(mark_helpful(&ada, SLUG, id).await.unwrap_err().kind(), FaultKind::Conflict);
    assert_eq!(rating(&ada).await, (1, 500));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn votes_order_the_pages_and_count_once(pool: PgPool) {
    let backend = with_content(pool).await;
    let mut people = Vec::new();
    for name in ["ada", "bob", "cy", "dee"] {
        people.push(runner(&backend, name).await);
    }
    let mut ids = Vec::new();
    for person in &people {
        ids.push(create(person, SLUG, review(3)).await.unwrap().id);
    }
    for _ in 0..2 {
        mark_helpful(&people[1], SLUG, ids[0]).await.unwrap();
        mark_helpful(&people[2], SLUG, ids[0]).await.unwrap();
        mark_helpful(&people[0], SLUG, ids[2]).await.unwrap();
    }
    assert_eq!(votes(&people[0], &ids).await.unwrap(), [ids[2]]);
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = PageRequest { cursor, limit: Some(2) };
        let page = listed(&backend.anonymous(), page).await.unwrap();
        seen.extend(page.items.iter().map(|review| (review.id, review.helpful)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, [(ids[0], 2), (ids[2], 1), (ids[3], 0), (ids[1], 0)]);
    unmark_helpful(&people[1], SLUG, ids[0]).await.unwrap();
    unmark_helpful(&people[1], SLUG, ids[0]).await.unwrap();
    let page = listed(&people[0], PageRequest::default()).await.unwrap();
    assert_eq!(page.items.iter().map(|review| review.helpful).sum::<i64>(), 2);
    let foreign = PageRequest { cursor: Some("x".to_owned()), limit: None };
    let error = listed(&people[0], foreign).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "cursor");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_people_ran_unchanged_is_measured(pool: PgPool) {
    let backend = with_content(pool.clone()).await;
    assert_eq!(facts(&backend.anonymous(), SLUG).await.unwrap(), ListingFacts::default());
    let ada = runner(&backend, "ada").await;
    let bob = sample::member(&backend, "bob").await.unwrap();
    let own = listings::install(&bob, SLUG).await.unwrap().id;
    let changes = AgentChanges { name: Some("Mine".to_owned()), ..AgentChanges::default() };
    agents::update(&bob, own, changes, None).await.unwrap();
    run(&backend, &bob, own).await;
    // Another process, which has measured nothing yet.
    let backend = Backend::for_tests(pool);
    let measured = facts(&backend.anonymous(), SLUG).await.unwrap();
    assert_eq!((measured.sessions, measured.completed), (1, 1));
    assert!(measured.p50_ms.is_some() && measured.median_cost.is_some());
    assert_eq!(standing(&ada, SLUG).await.unwrap(), Standing::MayWrite(1));
    assert_eq!(
        standing(&bob, SLUG).await.unwrap(),
        Standing::MayWrite(1),
        "he ran it all the same"
    );
    assert_eq!(facts(&ada, "no-such").await.unwrap_err().kind(), FaultKind::NotFound);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn one_person_is_not_what_all_others_meet(pool: PgPool) {
    let backend = with_content(pool.clone()).await;
    runner(&backend, "ada").await;
    // More than are read at once, and newer than those of all others.
    let again = "INSERT INTO listing_runs (owner_id, session_id, listing_id, version, is_changed,
                                           is_completed, took_ms, cost_micro_usd, ended_at)
                 SELECT owner_id, ('ffffffff-ffff-7fff-8fff-' || lpad(to_hex(n), 12, '0'))::UUID,
                        listing_id, version, FALSE, FALSE, 1, 1, ended_at
                 FROM listing_runs, generate_series(1, 1500) n";
    sqlx::raw_sql(again).execute(&pool).await.unwrap();
    runner(&backend, "bob").await;
    let guest = sample::guest(&backend).await.unwrap();
    let copy = listings::install(&guest, SLUG).await.unwrap().id;
    run(&backend, &guest, copy).await;
    // Each time another process, which has measured nothing yet.
    let measured = async || {
        let backend = Backend::for_tests(pool.clone());
        let facts = facts(&backend.anonymous(), SLUG).await.unwrap();
        (facts.sessions, facts.completed)
    };
    assert_eq!(measured().await, (21, 1), "twenty of Ada's, one of Bob's and no guest's");
    members::sign_up(&guest, sample::new_member("eve")).await.unwrap();
    assert_eq!(measured().await, (22, 2));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn each_version_keeps_what_was_measured_of_it(pool: PgPool) {
    let backend = with_content(pool.clone()).await;
    runner(&backend, "ada").await;
    let next = "INSERT INTO listing_versions (listing_id, version, spec, created_at)
                SELECT v.listing_id, 2, v.spec, v.created_at
                FROM listing_versions v JOIN listings l ON l.listing_id = v.listing_id
                WHERE l.slug = 'meeting-minutes';
                UPDATE listings SET version = 2 WHERE slug = 'meeting-minutes'";
    sqlx::raw_sql(next).execute(&pool).await.unwrap();
    // Another process, which has measured nothing yet.
    let backend = Backend::for_tests(pool);
    let nobody = backend.anonymous();
    assert_eq!(facts(&nobody, SLUG).await.unwrap().sessions, 0);
    for (version, sessions) in [(1, 1), (2, 0)] {
        let measured = facts_document(&nobody, SLUG, Some(version)).await.unwrap();
        assert_eq!(measured.value().sessions, sessions, "version {version}");
    }
    let measured = facts_by_version(&nobody, SLUG, &[7, 2, 1]).await.unwrap();
    let sessions: Vec<_> = measured.iter().map(|facts| facts.sessions).collect();
    assert_eq!(sessions, [0, 0, 1]);
    let error = facts_document(&nobody, SLUG, Some(7)).await.err().unwrap();
    assert_eq!(error.kind(), FaultKind::NotFound);
    let error = facts_document(&nobody, SLUG, Some(0)).await.err().unwrap();
    assert_eq!(error.fields()[0].field, "version");
}
