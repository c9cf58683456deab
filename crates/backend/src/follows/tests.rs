use resonant_domain::FaultKind;
use resonant_domain::page::PageRequest;
use resonant_domain::publisher::Profile;
use sqlx::PgPool;

use super::*;
use crate::publications::tests::{admin, approve, hand_in, published_agent, texts};
use crate::{Backend, agents, inbox, listings, members, publishers, sample};

fn kind<T>(answer: Result<T>) -> Option<FaultKind> {
    answer.err().map(|error| error.kind())
}

async fn publisher(backend: &Backend, name: &str) -> Ctx {
    let ctx = sample::member(backend, name).await.unwrap();
    let profile =
        Profile { handle: name.to_owned(), name: name.to_owned(), bio: "Makes agents".to_owned() };
    publishers::save(&ctx, profile).await.unwrap();
    ctx
}

async fn following(ctx: &Ctx) -> Vec<String> {
    let page = list(ctx, PageRequest::default()).await.unwrap();
    page.items.into_iter().map(|publisher| publisher.handle).collect()
}

async fn told(ctx: &Ctx) -> Vec<(NoticeKind, String)> {
    let page = inbox::list(ctx, PageRequest::default()).await.unwrap();
    page.items.into_iter().map(|notice| (notice.kind, notice.text)).collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn people_follow_and_unfollow(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = publisher(&backend, "ada").await;
    let (bob, guest) =
        (sample::member(&backend, "bob").await.unwrap(), sample::guest(&backend).await.unwrap());
    let count = async || publishers::get(&bob, "ada").await.unwrap().followers;
    for (ctx, handle, expected) in [
        (&backend.anonymous(), "ada", FaultKind::Unauthenticated),
        (&backend.system(), "ada", FaultKind::Forbidden),
        (&ada, "ada", FaultKind::Conflict),
        (&bob, "nobody", FaultKind::NotFound),
        (&bob, "../x", FaultKind::NotFound),
    ] {
        assert_eq!(kind(follow(ctx, handle).await), Some(expected), "{handle}");
    }
    assert_eq!(count().await, 0);
    for ctx in [&bob, &bob, &guest] {
        follow(ctx, "ada").await.unwrap();
    }
    assert_eq!(count().await, 1, "each counts once, and a guest not yet");
    members::sign_up(&guest, sample::new_member("eve")).await.unwrap();
    assert_eq!(count().await, 2, "the kept page is not shown any more");
    assert_eq!(get(&bob, "ada").await.unwrap(), Following::Yes);
    assert_eq!(get(&ada, "ada").await.unwrap(), Following::Oneself);
    assert_eq!(get(&backend.anonymous(), "ada").await.unwrap(), Following::No);
    assert_eq!(following(&bob).await, ["ada"]);
    assert!(following(&ada).await.is_empty());
    let nobodys = list(&backend.anonymous(), PageRequest::default()).await;
    assert_eq!(kind(nobodys), Some(FaultKind::Unauthenticated));
    for _ in 0..2 {
        unfollow(&bob, "ada").await.unwrap();
    }
    assert_eq!(count().await, 1);
    assert_eq!(get(&bob, "ada").await.unwrap(), Following::No);
    // With the publisher goes the following.
    members::close_account(&ada, sample::new_member("ada").password).await.unwrap();
    assert!(following(&guest).await.is_empty());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn guests_are_told_and_do_not_count(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, publisher(&backend, "ada").await);
    let guests = [sample::guest(&backend).await.unwrap(), sample::guest(&backend).await.unwrap()];
    for guest in &guests {
        follow(guest, "ada").await.unwrap();
    }
    let count = async || publishers::get(&root, "ada").await.unwrap().followers;
    assert_eq!(count().await, 0);
    let id = hand_in(&ada, published_agent(&ada, "Reader").await, texts("Reader")).await;
    approve(&root, id).await;
    tell_followers(&backend.system()).await.unwrap();
    assert_eq!(told(&guests[0]).await.len(), 1, "though nobody counts who follows");
    unfollow(&guests[0], "ada").await.unwrap();
    members::sign_up(&guests[0], sample::new_member("eve")).await.unwrap();
    assert_eq!(count().await, 0, "who follows no more is not counted later");
    members::sign_up(&guests[1], sample::new_member("kim")).await.unwrap();
    assert_eq!(count().await, 1);
    unfollow(&guests[1], "ada").await.unwrap();
    assert_eq!(count().await, 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn followers_are_told_once_of_what_is_published(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, publisher(&backend, "ada").await);
    let bob = sample::member(&backend, "bob").await.unwrap();
    let eve = sample::member(&backend, "eve").await.unwrap();
    for ctx in [&bob, &eve] {
        follow(ctx, "ada").await.unwrap();
    }
    let agent = published_agent(&ada, "Reader").await;
    let publish = async || {
        let id = hand_in(&ada, agent, texts("Reader")).await;
        approve(&root, id).await;
    };
    publish().await;
    assert_eq!(told(&bob).await, [], "a job tells them");
    let system = backend.system();
    assert_eq!(kind(tell_followers(&bob).await), Some(FaultKind::Forbidden));
    assert_eq!(tell_followers(&system).await.unwrap(), 2);
    assert_eq!(tell_followers(&system).await.unwrap(), 0);
    let new = (NoticeKind::FollowedListing, "By ada: The first".to_owned());
    assert_eq!(told(&bob).await, [new]);
    assert_eq!(newest(&bob).await.unwrap()[0].slug, "reader");
    assert!(newest(&root).await.unwrap().is_empty());
    assert!(newest(&backend.anonymous()).await.unwrap().is_empty());

    // Who installed it is told of its versions already.
    listings::install(&eve, "reader").await.unwrap();
    publish().await;
    tell_followers(&system).await.unwrap();
    news::tell_holders(&system).await.unwrap();
    let kinds = async |ctx| -> Vec<_> { told(ctx).await.into_iter().map(|one| one.0).collect() };
    assert_eq!(kinds(&bob).await, [NoticeKind::FollowedVersion, NoticeKind::FollowedListing]);
    assert_eq!(kinds(&eve).await, [NoticeKind::UpdateAvailable, NoticeKind::FollowedListing]);
    // Whose copy is gone is told as any follower is.
    let copies = agents::list(&eve, agents::AgentFilter::default()).await.unwrap().items;
    agents::delete(&eve, copies[0].id, None).await.unwrap();
    // Who follows no more is not told any more.
    unfollow(&bob, "ada").await.unwrap();
    publish().await;
    tell_followers(&system).await.unwrap();
    news::tell_holders(&system).await.unwrap();
    assert_eq!(kinds(&bob).await.len(), 2);
    assert_eq!(kinds(&eve).await[0], NoticeKind::FollowedVersion);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn many_followers_are_told_piece_by_piece(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let (root, ada) = (admin(&backend).await, publisher(&backend, "ada").await);
    let id = access::user(&ada).unwrap();
    let people = format!(
        "INSERT INTO users (user_id, kind, display_name, created_at, updated_at)
         SELECT gen_random_uuid(), 'guest', 'Guest', now(), now() FROM generate_series(1, 2500);
         INSERT INTO publisher_follows
         SELECT '{id}', user_id, now() FROM users WHERE kind = 'guest';"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(people)).execute(&pool).await.unwrap();
    let agent = published_agent(&ada, "Reader").await;
    let submission = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, submission).await;
    // The process is lost: nothing was told, and nothing is told twice.
    let mut tx = pool.begin().await.unwrap();
    assert_eq!(tell_next(&backend, &mut tx, 1_000).await.unwrap(), Some(1_000));
    tx.rollback().await.unwrap();
    assert_eq!(tell_followers(&backend.system()).await.unwrap(), 2_500);
    let notices = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM account_notices WHERE kind = 'followed_listing'"#
    );
    assert_eq!(notices.fetch_one(&pool).await.unwrap(), 2_500);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn whom_one_follows_is_read_page_by_page(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let bob = sample::member(&backend, "bob").await.unwrap();
    for name in ["ada", "eve", "kim"] {
        publisher(&backend, name).await;
        follow(&bob, name).await.unwrap();
    }
    let (mut found, mut cursor) = (vec![], None);
    loop {
        let page = list(&bob, PageRequest { cursor, limit: Some(2) }).await.unwrap();
        found.extend(page.items.into_iter().map(|publisher| publisher.handle));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        // It is the list of one person.
        let foreign = PageRequest { cursor: cursor.clone(), limit: None };
        let eve = sample::guest(&backend).await.unwrap();
        assert_eq!(kind(list(&eve, foreign).await), Some(FaultKind::Invalid));
    }
    assert_eq!(found, following(&bob).await);
    assert_eq!(found.len(), 3);
}
