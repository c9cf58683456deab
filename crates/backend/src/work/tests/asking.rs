//! A tool that asks a person, from one process to the next.

use std::sync::Arc;

use futures::{StreamExt as _, stream};
use resonant_domain::agent::{AgentSpec, ToolGrant};
use resonant_domain::form::Form;
use resonant_domain::session::NewDecision;
use resonant_domain::waiting::{Decision, WaitReason};
use resonant_runtime::Engine;
use resonant_runtime::clock::SystemClock;
use resonant_runtime::models::{
    CallRequest, FinishReason, Message, Model, ModelPiece, ModelRequest, Models, ReplyStream,
};
use resonant_runtime::tools::{Asked, Question, Tool, ToolContext, ToolError, ToolFuture, Tools};
use serde_json::{Value, json};

use super::*;

/// Asks who is there, and answers with what it wanted back and what it was told.
struct Asker;

impl Tool for Asker {
    fn name(&self) -> &'static str {
        "calculator"
    }

    fn description(&self) -> &'static str {
        "asks"
    }

    fn parameters(&self) -> Value {
        json!({ "type": "object" })
    }

    fn is_safe_to_repeat(&self) -> bool {
        false
    }

    fn call<'a>(&'a self, _: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            if let Some(answer) = &context.asking.answer {
                let values = answer.values.clone().unwrap_or_default();
                return Ok(format!("{} {}", answer.resume, values["answer"]));
            }
            let question = Question { text: "Who?".to_owned(), form: Form::free_answer() };
            Err(ToolError::Asks(Box::new(Asked { question, resume: json!("hidden") })))
        })
    }
}

/// Calls the tool, and repeats what it says.
struct Caller;

impl Model for Caller {
    fn provider(&self) -> &'static str {
        "caller"
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        let usage = Usage { input_tokens: 1, output_tokens: 1, ..Usage::default() };
        let pieces = if let Some(Message::Tool { content, .. }) = request.messages.last() {
            let (calls, reason) = (Vec::new(), FinishReason::Stop);
            let output = ModelPiece::Output(content.clone());
            vec![Ok(output), Ok(ModelPiece::Finish { calls, usage, reason })]
        } else {
            let (call_id, tool) = (String::new(), "calculator".to_owned());
            let call = CallRequest { call_id, tool, arguments: json!({}), provider_data: None };
            let (calls, reason) = (vec![call], FinishReason::ToolCalls);
            vec![Ok(ModelPiece::Finish { calls, usage, reason })]
        };
        stream::iter(pieces).boxed()
    }
}

fn process(pool: &PgPool) -> Backend {
    let clock = Arc::new(SystemClock);
    let models = Models::with_language_model(Arc::new(Caller), "caller-1");
    let engine = Engine::new(models, Tools::empty().with(Arc::new(Asker)), clock.clone());
    Backend::for_tests_with_engine(pool.clone(), clock, engine)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_a_tool_wants_back_is_kept_for_it_and_shown_to_nobody(pool: PgPool) {
    let backend = process(&pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let spec = AgentSpec { tools: vec![ToolGrant::new("calculator")], ..sample::spec("Asker") };
    let agent = agents::create(&ctx, spec).await.unwrap();
    let id = sessions::start(&ctx, agent.id, sample::goal("Go")).await.unwrap().id;
    let claim = take(&backend).await;
    run(&backend.system(), claim, CancellationToken::new()).await.unwrap();

    let session = sessions::get(&ctx, id).await.unwrap();
    let wait = session.waiting.clone().expect("it waits");
    let WaitReason::Question { by: Some(by), .. } = &wait.reason else { panic!("{wait:?}") };
    assert_eq!((by.tool.as_str(), &by.resume), ("calculator", &Value::Null));
    let events = sessions::events(&ctx, id, 0).await.unwrap();
    let shown = serde_json::to_string(&(&session, &events)).unwrap();
    assert!(!shown.contains("hidden"), "{shown}");

    let decision = Decision::Answer { values: Some(json!({ "answer": "Ada" })) };
    let decided = NewDecision { waiting: wait.sequence, decision };
    sessions::decide(&ctx, id, decided).await.unwrap();
    // Another process goes on from what is written.
    let other = process(&pool);
    let claim = take(&other).await;
    run(&other.system(), claim, CancellationToken::new()).await.unwrap();
    let session = sessions::get(&ctx, id).await.unwrap();
    assert_eq!(session.state, SessionState::Completed, "{session:?}");
    let events = sessions::events(&ctx, id, 0).await.unwrap();
    assert_eq!(text(&events), "\"hidden\" \"Ada\"");
}
