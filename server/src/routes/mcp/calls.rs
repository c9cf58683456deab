//! Calls of agents: how one is begun, taken back, and answered.

use std::time::Duration;

use futures::StreamExt as _;
use resonant_backend::idempotency::{self, Reply, Request, Verdict};
use resonant_backend::{Ctx, Error, apart, mcp_calls, sessions};
use resonant_domain::SessionId;
use resonant_domain::origin::OriginKind;
use resonant_domain::session::{NewSession, SessionState};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::timeline::Timeline;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::tools::agent_of;
use super::versions::Version;
use super::{CALL, Failed, OWN_FAULT, WRONG_PARAMS};
use crate::middleware::problem::chain;

/// The longest name of a conversation, and the longest id of a request that can be taken back, in bytes.
const NAME_MAX: usize = 200;

/// Who asks, and what holds for all that they ask at once.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) ctx: Ctx,
    pub(super) version: Version,
    /// The caller's name for the whole request, where it shall count once.
    key: Option<String>,
    /// The caller's conversation; empty where they name none.
    conversation: String,
    stopping: CancellationToken,
}

impl Asking {
    pub(super) fn new(
        ctx: Ctx,
        version: Version,
        key: Option<String>,
        conversation: Option<&str>,
        stopping: CancellationToken,
    ) -> Self {
        let conversation = conversation.filter(|name| name.len() <= NAME_MAX).unwrap_or_default();
        Self { ctx, version, key, conversation: conversation.to_owned(), stopping }
    }

    /// What a request of this id is noted under. One that stands alone is taken back by its connection only.
    fn name(&self, id: &Value) -> Option<String> {
        let is_id = !self.version.is_alone() && (id.is_string() || id.is_number());
        let id = id.to_string();
        (is_id && id.len() <= NAME_MAX).then(|| format!("{}/{id}", self.conversation))
    }

    /// Takes a call back. Nobody waits for what came of it.
    pub(super) async fn take_back(&self, id: &Value) {
        let Some(name) = self.name(id) else { return };
        if let Err(error) = mcp_calls::cancel(&self.ctx, &name).await {
            tracing::debug!(error = chain(&error), "a call could not be taken back");
        }
    }

    /// Starts the session that answers a call, or finds the one that does already. In a task of its own:
    /// whoever goes away while it is being started leaves a call behind, which cancels it.
    pub(super) async fn call(&self, id: &Value, params: &Value) -> Result<Call, Failed> {
        let (asking, id, params) = (self.clone(), id.clone(), params.clone());
        let starting = async move { asking.begin(&id, &params).await };
        let stopped = || Failed::Rpc(OWN_FAULT, "this process is about to stop".to_owned());
        apart(starting).await.unwrap_or_else(|| Err(stopped()))
    }

    async fn begin(&self, id: &Value, params: &Value) -> Result<Call, Failed> {
        let ctx = &self.ctx;
        let (session, is_named) = match &self.key {
            None => (start(ctx, params).await?, false),
            Some(key) => self.once(key, id, params).await?,
        };
        let token = &params["_meta"]["progressToken"];
        let mut call = Call {
            session,
            version: self.version,
            token: Some(token).filter(|it| it.is_string() || it.is_number()).cloned(),
            news: None,
            name: None,
            ctx: ctx.clone(),
            // Whoever has named the call asks again for its answer.
            is_kept: is_named,
            stopping: self.stopping.clone(),
        };
        if let Some(name) = self.name(id) {
            match mcp_calls::note(ctx, &name, session).await {
                Ok(()) => call.name = Some(name),
                Err(error) => {
                    tracing::warn!(error = chain(&error), "a call cannot be taken back");
                }
            }
        }
        Ok(call)
    }

    /// Starts a session once for a key and the id of a request. What is kept is which one it is: its answer
    /// may be long in coming. Answers whether the key holds for the caller, too.
    async fn once(
        &self,
        key: &str,
        id: &Value,
        params: &Value,
    ) -> Result<(SessionId, bool), Failed> {
        let (ctx, backend) = (&self.ctx, self.ctx.backend());
        let id = id.to_string();
        if id.len() > NAME_MAX {
            let reason = format!("the id must be at most {NAME_MAX} bytes to count once");
            return Err(Failed::Rpc(WRONG_PARAMS, reason));
        }
        let said = params.to_string();
        let request = Request::new(format!("POST /mcp {id}"), key.to_owned(), &[said.as_bytes()]);
        let claim = match idempotency::claim(ctx, request).await? {
            // Nobody known has no keys of their own.
            None => return Ok((start(ctx, params).await?, false)),
            Some(Verdict::Run(claim)) => claim,
            Some(Verdict::Answered(reply)) => {
                let kept = std::str::from_utf8(&reply.body).ok().and_then(|id| id.parse().ok());
                let gone = || Failed::Rpc(OWN_FAULT, "the answer is not kept any more".to_owned());
                return Ok((kept.ok_or_else(gone)?, true));
            }
            Some(Verdict::InFlight) => {
                let reason = "the same call is being started at this moment".to_owned();
                return Err(Failed::Rpc(OWN_FAULT, reason));
            }
            Some(Verdict::OtherRequest) => {
                let reason = "the Idempotency-Key was used for another call of this id".to_owned();
                return Err(Failed::Rpc(WRONG_PARAMS, reason));
            }
        };
        let started = start(&claim.ctx(ctx), params).await;
        let told = match &started {
            Ok(session) => {
                let body = session.to_string().into_bytes();
                claim.succeeded(backend, Reply { status: 202, headers: Vec::new(), body }).await
            }
            Err(Failed::Use(error)) => claim.failed(backend, error).await,
            Err(_) => claim.refused(backend).await,
        };
        if let Err(error) = told {
            tracing::warn!(error = chain(&error), "how a claimed call went could not be kept");
        }
        Ok((started?, true))
    }
}

/// A call that waits for its session. Dropped before it is answered it cancels the session: nobody hears the
/// answer, and it goes on costing.
pub(super) struct Call {
    session: SessionId,
    version: Version,
    /// What the caller calls the news of it, where they want to hear them.
    token: Option<Value>,
    news: Option<News>,
    /// What it is noted under.
    name: Option<String>,
    ctx: Ctx,
    /// The session goes on without whoever waits.
    is_kept: bool,
    stopping: CancellationToken,
}

impl Call {
    /// The session's answer, once it is over.
    pub(super) async fn result(mut self, ctx: &Ctx) -> Result<Value, Failed> {
        let result = result(ctx, self.session, self.news.as_ref()).await;
        self.is_kept = true;
        if self.name.take().is_some()
            && let Err(error) = mcp_calls::forget(ctx, self.session).await
        {
            tracing::debug!(error = chain(&error), "an answered call is not forgotten");
        }
        result.map(|result| self.version.complete(CALL, result))
    }

    /// Lets the caller hear how it goes, where they want to.
    pub(super) fn tell(&mut self, tells: &mpsc::Sender<Value>) {
        self.news = self.token.take().map(|token| News { token, tells: tells.clone() });
    }
}

/// Where is told how a call goes.
struct News {
    token: Value,
    tells: mpsc::Sender<Value>,
}

impl News {
    fn tell(&self, event: &SessionEvent) {
        let message = match &event.body {
            EventBody::StepStart { step, .. } => format!("step {step}"),
            EventBody::ToolCall { tool, .. } => format!("{tool} is called"),
            EventBody::ToolResult { tool, .. } => format!("{tool} has answered"),
            EventBody::Waiting { reason } => reason.to_string(),
            _ => return,
        };
        let params = json!({
            "progressToken": self.token,
            // It only ever grows, as it must.
            "progress": event.sequence,
            "message": message,
        });
        let note =
            json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params });
        // Whoever does not read misses it.
        let _ = self.tells.try_send(note);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // A process that stops cuts connections: that is no word of a caller.
        if self.is_kept || self.stopping.is_cancelled() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let (ctx, session, name) = (self.ctx.clone(), self.session, self.name.take());
        drop(runtime.spawn(async move {
            match sessions::cancel(&ctx, session).await {
                Ok(_) => tracing::info!(session.id = %session, "cancelled: its caller is gone"),
                Err(error) => {
                    tracing::warn!(error = chain(&error), "an abandoned session goes on");
                }
            }
            if name.is_some() {
                let _ = mcp_calls::forget(&ctx, session).await;
            }
        }));
    }
}

async fn start(ctx: &Ctx, params: &Value) -> Result<SessionId, Failed> {
    let name = params["name"].as_str().unwrap_or_default();
    let agent = agent_of(name)
        .ok_or_else(|| Failed::Rpc(WRONG_PARAMS, format!("there is no tool {name}")))?;
    let arguments = &params["arguments"];
    if !arguments.is_null() && !arguments.is_object() {
        return Err(Error::field("arguments", "must be an object").into());
    }
    let text = |name: &str| match &arguments[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(Error::field(name, "must be text")),
    };
    let (goal, context) = (text("goal")?.unwrap_or_default(), text("context")?);
    let given = &arguments["variables"];
    if !given.is_null() && !given.is_object() {
        return Err(Error::field("variables", "must be an object").into());
    }
    let variables =
        given.as_object().into_iter().flatten().map(|(name, value)| match value.as_str() {
            Some(text) => Ok((name.clone(), text.to_owned())),
            None => Err(Error::field(format!("variables.{name}"), "must be text")),
        });
    let variables = variables.collect::<Result<_, _>>()?;
    let new = NewSession { goal, context, variables, ..NewSession::default() };
    Ok(sessions::start_by(ctx, agent, new, OriginKind::Mcp).await?.id)
}

/// What a model is told whose call could not be tried.
pub(super) fn failed(reason: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": reason }], "isError": true })
}

/// The session's answer, once it is over.
async fn result(ctx: &Ctx, id: SessionId, news: Option<&News>) -> Result<Value, Failed> {
    let (mut after, mut timeline) = (0, Timeline::default());
    // A stream that breaks off is taken up again where it was.
    loop {
        let mut events = sessions::stream(ctx, id, after).await?;
        while let Some(Ok(batch)) = events.next().await {
            after = batch.last().map_or(after, |event| event.sequence);
            for event in &*batch {
                if let Some(news) = news {
                    news.tell(event);
                }
                timeline.apply(event.clone());
            }
            // Whoever called has no way to decide, and is not kept waiting for one who has. What is decided by
            // now is not waited for any more.
            let wait = timeline.waiting.as_ref().filter(|wait| wait.reason.needs_person());
            if let Some(wait) = wait {
                let reason = &wait.reason;
                let text = format!("The session waits for a person: {reason}. It is {id}");
                return Ok(json!({
                    "content": [{ "type": "text", "text": text }],
                    "isError": true,
                    "_meta": { "session_id": id, "state": SessionState::Waiting },
                }));
            }
        }
        if sessions::get(ctx, id).await?.state.is_terminal() {
            break;
        }
        tokio::time::sleep_until(Instant::now() + Duration::from_millis(200)).await;
    }
    let session = sessions::get(ctx, id).await?;
    let timeline = Timeline::from_events(sessions::events(ctx, id, 0).await?);
    let is_error = session.state != SessionState::Completed;
    let text = told_of(session.state, session.reason.as_deref(), timeline.answer());
    Ok(json!({
        "content": [{ "type": "text", "text": text }],
        "isError": is_error,
        "_meta": { "session_id": id, "state": session.state },
    }))
}

/// What is told of a session that is over: its answer, and that this is cut where it is; or why there is none.
fn told_of(state: SessionState, reason: Option<&str>, answer: Option<&str>) -> String {
    match (state, answer, reason) {
        (SessionState::Completed, Some(answer), None) => answer.to_owned(),
        // It would be taken for whole.
        (SessionState::Completed, Some(answer), Some(cut)) => format!("{answer}\n[{cut}]"),
        (_, _, reason) => {
            let reason = reason.unwrap_or_else(|| state.as_str());
            format!("The session did not reach its goal: {reason}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_and_that_it_is_cut() {
        let cut = "the answer is cut: reached its limit of 9 tokens";
        for (state, reason, answer, told) in [
            (SessionState::Completed, None, Some("42"), "42".to_owned()),
            (SessionState::Completed, Some(cut), Some("4"), format!("4\n[{cut}]")),
            (
                SessionState::Timeout,
                Some("reached its limit of 1 second"),
                Some("4"),
                "The session did not reach its goal: reached its limit of 1 second".to_owned(),
            ),
            (
                SessionState::Cancelled,
                None,
                None,
                "The session did not reach its goal: cancelled".to_owned(),
            ),
        ] {
            assert_eq!(told_of(state, reason, answer), told);
        }
    }
}
