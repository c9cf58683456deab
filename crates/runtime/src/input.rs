//! What a model was given for a step, made anew by the code that made it.
//!
//! No request is kept: each would tell the log once more. But what it was made of is: the log up to then,
//! the session, and the agent as the session keeps it. What is not are the pins of that time and the window
//! that the model was taken for; readers are told where these may count.

use jiff::Timestamp;
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::step_input::{Given, GivenCall, GivenTool, InputDoubt, StepInput};

use crate::context::{self, Fit};
use crate::engine::{Engine, Run};
use crate::models::{CallRequest, Message, ModelRequest};
use crate::progress::Progress;
use crate::tokens::Counter;
use crate::turn::Frame;

/// A request that was made anew.
#[derive(Debug)]
pub(crate) struct Anew {
    pub request: ModelRequest,
    provider: String,
    attempt: u32,
    has_summary: bool,
    doubts: Vec<InputDoubt>,
}

impl Engine {
    /// What the model was given for the newest attempt at a step of the run. `None`: the step has not
    /// begun.
    #[must_use]
    pub fn step_input(&self, run: &Run, step: u32) -> Option<StepInput> {
        let Anew { request, provider, attempt, has_summary, doubts } = self.anew(run, step)?;
        let has_tools = request.offers_tools();
        let system = Some(request.system_with_date());
        let messages = request.messages.into_iter().enumerate();
        let tools = request.tools.into_iter();
        Some(StepInput {
            step,
            attempt,
            provider,
            model: request.model,
            system,
            tools: tools
                .map(|tool| GivenTool { name: tool.name, description: tool.description })
                .collect(),
            messages: messages
                .map(|(at, message)| given(message, has_tools, at, has_summary))
                .collect(),
            doubts,
        })
    }

    /// The request for the newest attempt at a step.
    pub(crate) fn anew(&self, run: &Run, step: u32) -> Option<Anew> {
        let Asked { before, attempt, at } = Asked::of(&run.history, step)?;
        // What earlier rounds used in steps that came to nothing is told by their ends alone.
        let ended = before.iter().rev().find_map(|event| match &event.body {
            EventBody::Done { usage, .. } => Some(*usage),
            _ => None,
        });
        let progress = Progress::new(before, ended.unwrap_or_default());
        let choice = progress.choice.as_ref().map(|(_, choice)| choice);
        let facts = choice.and_then(|choice| self.models().chosen(choice)).map(|it| it.facts);
        let (provider, model) = match choice {
            Some(choice) => (choice.provider.clone(), choice.model.clone()),
            None => (String::new(), run.session.model.clone().unwrap_or_default()),
        };
        let mut doubts = Vec::new();
        if facts.is_none() {
            doubts.push(InputDoubt::ModelGone);
        }
        let facts = facts.flatten();
        let session = &run.session;
        let tools = self.tools().granted(session.owner_id, session.agent_id, &run.agent.tools);
        let frame = Frame {
            agent: &run.agent,
            limits: session.limits,
            tools: &tools,
            model: &model,
            facts,
            window: facts.map_or(u64::MAX, |facts| facts.window),
            context: session.context.as_deref(),
            is_last: progress.round.steps_at(step) == session.limits.max_steps,
        };
        let mut request = frame.request(&progress, at);
        let (goal, context, pins) = (&session.goal, session.context.as_deref(), &session.pins);
        let whole = context::messages(&progress, goal, context, pins);
        let mut is_cut = false;
        request.messages = if facts.is_some() {
            let counter = Counter::of(&model);
            let reply = u64::from(request.max_output_tokens);
            let room = context::room(frame.window, counter.frame(&request), reply);
            // What the step had told shorter stands in its log already.
            match context::fit(&progress, goal, context, pins, counter, room, false) {
                Fit::Whole(messages) => {
                    is_cut = messages != whole;
                    messages
                }
                Fit::Shorter(_) | Fit::Never => {
                    doubts.push(InputDoubt::TooLong);
                    whole
                }
            }
        } else {
            whole
        };
        let has_summary = progress.summary.is_some();
        if has_summary || is_cut {
            doubts.push(InputDoubt::Shortened);
        }
        Some(Anew { request, provider, attempt, has_summary, doubts })
    }
}

/// The moment at which a model was asked for a step.
struct Asked<'a> {
    /// All that was written before.
    before: &'a [SessionEvent],
    attempt: u32,
    at: Timestamp,
}

impl<'a> Asked<'a> {
    /// That of the newest attempt.
    fn of(history: &'a [SessionEvent], step: u32) -> Option<Self> {
        let begun = |(at, event): (usize, &SessionEvent)| match event.body {
            EventBody::StepStart { step: number, attempt } if number == step => {
                Some((at, attempt, event.at))
            }
            _ => None,
        };
        let (start, attempt, at) = history.iter().enumerate().rev().find_map(begun)?;
        // The model is chosen and the middle told shorter before it is asked; people speak at any time.
        let is_before = |event: &&SessionEvent| {
            matches!(
                event.body,
                EventBody::ModelChoice { .. }
                    | EventBody::ContextSummary { .. }
                    | EventBody::Message { .. }
            )
        };
        let more = history[start + 1..].iter().take_while(is_before).count();
        Some(Self { before: &history[..=start + more], attempt, at })
    }
}

/// A message as people read it. The goal stands first, and behind it what stands for the middle.
fn given(message: Message, has_tools: bool, at: usize, has_summary: bool) -> Given {
    match message {
        Message::User { .. } => {
            let text = message.user_text(has_tools);
            match at {
                0 => Given::Goal { text },
                1 if has_summary => Given::Summary { text },
                _ => Given::Person { text },
            }
        }
        Message::Assistant { text, calls } => {
            let given =
                |call: CallRequest| GivenCall { tool: call.tool, arguments: call.arguments };
            Given::Agent { text, calls: calls.into_iter().map(given).collect() }
        }
        Message::Tool { tool, content, is_error, .. } => {
            Given::Result { tool, text: content, is_error }
        }
    }
}
