use resonant_domain::FaultKind;
use resonant_domain::audit::AuditFilter;
use resonant_domain::listing::ListingFilter;
use sqlx::PgPool;

use super::*;
use crate::audit::Whose;
use crate::publications::tests::{admin, approve, hand_in, published_agent, texts};
use crate::seen::Seen;
use crate::site_map::{self, Shelf};
use crate::{listings, members, sample};

fn about(handle: &str, name: &str) -> Profile {
    Profile { handle: handle.to_owned(), name: name.to_owned(), bio: " Makes agents ".to_owned() }
}

fn kind<T>(answer: Result<T>) -> Option<FaultKind> {
    answer.err().map(|error| error.kind())
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn listings_bear_the_name_and_the_mark_of_their_publisher(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;
    assert_eq!(kind(get(&ada, "ada-l").await), Some(FaultKind::NotFound));
    assert_eq!(profile(&ada).await.err().map(|error| error.kind()), None);

    save(&ada, about(" Ada-L ", "Ada L.")).await.unwrap();
    let listing = listings::get(&root, "reader").await.unwrap().summary;
    assert_eq!(listing.publisher_handle.as_deref(), Some("ada-l"));
    assert_eq!((listing.publisher.as_str(), listing.is_verified), ("Ada L.", false));
    let publisher = get(&root, "ada-l").await.unwrap();
    assert_eq!((publisher.bio.as_str(), publisher.listings.len()), ("Makes agents", 1));
    assert_eq!(publisher.installs, 0);
    listings::install(&ada, "reader").await.unwrap();
    listings::install(&root, "reader").await.unwrap();
    assert_eq!(get(&root, "ada-l").await.unwrap().installs, 1, "without the publisher's own");
    listings::ranking::follow_trends(&backend.system()).await.unwrap();
    let mut conn = backend.conn().await.unwrap();
    let now = backend.now();
    let since = now - jiff::SignedDuration::from_hours(24);
    let trends = crate::store::ranking::list_trends(&mut conn, since, now, 14).await.unwrap();
    drop(conn);
    assert_eq!(trends.iter().map(|(_, trend)| *trend).collect::<Vec<_>>(), [14], "nor there");

    assert_eq!(kind(set_verified(&ada, "ada-l", Mark::Verified).await), Some(FaultKind::NotFound));
    let nobody = set_verified(&root, "ada\0l", Mark::Verified).await;
    assert_eq!(kind(nobody), Some(FaultKind::NotFound), "the database takes no zero");
    set_verified(&root, "ada-l", Mark::Verified).await.unwrap();
    assert!(listings::get(&root, "reader").await.unwrap().summary.is_verified);
    let filter = ListingFilter { verified_only: true, ..ListingFilter::default() };
    assert_eq!(listings::browse(&root, filter.clone()).await.unwrap().listings.len(), 1);
    // The next version keeps the mark.
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;
    assert!(listings::get(&root, "reader").await.unwrap().summary.is_verified);
    set_verified(&root, "ada-l", Mark::Unverified).await.unwrap();
    assert!(listings::browse(&root, filter).await.unwrap().listings.is_empty());

    save(&ada, about("ada", "Ada")).await.unwrap();
    assert_eq!(kind(get(&root, "ada-l").await), Some(FaultKind::NotFound));
    assert_eq!(get(&root, "ada").await.unwrap().listings[0].publisher, "Ada");
    let shelves = site_map::shelves(&root, 10).await.unwrap();
    assert_eq!(shelves, [Shelf::Publisher { handle: "ada".to_owned() }]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn moderators_vouch_for_a_name_and_no_other(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;
    save(&ada, about("ada-l", "Ada L.")).await.unwrap();
    for (next, is_verified) in [
        (Profile { bio: "More of me".to_owned(), ..about("ada-l", "Ada L.") }, true),
        (about("ada-l", "Somebody else"), false),
    ] {
        set_verified(&root, "ada-l", Mark::Verified).await.unwrap();
        save(&ada, next).await.unwrap();
        assert_eq!(get(&root, "ada-l").await.unwrap().is_verified, is_verified);
        let listing = listings::get(&root, "reader").await.unwrap().summary;
        assert_eq!(listing.is_verified, is_verified);
    }
    set_verified(&root, "ada-l", Mark::Verified).await.unwrap();
    save(&ada, about("somebody", "Somebody else")).await.unwrap();
    assert!(!get(&root, "somebody").await.unwrap().is_verified);
    set_verified(&root, "somebody", Mark::Unverified).await.unwrap();

    let (filter, page) = (AuditFilter::default(), PageRequest::default());
    let entries = audit::list(&root, Whose::All, filter, page).await.unwrap().items;
    let marks: Vec<_> = entries
        .iter()
        .filter(|entry| matches!(entry.deed, Deed::PublisherVerified | Deed::PublisherUnverified))
        .map(|entry| (entry.deed, entry.subject.as_ref().unwrap().name.as_str()))
        .collect();
    let verified = (Deed::PublisherVerified, "ada-l");
    let expected = [(Deed::PublisherUnverified, "somebody"), verified, verified, verified];
    assert_eq!(marks, expected, "the newest first");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn without_a_page_listings_bear_the_name_of_the_account(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;
    let shown = async || listings::get(&root, "reader").await.unwrap().summary.publisher;
    assert_eq!(shown().await, "ada");
    members::update_profile(&ada, "Ada Lovelace".to_owned()).await.unwrap();
    assert_eq!(shown().await, "Ada Lovelace");
    save(&ada, about("ada-l", "Ada L.")).await.unwrap();
    members::update_profile(&ada, "Somebody".to_owned()).await.unwrap();
    assert_eq!(shown().await, "Ada L.");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_handle_is_one_persons_alone(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ada, bob) = (
        sample::member(&backend, "ada").await.unwrap(),
        sample::member(&backend, "bob").await.unwrap(),
    );
    save(&ada, about("reader", "Ada")).await.unwrap();
    let taken = save(&bob, about("reader", "Bob")).await.unwrap_err();
    assert_eq!(taken.fields()[0].field, "handle");
    save(&ada, about("reader", "Ada again")).await.unwrap();
    assert_eq!(profile(&ada).await.unwrap().unwrap().name, "Ada again");
    let guest = sample::guest(&backend).await.unwrap();
    assert_eq!(kind(save(&guest, about("guest", "G")).await), Some(FaultKind::Conflict));
    let nobody = save(&backend.anonymous(), about("nobody", "N")).await;
    assert_eq!(kind(nobody), Some(FaultKind::Unauthenticated));
    assert_eq!(
        kind(save(&backend.system(), about("nobody", "N")).await),
        Some(FaultKind::Forbidden)
    );
    for handle in ["", "a b", "../x", "A\0b"] {
        assert_eq!(kind(get(&ada, handle).await), Some(FaultKind::NotFound), "{handle}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn of_those_who_come_at_once_one_is_the_first(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let keep = || save(&ada, about("ada-l", "Ada L."));
    let (one, two, three) = tokio::join!(keep(), keep(), keep());
    let saved = [one, two, three].map(|saved| saved.unwrap().is_new);
    assert_eq!(saved.into_iter().filter(|is_new| *is_new).count(), 1, "{saved:?}");
    // Nor does whoever expects none change what is there.
    let none = ada.expecting(Seen::NOTHING);
    let changed = save(&none, about("ada-l", "Somebody")).await;
    assert!(matches!(changed, Err(Error::Changed("profile"))), "{changed:?}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn sessions_of_members_are_counted_without_the_publishers_own(pool: PgPool) {
    use crate::sessions;

    let backend = sample::with_parrot(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    save(&ada, about("ada-l", "Ada L.")).await.unwrap();
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;
    let guest = sample::guest(&backend).await.unwrap();
    for ctx in [&ada, &root, &root, &guest] {
        let copy = listings::install(ctx, "reader").await.unwrap();
        sessions::start(ctx, copy.id, sample::goal("Hello")).await.unwrap();
    }
    sample::work_off(&backend).await;
    listings::ranking::measure_costs(&backend.system(), None).await.unwrap();
    assert_eq!(get(&root, "ada-l").await.unwrap().sessions, 2);
    // Anyone is as many guests as they like; a member counts with what they ran before.
    members::sign_up(&guest, sample::new_member("eve")).await.unwrap();
    listings::ranking::measure_costs(&backend.system(), None).await.unwrap();
    assert_eq!(get(&root, "ada-l").await.unwrap().sessions, 3);
}
