//! Steps that are looked at and tried anew.

use resonant_domain::ApiKeyId;
use resonant_domain::session::Lineage;
use resonant_domain::step_input::Given;
use uuid::Uuid;

use super::*;
use crate::{Actor, RequestId};

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_step_is_tried_anew_in_a_copy_with_what_it_was_told(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = begin(&ctx, ToolGrant::new("calculator")).await;
    work_off(&backend).await;
    let word = NewMessage { text: "Again".to_owned(), context: None };
    say(&ctx, session.id, word).await.unwrap();
    work_off(&backend).await;
    let parent = get(&ctx, session.id).await.unwrap();
    assert_eq!((parent.state, parent.steps), (SessionState::Completed, 4));

    let child = retry_from(&ctx, session.id, 3).await.unwrap();
    let lineage = Lineage { session_id: session.id, step: 2 };
    assert_eq!((child.parent, child.goal.as_str()), (Some(lineage), "Go"));
    work_off(&backend).await;
    let log = timeline(&ctx, child.id).await;
    assert_eq!((log.steps.len(), log.answer()), (4, Some("2 by plain")));
    assert_eq!(log.steps[2].messages[0].text, "Again");

    // The answer alone.
    let child = retry_from(&ctx, session.id, 4).await.unwrap();
    work_off(&backend).await;
    let child = get(&ctx, child.id).await.unwrap();
    assert_eq!((child.state, child.steps), (SessionState::Completed, 4));
    assert_eq!(child.usage.total_tokens(), 10_000, "the steps before it were the parent's");
    assert_eq!(get(&ctx, session.id).await.unwrap(), parent, "the other one stays as it is");
    for step in [0, 5] {
        let wrong = retry_from(&ctx, session.id, step).await.unwrap_err();
        assert_eq!(wrong.fields()[0].field, "step", "{step}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_a_step_was_given_is_told_as_far_as_one_may_read(pool: PgPool) {
    let backend = backend(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = begin(&ctx, ToolGrant::new("calculator")).await;
    work_off(&backend).await;
    let input = step_input(&ctx, session.id, 2).await.unwrap().unwrap();
    assert_eq!((input.model.as_str(), input.attempt, input.tools.len()), ("plain", 1, 1));
    assert!(input.system.as_ref().is_some_and(|system| system.contains("It is ")));
    assert!(input.doubts.is_empty());
    let [Given::Goal { text }, Given::Agent { calls, .. }, Given::Result { .. }] =
        &input.messages[..]
    else {
        panic!("{:?}", input.messages)
    };
    assert_eq!((text.as_str(), calls[0].tool.as_str()), ("Go", "calculator"));
    assert_eq!(step_input(&ctx, session.id, 3).await.unwrap(), None);

    // The prompt is the agent's, which a key for sessions alone does not read, and no link shows.
    let bare = input.clone().without_agent();
    let key = Actor::Key {
        owner: session.owner_id,
        key: ApiKeyId::from_uuid(Uuid::nil()),
        scopes: vec![Scope::SessionsRead].into(),
    };
    let key = backend.ctx(key, RequestId::new("test"));
    assert_eq!(step_input(&key, session.id, 2).await.unwrap().as_ref(), Some(&bare));
    let anyone = backend.anonymous();
    let token = share(&ctx, session.id).await.unwrap();
    assert_eq!(shared_input(&anyone, &token, 2).await.unwrap(), Some(bare));
    let events = shared_events(&anyone, &token, 3).await.unwrap();
    assert_eq!(events.first().map(|event| event.sequence), Some(4));

    // A step that was copied was taken elsewhere.
    let child = retry_from(&ctx, session.id, 2).await.unwrap();
    let there = step_input(&ctx, session.id, 1).await.unwrap();
    assert_eq!(step_input(&ctx, child.id, 1).await.unwrap(), there);
    let token = share(&ctx, child.id).await.unwrap();
    let refused = shared_input(&anyone, &token, 1).await.unwrap_err();
    assert_eq!(refused.kind(), FaultKind::Forbidden);
}
