//! All test sets of an agent at once.

use super::*;

async fn made(ctx: &Ctx, agent: AgentId, name: &str, goals: &[&str]) -> TestSetId {
    let cases = goals.iter().map(|goal| case(goal, vec![contains("84")])).collect();
    let new = NewTestSet { name: name.to_owned(), cases };
    create(ctx, agent, new).await.unwrap().id
}

/// How many sets have a run.
async fn begun(ctx: &Ctx, agent: AgentId) -> usize {
    let sets = list(ctx, agent, PageRequest::default()).await.unwrap().items;
    sets.iter().filter(|set| set.last_run.is_some()).count()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn all_sets_of_an_agent_run_at_once(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reckoner")).await.unwrap().id;
    let other = agents::create(&ctx, sample::spec("Other")).await.unwrap().id;
    let all = async || run_all(&ctx, agent, NewTestRun::default()).await;
    let none = all().await.unwrap_err();
    assert_eq!(none.message(), "The agent has no test set yet");
    made(&ctx, agent, "Basics", &["What is 12 * 7?", "What is 42 * 2?"]).await;
    made(&ctx, agent, "More", &["What is 1 + 1?"]).await;
    let gone = made(&ctx, agent, "Gone", &["What is 3 + 3?"]).await;
    made(&ctx, other, "Other", &["What is 4 + 4?"]).await;
    // A set that is deleted while it runs is none any more, and holds up no other.
    run(&ctx, agent, gone, NewTestRun::default()).await.unwrap();
    delete(&ctx, agent, gone).await.unwrap();

    let runs = all().await.unwrap();
    assert_eq!(runs.iter().map(|run| run.cases).collect::<Vec<_>>(), [2, 1]);
    let sets = list(&ctx, agent, PageRequest::default()).await.unwrap().items;
    let last: Vec<_> = sets.into_iter().map(|set| set.last_run.unwrap()).collect();
    let ids = |runs: &[RunSummary]| runs.iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(ids(&last), ids(&runs), "each set says that it runs");
    assert!(last.iter().all(|run| run.ended_at.is_none()), "{last:?}");
    assert_eq!(begun(&ctx, other).await, 0);
    let again = all().await.unwrap_err();
    assert!(again.message().contains("running already"), "{again:?}");

    sample::work_off(&backend).await;
    settle_due(&backend.system()).await.unwrap();
    let sets = list(&ctx, agent, PageRequest::default()).await.unwrap().items;
    let last = sets.into_iter().map(|set| set.last_run.unwrap());
    let came_to: Vec<_> = last.map(|run| (run.ended_at.is_some(), run.passed)).collect();
    assert_eq!(came_to, [(true, 2), (true, 0)]);
    assert_eq!(all().await.unwrap().len(), 2);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn where_one_set_cannot_run_none_does(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reckoner")).await.unwrap();
    let id = agent.id;
    let first = made(&ctx, id, "Basics", &["What is 1 + 1?", "What is 2 + 2?"]).await;
    let version = NewTestRun { version: Some(1) };
    let missing = run_all(&ctx, id, version).await.unwrap_err();
    assert_eq!(missing.kind(), FaultKind::NotFound);
    let judged = case("Hi", vec![Check::Judge { criterion: "It is kind".to_owned() }]);
    let judged = create(&ctx, id, set(vec![judged])).await.unwrap().id;
    let all = async || run_all(&ctx, id, NewTestRun::default()).await.unwrap_err();
    assert!(all().await.message().contains("language model"));
    delete(&ctx, id, judged).await.unwrap();

    // The second case of the other set says nothing of the city.
    let asks =
        AgentChanges { variables: Some(vec![Variable::new("city")]), ..AgentChanges::default() };
    agents::update(&ctx, id, asks, None).await.unwrap();
    let oslo = TestCase {
        variables: [("city".to_owned(), "Oslo".to_owned())].into(),
        ..case("Hi", vec![])
    };
    let filled = NewTestSet { name: "Basics".to_owned(), cases: vec![oslo.clone()] };
    replace(&ctx, id, first, filled).await.unwrap();
    let half = NewTestSet { name: "More".to_owned(), cases: vec![oslo, case("Hi", vec![])] };
    let half = create(&ctx, id, half).await.unwrap().id;
    let refused = all().await;
    assert_eq!(refused.fields().len(), 1, "{refused:?}");
    assert_eq!(refused.fields()[0].field, "More: cases[1].variables.city");
    assert_eq!(begun(&ctx, id).await, 0);
    delete(&ctx, id, half).await.unwrap();

    // So many wait that one case has room, and two have not.
    let many = format!(
        "INSERT INTO session_queue (owner_id, session_id, agent_id, run_at)
         SELECT '{}', gen_random_uuid(), '{id}', now() + INTERVAL '1 day'
         FROM generate_series(1, 9999)",
        agent.owner_id
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(many)).execute(&pool).await.unwrap();
    let asks_nothing = AgentChanges { variables: Some(Vec::new()), ..AgentChanges::default() };
    agents::update(&ctx, id, asks_nothing, None).await.unwrap();
    let two = set(vec![case("Hi", vec![]), case("Ho", vec![])]);
    replace(&ctx, id, first, two).await.unwrap();
    let refused = all().await;
    assert_eq!(refused.kind(), FaultKind::Conflict);
    assert!(refused.message().contains("no room for the 2 sessions"), "{refused:?}");
    assert_eq!(begun(&ctx, id).await, 0);
    replace(&ctx, id, first, set(vec![case("Hi", vec![])])).await.unwrap();
    assert_eq!(run_all(&ctx, id, NewTestRun::default()).await.unwrap().len(), 1);
}
