//! What a form of a page does to a session, once however often the form is sent.

use std::time::Duration;

use resonant_domain::SessionId;
use resonant_domain::session::Session;

use super::get;
use crate::idempotency::{self, Reply, Request, Verdict};
use crate::{Ctx, Error, Result, apart, chain};

/// When whoever sends a form again asks best for what becomes of the first one.
const IN_FLIGHT: Duration = Duration::from_secs(1);

/// Does what a form asks for, in a task of its own: its answer may be lost on the way, and whoever sends it
/// again is answered with the session as it is by then. What is kept is which one it is. Of a caller whom
/// nothing tells from others each form counts.
///
/// # Errors
/// Those of `act`, and of [`get`] for a form that was answered before; [`Error::TooMany`] while it is
/// being answered.
#[tracing::instrument(name = "sessions.once", level = "debug", parent = ctx.span(), skip_all)]
pub async fn once<F>(
    ctx: &Ctx,
    request: Request,
    act: impl FnOnce(Ctx) -> F + Send,
) -> Result<Session>
where
    F: Future<Output = Result<Session>> + Send + 'static,
{
    // What is done is large, and whoever waits for it need not hold it by itself.
    let claim = match Box::pin(idempotency::claim(ctx, request)).await? {
        None => return Box::pin(act(ctx.clone())).await,
        Some(Verdict::Run(claim)) => claim,
        Some(Verdict::Answered(reply)) => return Box::pin(get(ctx, session_in(&reply)?)).await,
        Some(Verdict::InFlight | Verdict::OtherRequest) => {
            return Err(Error::TooMany { retry_after: IN_FLIGHT });
        }
    };
    let (acting, backend) = (Box::pin(act(claim.ctx(ctx))), ctx.backend().clone());
    let work = async move {
        let done = acting.await;
        let told = match &done {
            Ok(session) => claim.succeeded(&backend, reply_of(session.id)).await,
            Err(error) => claim.failed(&backend, error).await,
        };
        if let Err(error) = told {
            tracing::warn!(error = chain(&error), "how a claimed form went could not be kept");
        }
        done
    };
    let stopping = || Err(Error::unavailable("this process is about to stop"));
    Box::pin(apart(work)).await.unwrap_or_else(stopping)
}

fn reply_of(id: SessionId) -> Reply {
    Reply { status: 200, headers: Vec::new(), body: id.to_string().into_bytes() }
}

fn session_in(reply: &Reply) -> Result<SessionId> {
    let id = std::str::from_utf8(&reply.body).map_err(Error::internal)?;
    id.parse().map_err(|_| Error::internal("what is kept of a form names no session"))
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent::{Agent, AgentChanges, AgentStatus};
    use resonant_domain::session::{NewMessage, SessionState};
    use resonant_domain::session_event::EventBody;
    use resonant_domain::{AgentId, FaultKind};
    use sqlx::PgPool;

    use super::*;
    use crate::sessions::{self, SessionFilter};
    use crate::{Backend, agents, sample};

    fn form(intent: &str, said: &str) -> Request {
        Request::of_form("POST /api/fn/studio/run_agent".to_owned(), intent, &[said.as_bytes()])
    }

    async fn run(ctx: &Ctx, agent: AgentId, intent: &str, goal: &str) -> Result<Session> {
        let new = sample::goal(goal);
        let act = move |ctx: Ctx| async move { sessions::start(&ctx, agent, new).await };
        once(ctx, form(intent, goal), act).await
    }

    async fn count(ctx: &Ctx) -> usize {
        sessions::list(ctx, SessionFilter::default()).await.unwrap().items.len()
    }

    async fn reckoner(ctx: &Ctx) -> Agent {
        agents::create(ctx, sample::spec("Reckoner")).await.unwrap()
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_form_that_is_sent_again_starts_no_other_session(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ada = sample::guest(&backend).await.unwrap();
        let agent = reckoner(&ada).await.id;
        let first = run(&ada, agent, "one", "Go").await.unwrap();
        sessions::cancel(&ada, first.id).await.unwrap();
        // It is answered with what has become of it.
        let again = run(&ada, agent, "one", "Go").await.unwrap();
        assert_eq!((again.id, again.state), (first.id, SessionState::Cancelled));
        assert_eq!(count(&ada).await, 1);
        // Another text, another form or another person is another intent.
        let others = [("one", "Go on"), ("two", "Go")];
        for (number, (intent, goal)) in (2..).zip(others) {
            run(&ada, agent, intent, goal).await.unwrap();
            assert_eq!(count(&ada).await, number, "{intent} {goal}");
        }
        let bob = sample::guest(&backend).await.unwrap();
        let of_bob = reckoner(&bob).await.id;
        let theirs = run(&bob, of_bob, "one", "Go").await.unwrap();
        assert_ne!(theirs.id, first.id);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_message_that_is_sent_again_is_said_once(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ada = sample::guest(&backend).await.unwrap();
        let agent = reckoner(&ada).await.id;
        let id = sessions::start(&ada, agent, sample::goal("Go")).await.unwrap().id;
        for intent in ["one", "one", "two"] {
            let act = move |ctx: Ctx| async move {
                let word = NewMessage { text: "Again".to_owned(), context: None };
                sessions::say(&ctx, id, word).await
            };
            once(&ada, form(intent, "Again"), act).await.unwrap();
        }
        let events = sessions::events(&ada, id, 0).await.unwrap();
        let said = events.iter().filter(|it| matches!(it.body, EventBody::Message { .. })).count();
        assert_eq!(said, 2);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_form_that_was_refused_may_be_sent_again(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ada = sample::guest(&backend).await.unwrap();
        let agent = reckoner(&ada).await.id;
        let set = async |status| {
            let changes = AgentChanges { status: Some(status), ..AgentChanges::default() };
            agents::update(&ada, agent, changes, None).await.unwrap();
        };
        set(AgentStatus::Paused).await;
        let refused = run(&ada, agent, "one", "Go").await.unwrap_err();
        assert_eq!(refused.kind(), FaultKind::Conflict);
        set(AgentStatus::Active).await;
        run(&ada, agent, "one", "Go").await.unwrap();
        assert_eq!(count(&ada).await, 1);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn what_a_form_has_begun_is_not_done_twice_after_a_crash(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ada = sample::guest(&backend).await.unwrap();
        let agent = reckoner(&ada).await.id;
        let verdict = idempotency::claim(&ada, form("one", "Go")).await.unwrap();
        let Some(Verdict::Run(claim)) = verdict else { panic!("{verdict:?}") };
        let ctx = claim.ctx(&ada);
        let first = sessions::start(&ctx, agent, sample::goal("Go")).await.unwrap();
        let in_flight = run(&ada, agent, "one", "Go").await.unwrap_err();
        assert_eq!(in_flight.kind(), FaultKind::TooMany);
        claim.broke_off(&backend).await.unwrap();
        assert_eq!(run(&ada, agent, "one", "Go").await.unwrap().id, first.id);
        assert_eq!(count(&ada).await, 1);
    }
}
