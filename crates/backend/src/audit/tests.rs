use std::sync::Arc;

use futures::TryStreamExt as _;
use resonant_domain::api_key::Scope;
use resonant_domain::audit::{AuditEntry, AuditFilter, CSV_HEAD, DeedGroup};
use resonant_domain::page::PageRequest;
use resonant_domain::{FaultKind, UserId};
use resonant_runtime::clock::FixedClock;
use sqlx::PgPool;

use super::*;
use crate::members::{self, Credentials};
use crate::{Backend, RequestId, agents, api_keys, sample, secrets, webhooks};

fn id_of(ctx: &Ctx) -> UserId {
    let Actor::User { id, .. } = ctx.actor() else { panic!("{ctx:?} is a person") };
    id
}

async fn all(ctx: &Ctx, whose: Whose) -> Vec<AuditEntry> {
    list(ctx, whose, AuditFilter::default(), PageRequest::default()).await.unwrap().items
}

fn deeds(entries: &[AuditEntry]) -> Vec<Deed> {
    entries.iter().map(|entry| entry.deed).collect()
}

async fn sign_in(backend: &Backend, name: &str, password: &str) -> Result<Ctx> {
    let ctx = backend.anonymous().from_address("192.0.2.7".parse().ok());
    let email = sample::new_member(name).email;
    members::sign_in(&ctx, Credentials { email, password: password.to_owned() }).await?;
    Ok(ctx)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_entry_says_who_did_what_from_where(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    sample::member(&backend, "ada").await.unwrap();
    let ada = sign_in(&backend, "ada", &sample::new_member("ada").password).await.unwrap();
    let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap();
    let scopes = [Scope::AgentsWrite, Scope::AuditRead];
    let (key, text) = api_keys::create(&ada, sample::key("CI", &scopes)).await.unwrap();
    let actor = api_keys::authenticate(&backend, text.as_str()).await.unwrap().unwrap();
    let program = backend.ctx(actor, RequestId::new("request-1")).by_key(text.as_str());
    agents::delete(&program, agent.id, None).await.unwrap();
    secrets::create(&ada, sample::secret("TOKEN")).await.unwrap();
    let hook = resonant_domain::webhook::NewWebhook {
        url: "https://hooks.example.org/services/canary-1f".to_owned(),
        agent_id: None,
    };
    webhooks::create(&ada, hook).await.unwrap();

    let entries = all(&ada, Whose::Own).await;
    let expected = [
        Deed::WebhookCreated,
        Deed::SecretCreated,
        Deed::AgentDeleted,
        Deed::KeyCreated,
        Deed::AgentCreated,
        Deed::SignedIn,
        Deed::SignedUp,
    ];
    assert_eq!(deeds(&entries), expected);
    assert_eq!(all(&program, Whose::Own).await, entries);
    let [hook, secret, deleted, .., signed_in, _] = entries.as_slice() else { panic!("seven") };
    assert_eq!(hook.subject.as_ref().unwrap().name, "hooks.example.org");
    assert_eq!(secret.subject.as_ref().unwrap().name, "TOKEN");
    assert_eq!(signed_in.address.as_deref(), Some("192.0.2.7"));
    assert_eq!((signed_in.actor.kind, signed_in.actor.id), (ActorKind::Person, Some(id_of(&ada))));
    assert_eq!(signed_in.actor.name.as_deref(), Some("ada"));
    assert_eq!(deleted.actor.kind, ActorKind::Key);
    assert_eq!(deleted.actor.key_prefix, Some(key.prefix));
    assert_eq!(deleted.request_id, "request-1");
    let subject = deleted.subject.as_ref().unwrap();
    assert_eq!((subject.id, subject.name.as_str()), (Some(agent.id.as_uuid()), "Reader"));
    let all = serde_json::to_string(&entries).unwrap();
    for hidden in ["canary-1f", "the value of TOKEN", text.as_str()] {
        assert!(!all.contains(hidden), "{hidden}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_did_not_happen_is_not_written_down(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    secrets::create(&ada, sample::secret("TOKEN")).await.unwrap();
    assert!(secrets::create(&ada, sample::secret("TOKEN")).await.is_err());
    assert!(secrets::delete(&ada, "OTHER").await.is_err());
    assert_eq!(deeds(&all(&ada, Whose::Own).await), [Deed::SecretCreated, Deed::SignedUp]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn whoever_guesses_passwords_does_not_fill_the_log(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    for name in ["ada", "nobody"] {
        assert!(sign_in(&backend, name, "not it").await.is_err());
    }
    let guesser = backend.anonymous().from_address("192.0.2.7".parse().ok());
    for _ in 0..FAILED_PER_HOUR + 2 {
        for account in [Some(id_of(&ada)), None] {
            note_failed_sign_in(&guesser, account).await.unwrap();
        }
    }
    let failed = |entries: Vec<AuditEntry>| {
        entries.into_iter().filter(|entry| entry.deed == Deed::SignInFailed).collect::<Vec<_>>()
    };
    let own = failed(all(&ada, Whose::Own).await);
    let most = usize::try_from(FAILED_PER_HOUR).unwrap();
    assert_eq!(own.len(), most);
    assert_eq!((own[0].actor.kind, own[0].actor.id), (ActorKind::Nobody, None));
    assert_eq!(own[0].address.as_deref(), Some("192.0.2.7"));
    assert_eq!(failed(all(&backend.system(), Whose::All).await).len(), 2 * most);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_log_is_read_page_by_page_and_by_group(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ada, bob) = (
        sample::member(&backend, "ada").await.unwrap(),
        sample::member(&backend, "bob").await.unwrap(),
    );
    // They lie in two tables, one beside agents and one beside accounts.
    for number in 0..3 {
        agents::create(&ada, sample::spec(&format!("Agent {number}"))).await.unwrap();
        api_keys::create(&ada, sample::key(&format!("Key {number}"), &[])).await.unwrap();
    }
    agents::create(&bob, sample::spec("Foreign")).await.unwrap();
    let whole = all(&ada, Whose::Own).await;
    assert_eq!(whole.len(), 7);
    let (mut read, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageRequest { cursor, limit: Some(2) };
        let page = list(&ada, Whose::Own, AuditFilter::default(), page).await.unwrap();
        read.extend(page.items);
        cursor = page.next_cursor;
        let Some(next) = &cursor else { break };
        let foreign = PageRequest { cursor: Some(next.clone()), limit: Some(2) };
        let refused = list(&bob, Whose::Own, AuditFilter::default(), foreign).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "cursor");
    }
    assert_eq!(read, whole);
    let filter = AuditFilter { group: Some(DeedGroup::Keys), ..AuditFilter::default() };
    let keys = list(&ada, Whose::Own, filter.clone(), PageRequest::default()).await.unwrap().items;
    assert_eq!(deeds(&keys), [Deed::KeyCreated; 3]);

    let pieces = export(&ada, Whose::Own, filter, FileForm::Csv).await.unwrap();
    let pieces: Vec<_> = pieces.try_collect().await.unwrap();
    let text = String::from_utf8(pieces.concat()).unwrap();
    assert_eq!(text.lines().count(), 4);
    assert!(text.starts_with(CSV_HEAD), "{text}");
    let pieces = export(&ada, Whose::Own, AuditFilter::default(), FileForm::JsonLines);
    let pieces: Vec<_> = pieces.await.unwrap().try_collect().await.unwrap();
    let lines = String::from_utf8(pieces.concat()).unwrap();
    let lines: Vec<AuditEntry> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, whole);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn admins_read_the_log_of_all(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (
        sample::member(&backend, "root").await.unwrap(),
        sample::member(&backend, "ada").await.unwrap(),
    );
    agents::create(&ada, sample::spec("Reader")).await.unwrap();
    let page = PageRequest::default;
    let refused = list(&root, Whose::All, AuditFilter::default(), page()).await.unwrap_err();
    assert_eq!(refused.kind(), FaultKind::NotFound);
    members::appoint_admin(&backend.system(), "root@example.org").await.unwrap();
    let entries = all(&root, Whose::All).await;
    let expected = [Deed::AdminAppointed, Deed::AgentCreated, Deed::SignedUp, Deed::SignedUp];
    assert_eq!(deeds(&entries), expected);
    assert_eq!(entries[0].actor.kind, ActorKind::System);
    assert_eq!(entries[1].account_name.as_deref(), Some("ada"));
    assert_eq!(all(&backend.system(), Whose::All).await, entries);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_too_old_goes(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
    let settings = crate::Settings { audit_days: 30, ..sample::settings() };
    let backend = Backend::for_tests_at_with(pool, clock.clone(), &settings);
    let ada = sample::member(&backend, "ada").await.unwrap();
    agents::create(&ada, sample::spec("Old")).await.unwrap();
    clock.advance(SignedDuration::from_hours(29 * 24));
    assert_eq!(forget_old(&backend.system()).await.unwrap(), 0);
    agents::create(&ada, sample::spec("New")).await.unwrap();
    clock.advance(SignedDuration::from_hours(2 * 24));
    assert_eq!(forget_old(&backend.system()).await.unwrap(), 2);
    let left = all(&ada, Whose::Own).await;
    assert_eq!(left[0].subject.as_ref().unwrap().name, "New");
    assert_eq!((left.len(), forget_old(&backend.system()).await.unwrap()), (1, 0));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_closed_their_account_is_nobody_in_the_log(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ada, bob) = (
        sample::member(&backend, "ada").await.unwrap(),
        sample::member(&backend, "bob").await.unwrap(),
    );
    // Ada does something to what is Bob's, as a member of his team might.
    let mut tx = backend.begin(id_of(&bob)).await.unwrap();
    let subject = Subject::account(id_of(&ada), "ada");
    let log = Log::Owner(id_of(&bob));
    note(&ada, &mut tx, log, Deed::TeamRoleChanged, Some(subject)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(all(&bob, Whose::Own).await[0].actor.name.as_deref(), Some("ada"));

    members::close_account(&ada, sample::new_member("ada").password).await.unwrap();
    members::purge_closed(&backend.system()).await.unwrap();
    let entries = all(&bob, Whose::Own).await;
    assert_eq!(deeds(&entries), [Deed::TeamRoleChanged, Deed::SignedUp]);
    assert_eq!((entries[0].actor.kind, entries[0].actor.id), (ActorKind::Person, None));
    let subject = entries[0].subject.as_ref().unwrap();
    assert_eq!((subject.id, subject.name.as_str()), (None, "Deleted account"));
    let all = all(&backend.system(), Whose::All).await;
    let expected = [Deed::AccountDeleted, Deed::TeamRoleChanged, Deed::SignedUp];
    assert_eq!(deeds(&all), expected);
}
