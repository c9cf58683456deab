use resonant_domain::FaultKind;
use resonant_domain::listing::ListingFilter;
use resonant_domain::page::PageRequest;
use sqlx::PgPool;

use super::*;
use crate::publications::tests::{admin, approve, hand_in, published_agent, texts};
use crate::publications::{delete_version, get, preview, save, submit, withdraw};
use crate::{Backend, cards, listings, moderation, sample};

fn kind<T>(answer: Result<T>) -> Option<FaultKind> {
    answer.err().map(|error| error.kind())
}

async fn upload(ctx: &Ctx, kind: ImageKind, hue: u8) -> ImageId {
    let (width, height) = if kind == ImageKind::Avatar { (96, 96) } else { (480, 300) };
    images::upload(ctx, kind, sample::picture(width, height, hue)).await.unwrap().picture.id
}

async fn drafted(ctx: &Ctx, agent: AgentId) -> Pictures {
    get(ctx, agent, PageRequest::default()).await.unwrap().submissions.remove(0).pictures
}

fn chosen(image: ImageId, alt: &str) -> ChosenScreenshot {
    ChosenScreenshot { image, alt: alt.to_owned() }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn pictures_go_with_the_submission_into_the_listing(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let file = sample::picture(96, 96, 1);
    let early = add(&ada, agent, ImageKind::Avatar, "", file.clone()).await;
    assert_eq!(kind(early), Some(FaultKind::NotFound), "nothing was saved yet");

    save(&ada, agent, texts("Reader")).await.unwrap();
    let avatar = add(&ada, agent, ImageKind::Avatar, "", file).await.unwrap().picture.id;
    for (hue, alt) in [(2, "A table"), (3, " A chart "), (4, "A list")] {
        let file = sample::picture(480, 300, hue);
        add(&ada, agent, ImageKind::Screenshot, alt, file).await.unwrap();
    }
    let error = add(&ada, agent, ImageKind::Screenshot, " ", sample::picture(480, 300, 5)).await;
    assert_eq!(error.unwrap_err().fields()[0].field, "alt");
    let shots = drafted(&ada, agent).await.screenshots;
    let alts = |shots: &[Screenshot]| {
        shots.iter().map(|shot| shot.alt.clone()).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(alts(&shots), "A table, A chart, A list");
    let of = |place: usize| shots[place].picture.id;
    change(&ada, agent, of(2), PictureChange::Earlier).await.unwrap();
    change(&ada, agent, of(0), PictureChange::Earlier).await.unwrap();
    change(&ada, agent, of(1), PictureChange::Later).await.unwrap();
    change(&ada, agent, of(0), PictureChange::Describe("Rows".to_owned())).await.unwrap();
    let gone = change(&ada, agent, avatar, PictureChange::Later).await;
    assert_eq!(kind(gone), Some(FaultKind::NotFound), "an avatar stands in no row");
    assert_eq!(alts(&drafted(&ada, agent).await.screenshots), "Rows, A list, A chart");
    // Texts that are saved once more leave the pictures alone.
    save(&ada, agent, texts("Reader")).await.unwrap();
    assert_eq!(drafted(&ada, agent).await.screenshots.len(), 3);
    let shown = preview(&ada, agent).await.unwrap();
    assert_eq!(shown.summary.picture.map(|picture| picture.id), Some(avatar));
    assert_eq!(alts(&shown.screenshots), "Rows, A list, A chart");

    submit(&ada, agent).await.unwrap();
    let late = change(&ada, agent, of(0), PictureChange::Remove).await;
    assert_eq!(kind(late), Some(FaultKind::Conflict), "it is in review");
    withdraw(&ada, agent).await.unwrap();
    let id = hand_in(&ada, agent, texts("Reader")).await;
    let case = moderation::case(&root, id).await.unwrap();
    assert_eq!(
        (case.pictures, case.submission.pictures.screenshots.len()),
        (Pictures::default(), 3)
    );
    let slug = approve(&root, id).await;

    let listing = listings::get(&ada, &slug).await.unwrap();
    assert_eq!(alts(&listing.screenshots), "Rows, A list, A chart");
    let page = listings::browse(&ada, ListingFilter::default()).await.unwrap();
    assert_eq!(page.listings[0].picture.as_ref().map(|picture| picture.id), Some(avatar));
    let before = listings::document(&ada, &slug).await.unwrap().version().to_owned();
    let card = cards::listing_path(&listing.summary);

    // The next version begins with what the listing shows, and changes nothing before it is approved.
    save(&ada, agent, texts("Reader")).await.unwrap();
    for image in [avatar, of(0)] {
        change(&ada, agent, image, PictureChange::Remove).await.unwrap();
    }
    assert_eq!(listings::document(&ada, &slug).await.unwrap().version(), before);
    submit(&ada, agent).await.unwrap();
    let id = get(&ada, agent, PageRequest::default()).await.unwrap().submissions[0].id;
    let case = moderation::case(&root, id).await.unwrap();
    assert_eq!(
        (case.pictures.screenshots.len(), case.submission.pictures.screenshots.len()),
        (3, 2)
    );
    approve(&root, id).await;
    let after = listings::document(&ada, &slug).await.unwrap();
    assert_ne!(after.version(), before, "its entity tag is another");
    assert_eq!(alts(&after.value().screenshots), "A list, A chart");
    assert_ne!(cards::listing_path(&after.value().summary), card, "and so is its card");

    // Without that version it shows what it did before.
    delete_version(&ada, agent, 2).await.unwrap();
    let back = listings::get(&ada, &slug).await.unwrap();
    assert_eq!(alts(&back.screenshots), "Rows, A list, A chart");
    assert_eq!(back.summary.picture.map(|picture| picture.id), Some(avatar));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn only_pictures_of_ones_own_can_be_chosen(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    let agent = published_agent(&ada, "Reader").await;
    save(&ada, agent, texts("Reader")).await.unwrap();
    let (avatar, shot) =
        (upload(&ada, ImageKind::Avatar, 1).await, upload(&ada, ImageKind::Screenshot, 2).await);
    let foreign = upload(&bob, ImageKind::Screenshot, 3).await;
    for (choice, field) in [
        (PictureChoice { avatar: Some(shot), screenshots: vec![] }, "avatar"),
        (PictureChoice { avatar: Some(foreign), screenshots: vec![] }, "avatar"),
        (
            PictureChoice {
                avatar: None,
                screenshots: vec![chosen(shot, "x"), chosen(foreign, "x")],
            },
            "screenshots[1].image",
        ),
        (PictureChoice { avatar: None, screenshots: vec![chosen(shot, "")] }, "screenshots[0].alt"),
    ] {
        let error = set(&ada, agent, choice).await.unwrap_err();
        assert_eq!((error.kind(), error.fields()[0].field.as_str()), (FaultKind::Invalid, field));
    }
    assert_eq!(drafted(&ada, agent).await, Pictures::default(), "nothing has changed");
    let choice = PictureChoice { avatar: Some(avatar), screenshots: vec![chosen(shot, " Seen ")] };
    set(&ada, agent, choice.clone()).await.unwrap();
    let pictures = drafted(&ada, agent).await;
    assert_eq!(pictures.screenshots[0].alt, "Seen");
    set(&ada, agent, PictureChoice::default()).await.unwrap();
    assert_eq!(drafted(&ada, agent).await, Pictures::default());

    let file = sample::picture(480, 300, 9);
    for (ctx, expected) in [
        (bob, FaultKind::NotFound),
        (sample::guest(&backend).await.unwrap(), FaultKind::Conflict),
        (backend.anonymous(), FaultKind::Unauthenticated),
        (backend.system(), FaultKind::Forbidden),
    ] {
        assert_eq!(kind(set(&ctx, agent, choice.clone()).await), Some(expected), "{ctx:?}");
        let added = add(&ctx, agent, ImageKind::Screenshot, "x", file.clone()).await;
        assert_eq!(kind(added), Some(expected));
        let changed = change(&ctx, agent, shot, PictureChange::Remove).await;
        assert_eq!(kind(changed), Some(expected));
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_listing_has_six_screenshots_and_keeps_them(pool: PgPool) {
    use jiff::SignedDuration;
    use resonant_runtime::clock::FixedClock;

    let clock = std::sync::Arc::new(FixedClock::new("2026-11-29T09:00:00Z".parse().unwrap()));
    let backend = Backend::for_tests_at(pool, clock.clone());
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    save(&ada, agent, texts("Reader")).await.unwrap();
    for hue in 0..6 {
        let file = sample::picture(320, 200, hue);
        add(&ada, agent, ImageKind::Screenshot, "One", file).await.unwrap();
    }
    let one_more = sample::picture(320, 200, 6);
    let error = add(&ada, agent, ImageKind::Screenshot, "One", one_more).await.unwrap_err();
    assert_eq!(error.fields()[0].reason, Refusal::Count.to_string());

    // What a draft or a listing shows stays; what was one too many goes.
    let system = backend.system();
    clock.advance(SignedDuration::from_hours(25));
    assert_eq!(images::delete_unused(&system).await.unwrap(), 1);
    submit(&ada, agent).await.unwrap();
    let id = get(&ada, agent, PageRequest::default()).await.unwrap().submissions[0].id;
    let slug = approve(&root, id).await;
    clock.advance(SignedDuration::from_hours(25));
    assert_eq!(images::delete_unused(&system).await.unwrap(), 0);
    let listing = listings::get(&ada, &slug).await.unwrap();
    let shown = &listing.screenshots[5].picture;
    images::file(&backend.anonymous(), shown.id, shown.width, "webp").await.unwrap();

    // What it would show again without its newest version stays, too, and nothing before that.
    for gone in [0, 6] {
        save(&ada, agent, texts("Reader")).await.unwrap();
        let none = PictureChoice { avatar: None, screenshots: Vec::new() };
        set(&ada, agent, none).await.unwrap();
        submit(&ada, agent).await.unwrap();
        let id = get(&ada, agent, PageRequest::default()).await.unwrap().submissions[0].id;
        approve(&root, id).await;
        clock.advance(SignedDuration::from_hours(25));
        assert_eq!(images::delete_unused(&system).await.unwrap(), gone);
    }
}
