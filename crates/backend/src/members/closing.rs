//! The end of an account: at once nobody signs in to it and nothing says whose it was; what it owned
//! goes piece by piece after that.

use resonant_domain::UserId;
use resonant_domain::audit::Deed;
use resonant_domain::member::UserKind;
use sqlx::PgConnection;

use super::passwords::check_current;
use super::stale;
use crate::audit::Log;
use crate::cache::api_key::{ApiKeyEntry, ApiKeyKey};
use crate::cache::listing::ListingEntry;
use crate::cache::listing_page::MARKETPLACE;
use crate::{Actor, Backend, Ctx, Error, Result, access, audit, memories, purchases, store, teams};

/// How many accounts are emptied in one go.
const ACCOUNTS: usize = 10;
/// How many are looked at for that: some may be on a database that is away.
const LOOKED_AT: i64 = 200;
/// How many sessions are deleted in one transaction.
const SESSIONS: i64 = 200;

/// Closes the caller's account for good: agents, sessions, files, secrets, keys, reviews and answers to others'
/// are deleted, and listings leave the marketplace. What runs is stopped. Copies that others have installed
/// stay theirs.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] on the field `current_password`, which members give;
/// [`Error::Conflict`] for an admin, and for who owns a team that others are in; [`Error::TooMany`].
#[tracing::instrument(name = "members.close_account", level = "debug", parent = ctx.span(), skip_all)]
pub async fn close_account(ctx: &Ctx, password: String) -> Result<()> {
    let id = access::user(ctx)?;
    if matches!(ctx.actor(), Actor::User { kind: UserKind::Member, .. }) {
        check_current(ctx, password).await?;
    }
    let backend = ctx.backend();
    // Before anything is cancelled, which nobody takes back.
    let mut tx = backend.catalogue_begin().await?;
    check_no_admin(&mut tx, id).await?;
    teams::check_closes(&mut tx, id).await?;
    drop(tx);
    // First of all: nobody who is gone shall go on paying, or be paid.
    purchases::cancel_all(ctx, id).await?;
    let mut tx = backend.catalogue_begin().await?;
    check_no_admin(&mut tx, id).await?;
    let sign_ins = store::members::delete_sign_ins_of(&mut tx, id, None).await?;
    let keys = store::accounts::delete_keys(&mut tx, id).await?;
    // Before the listings: one that is just being approved is among them then.
    store::accounts::delete_open_submissions(&mut tx, id).await?;
    store::accounts::delete_publisher(&mut tx, id).await?;
    // Before the listings, as where a review changes and its listing counts it, so that two do not both wait;
    // and then what was answered meanwhile.
    store::reviews::delete_answers(&mut tx, id, &[]).await?;
    let listings = store::accounts::update_unlisted(&mut tx, id).await?;
    store::reviews::delete_answers(&mut tx, id, &listings).await?;
    // Behind the publisher, with whom goes what followers are yet to be told.
    store::inbox::update_nobody(&mut tx, id).await?;
    teams::close(&mut tx, id).await?;
    store::accounts::update_closed(&mut tx, id, backend.now()).await?;
    store::account_letters::delete_of(&mut tx, id).await?;
    audit::note(ctx, &mut tx, Log::Account(id), Deed::AccountClosed, None).await?;
    let mut stale = stale(&sign_ins).and_group(MARKETPLACE);
    for key in keys {
        stale = stale.and::<ApiKeyEntry>(&ApiKeyKey(key));
    }
    for slug in listings {
        stale = stale.and::<ListingEntry>(&slug);
    }
    backend.commit(tx, stale).await?;
    ctx.signed_out();
    // It is closed all the same: whoever empties it stops what runs.
    let stopped = async {
        let mut tx = backend.begin(id).await?;
        stop_sessions(&mut tx, id).await?;
        tx.commit().await
    };
    if let Err(error) = stopped.await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(user.id = %id, error, "sessions of a closed account run on");
    }
    tracing::info!(user.id = %id, "account closed");
    Ok(())
}

/// Has all sessions of an account end: those that run at once, by their workers, and the others as soon as
/// one takes them.
async fn stop_sessions(tx: &mut PgConnection, id: UserId) -> Result<()> {
    store::sessions::update_cancel_asked_of_owner(&mut *tx, id).await?;
    store::queue::notify_cancel_of_owner(tx, id).await?;
    Ok(())
}

async fn check_no_admin(conn: &mut PgConnection, id: UserId) -> Result<()> {
    if !store::members::is_admin(conn, id).await? {
        return Ok(());
    }
    Err(Error::Conflict(
        "You are an admin here. Have that taken from you first (server admin remove)".to_owned(),
    ))
}

/// Deletes what closed accounts owned, and then the accounts. Answers how many are gone. May be repeated
/// and cut off at any time. While a database is away what is elsewhere goes, and the accounts themselves stay.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "members.purge_closed", level = "debug", parent = ctx.span(), skip_all)]
pub async fn purge_closed(ctx: &Ctx) -> Result<usize> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let mut conn = backend.catalogue_read_latest().await?;
    let closed = store::accounts::list_closed(&mut conn, LOOKED_AT).await?;
    drop(conn);
    let away = backend.list_away(&closed).await;
    let (mut tries, mut empty, mut done) = (0, Vec::new(), Ok(()));
    for id in closed {
        if tries == ACCOUNTS {
            break;
        }
        // One that cannot be emptied holds up no other, and is not waited for when that is known.
        let emptied = if away.contains(&id) {
            Err(Error::unavailable("the database of a closed account is away"))
        } else {
            tries += 1;
            delete_owned(backend, id).await
        };
        match emptied {
            Ok(()) => empty.push(id),
            Err(fault) => done = done.and(Err(fault)),
        }
    }
    // Wherever something of a person may be: the account goes last, and until then all of it is looked for
    // again.
    let of_others = audit::forget_among_owners(backend, &empty).await;
    of_others.and(memories::forget_people(backend, &empty).await)?;
    for id in &empty {
        delete_account(ctx, *id).await?;
    }
    done.map(|()| empty.len())
}

/// Deletes all that a closed account owned.
async fn delete_owned(backend: &Backend, id: UserId) -> Result<()> {
    // Out of the queue first: whoever still has one of its sessions writes nothing more.
    let mut tx = backend.begin(id).await?;
    stop_sessions(&mut tx, id).await?;
    store::queue::delete_of_owner(&mut tx, id).await?;
    tx.commit().await?;
    loop {
        let mut tx = backend.begin(id).await?;
        let count = store::accounts::delete_sessions(&mut tx, id, SESSIONS).await?;
        tx.commit().await?;
        if count < SESSIONS.unsigned_abs() {
            break;
        }
    }
    let mut tx = backend.begin(id).await?;
    store::accounts::delete_owned(&mut tx, id).await?;
    tx.commit().await
}

/// Deletes an account of which nothing else is left.
async fn delete_account(ctx: &Ctx, id: UserId) -> Result<()> {
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    store::accounts::delete_closed(&mut tx, id).await?;
    // Once more: somebody may have been told while the account was closed.
    store::inbox::update_nobody(&mut tx, id).await?;
    audit::forget_person(ctx, &mut tx, id).await?;
    // Its reviews went with it, and with them their part in the ratings.
    backend.commit(tx, crate::cache::Stale::nothing().and_group(MARKETPLACE)).await?;
    tracing::info!(user.id = %id, "closed account deleted");
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;
    use resonant_domain::FaultKind;
    use resonant_domain::api_key::Scope;
    use resonant_domain::notice::{BY_NOBODY, NoticeKind};
    use resonant_domain::page::PageRequest;
    use resonant_domain::publisher::Profile;
    use sqlx::PgPool;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::members::{Credentials, appoint_admin, authenticate, sign_in, sign_up};
    use crate::moderation::{self, Ruling};
    use crate::publications::tests as publishing;
    use crate::store::lock_waits::until_waiting;
    use crate::{
        SignInChange, agents, api_keys, follows, inbox, publishers, sample, sessions, work,
    };

    /// The tables of the database in which an id, or a name, stands anywhere.
    async fn places(pool: &PgPool, text: impl std::fmt::Display) -> Vec<String> {
        let tables = sqlx::query_scalar!(
            r#"
            SELECT c.relname::TEXT AS "name!" FROM pg_class c
            WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relkind IN ('r', 'p')
              AND NOT c.relispartition
            ORDER BY 1
            "#
        )
        .fetch_all(pool)
        .await
        .unwrap();
        let mut found = vec![];
        // Word of what was written is gone within minutes.
        let tables = tables.into_iter().filter(|table| table != "cache_outbox");
        for table in tables {
            let query =
                format!("SELECT EXISTS (SELECT FROM {table} t WHERE t::TEXT LIKE '%{text}%')");
            let row = sqlx::raw_sql(sqlx::AssertSqlSafe(query)).fetch_one(pool).await.unwrap();
            if sqlx::Row::get::<bool, _>(&row, 0) {
                found.push(table);
            }
        }
        found
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn nothing_of_a_closed_account_is_left(pool: PgPool) {
        let backend = Backend::for_tests(pool.clone());
        let ada = sample::member(&backend, "ada").await.unwrap();
        let bob = sample::member(&backend, "bob").await.unwrap();
        let Actor::User { id, .. } = ada.actor() else { panic!("ada is a person") };
        let Some(SignInChange::Issued(token)) = ada.sign_in_change() else { panic!("no token") };
        let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap();
        sessions::start(&ada, agent.id, sample::goal("Read")).await.unwrap();
        let scopes = vec![Scope::AgentsRead];
        let (_, key) = api_keys::create_lasting(&ada, "CI".into(), scopes, None).await.unwrap();
        let others = agents::create(&bob, sample::spec("Writer")).await.unwrap();

        let refused = close_account(&ada, "not it".to_owned()).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "current_password");
        assert!(authenticate(&backend, token.as_str()).await.unwrap().is_some());
        close_account(&ada, sample::new_member("ada").password).await.unwrap();
        assert_eq!(authenticate(&backend, token.as_str()).await.unwrap(), None);
        assert_eq!(api_keys::authenticate(&backend, key.as_str()).await.unwrap(), None);
        let new = sample::new_member("ada");
        let credentials = Credentials { email: new.email, password: new.password };
        assert!(sign_in(&backend.anonymous(), credentials).await.is_err());

        assert!(places(&pool, id).await.contains(&"sessions".to_owned()));
        assert_eq!(purge_closed(&backend.system()).await.unwrap(), 1);
        assert_eq!(places(&pool, id).await, Vec::<String>::new());
        assert_eq!(purge_closed(&backend.system()).await.unwrap(), 0);
        assert_eq!(agents::get(&bob, others.id).await.unwrap(), others);
        // The address is free again.
        sign_up(&backend.anonymous(), sample::new_member("ada")).await.unwrap();
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn what_others_were_told_names_nobody_whose_account_is_closed(pool: PgPool) {
        let backend = sample::with_parrot(pool.clone());
        let system = backend.system();
        let root = publishing::admin(&backend).await;
        let ada = sample::member(&backend, "ada").await.unwrap();
        let bob = sample::member(&backend, "bob").await.unwrap();
        let eve = sample::member(&backend, "eve").await.unwrap();
        let name = "Lovelace".to_owned();
        let profile = Profile { handle: "countess".to_owned(), name, bio: String::new() };
        publishers::save(&ada, profile).await.unwrap();
        follows::follow(&eve, "countess").await.unwrap();
        let kim = sample::member(&backend, "kim").await.unwrap();
        let said = [(&bob, "Bravissima"), (&kim, "It reads")];
        publishing::answered(&root, &ada, &said, "Obrigada").await;
        follows::tell_followers(&system).await.unwrap();
        let told = async |ctx: &Ctx, kind: NoticeKind| -> Vec<String> {
            let page = inbox::list(ctx, PageRequest::default()).await.unwrap();
            let told = page.items.into_iter().filter(|notice| notice.kind == kind);
            told.map(|notice| notice.text).collect()
        };
        assert_eq!(told(&ada, NoticeKind::Reviewed).await, ["It reads", "Bravissima"]);
        assert_eq!(told(&kim, NoticeKind::Answered).await, ["Obrigada"]);
        let published = told(&eve, NoticeKind::FollowedListing).await;
        assert_eq!(published, ["By Lovelace: The first"]);

        // At once, and not only when what they owned is gone.
        close_account(&bob, sample::new_member("bob").password).await.unwrap();
        assert_eq!(told(&ada, NoticeKind::Reviewed).await, ["It reads", ""]);
        close_account(&ada, sample::new_member("ada").password).await.unwrap();
        assert_eq!(told(&eve, NoticeKind::FollowedListing).await, [BY_NOBODY]);
        assert_eq!(told(&kim, NoticeKind::Answered).await, [""]);
        assert_eq!(purge_closed(&system).await.unwrap(), 2);
        // Words of their names are not among those that misspelt ones are put right by, either.
        for text in ["Lovelace", "lovelace", "countess", "Bravissima", "Obrigada"] {
            assert_eq!(places(&pool, text).await, Vec::<String>::new(), "{text}");
        }
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn who_leaves_and_who_changes_a_review_do_not_both_wait(pool: PgPool) {
        let backend = sample::with_parrot(pool.clone());
        let root = publishing::admin(&backend).await;
        let ada = sample::member(&backend, "ada").await.unwrap();
        let bob = sample::member(&backend, "bob").await.unwrap();
        publishing::answered(&root, &ada, &[(&bob, "It reads")], "Thank you").await;

        // He has it in hand, and is about to give other stars, which its listing counts.
        let mut change = pool.begin().await.unwrap();
        let lock = "SELECT review_id FROM reviews FOR UPDATE";
        sqlx::raw_sql(lock).execute(&mut *change).await.unwrap();
        let changes = async {
            until_waiting(&mut change, 1).await;
            let stars = "UPDATE reviews SET stars = 4";
            sqlx::raw_sql(stars).execute(&mut *change).await.unwrap();
            change.commit().await.unwrap();
        };
        let closes = close_account(&ada, sample::new_member("ada").password);
        let (closed, ()) = tokio::join!(closes, changes);
        closed.unwrap();
        let answered = "SELECT count(*) FROM reviews WHERE answer IS NOT NULL";
        let row = sqlx::raw_sql(answered).fetch_one(&pool).await.unwrap();
        assert_eq!(sqlx::Row::get::<i64, _>(&row, 0), 0);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn nothing_runs_on_for_a_closed_account(pool: PgPool) {
        let backend = sample::with_parrot(pool.clone());
        let ada = sample::guest(&backend).await.unwrap();
        let Actor::User { id, .. } = ada.actor() else { panic!("ada is a person") };
        let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap();
        let start = async || sessions::start(&ada, agent.id, sample::goal("wait")).await.unwrap();
        let (system, never) = (backend.system(), CancellationToken::new());
        let running = start().await;
        let claim = work::claim(&system, "worker").await.unwrap().unwrap();
        start().await;
        let closed = async {
            let mut stream = sessions::stream(&ada, running.id, 0).await.unwrap();
            stream.try_next().await.unwrap();
            close_account(&ada, String::new()).await.unwrap();
        };
        // The model of the one that runs would never come to an end.
        let (ran, ()) = tokio::join!(work::run(&system, claim, never.clone()), closed);
        ran.unwrap();
        let claim = work::claim(&system, "worker").await.unwrap().unwrap();
        work::run(&system, claim, never.clone()).await.unwrap();
        let states = async || {
            let states = "SELECT string_agg(state || steps, ' ' ORDER BY session_id) FROM sessions";
            let row = sqlx::raw_sql(states).fetch_one(&pool).await.unwrap();
            sqlx::Row::get::<Option<String>, _>(&row, 0)
        };
        assert_eq!(states().await.as_deref(), Some("cancelled1 cancelled0"));

        // A schedule that was due at that moment, say, and whose worker is in the middle of it.
        let again =
            "UPDATE sessions SET state = 'queued', ended_at = NULL, is_cancel_asked = FALSE";
        sqlx::raw_sql(again).execute(&pool).await.unwrap();
        work::reap(&system).await.unwrap();
        let claim = work::claim(&system, "worker").await.unwrap().unwrap();
        assert_eq!(purge_closed(&system).await.unwrap(), 1);
        drop(work::run(&system, claim, never).await);
        assert_eq!(states().await, None);
        assert_eq!(places(&pool, id).await, Vec::<String>::new());
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn nothing_is_published_for_a_closed_account(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let root = publishing::admin(&backend).await;
        let ada = sample::member(&backend, "ada").await.unwrap();
        let agent = publishing::published_agent(&ada, "Reader").await;
        let id = publishing::hand_in(&ada, agent, publishing::texts("Reader")).await;
        let seen = publishing::read(&root, id).await;
        close_account(&ada, sample::new_member("ada").password).await.unwrap();
        let waiting = moderation::cases(&root, PageRequest::default()).await.unwrap();
        assert_eq!(waiting.items, []);
        let ruling = Ruling { seen: &seen, comment: "" };
        let approved = moderation::approve(&root, id, ruling).await;
        assert_eq!(publishing::kind(approved), Some(FaultKind::NotFound));
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_guest_needs_no_password_and_an_admin_stays(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let guest = sample::guest(&backend).await.unwrap();
        close_account(&guest, String::new()).await.unwrap();
        assert_eq!(guest.actor(), Actor::Anonymous);
        let admin = sample::member(&backend, "root").await.unwrap();
        let new = sample::new_member("root");
        appoint_admin(&backend.system(), &new.email).await.unwrap();
        let password = new.password;
        assert!(matches!(close_account(&admin, password).await, Err(Error::Conflict(_))));
    }
}
