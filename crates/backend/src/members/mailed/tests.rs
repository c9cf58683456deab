use std::sync::Arc;

use jiff::SignedDuration;
use resonant_domain::FaultKind;
use resonant_domain::api_key::Scope;
use resonant_domain::audit::{AuditFilter, Deed};
use resonant_domain::page::PageRequest;
use resonant_runtime::clock::FixedClock;
use sqlx::PgPool;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::audit::Whose;
use crate::mail_server::{Answer, link_in, mail_server};
use crate::members::{
    Credentials, authenticate, change_password, close_account, send_letters, sign_in, viewer,
};
use crate::{Backend, MailSettings, Settings, SignInChange, api_keys, sample};

const PASSWORD_LINK: &str = "https://resonant.example.org/reset-password/";
const ADDRESS_LINK: &str = "https://resonant.example.org/confirm-email/";

struct World {
    backend: Backend,
    clock: Arc<FixedClock>,
    heard: UnboundedReceiver<String>,
    ada: Ctx,
}

impl World {
    async fn new(pool: PgPool, answers: &[Answer]) -> Self {
        let (url, heard) = mail_server(answers.to_vec());
        let mail = Some(MailSettings::new(&url, "Resonant <hello@example.org>").unwrap());
        let public_origin = Some("https://resonant.example.org".to_owned());
        let settings = Settings { mail, public_origin, ..sample::settings() };
        let clock = Arc::new(FixedClock::new("2026-12-02T10:30:20Z".parse().unwrap()));
        let backend = Backend::for_tests_at_with(pool, clock.clone(), &settings);
        let ada = sample::member(&backend, "ada").await.unwrap();
        Self { backend, clock, heard, ada }
    }

    async fn ask_for_password(&self, email: &str) {
        ask_for_password(&self.backend.anonymous(), email, &words()).await.unwrap();
    }

    async fn ask_for_address(&self, email: &str) -> Result<()> {
        ask_for_address(&self.ada, password(), email, &words()).await
    }

    async fn send(&self) -> usize {
        send_letters(&self.backend.system()).await.unwrap()
    }

    /// The next mail to be sent.
    async fn mail(&mut self) -> String {
        assert_eq!(self.send().await, 1);
        self.heard.recv().await.unwrap()
    }

    /// The token in the next mail.
    async fn token(&mut self, place: &str) -> String {
        let mail = self.mail().await;
        link_in(&mail, place).unwrap_or_else(|| panic!("no link: {mail}"))
    }

    async fn sign_in(&self, name: &str, password: &str) -> bool {
        let email = format!("{name}@example.org");
        let credentials = Credentials { email, password: password.to_owned() };
        sign_in(&self.backend.anonymous(), credentials).await.is_ok()
    }

    async fn find_forgotten(&self, token: &str) -> Option<String> {
        find_forgotten(&self.backend.anonymous(), token).await.unwrap()
    }

    async fn find_address(&self, token: &str) -> Option<String> {
        find_address(&self.backend.anonymous(), token).await.unwrap()
    }

    async fn deeds(&self) -> Vec<Deed> {
        let all = (AuditFilter::default(), PageRequest::default());
        let page = crate::audit::list(&self.ada, Whose::Own, all.0, all.1).await.unwrap();
        page.items.into_iter().map(|entry| entry.deed).collect()
    }
}

fn words() -> Letter {
    let text = "Open this:\n{link}\nor hear of {email}.\n";
    Letter { subject: "Your account".to_owned(), text: text.to_owned() }
}

fn password() -> String {
    sample::new_member("ada").password
}

fn kind<T>(answer: Result<T>) -> Option<FaultKind> {
    answer.err().map(|error| error.kind())
}

async fn count(pool: &PgPool, what: &str) -> i64 {
    let statement = format!("SELECT count(*) FROM {what}");
    let row = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).fetch_one(pool).await.unwrap();
    sqlx::Row::get(&row, 0)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_forgotten_password_is_set_by_a_link_that_counts_once(pool: PgPool) {
    let mut world = World::new(pool.clone(), &[Answer::Takes]).await;
    let Some(SignInChange::Issued(old)) = world.ada.sign_in_change() else { panic!("no token") };
    let scopes = vec![Scope::AgentsRead];
    let (_, key) = api_keys::create_lasting(&world.ada, "CI".into(), scopes, None).await.unwrap();
    world.ask_for_password(" Ada@Example.org").await;
    assert_eq!(count(&pool, "account_links").await, 0, "it is made when it is sent");
    let mail = world.mail().await;
    for text in ["RCPT TO:<ada@example.org>", "Subject: Your account", "Open this:"] {
        assert!(mail.contains(text), "lacks {text}: {mail}");
    }
    let token = link_in(&mail, PASSWORD_LINK).unwrap();
    assert_eq!(count(&pool, "account_letters").await, 0);
    let kept = format!("account_links t WHERE t::TEXT LIKE '%{token}%'");
    assert_eq!((count(&pool, "account_links").await, count(&pool, &kept).await), (1, 0));

    let whose = world.find_forgotten(&token).await;
    assert_eq!(whose.as_deref(), Some("ada@example.org"));
    assert_eq!(world.find_address(&token).await, None, "it is for the password alone");
    let nobody = world.backend.anonymous();
    let short = set_forgotten(&nobody, &token, "short".into()).await.unwrap_err();
    assert_eq!(short.fields()[0].field, "password");
    set_forgotten(&nobody, &token, "a new pass phrase".into()).await.unwrap();
    assert_eq!(authenticate(&world.backend, old.as_str()).await.unwrap(), None);
    assert!(api_keys::authenticate(&world.backend, key.as_str()).await.unwrap().is_some());
    assert!(!world.sign_in("ada", &password()).await);
    assert!(world.sign_in("ada", "a new pass phrase").await);
    assert!(world.deeds().await.contains(&Deed::PasswordReset));

    let again = set_forgotten(&nobody, &token, "another pass phrase".into()).await;
    assert_eq!(kind(again), Some(FaultKind::NotFound));
    assert_eq!(world.find_forgotten(&token).await, None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_newest_link_counts_and_not_for_long(pool: PgPool) {
    let mut world = World::new(pool, &[Answer::Takes; 2]).await;
    world.ask_for_password("ada@example.org").await;
    let first = world.token(PASSWORD_LINK).await;
    world.ask_for_password("ada@example.org").await;
    assert!(world.find_forgotten(&first).await.is_some(), "until there is another one");
    let second = world.token(PASSWORD_LINK).await;
    assert_eq!(world.find_forgotten(&first).await, None);
    world.clock.advance(SignedDuration::from_mins(29));
    assert!(world.find_forgotten(&second).await.is_some());
    world.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(world.find_forgotten(&second).await, None);
    let nobody = world.backend.anonymous();
    for token in [&*first, &*second, "no token", ""] {
        let set = set_forgotten(&nobody, token, "a new pass phrase".into()).await;
        assert_eq!(kind(set), Some(FaultKind::NotFound), "{token}");
    }
    assert!(world.sign_in("ada", &password()).await);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn whoever_asks_is_answered_alike(pool: PgPool) {
    let mut world = World::new(pool.clone(), &[Answer::Takes; 4]).await;
    for name in ["nobody", "ada"] {
        for _ in 0..3 {
            world.ask_for_password(&format!("{name}@example.org")).await;
            assert_eq!(world.send().await, 1, "{name}");
        }
        world.ask_for_password(&format!("{name}@example.org")).await;
        assert_eq!(world.send().await, 0, "{name}: enough for now");
    }
    for _ in 0..3 {
        let mail = world.heard.recv().await.unwrap();
        assert!(mail.contains("RCPT TO:<ada@example.org>"), "{mail}");
    }
    assert!(world.heard.try_recv().is_err(), "nobody is written to");
    assert_eq!(count(&pool, "account_links").await, 1);
    assert_eq!(count(&pool, "account_letters").await, 0);
    let none = ask_for_password(&world.backend.anonymous(), "no address", &words()).await;
    assert_eq!(none.unwrap_err().fields()[0].field, "email");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_letter_is_sent_until_it_is_taken(pool: PgPool) {
    let mut world = World::new(pool.clone(), &[Answer::NotNow, Answer::Takes]).await;
    world.ask_for_password("ada@example.org").await;
    let refused = world.mail().await;
    assert!(!refused.contains("Subject"), "{refused}");
    assert_eq!(world.send().await, 0, "it is not due");
    let due = "UPDATE account_letters SET next_attempt_at = now()";
    sqlx::raw_sql(due).execute(&pool).await.unwrap();
    let token = world.token(PASSWORD_LINK).await;
    assert!(world.find_forgotten(&token).await.is_some());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_address_is_changed_by_whoever_has_the_new_one(pool: PgPool) {
    let mut world = World::new(pool, &[Answer::Takes; 2]).await;
    let new = "lovelace@example.org";
    let wrong = ask_for_address(&world.ada, "not it".into(), new, &words()).await;
    assert_eq!(wrong.unwrap_err().fields()[0].field, "current_password");
    for address in ["ada@example.org", "no address"] {
        let refused = world.ask_for_address(address).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "email", "{address}");
    }
    world.ask_for_address("Lovelace@Example.org").await.unwrap();
    let mail = world.mail().await;
    assert!(mail.contains("RCPT TO:<lovelace@example.org>"), "{mail}");
    let token = link_in(&mail, ADDRESS_LINK).unwrap();
    let found = world.find_address(&token).await;
    assert_eq!(found.as_deref(), Some(new));
    assert_eq!(world.find_forgotten(&token).await, None, "it is for the address alone");
    assert!(world.sign_in("ada", &password()).await, "nothing has changed yet");

    let nobody = world.backend.anonymous();
    confirm_address(&nobody, &token, &words()).await.unwrap();
    assert_eq!(kind(confirm_address(&nobody, &token, &words()).await), Some(FaultKind::NotFound));
    let email = viewer(&world.ada).await.unwrap().unwrap().email;
    assert_eq!(email.as_deref(), Some(new));
    assert!(!world.sign_in("ada", &password()).await);
    assert!(world.sign_in("lovelace", &password()).await);
    let told = world.mail().await;
    for text in ["RCPT TO:<ada@example.org>", "or hear of lovelace@example.org."] {
        assert!(told.contains(text), "lacks {text}: {told}");
    }
    let deeds = world.deeds().await;
    for deed in [Deed::EmailChangeAsked, Deed::EmailChanged] {
        assert!(deeds.contains(&deed), "{deed:?}: {deeds:?}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn that_another_has_an_address_is_told_to_whoever_has_it(pool: PgPool) {
    let mut world = World::new(pool, &[Answer::Takes]).await;
    sample::member(&world.backend, "bob").await.unwrap();
    world.ask_for_address("bob@example.org").await.unwrap();
    let token = world.token(ADDRESS_LINK).await;
    let confirmed = confirm_address(&world.backend.anonymous(), &token, &words()).await;
    assert!(matches!(confirmed, Err(Error::Conflict(_))), "{confirmed:?}");
    assert_eq!(world.send().await, 0, "nobody is told of a change");
    assert!(world.sign_in("ada", &password()).await);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn letters_are_written_seldom_in_one_name_and_to_one_address(pool: PgPool) {
    let world = World::new(pool, &[]).await;
    for number in 0..3 {
        world.ask_for_address(&format!("ada{number}@example.org")).await.unwrap();
    }
    let refused = world.ask_for_address("ada3@example.org").await;
    assert!(matches!(refused, Err(Error::TooMany { .. })), "{refused:?}");
    let bob = sample::member(&world.backend, "bob").await.unwrap();
    let ask = async |email: &str| {
        ask_for_address(&bob, sample::new_member("bob").password, email, &words()).await
    };
    for _ in 0..2 {
        ask("ada0@example.org").await.unwrap();
    }
    let refused = ask("ada0@example.org").await;
    assert!(matches!(refused, Err(Error::TooMany { .. })), "{refused:?}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_wants_the_address_of_another_keeps_them_from_no_letter(pool: PgPool) {
    let world = World::new(pool.clone(), &[]).await;
    let bob = sample::member(&world.backend, "bob").await.unwrap();
    let ask = async || {
        let password = sample::new_member("bob").password;
        ask_for_address(&bob, password, "ada@example.org", &words()).await
    };
    for _ in 0..3 {
        ask().await.unwrap();
    }
    let refused = ask().await;
    assert!(matches!(refused, Err(Error::TooMany { .. })), "{refused:?}");
    world.ask_for_password("ada@example.org").await;
    for purpose in ["password", "address"] {
        let letters = format!("account_letters WHERE purpose = '{purpose}'");
        assert_eq!(count(&pool, &letters).await, 1, "{purpose}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_letter_takes_the_place_of_ones_own_and_of_nobody_elses(pool: PgPool) {
    let mut world = World::new(pool, &[Answer::Takes; 2]).await;
    world.ask_for_address("lovelcae@example.org").await.unwrap();
    world.ask_for_address("lovelace@example.org").await.unwrap();
    let bob = sample::member(&world.backend, "bob").await.unwrap();
    let password = sample::new_member("bob").password;
    ask_for_address(&bob, password, "lovelace@example.org", &words()).await.unwrap();
    assert_eq!(world.send().await, 2, "none to the address that was mistyped");
    for _ in 0..2 {
        let mail = world.heard.recv().await.unwrap();
        assert!(mail.contains("RCPT TO:<lovelace@example.org>"), "{mail}");
        let token = link_in(&mail, ADDRESS_LINK).unwrap();
        assert!(world.find_address(&token).await.is_some(), "each has a link of their own");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn whoever_sets_a_password_gets_in_however_others_guess(pool: PgPool) {
    let mut world = World::new(pool, &[Answer::Takes]).await;
    let backend = world.backend.clone();
    let from = |place: &str| backend.anonymous().from_address(place.parse().ok());
    let sign_in_from = async |place: &str, password: &str| {
        let email = "ada@example.org".to_owned();
        let credentials = Credentials { email, password: password.to_owned() };
        sign_in(&from(place), credentials).await.map(drop)
    };
    let (stranger, cabin, new) = ("203.0.113.5", "198.51.100.3", "a new pass phrase");
    for _ in 0..10 {
        sign_in_from(stranger, "not it").await.unwrap_err();
    }
    let refused = sign_in_from(cabin, &password()).await;
    assert!(matches!(refused, Err(Error::TooMany { .. })), "{refused:?}");
    world.ask_for_password("ada@example.org").await;
    let token = world.token(PASSWORD_LINK).await;
    set_forgotten(&from(cabin), &token, new.to_owned()).await.unwrap();
    sign_in_from(cabin, new).await.unwrap();
    let refused = sign_in_from(stranger, new).await;
    assert!(matches!(refused, Err(Error::TooMany { .. })), "{refused:?}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn another_password_and_the_end_of_the_account_end_what_was_asked_for(pool: PgPool) {
    let mut world = World::new(pool.clone(), &[Answer::Takes; 2]).await;
    world.ask_for_address("lovelace@example.org").await.unwrap();
    let address = world.token(ADDRESS_LINK).await;
    world.ask_for_password("ada@example.org").await;
    let forgotten = world.token(PASSWORD_LINK).await;
    // And one that is yet to be sent.
    world.ask_for_address("countess@example.org").await.unwrap();
    change_password(&world.ada, password(), "a new pass phrase".into()).await.unwrap();
    assert_eq!(world.find_address(&address).await, None);
    assert_eq!(world.find_forgotten(&forgotten).await, None);
    assert_eq!(world.send().await, 0);

    let bob = sample::member(&world.backend, "bob").await.unwrap();
    let bobs = || sample::new_member("bob").password;
    ask_for_address(&bob, bobs(), "robert@example.org", &words()).await.unwrap();
    close_account(&bob, bobs()).await.unwrap();
    assert_eq!(world.send().await, 0);
    assert_eq!(count(&pool, "account_links").await, 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_may_not_be_written_to_asks_the_operator(pool: PgPool) {
    let mail = MailSettings::new("smtp://127.0.0.1:9", "hello@example.org").unwrap();
    let public_origin = Some("https://resonant.example.org".to_owned());
    for (mail, public_origin) in [(None, public_origin), (Some(mail), None)] {
        let settings = Settings { mail, public_origin, ..sample::settings() };
        let backend = Backend::for_tests_with(pool.clone(), &settings);
        assert!(!backend.writes_to_people());
        let asked = ask_for_password(&backend.anonymous(), "ada@example.org", &words()).await;
        assert_eq!(kind(asked), Some(FaultKind::Conflict));
        assert_eq!(send_letters(&backend.system()).await.unwrap(), 0);
    }
}
