//! Databases that go away, and what goes on meanwhile.

use resonant_domain::SessionId;
use resonant_domain::agent::{AgentSpec, ToolGrant};
use resonant_domain::knowledge::NewDocument;
use resonant_domain::metric::{Family, Period};
use resonant_domain::page::PageRequest;
use resonant_domain::team::{NewInvitation, NewTeam, TeamRole};
use sqlx::{AssertSqlSafe, Row as _, raw_sql};

use super::*;
use crate::cache::tests::until;
use crate::listings::ranking;
use crate::metrics::{Keeper, keep_queue, prometheus};
use crate::teams::Invited;
use crate::{EmbeddingSettings, knowledge, members, service_levels, teams, webhooks};

/// Three databases: the first and the third on a cluster that stays, the second on one that may go away.
async fn one_and_other() -> ([Arc<Cluster>; 2], Settings) {
    let [one, other] = [(); 2].map(|()| Arc::new(Cluster::primary(&LOGICAL)));
    let mut admin = connect(&one.url("resonant")).await.unwrap();
    raw_sql("CREATE DATABASE second").execute(&mut admin).await.unwrap();
    let urls = vec![one.url("resonant"), other.url("resonant"), one.url("second")];
    let settings = sharded(urls).await;
    ([one, other], settings)
}

/// A guest whose things are on this database.
pub(super) async fn guest_on(backend: &Backend, settings: &Settings, shard: usize) -> Ctx {
    loop {
        let ctx = sample::guest(backend).await.unwrap();
        if shard_of(settings, bucket_of(access::user(&ctx).unwrap())).await == shard {
            return ctx;
        }
    }
}

/// Tells one database a statement.
pub(super) async fn tell(settings: &Settings, shard: usize, statement: &str) {
    let mut conn = connect(&settings.database.shard_urls[shard]).await.unwrap();
    raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut conn).await.unwrap();
}

/// The number that one database answers.
pub(super) async fn number(settings: &Settings, shard: usize, query: &str) -> Option<i64> {
    let mut conn = connect(&settings.database.shard_urls[shard]).await.unwrap();
    let rows = raw_sql(AssertSqlSafe(query.to_owned())).fetch_all(&mut conn).await.unwrap();
    rows[0].get(0)
}

/// Each of the two databases is away once, before the target is in charge and after.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_during_a_move_costs_nothing() {
    let (clusters, settings) = two_clusters().await;
    let Somebody { ctx, system, owner, bucket, .. } = somebody(&settings).await;
    let mut written = Vec::new();
    for (is_source, at) in [(false, Step::Copied), (true, Step::Fenced), (false, Step::Switched)] {
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
        written.push(agent.id.as_uuid());
        let from = shard_of(&settings, bucket).await;
        let gone = clusters[if is_source { from } else { 1 - from }].clone();
        let goes = gone.clone();
        let mut witness = move |step| {
            let goes = goes.clone();
            async move {
                if step == at {
                    goes.stop();
                }
            }
            .boxed()
        };
        let to = (bucket, 1 - from);
        let broken_off =
            move_bucket_before(&system, &settings.database, to, SHORT, &mut witness).await;
        assert!(broken_off.is_err(), "{at:?}");
        gone.start();
        moved(&system, &settings, bucket, 1 - from).await.unwrap();
        assert_eq!(shard_of(&settings, bucket).await, 1 - from, "{at:?}");
        assert_eq!(rows(&settings, 1 - from, owner).await, written, "{at:?}");
        assert_eq!(rows(&settings, from, owner).await, Vec::<Uuid>::new(), "{at:?}");
        assert_eq!(status(&system).await.unwrap().moves, [], "{at:?}");
        assert_eq!(agents::get(&ctx, agent.id).await.unwrap(), agent, "{at:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_away_keeps_nobody_from_writing() {
    let ([_one, other], settings) = one_and_other().await;
    let backend = process(&settings).await;
    let system = backend.system();
    let (ctx, bucket) = loop {
        let ctx = sample::guest(&backend).await.unwrap();
        let bucket = bucket_of(access::user(&ctx).unwrap());
        if bucket < BUCKETS / 2 {
            break (ctx, bucket);
        }
    };
    moved(&system, &settings, bucket, 0).await.unwrap();
    let create = async || agents::create(&ctx, sample::spec("Reader")).await.unwrap().id.as_uuid();

    // Its mover sees it go.
    let goes = other.clone();
    let mut witness = move |step| {
        let goes = goes.clone();
        async move {
            if step == Step::CaughtUp {
                goes.stop();
            }
        }
        .boxed()
    };
    let to = (bucket, 1);
    let broken_off = move_bucket_before(&system, &settings.database, to, SHORT, &mut witness).await;
    assert!(broken_off.is_err());
    let mut written = vec![create().await];
    other.start();
    assert_eq!(end_abandoned_moves(&system, &settings.database).await.unwrap(), 1);

    // Its mover is gone too, and so is that of another bucket, which comes later and is on the first shard.
    let next = (bucket / 3 + 1) * 3;
    dies(&system, &settings, bucket, 1, Step::CaughtUp).await;
    other.stop();
    dies(&system, &settings, next, 2, Step::Fenced).await;
    assert!(end_abandoned_moves(&system, &settings.database).await.is_err());
    let left = status(&system).await.unwrap().moves;
    assert_eq!(left, [Unfinished { bucket, from: 0, to: 1 }]);
    written.push(create().await);
    other.start();
    assert_eq!(end_abandoned_moves(&system, &settings.database).await.unwrap(), 1);

    moved(&system, &settings, bucket, 1).await.unwrap();
    let owner = access::user(&ctx).unwrap();
    assert_eq!(rows(&settings, 1, owner).await, written);
    assert_eq!(rows(&settings, 0, owner).await, Vec::<Uuid>::new());
}

/// A process may know the table of buckets from before the move.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_moved_is_found_although_the_database_before_is_away() {
    let ([_one, other], settings) = two_clusters().await;
    let mover = process(&settings).await;
    let (writer, reader, looker) =
        (process(&settings).await, process(&settings).await, process(&settings).await);
    let ctx = guest_on(&writer, &settings, 1).await;
    let of = |backend: &Backend| backend.ctx(ctx.actor(), ctx.request_id().clone());
    let (reads, looks) = (of(&reader), of(&looker));
    let bucket = bucket_of(access::user(&ctx).unwrap());
    let made = agents::create(&of(&mover), sample::spec("Reader")).await.unwrap();
    moved(&mover.system(), &settings, bucket, 0).await.unwrap();
    let lost = guest_on(&writer, &settings, 1).await;
    other.stop();
    let (written, listed, found) = tokio::join!(
        agents::create(&ctx, sample::spec("Writer")),
        webhooks::list(&reads, PageRequest::default()),
        agents::get(&looks, made.id),
    );
    written.unwrap();
    assert_eq!(listed.unwrap().items, []);
    assert_eq!(found.unwrap(), made);
    // Who is on the one that is away is told so.
    let refused = agents::create(&lost, sample::spec("Reader")).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_do_not_wait_for_a_database_that_is_away() {
    let ([one, other], settings) = one_and_other().await;
    let backend = process(&settings).await;
    // It comes behind the one that will be away.
    let ctx = guest_on(&backend, &settings, 2).await;
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let session = sessions::start(&ctx, agent.id, sample::goal("2 + 2")).await.unwrap();
    other.stop();
    let system = backend.system();
    let claim = work::claim(&system, "worker").await.unwrap().expect("it is queued");
    assert_eq!(claim.session_id(), session.id);
    let nothing = work::claim(&system, "worker").await;
    let nothing = nothing.map(|claim| claim.map(|claim| claim.session_id()));
    assert!(nothing.is_err(), "who takes nothing is told why: {nothing:?}");
    // Nor do sessions that are not in the queue.
    let mut third = connect(&one.url("second")).await.unwrap();
    sqlx::raw_sql("DELETE FROM session_queue").execute(&mut third).await.unwrap();
    assert!(work::reap(&system).await.is_err());
    let claim = work::claim(&system, "worker").await.unwrap().expect("it is queued again");
    assert_eq!(claim.session_id(), session.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_teammate_is_found_although_another_ones_database_is_away() {
    let ([_one, other], settings) = one_and_other().await;
    let backend = process(&settings).await;
    let mut people = Vec::new();
    // The one whose database will be away is looked for first.
    for (name, shard) in [("gone", 1), ("near", 2), ("reader", 0)] {
        let ctx = guest_on(&backend, &settings, shard).await;
        members::sign_up(&ctx, sample::new_member(name)).await.unwrap();
        people.push(ctx);
    }
    let [gone, near, reader] = &people[..] else { panic!("three people") };
    let team = NewTeam { name: "Research".to_owned(), slug: "research".to_owned() };
    teams::create(near, team).await.unwrap();
    for ctx in [gone, reader] {
        let new = NewInvitation { role: TeamRole::Runner, email: None };
        let link = teams::invite(near, "research", new).await.unwrap().token.unwrap();
        teams::accept(ctx, Invited::ByLink(&link)).await.unwrap();
    }
    let mut shared = Vec::new();
    for ctx in [gone, near] {
        let agent = agents::create(ctx, sample::spec("Reader")).await.unwrap().id;
        teams::share(ctx, "research", agent).await.unwrap();
        shared.push(agent);
    }
    let session = sessions::start(reader, shared[1], sample::goal("2 + 2")).await.unwrap();
    other.stop();
    assert_eq!(sessions::get(reader, session.id).await.unwrap().id, session.id);
    // Of one that none of the others has nobody knows whether it is there.
    let unknown = sessions::get(reader, SessionId::from_uuid(Uuid::max())).await;
    assert!(matches!(unknown, Err(Error::Unavailable(_))), "{unknown:?}");
}

/// What the installation does for itself over all databases.
#[tokio::test(flavor = "multi_thread")]
async fn purges_knowledge_and_rankings_go_on_while_a_database_is_away() {
    let ([_one, other], mut settings) = one_and_other().await;
    settings.models.embeddings = Some(EmbeddingSettings {
        base_url: "http://127.0.0.1:9/v1".parse().unwrap(),
        api_key: None,
        model: "topics".to_owned(),
        price: 0,
    });
    let backend = process(&settings).await;
    let system = backend.system();
    let root = sample::member(&backend, "root").await.unwrap();
    members::appoint_admin(&system, "root@example.org").await.unwrap();
    let ctx = guest_on(&backend, &settings, 2).await;
    let owner = access::user(&ctx).unwrap();
    // What guests ran is not counted.
    members::sign_up(&ctx, sample::new_member("ran")).await.unwrap();

    let tools = vec![ToolGrant::new("knowledge")];
    let agent = AgentSpec { tools, ..sample::spec("Reader") };
    let agent = agents::create(&ctx, agent).await.unwrap().id;
    let text = "Employees get 30 days of paid leave a year.".to_owned();
    let document = NewDocument { title: "Leave".to_owned(), format: None, text };
    knowledge::add(&ctx, agent, document).await.unwrap();
    tell(&settings, 2, "UPDATE knowledge_documents SET embedded_by = 'another'").await;
    let old = agents::create(&ctx, sample::spec("Old")).await.unwrap().id;
    agents::delete(&ctx, old, None).await.unwrap();
    let past =
        "UPDATE agents SET deleted_at = now() - INTERVAL '31 days' WHERE deleted_at IS NOT NULL";
    tell(&settings, 2, past).await;

    // The account on the database that will be away was closed first.
    let mut closed = Vec::new();
    for shard in [1, 2] {
        let ctx = guest_on(&backend, &settings, shard).await;
        closed.push(access::user(&ctx).unwrap());
        agents::create(&ctx, sample::spec("Left")).await.unwrap();
        members::close_account(&ctx, String::new()).await.unwrap();
    }
    assert!(backend.load_content().await.unwrap() > 0);
    let mut catalogue = connect(&settings.database.url).await.unwrap();
    let listing =
        "SELECT format('%L, %s', listing_id, version) FROM listings ORDER BY slug LIMIT 1";
    let listing = raw_sql(listing).fetch_one(&mut catalogue).await.unwrap();
    let listing: String = listing.get(0);
    let run = format!(
        "INSERT INTO listing_runs (owner_id, session_id, listing_id, version, is_changed,
                                   is_completed, took_ms, cost_micro_usd, ended_at)
         VALUES ('{owner}', gen_random_uuid(), {listing}, FALSE, TRUE, 10, 7, now())"
    );
    tell(&settings, 2, &run).await;
    backend.metrics().observe(Family::AgentExecution, &agent.to_string(), Duration::from_secs(9));
    Keeper::default().keep(&system).await.unwrap();

    other.stop();
    let of_third = async |query: &str| number(&settings, 2, query).await.unwrap();
    assert!(agents::purge(&system).await.is_err(), "it is told that one is away");
    let in_trash = "SELECT count(*) FROM agents WHERE deleted_at IS NOT NULL";
    assert_eq!(of_third(in_trash).await, 0);
    assert!(knowledge::forget_others(&system).await.is_err());
    let unread = "SELECT count(*) FROM knowledge_documents WHERE embedded_by IS NULL";
    assert_eq!(of_third(unread).await, 1);
    // No model answers there; where the database can compare meanings, the document was taken.
    assert!(knowledge::read_next(&system).await.is_err());
    let taken = "SELECT count(*) FROM knowledge_documents WHERE (embed_attempts > 0)
                 = (meaning_likeness(ARRAY[1]::REAL[], ARRAY[1]::REAL[]) IS NOT NULL)";
    assert_eq!(of_third(taken).await, 1);
    assert!(ranking::measure_costs(&system, None).await.is_err());
    let cost = "SELECT max(median_cost_micro_usd) FROM listings";
    let ran = "SELECT max(sessions) FROM listings";
    assert_eq!(
        (number(&settings, 0, cost).await, number(&settings, 0, ran).await),
        (Some(7), Some(0))
    );
    assert!(members::purge_closed(&system).await.is_err());
    assert_eq!(rows(&settings, 2, closed[1]).await, Vec::<Uuid>::new());
    let left = "SELECT count(*) FROM users WHERE closed_at IS NOT NULL";
    assert_eq!(number(&settings, 0, left).await, Some(2), "more of them may be on the one away");
    let report = service_levels::report(&root, Period::HOUR).await.unwrap();
    assert_eq!(report.agents.iter().map(|named| named.id).collect::<Vec<_>>(), [agent]);

    other.start();
    until("rankings are whole", async || ranking::measure_costs(&system, None).await.is_ok()).await;
    assert_eq!(number(&settings, 0, ran).await, Some(1));
    until("accounts go", async || members::purge_closed(&system).await.is_ok()).await;
    assert_eq!(number(&settings, 0, left).await, Some(0));
    assert_eq!(rows(&settings, 1, closed[0]).await, Vec::<Uuid>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_of_the_others_is_told_while_a_database_is_away() {
    let ([_one, other], mut settings) = one_and_other().await;
    settings.database.acquire_timeout = Duration::from_secs(1);
    let backend = process(&settings).await;
    let system = backend.system();
    for shard in [0, 2] {
        let ctx = guest_on(&backend, &settings, shard).await;
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
        sessions::start(&ctx, agent.id, sample::goal("2 + 2")).await.unwrap();
    }
    other.stop();
    let text = prometheus(&system).await.unwrap();
    assert!(text.lines().any(|line| line == "resonant_queue_depth 2"), "{text}");
    assert!(keep_queue(&system).await.is_err(), "it is told that one is away");
    let waiting = "SELECT sum FROM metric_rollups WHERE family = 'queue.depth'";
    assert_eq!(number(&settings, 0, waiting).await, Some(2));
}
