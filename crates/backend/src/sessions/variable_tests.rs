use resonant_domain::FaultKind;
use resonant_domain::session::NewFork;
use resonant_domain::variable::{Values, Variable};
use sqlx::PgPool;

use super::*;
use crate::schedules;
use crate::{Backend, agents, sample, triggers};

fn oslo() -> Values {
    [("city".to_owned(), "Oslo {{secrets.KEY}}".to_owned())].into()
}

fn guide() -> AgentSpec {
    AgentSpec {
        system_prompt: "Speak of {{city}}, {{tone}}, {{secrets.KEY}}.".to_owned(),
        variables: vec![Variable::new("city")],
        ..sample::spec("Guide")
    }
}

async fn prompt(backend: &Backend, session: &Session) -> String {
    let mut conn = backend.read(session.owner_id).await.unwrap();
    let found = store::sessions::find_runnable(&mut conn, session.owner_id, session.id).await;
    found.unwrap().unwrap().spec.system_prompt
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_keeps_its_values_and_its_prompt_holds_them(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, guide()).await.unwrap().id;
    for (variables, field) in [
        (Values::new(), "variables.city"),
        ([("town".to_owned(), "x".to_owned())].into(), "variables.town"),
    ] {
        let new = NewSession { variables, ..sample::goal("Go") };
        let error = start(&ctx, agent, new).await.unwrap_err();
        assert_eq!(error.kind(), FaultKind::Invalid);
        assert!(error.fields().iter().any(|fault| fault.field == field), "{error:?}");
    }
    let new = NewSession { variables: oslo(), ..sample::goal("Go") };
    let session = start(&ctx, agent, new).await.unwrap();
    assert_eq!(get(&ctx, session.id).await.unwrap().variables, oslo());
    let filled = "Speak of Oslo {{secrets.KEY}}, {{tone}}, {{secrets.KEY}}.";
    assert_eq!(prompt(&backend, &session).await, filled);

    let forked = fork(&ctx, session.id, NewFork::default()).await.unwrap();
    assert_eq!(
        (forked.variables.clone(), prompt(&backend, &forked).await),
        (oslo(), filled.into())
    );
    let other = NewFork { system_prompt: Some("{{city}}!".to_owned()), ..NewFork::default() };
    let forked = fork(&ctx, session.id, other).await.unwrap();
    assert_eq!(prompt(&backend, &forked).await, "Oslo {{secrets.KEY}}!");
    // Values that stand in a prompt often may not make it longer than an agent's.
    let long = NewFork { system_prompt: Some("{{city}}".repeat(4_000)), ..NewFork::default() };
    let error = fork(&ctx, session.id, long).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "system_prompt", "{error:?}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_starts_by_itself_gives_the_values(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, guide()).await.unwrap().id;
    let error = schedules::create(&ctx, sample::schedule(agent, "0 0 1 1 *")).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "variables.city");
    let error = triggers::create(&ctx, sample::trigger(agent)).await.err().unwrap();
    assert_eq!(error.fields()[0].field, "variables.city");
    let mut new = sample::schedule(agent, "0 0 1 1 *");
    new.variables = oslo();
    schedules::create(&ctx, new).await.unwrap();
    assert_eq!(
        schedules::list(&ctx, PageRequest::default()).await.unwrap().items[0].variables,
        oslo()
    );
    let mut new = sample::trigger(agent);
    new.variables = oslo();
    triggers::create(&ctx, new).await.unwrap();
    assert_eq!(
        triggers::list(&ctx, PageRequest::default()).await.unwrap().items[0].variables,
        oslo()
    );
}
