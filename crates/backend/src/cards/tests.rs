use resonant_domain::FaultKind;
use resonant_domain::listing::ListingFilter;
use resonant_domain::page::PageRequest;
use sqlx::PgPool;

use super::*;
use crate::cache::tests::until;
use crate::publications::tests::{admin, approve, published_agent, texts};
use crate::publications::{self, get as standing, pictures};
use crate::sample;

fn card(title: &str) -> Card {
    Card {
        kicker: "Research".to_owned(),
        title: title.to_owned(),
        instead: "Research agent".to_owned(),
        text: "Reads for you".to_owned(),
        by: Some("Ada".to_owned()),
        stars: Some("4.4".to_owned()),
        figures: vec!["12 ratings".to_owned(), "1.2k installs".to_owned()],
        mark: Mark::Letters(210),
    }
}

#[test]
fn a_card_has_the_size_that_sites_ask_for() {
    let long = "A name that is much longer than there is room for ".repeat(4);
    let word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk".repeat(3);
    for title in ["Reader", &long, &word, "会议纪要", "", "✨ 🎉", "Reader 会", "\u{202e}x\0y\n"]
    {
        let file = layout::draw(&card(title), None).unwrap();
        let drawn = image::load_from_memory(&file).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (1200, 630), "{title}");
        assert!(file.len() < 400_000, "{title}: {}", file.len());
    }
}

#[test]
fn lines_have_room_and_end_in_an_ellipsis() {
    let letters = text::Letters::bold().unwrap();
    let style = text::Style { letters: &letters, size: 72.0, colour: colour::oklch(1.0, 0.0, 0.0) };
    assert_eq!(style.lines("Invoice reader", 1000.0, 2), ["Invoice reader"]);
    assert_eq!(style.lines("", 1000.0, 2), Vec::<String>::new());
    let long = "reads all documents that there are ".repeat(4);
    let lines = style.lines(&long, 1000.0, 2);
    assert_eq!(lines.len(), 2);
    assert!(lines[1].ends_with('…') && !lines[0].ends_with('…'), "{lines:?}");
    let word = style.lines(&"reader".repeat(20), 1000.0, 2);
    assert!(word[0].ends_with('…'), "{word:?}");
    for line in lines.iter().chain(&word) {
        assert!(style.width(line) <= 1000.0, "{line}");
    }
}

#[test]
fn what_cannot_be_drawn_is_left_out_or_replaced() {
    let letters = text::Letters::bold().unwrap();
    assert_eq!(letters.drawable("Łódź  reader ✨\n2").as_deref(), Some("Łódź reader 2"));
    assert_eq!(letters.drawable("会议 notes").as_deref(), Some("notes"));
    assert_eq!(letters.drawable("会议纪要会议纪要 x"), None);
    assert_eq!(letters.drawable("✨"), None);
}

#[test]
fn a_version_follows_from_what_is_shown() {
    let one = card("Reader");
    assert_eq!(one.version(), one.clone().version());
    let others = [
        card("Writer"),
        Card { stars: None, ..one.clone() },
        Card { by: None, ..one.clone() },
        Card { mark: Mark::Letters(211), ..one.clone() },
        Card { figures: vec!["13 ratings".to_owned()], ..one.clone() },
    ];
    let versions: std::collections::BTreeSet<_> =
        others.iter().chain([&one]).map(Card::version).collect();
    assert_eq!(versions.len(), 6);
    assert_eq!(counted(1, "install"), "1 install");
    assert_eq!(counted(999, "install"), "999 installs");
    assert_eq!(counted(1_250, "install"), "1.2k installs");
    assert_eq!(counted(2_000_000, "install"), "2.0m installs");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_card_is_drawn_once_and_anew_when_what_it_shows_changes(pool: PgPool) {
    let backend = crate::cache::tests::backend(&pool, None).await;
    backend.load_content().await.unwrap();
    let nobody = backend.anonymous();
    let page = listings::browse(&nobody, ListingFilter::default()).await.unwrap();
    let slug = page.listings[0].slug.as_str();
    let first = get(&nobody, Subject::Listing(slug)).await.unwrap();
    // A process that has lost its connection for notices keeps nothing until it has another one.
    until("a card is kept", async || {
        let one = get(&nobody, Subject::Listing(slug)).await.unwrap();
        let two = get(&nobody, Subject::Listing(slug)).await.unwrap();
        assert_eq!((&one.version, &two.version), (&first.version, &first.version));
        assert_eq!(one.file.value(), first.file.value());
        Arc::ptr_eq(&one.file, &two.file)
    })
    .await;
    assert!(listing_path(&page.listings[0]).ends_with(&format!("{slug}.png?v={}", first.version)));
    get(&nobody, Subject::Site).await.unwrap();
    for missing in [
        Subject::Listing("nothing-here"),
        Subject::Publisher("nobody-here"),
        Subject::Collection("nothing-here"),
    ] {
        let error = get(&nobody, missing).await.unwrap_err();
        assert_eq!(error.kind(), FaultKind::NotFound, "{missing:?}");
    }

    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Painter").await;
    publications::save(&ada, agent, texts("Painter")).await.unwrap();
    let file = sample::picture(200, 200, 90);
    pictures::add(&ada, agent, ImageKind::Avatar, "", file).await.unwrap();
    publications::submit(&ada, agent).await.unwrap();
    let id = standing(&ada, agent, PageRequest::default()).await.unwrap().submissions[0].id;
    let slug = approve(&root, id).await;
    let drawn = get(&nobody, Subject::Listing(&slug)).await.unwrap();
    let drawn = image::load_from_memory(&drawn.file.value().bytes).unwrap().into_rgb8();
    // The middle of the picture that was uploaded.
    let [red, green, blue] = drawn.get_pixel(76 + 58, 72 + 58).0;
    assert!(red.abs_diff(127) < 12 && green.abs_diff(127) < 12 && blue.abs_diff(90) < 12);
}
