use resonant_domain::FaultKind;
use resonant_domain::agent_version::NewVersion;
use resonant_domain::audit::AuditFilter;
use resonant_domain::listing::{Category, ListingFilter};
use resonant_domain::page::PageRequest;
use resonant_domain::publication::ReportReason;
use resonant_domain::review::NewReview;
use resonant_domain::spec_diff::PieceKind;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::moderation::{self, Ruling, Verdict};
use crate::{Actor, Backend, RequestId, listings, members, reviews, sample, sessions, work};

mod copies;
mod judged;
mod seen;
mod showcase;

pub(crate) fn texts(name: &str) -> ListingTexts {
    ListingTexts {
        name: name.to_owned(),
        tagline: " Reads for you ".to_owned(),
        category: Category::Research,
        description: "It **reads** slowly".to_owned(),
        tags: vec!["news".to_owned()],
        change_log: "The first".to_owned(),
        price: resonant_domain::price::Price::FREE,
        examples: Vec::new(),
    }
}

pub(crate) async fn admin(backend: &Backend) -> Ctx {
    let ctx = sample::member(backend, "root").await.unwrap();
    members::appoint_admin(&backend.system(), "root@example.org").await.unwrap();
    ctx
}

pub(crate) async fn published_agent(ctx: &Ctx, name: &str) -> AgentId {
    let agent = agents::create(ctx, sample::spec(name)).await.unwrap().id;
    agents::publish(ctx, agent, NewVersion::default(), None).await.unwrap();
    agent
}

/// Hands an agent in and answers the submission.
pub(crate) async fn hand_in(ctx: &Ctx, agent: AgentId, texts: ListingTexts) -> SubmissionId {
    let id = save(ctx, agent, texts).await.unwrap().id;
    submit(ctx, agent).await.unwrap();
    id
}

/// What a moderator has read of a submission.
pub(crate) async fn read(root: &Ctx, id: SubmissionId) -> String {
    moderation::case(root, id).await.unwrap().seen
}

/// A moderator reads a submission and approves it; answers the listing's slug.
pub(crate) async fn approve(root: &Ctx, id: SubmissionId) -> String {
    let seen = read(root, id).await;
    moderation::approve(root, id, Ruling { seen: &seen, comment: "" }).await.unwrap()
}

/// Publishes an agent as the listing `reader`, which these people run and review in these words; the publisher
/// answers each of them.
pub(crate) async fn answered(root: &Ctx, publisher: &Ctx, said: &[(&Ctx, &str)], answer: &str) {
    let agent = published_agent(publisher, "Reader").await;
    let id = hand_in(publisher, agent, texts("Reader")).await;
    let slug = approve(root, id).await;
    for (reviewer, text) in said {
        let copy = listings::install(reviewer, &slug).await.unwrap().id;
        sessions::start(reviewer, copy, sample::goal("Read")).await.unwrap();
        sample::work_off(root.backend()).await;
        let new = NewReview { stars: 5, text: (*text).to_owned() };
        let review = reviews::create(reviewer, &slug, new).await.unwrap().id;
        reviews::answer(publisher, &slug, review, answer).await.unwrap();
    }
}

/// A moderator reads a submission and asks for changes.
pub(crate) async fn ask_for(root: &Ctx, id: SubmissionId, comment: &str) {
    let seen = read(root, id).await;
    moderation::request_changes(root, id, Ruling { seen: &seen, comment }).await.unwrap();
}

pub(crate) fn kind<T>(answer: Result<T>) -> Option<FaultKind> {
    answer.err().map(|error| error.kind())
}

async fn slugs(ctx: &Ctx) -> Vec<String> {
    let page = listings::browse(ctx, ListingFilter::default()).await.unwrap();
    page.listings.into_iter().map(|listing| listing.slug).collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_was_approved_is_in_the_marketplace_and_nothing_before(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    assert_eq!(slugs(&ada).await, Vec::<String>::new());
    let id = hand_in(&ada, agent, texts("Slow Reader")).await;
    assert_eq!(kind(listings::get(&ada, "slow-reader").await), Some(FaultKind::NotFound));
    assert_eq!(kind(save(&ada, agent, texts("x")).await), Some(FaultKind::Conflict));

    let case = moderation::case(&root, id).await.unwrap();
    assert_eq!((case.publisher.as_str(), case.listing), ("ada", None));
    assert_eq!(case.submission.texts.tagline, "Reads for you");
    assert!(!case.agent.is_empty() && !case.description.is_empty());
    let ruling = Ruling { seen: &case.seen, comment: "Well done" };
    assert_eq!(moderation::approve(&root, id, ruling).await.unwrap(), "slow-reader");

    assert_eq!(slugs(&ada).await, ["slow-reader"], "the cached page is not shown any more");
    let listing = listings::get(&ada, "slow-reader").await.unwrap();
    assert_eq!((listing.summary.publisher.as_str(), listing.version), ("ada", 1));
    assert_eq!((listing.tags, listing.state), (vec!["news".to_owned()], ListingState::Published));
    assert_eq!(listing.versions[0].change_log, "The first");
    assert_eq!(kind(moderation::approve(&root, id, ruling).await), Some(FaultKind::Conflict));
    let found = get(&ada, agent, PageRequest::default()).await.unwrap();
    assert_eq!(found.submissions[0].state, SubmissionState::Approved);
    assert_eq!(found.submissions[0].comment, "Well done");
    assert_eq!(found.listing.unwrap().slug, "slow-reader");

    let bob = sample::guest(&backend).await.unwrap();
    let copy = listings::install(&bob, "slow-reader").await.unwrap();
    assert_eq!(copy.spec.name, "Reader");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_new_version_is_judged_by_what_differs(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;

    let changes = resonant_domain::agent::AgentChanges {
        system_prompt: Some("Answer at length.".to_owned()),
        ..Default::default()
    };
    agents::update(&ada, agent, changes, None).await.unwrap();
    agents::publish(&ada, agent, NewVersion::default(), None).await.unwrap();
    let next = ListingTexts {
        description: "It **reads** fast".to_owned(),
        change_log: "Faster".to_owned(),
        tags: vec!["news".to_owned(), "fast".to_owned()],
        ..texts("Reader")
    };
    let id = hand_in(&ada, agent, next).await;
    let case = moderation::case(&root, id).await.unwrap();
    assert_eq!(case.listing.unwrap().version, 1);
    assert_eq!(case.agent.fields, []);
    let added: Vec<_> = case
        .agent
        .prompt
        .iter()
        .chain(&case.description)
        .filter(|piece| piece.kind == PieceKind::Added)
        .map(|piece| piece.text.trim())
        .collect();
    assert_eq!(added, ["at length.", "fast"]);
    let fields: Vec<_> = case.texts.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["tags"]);

    let ruling = Ruling { seen: &case.seen, comment: " " };
    let wordless = moderation::request_changes(&root, id, ruling).await;
    assert_eq!(kind(wordless), Some(FaultKind::Invalid));
    ask_for(&root, id, "Say how fast").await;
    assert_eq!(listings::get(&ada, "reader").await.unwrap().version, 1);
    let found = get(&ada, agent, PageRequest::default()).await.unwrap();
    assert_eq!(found.submissions[0].state, SubmissionState::ChangesRequested);
    assert_eq!(found.submissions[0].comment, "Say how fast");

    let again = hand_in(&ada, agent, texts("Reader")).await;
    assert_ne!(again, id);
    approve(&root, again).await;
    let listing = listings::get(&ada, "reader").await.unwrap();
    assert_eq!((listing.version, listing.agent.system_prompt.as_str()), (2, "Answer at length."));
    let versions: Vec<_> = listing.versions.iter().map(|version| version.version).collect();
    assert_eq!(versions, [2, 1]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_secret_keeps_it_back_and_a_wide_permission_does_not(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let mut spec = sample::spec("Reader");
    spec.tools.push(resonant_domain::agent::ToolGrant::new("http_fetch"));
    let agent = agents::create(&ada, spec).await.unwrap().id;
    assert_eq!(kind(save(&ada, agent, texts("R")).await), Some(FaultKind::Conflict));
    agents::publish(&ada, agent, NewVersion::default(), None).await.unwrap();
    let leaky = ListingTexts {
        description: "Use ghp_0123456789abcdefghij0123456789abcdef".to_owned(),
        ..texts("R")
    };
    save(&ada, agent, leaky).await.unwrap();
    assert_eq!(get(&ada, agent, PageRequest::default()).await.unwrap().findings.len(), 2);
    let error = submit(&ada, agent).await.unwrap_err();
    let fields: Vec<_> = error.fields().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["description"]);
    save(&ada, agent, texts("R")).await.unwrap();
    submit(&ada, agent).await.unwrap();
    withdraw(&ada, agent).await.unwrap();
    assert_eq!(
        get(&ada, agent, PageRequest::default()).await.unwrap().submissions.len(),
        1,
        "a draft is changed in place"
    );
    let error = save(&ada, agent, texts(" ")).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "name");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_paused_listing_is_seen_and_one_taken_off_is_not(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    let slug = approve(&root, id).await;
    for (state, is_listed, seen, installed) in [
        (ListingState::Paused, false, None, Some(FaultKind::Conflict)),
        (ListingState::Unlisted, false, Some(FaultKind::NotFound), Some(FaultKind::NotFound)),
        (ListingState::Published, true, None, None),
    ] {
        set_state(&ada, agent, state).await.unwrap();
        assert_eq!(!slugs(&root).await.is_empty(), is_listed, "{state:?}");
        assert_eq!(kind(listings::get(&root, &slug).await), seen);
        assert_eq!(kind(listings::install(&root, &slug).await), installed);
    }
    let removed = set_state(&ada, agent, ListingState::Removed).await;
    assert_eq!(kind(removed), Some(FaultKind::Invalid));

    let guest = sample::guest(&backend).await.unwrap();
    for text in ["It lies", "It lies and steals"] {
        moderation::report(&guest, &slug, ReportReason::Misleading, text).await.unwrap();
    }
    let reports = moderation::reports(&root, PageRequest::default()).await.unwrap().items;
    assert_eq!((reports.len(), reports[0].text.as_str()), (1, "It lies and steals"));
    for silent in ["", " ", &"x".repeat(301)] {
        let refused = moderation::close_report(&root, reports[0].id, Verdict::Remove(silent)).await;
        assert_eq!(refused.unwrap_err().fields()[0].field, "comment", "its publisher learns why");
    }
    moderation::close_report(&root, reports[0].id, Verdict::Remove("It steals")).await.unwrap();
    assert_eq!(kind(listings::get(&root, &slug).await), Some(FaultKind::NotFound));
    let back = set_state(&ada, agent, ListingState::Published).await;
    assert_eq!(kind(back), Some(FaultKind::Conflict));
    let again = moderation::close_report(&root, reports[0].id, Verdict::Dismiss).await;
    assert_eq!(kind(again), Some(FaultKind::NotFound));
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;
    assert_eq!(listings::get(&root, &slug).await.unwrap().version, 2);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn publishing_is_the_owners_and_judging_the_admins(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    let report = resonant_domain::ReportId::from_uuid(uuid::Uuid::nil());
    let Actor::User { id: owner, .. } = root.actor() else { panic!("a member is a user") };
    let key = Actor::Key {
        owner,
        key: resonant_domain::ApiKeyId::from_uuid(uuid::Uuid::nil()),
        scopes: resonant_domain::api_key::Scope::ALL.into_iter().collect(),
    };
    let (hidden, nobody, never) =
        (FaultKind::NotFound, FaultKind::Unauthenticated, FaultKind::Forbidden);
    let seen = read(&root, id).await;
    for (ctx, own, made, judged) in [
        (sample::guest(&backend).await.unwrap(), hidden, FaultKind::Conflict, hidden),
        (sample::member(&backend, "bob").await.unwrap(), hidden, hidden, hidden),
        (backend.anonymous(), nobody, nobody, nobody),
        (backend.system(), never, never, never),
        (backend.ctx(key, RequestId::new("test")), never, never, never),
    ] {
        assert_eq!(kind(get(&ctx, agent, PageRequest::default()).await), Some(own), "{ctx:?}");
        assert_eq!(kind(withdraw(&ctx, agent).await), Some(own));
        assert_eq!(kind(set_state(&ctx, agent, ListingState::Paused).await), Some(own));
        assert_eq!(kind(save(&ctx, agent, texts("Mine")).await), Some(made));
        assert_eq!(kind(submit(&ctx, agent).await), Some(made));
        assert_eq!(kind(listing(&ctx, agent).await), Some(own));
        assert_eq!(kind(taken_off(&ctx, "reader").await), Some(own));
        let reports = moderation::reports(&ctx, PageRequest::default()).await;
        assert_eq!(kind(reports), Some(judged));
        let cases = moderation::cases(&ctx, PageRequest::default()).await;
        assert_eq!(kind(cases), Some(judged));
        assert_eq!(kind(moderation::case(&ctx, id).await), Some(judged));
        let ruling = Ruling { seen: &seen, comment: "x" };
        assert_eq!(kind(moderation::approve(&ctx, id, ruling).await), Some(judged));
        assert_eq!(kind(moderation::request_changes(&ctx, id, ruling).await), Some(judged));
        let closed = moderation::close_report(&ctx, report, Verdict::Remove("x")).await;
        assert_eq!(kind(closed), Some(judged));
    }
    let cases = moderation::cases(&ada, PageRequest::default()).await;
    assert_eq!(kind(cases), Some(hidden), "a publisher is no moderator");
    let cases = moderation::cases(&root, PageRequest::default()).await.unwrap();
    assert_eq!(cases.items.len(), 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_was_handed_in_and_reported_is_read_page_by_page(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let mut handed_in = vec![];
    for _ in 0..3 {
        let id = hand_in(&ada, agent, texts("Reader")).await;
        approve(&root, id).await;
        handed_in.insert(0, id);
    }
    let leaky = ListingTexts {
        description: "Use ghp_0123456789abcdefghij0123456789abcdef".to_owned(),
        ..texts("Reader")
    };
    handed_in.insert(0, save(&ada, agent, leaky).await.unwrap().id);
    let (mut found, mut cursor) = (vec![], None);
    loop {
        let page = PageRequest { cursor, limit: Some(1) };
        let publication = get(&ada, agent, page).await.unwrap();
        assert_eq!(publication.has_more, publication.next_cursor.is_some());
        assert_eq!(publication.findings.len(), 1, "of the newest, on each page");
        found.extend(publication.submissions.into_iter().map(|submission| submission.id));
        cursor = publication.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, handed_in);

    for name in ["bob", "eve", "kim"] {
        let who = sample::member(&backend, name).await.unwrap();
        moderation::report(&who, "reader", ReportReason::Spam, name).await.unwrap();
    }
    let (mut found, mut cursor) = (vec![], None);
    loop {
        let page = PageRequest { cursor, limit: Some(2) };
        let reports = moderation::reports(&root, page).await.unwrap();
        found.extend(reports.items.into_iter().map(|report| report.text));
        cursor = reports.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, ["bob", "eve", "kim"]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_version_goes_and_the_listing_stays(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;
    assert_eq!(kind(delete_version(&ada, agent, 1).await), Some(FaultKind::Conflict));
    assert_eq!(kind(delete_version(&ada, agent, 2).await), Some(FaultKind::NotFound));
    let approve_next = async || {
        let id = hand_in(&ada, agent, texts("Reader")).await;
        approve(&root, id).await;
    };
    approve_next().await;
    assert_eq!(kind(delete_version(&root, agent, 2).await), Some(FaultKind::NotFound));
    delete_version(&ada, agent, 2).await.unwrap();
    let listing = listings::get(&root, "reader").await.unwrap();
    assert_eq!((listing.version, listing.versions.len()), (1, 1));
    approve_next().await;
    let listing = listings::get(&root, "reader").await.unwrap();
    assert_eq!((listing.version, listing.versions.len()), (3, 2), "no number is given twice");
    delete_version(&ada, agent, 1).await.unwrap();
    assert_eq!(listings::get(&root, "reader").await.unwrap().version, 3);
    assert!(listings::install(&root, "reader").await.is_ok());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_deprecated_listing_leads_to_its_successor(pool: PgPool) {
    use resonant_domain::notice::NoticeKind;
    use resonant_domain::page::PageRequest;

    use crate::{inbox, news};

    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let (old, new) = (published_agent(&ada, "Old").await, published_agent(&ada, "New").await);
    for (agent, name) in [(old, "Old one"), (new, "New one")] {
        let id = hand_in(&ada, agent, texts(name)).await;
        approve(&root, id).await;
    }
    let bob = sample::guest(&backend).await.unwrap();
    listings::install(&bob, "old-one").await.unwrap();
    for (successor, reason) in [
        ("old-one", "must be another listing"),
        ("nothing-here", "there is no such listing"),
        ("new\0one", "there is no such listing"),
    ] {
        let error = deprecate(&ada, old, Some(successor)).await.unwrap_err();
        let fault = &error.fields()[0];
        assert_eq!((fault.field.as_str(), fault.reason.as_str()), ("successor", reason));
    }
    assert_eq!(kind(deprecate(&root, old, None).await), Some(FaultKind::NotFound));
    deprecate(&ada, old, Some("new-one")).await.unwrap();
    deprecate(&ada, old, Some("new-one")).await.unwrap();
    let deprecation = listings::get(&bob, "old-one").await.unwrap().deprecation.unwrap();
    assert_eq!(deprecation.successor.as_deref(), Some("new-one"));
    assert_eq!(deprecation.successor_name.as_deref(), Some("New one"));
    assert_eq!(slugs(&ada).await, ["new-one"]);
    news::tell_holders(&backend.system()).await.unwrap();
    let told = inbox::list(&bob, PageRequest::default()).await.unwrap().items;
    assert_eq!((told.len(), told[0].kind), (1, NoticeKind::Deprecated), "once");
    assert_eq!(told[0].text, "“New one” takes its place");
    // Another one takes its place: that is told, and written down, as it was before.
    let id = hand_in(&ada, published_agent(&ada, "Newer").await, texts("Newer one")).await;
    approve(&root, id).await;
    for _ in 0..2 {
        deprecate(&ada, old, Some(" newer-one ")).await.unwrap();
    }
    news::tell_holders(&backend.system()).await.unwrap();
    let told = inbox::list(&bob, PageRequest::default()).await.unwrap().items;
    let texts: Vec<_> = told.iter().map(|notice| notice.text.as_str()).collect();
    assert_eq!(texts, ["“Newer one” takes its place", "“New one” takes its place"]);
    let whose = audit::Whose::Own;
    let page = audit::list(&ada, whose, AuditFilter::default(), PageRequest::default());
    let entries = page.await.unwrap().items.into_iter();
    assert_eq!(entries.filter(|entry| entry.deed == Deed::ListingDeprecated).count(), 2);
    assert!(get(&ada, old, PageRequest::default()).await.unwrap().listing.unwrap().is_deprecated);
    keep_up(&ada, old).await.unwrap();
    assert_eq!(listings::get(&bob, "old-one").await.unwrap().deprecation, None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_is_shown_with_consent_until_its_link_is_taken_back(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let id = hand_in(&ada, agent, texts("Reader")).await;
    approve(&root, id).await;
    let work = async || {
        let system = backend.system();
        let claim = work::claim(&system, "worker").await.unwrap().unwrap();
        work::run(&system, claim, CancellationToken::new()).await.unwrap();
    };
    let run = async |goal: &str| {
        let session = sessions::start(&ada, agent, sample::goal(goal)).await.unwrap();
        work().await;
        session.id
    };
    let open = sessions::start(&ada, agent, sample::goal("not yet")).await.unwrap().id;
    let refused = show(&ada, agent, open, Consent::Given).await.unwrap_err();
    assert_eq!(refused.fields()[0].field, "session");
    work().await;
    let leaky = run("Use ghp_0123456789abcdefghij0123456789abcdef").await;
    let refused = show(&ada, agent, leaky, Consent::Given).await.unwrap_err();
    assert_eq!(refused.fields()[0].field, "session", "{refused}");
    let fine = run("Say hello").await;
    let refused = show(&ada, agent, fine, Consent::Refused).await.unwrap_err();
    assert_eq!(refused.fields()[0].field, "consent");
    assert_eq!(kind(show(&root, agent, fine, Consent::Given).await), Some(FaultKind::NotFound));

    show(&ada, agent, fine, Consent::Given).await.unwrap();
    let shown = listings::get(&root, "reader").await.unwrap().showcase.unwrap();
    assert_eq!((shown.goal.as_str(), shown.answer.as_str()), ("Say hello", "Say hello"));
    let anyone = backend.anonymous();
    assert_eq!(sessions::shared(&anyone, &shown.token).await.unwrap().0.id, fine);
    hide(&ada, agent).await.unwrap();
    assert_eq!(listings::get(&root, "reader").await.unwrap().showcase, None);
    show(&ada, agent, fine, Consent::Given).await.unwrap();
    sessions::unshare(&ada, fine).await.unwrap();
    assert_eq!(listings::get(&root, "reader").await.unwrap().showcase, None);
}
