//! A model that follows a script.

use super::*;
use crate::models::CallRequest;

/// One piece of a scripted reply, and the wait before it.
pub(super) type Beat = (u64, Result<ModelPiece, ModelError>);

/// Gives the reply that belongs to the number of tool results it is shown.
pub(super) struct Script {
    replies: Mutex<Vec<VecDeque<Vec<Beat>>>>,
    pub(super) requests: Mutex<Vec<ModelRequest>>,
    pub(super) open: Arc<AtomicUsize>,
}

impl Script {
    /// `turns[n]` are the replies of turn n, one for each attempt; the last one is repeated.
    pub(super) fn new(turns: Vec<Vec<Vec<Beat>>>) -> Arc<Self> {
        Arc::new(Self {
            replies: Mutex::new(turns.into_iter().map(VecDeque::from).collect()),
            requests: Mutex::default(),
            open: Arc::default(),
        })
    }
}

/// One of what is under way, until it is dropped.
pub(super) struct Open(pub(super) Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Model for Script {
    fn provider(&self) -> &'static str {
        "openai"
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        let turn =
            request.messages.iter().filter(|m| matches!(m, Message::Assistant { .. })).count();
        self.requests.lock().unwrap().push(request);
        let mut replies = self.replies.lock().unwrap();
        let turn = turn.min(replies.len() - 1);
        let beats = if replies[turn].len() > 1 {
            replies[turn].pop_front().unwrap()
        } else {
            replies[turn][0].clone()
        };
        self.open.fetch_add(1, Ordering::SeqCst);
        let open = Open(self.open.clone());
        stream::unfold((beats.into_iter(), open), |(mut beats, open)| async move {
            let (wait, piece) = beats.next()?;
            if wait > 0 {
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            Some((piece, (beats, open)))
        })
        .boxed()
    }
}

pub(super) fn output(text: &str) -> Beat {
    (0, Ok(ModelPiece::Output(text.to_owned())))
}

pub(super) fn usage() -> Usage {
    Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() }
}

pub(super) fn finish(reason: FinishReason) -> Beat {
    (0, Ok(ModelPiece::Finish { calls: Vec::new(), usage: usage(), reason }))
}

pub(super) fn calls(calls: &[(&str, Value)]) -> Beat {
    let calls = calls
        .iter()
        .map(|(tool, arguments)| CallRequest {
            // The same id every time, as some servers do.
            call_id: "call_0".to_owned(),
            tool: (*tool).to_owned(),
            arguments: arguments.clone(),
            provider_data: None,
        })
        .collect();
    (0, Ok(ModelPiece::Finish { calls, usage: usage(), reason: FinishReason::ToolCalls }))
}

pub(super) fn answer(text: &str) -> Vec<Beat> {
    vec![output(text), finish(FinishReason::Stop)]
}
