//! What a model is asked: who it is, what it is shown, and whether the budgets reach.

use jiff::Timestamp;
use resonant_domain::agent::{AgentSpec, Limits, ToolGrant};
use resonant_domain::model::ModelChoice;
use resonant_domain::session::Usage;
use resonant_domain::tool::READ_RESULT;
use resonant_domain::waiting::{Amount, Shortfall, WaitReason};

use crate::context::{self, Fit};
use crate::engine::{Ending, Work};
use crate::log::LogError;
use crate::models::{Chosen, ModelFacts, ModelRequest, Situation, request_chars};
use crate::progress::Progress;
use crate::tokens::Counter;
use crate::tools::Tools;

/// The least that a window is taken for, in tokens.
const WINDOW_MIN: u64 = 1_000;

/// A request with the tokens that it has, or why there is none.
pub(super) enum Prepared {
    Request(Box<ModelRequest>, u64),
    Ending(Ending),
    /// The model takes too little for it, whatever is cut: why, for a person.
    TooLong(String),
}

/// What a request for a step says beside the conversation.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub agent: &'a AgentSpec,
    pub limits: Limits,
    pub tools: &'a Tools,
    /// Who answers.
    pub model: &'a str,
    /// What is known of the model.
    pub facts: Option<ModelFacts>,
    /// What the model takes, in tokens.
    pub window: u64,
    /// The material that came with the goal.
    pub context: Option<&'a str>,
    /// On the last step there is nothing to do but to answer.
    pub is_last: bool,
}

impl Frame<'_> {
    /// The request without its messages.
    pub fn request(self, progress: &Progress, now: Timestamp) -> ModelRequest {
        // Some providers refuse a conversation with calls of tools that they are not told of.
        let has_calls = progress.steps.iter().any(|step| !step.calls.is_empty());
        let has_tools = has_calls || !self.is_last;
        let mut tools = Vec::new();
        if has_tools {
            tools = self.tools.schemas(&self.agent.tools);
            // What was shortened can be read on in.
            if progress.can_be_read_on(self.agent, self.context)
                && tools.iter().all(|tool| tool.name != READ_RESULT)
            {
                tools.extend(self.tools.schemas(&[ToolGrant::new(READ_RESULT)]));
            }
        }
        let mut request = ModelRequest {
            model: self.model.to_owned(),
            system: self.agent.system_prompt.clone(),
            messages: Vec::new(),
            tools,
            may_call: !self.is_last,
            max_output_tokens: 0,
            window: self.facts.map(|facts| facts.window),
            now,
        };
        let mut most = progress.round.tokens_left(self.limits, progress.used);
        if let Some(facts) = self.facts {
            let frame = Counter::of(self.model).frame(&request);
            let most_of_model = facts.reply.unwrap_or(u64::MAX);
            most = context::reply(self.window, frame, most.min(most_of_model));
        }
        request.max_output_tokens = u32::try_from(most).unwrap_or(u32::MAX);
        request
    }
}

impl Work<'_> {
    /// Which model answers a step. What the log says already holds, unless there is a reason.
    pub(super) fn choose(&self, step: u32) -> Result<(Chosen, ModelChoice), String> {
        let progress = &self.progress;
        let of_round = |(since, _): &&(u32, ModelChoice)| *since >= progress.round.first_step;
        let current = progress.choice.as_ref().filter(of_round);
        let newest = progress.newest_word();
        let context = match newest {
            Some(word) => word.material.as_ref().map(|material| material.text.as_str()),
            None => self.session.context.as_deref(),
        };
        let choice = self.models.decide(&Situation {
            policy: &self.agent.model_policy,
            goal: newest.map_or(&self.session.goal, |word| &word.text),
            context_chars: context.map_or(0, str::len),
            tools: self.agent.tools.len(),
            steps: progress.round_steps().count(),
            failed_calls: progress.failed_calls(),
            current: current.map(|(_, choice)| choice),
            is_of_step: current.is_some_and(|(since, _)| *since == step),
            is_cheaper: progress.is_cheaper,
            lost: &self.lost,
        })?;
        match self.models.chosen(&choice) {
            Some(chosen) => Ok((chosen, choice)),
            None => Err(format!(
                "the model {} of {} is no longer configured",
                choice.model, choice.provider
            )),
        }
    }

    /// Makes the request for a step that has begun.
    pub(super) async fn prepare(
        &mut self,
        chosen: &Chosen,
        step: u32,
        is_last: bool,
    ) -> Result<Prepared, LogError> {
        let window = self.window(chosen);
        let frame = Frame {
            agent: &self.agent,
            limits: self.session.limits,
            tools: self.tools,
            model: &chosen.name,
            facts: chosen.facts,
            window,
            context: self.session.context.as_deref(),
            is_last,
        };
        let mut request = frame.request(&self.progress, self.clock.now());
        let most = u64::from(request.max_output_tokens);
        let goal = self.session.goal.clone();
        let context = self.session.context.clone();
        let context = context.as_deref();
        if self.progress.summary.is_some() {
            self.renew_pins().await?;
        }
        let Some(facts) = chosen.facts else {
            let pins = &self.session.pins;
            request.messages = context::messages(&self.progress, &goal, context, pins);
            let input_tokens = (request_chars(&request) / 4) as u64;
            let most = Usage { input_tokens, output_tokens: most, ..Usage::default() };
            return self.reserve(request, most).await;
        };
        let counter = Counter::of(&chosen.name);
        let room = context::room(window, counter.frame(&request), most);
        let pins = &self.session.pins;
        let whole = context::whole(&self.progress, &goal, context, pins, counter, room);
        if let Some(messages) = whole {
            request.messages = messages;
            return self.reserve_for(request, facts, counter, most).await;
        }
        self.renew_pins().await?;
        let mut may_summarise = self.may_summarise(step);
        request.messages = loop {
            let (progress, pins) = (&self.progress, &self.session.pins);
            match context::fit(progress, &goal, context, pins, counter, room, may_summarise) {
                Fit::Whole(messages) => break messages,
                Fit::Shorter(due) => {
                    if let Some(ending) = self.summarise(step, due).await? {
                        return Ok(Prepared::Ending(ending));
                    }
                    may_summarise = false;
                }
                Fit::Never => {
                    return Ok(Prepared::TooLong(format!(
                        "the system prompt, the tools, the goal and the conversation are more than \
                         the {window} tokens that {} is known to take",
                        chosen.name
                    )));
                }
            }
        };
        self.reserve_for(request, facts, counter, most).await
    }

    /// What a model takes in this run, in tokens.
    pub(super) fn window(&self, chosen: &Chosen) -> u64 {
        let known = chosen.facts.map_or(u64::MAX, |facts| facts.window);
        let is_it = |(provider, model): &(String, String)| (&**provider, &**model) == chosen.who();
        let found = self.narrowed.iter().find(|(who, _)| is_it(who));
        found.map_or(known, |(_, window)| known.min(*window))
    }

    /// Takes a model's word that a request was too long: from here on it is taken for what it says that it
    /// takes, or for half of what it was. `false`: it cannot be taken for less.
    pub(super) fn narrow(&mut self, chosen: &Chosen, refusal: &str) -> bool {
        let window = self.window(chosen);
        let narrower = narrower(window, refusal);
        if chosen.facts.is_none() || narrower < WINDOW_MIN {
            return false;
        }
        let who = chosen.who();
        self.narrowed.retain(|((provider, model), _)| (&**provider, &**model) != who);
        self.narrowed.push(((who.0.to_owned(), who.1.to_owned()), narrower));
        tracing::warn!(model = ?chosen, window, narrower, "the request was too long for the model");
        true
    }

    /// Takes over what people have pinned by now. Where all is shown anyway it counts for nothing.
    async fn renew_pins(&mut self) -> Result<(), LogError> {
        if let Some(pins) = self.log.pins().await? {
            self.session.pins = pins;
        }
        Ok(())
    }

    /// Sets aside what a request to a model with these prices may use, with a reply of `most` tokens.
    async fn reserve_for(
        &self,
        request: ModelRequest,
        facts: ModelFacts,
        counter: Counter,
        most: u64,
    ) -> Result<Prepared, LogError> {
        let input_tokens = counter.request(&request);
        let most = Usage { input_tokens, output_tokens: most, ..Usage::default() };
        self.reserve(request, facts.priced(most)).await
    }

    /// Sets aside what the request may use at most.
    async fn reserve(&self, request: ModelRequest, most: Usage) -> Result<Prepared, LogError> {
        Ok(match self.shortfall(most).await? {
            Some(ending) => Prepared::Ending(ending),
            None => Prepared::Request(Box::new(request), most.input_tokens),
        })
    }

    /// Sets aside what a call may use at most, or tells which budget does not reach.
    pub(super) async fn shortfall(&self, most: Usage) -> Result<Option<Ending>, LogError> {
        let limits = self.session.limits;
        let cost = u64::try_from(most.cost.0).unwrap_or(0);
        let own = self.progress.round.shortfall(limits, self.progress.used, cost);
        let shortfall = match own {
            Some(shortfall) => Some(shortfall),
            None => self.log.reserve(most).await?,
        };
        Ok(shortfall.map(|shortfall| self.out_of_budget(shortfall)))
    }

    /// Asks a person how to go on. Cheaper models help where money is short and they do not answer yet.
    pub(super) fn out_of_budget(&self, shortfall: Shortfall) -> Ending {
        let has_cheaper = matches!(shortfall.limit, Amount::MicroUsd(_))
            && !self.progress.is_cheaper
            && self.models.has_cheaper(&self.agent.model_policy);
        Ending::Wait(WaitReason::Budget { shortfall, has_cheaper })
    }
}

/// The window of a model that was taken for one of `window` tokens and found a request too long: the first
/// number that it names and that is less, or half.
fn narrower(window: u64, refusal: &str) -> u64 {
    let numbers = refusal.split(|letter: char| !letter.is_ascii_digit());
    let mut named = numbers.filter_map(|number| number.parse::<u64>().ok());
    // What is less than it was by a little may be the request's own length.
    let named = named.find(|number| (WINDOW_MIN..window).contains(number));
    named.map_or(window / 2, |number| number.min(window / 4 * 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_how_long_a_request_may_be() {
        for (refusal, expected) in [
            ("(HTTP 400): This model's maximum context length is 8192 tokens.", 8_192),
            ("exceeds the available context size (4096 tokens)", 4_096),
            ("prompt is too long: 41000 tokens > 32768 maximum", 16_384),
            ("input length and `max_tokens` exceed context limit: 30000 + 8000 > 32768", 24_576),
            ("too long", 16_384),
        ] {
            assert_eq!(narrower(32_768, refusal), expected, "{refusal}");
        }
    }
}
