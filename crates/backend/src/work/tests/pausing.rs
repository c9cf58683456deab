//! What an agent's pause does to the sessions that it has in the queue.

use resonant_domain::agent::{Agent, AgentChanges, AgentStatus};
use resonant_domain::agent_list::BulkAction;
use resonant_domain::form::Form;
use resonant_domain::session::{NewDecision, NewMessage};
use resonant_domain::waiting::{Decision, WaitReason};
use resonant_domain::{AgentId, FaultKind};

use super::*;
use crate::store::lock_waits::until_waiting;

async fn set(ctx: &Ctx, agent: AgentId, status: AgentStatus) {
    let changes = AgentChanges { status: Some(status), ..AgentChanges::default() };
    agents::update(ctx, agent, changes, None).await.unwrap();
}

/// The sessions that a worker takes, one after the other, until there is none.
async fn taken(backend: &Backend) -> Vec<Claim> {
    let mut taken = Vec::new();
    while let Some(claim) = claim(&backend.system(), "worker").await.unwrap() {
        taken.push(claim);
    }
    taken
}

fn ids(claims: &[Claim]) -> Vec<SessionId> {
    claims.iter().map(Claim::session_id).collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_queued_of_a_paused_agent_waits_until_it_is_active(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let paused = agents::create(&ctx, sample::spec("Paused")).await.unwrap().id;
    let archived = agents::create(&ctx, sample::spec("Archived")).await.unwrap().id;
    let mut queued = Vec::new();
    for agent in [paused, paused, archived] {
        queued.push(sessions::start(&ctx, agent, sample::goal("Hello")).await.unwrap().id);
    }
    let other = super::queued(&ctx, "Hello").await;
    set(&ctx, paused, AgentStatus::Paused).await;
    agents::change_many(&ctx, &[archived], BulkAction::Archive).await.unwrap();
    let claim = take(&backend).await;
    assert_eq!(claim.session_id(), other.id);
    run(&backend.system(), claim, CancellationToken::new()).await.unwrap();
    assert!(taken(&backend).await.is_empty());
    for id in &queued {
        assert_eq!(sessions::get(&ctx, *id).await.unwrap().state, SessionState::Queued);
    }

    // From one rest into the other.
    set(&ctx, paused, AgentStatus::Archived).await;
    assert!(taken(&backend).await.is_empty());
    agents::change_many(&ctx, &[paused, archived], BulkAction::Resume).await.unwrap();
    assert_eq!(ids(&taken(&backend).await), queued);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_a_worker_has_of_a_paused_agent_may_end_and_is_not_begun_anew(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    for _ in 0..2 {
        sessions::start(&ctx, agent, sample::goal("Hello")).await.unwrap();
    }
    let [given_back, ended] = <[Claim; 2]>::try_from(taken(&backend).await).unwrap();
    set(&ctx, agent, AgentStatus::Paused).await;
    let key = given_back.key();
    let mut conn = backend.conn().await.unwrap();
    let (attempt, rest) = (Attempt::Forgiven, Duration::ZERO);
    assert!(store::queue::release(&mut conn, key, attempt, rest).await.unwrap());
    drop(conn);
    let id = ended.session_id();
    run(&backend.system(), ended, CancellationToken::new()).await.unwrap();
    assert_eq!(sessions::get(&ctx, id).await.unwrap().state, SessionState::Completed);
    assert!(taken(&backend).await.is_empty());

    set(&ctx, agent, AgentStatus::Active).await;
    assert_eq!(ids(&taken(&backend).await), [given_back.session_id()]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_is_answered_for_a_paused_agent_goes_on_once_it_is_active(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let mut asking = Vec::new();
    for _ in 0..2 {
        let session = queued(&ctx, "Hello").await;
        let claim = take(&backend).await;
        let reason = WaitReason::Question {
            step: 1,
            call_id: "a".to_owned(),
            question: "Who?".to_owned(),
            form: Form::free_answer(),
            by: None,
        };
        let entries =
            vec![EventBody::StepStart { step: 1, attempt: 1 }, EventBody::Waiting { reason }];
        log_of(&backend, &claim, &session).append(0, entries, Usage::default()).await.unwrap();
        asking.push(session);
    }
    for session in &asking {
        set(&ctx, session.agent_id, AgentStatus::Paused).await;
    }
    let [answered, silent] = <[Session; 2]>::try_from(asking).unwrap();
    let decision = Decision::Answer { values: None };
    let waiting = sessions::get(&ctx, answered.id).await.unwrap().waiting.unwrap().sequence;
    let decided = NewDecision { waiting, decision };
    let decided = sessions::decide(&ctx, answered.id, decided).await.unwrap();
    assert_eq!(decided.state, SessionState::Queued);
    assert!(taken(&backend).await.is_empty());

    for session in [&answered, &silent] {
        set(&ctx, session.agent_id, AgentStatus::Active).await;
    }
    assert_eq!(ids(&taken(&backend).await), [answered.id]);
    let silent = sessions::get(&ctx, silent.id).await.unwrap();
    assert_eq!(silent.state, SessionState::Waiting, "nobody has answered it");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_does_not_go_on_beside_the_pause_of_its_agent(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "Hello").await;
    run(&backend.system(), take(&backend).await, CancellationToken::new()).await.unwrap();
    let mut conn = backend.conn().await.unwrap();
    let (owner, agent) = (session.owner_id, session.agent_id);
    let mut tx = backend.begin(owner).await.unwrap();
    let agent = store::agents::lock(&mut tx, owner, agent).await.unwrap().unwrap();
    let paused = Agent { status: AgentStatus::Paused, ..agent };
    store::agents::update(&mut tx, &paused).await.unwrap();
    let pause = async {
        until_waiting(&mut conn, 1).await;
        tx.commit().await.unwrap();
    };
    let message = NewMessage { text: "And now?".to_owned(), context: None };
    let (said, ()) = tokio::join!(sessions::say(&ctx, session.id, message), pause);
    assert_eq!(said.unwrap_err().kind(), FaultKind::Conflict);
    assert!(taken(&backend).await.is_empty());
}

/// Callers come before those whom they called, and who locks several sessions locks them so.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn sessions_are_put_off_in_the_order_of_their_making(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let first = queued(&ctx, "Hello").await;
    let start = sessions::start(&ctx, first.agent_id, sample::goal("Hello"));
    let second = start.await.unwrap().id;
    // Where they lie the first one stands behind the second from here on.
    let moved =
        format!("UPDATE session_queue SET priority = priority WHERE session_id = '{}'", first.id);
    sqlx::raw_sql(sqlx::AssertSqlSafe(moved)).execute(&pool).await.unwrap();
    let mut conn = backend.conn().await.unwrap();
    let mut tx = backend.begin(first.owner_id).await.unwrap();
    store::queue::lock(&mut tx, first.owner_id, first.id).await.unwrap();
    let other = async {
        until_waiting(&mut conn, 1).await;
        let lock =
            format!("SELECT FROM session_queue WHERE session_id = '{second}' FOR UPDATE NOWAIT");
        let free = sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&pool).await;
        tx.commit().await.unwrap();
        free.expect("the second is not locked before the first");
    };
    tokio::join!(set(&ctx, first.agent_id, AgentStatus::Paused), other);
    assert!(taken(&backend).await.is_empty());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_left_the_queue_comes_back_put_off_where_its_agent_is_paused(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "Hello").await;
    set(&ctx, session.agent_id, AgentStatus::Paused).await;
    sqlx::raw_sql("DELETE FROM session_queue").execute(&pool).await.unwrap();
    assert_eq!(reap(&backend.system()).await.unwrap(), 1);
    assert!(taken(&backend).await.is_empty());
    set(&ctx, session.agent_id, AgentStatus::Active).await;
    assert_eq!(ids(&taken(&backend).await), [session.id]);
}
