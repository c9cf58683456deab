//! The prompt, with the tokens that it takes and what a session is likely to cost.

use std::cell::RefCell;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::FaultKind;
use resonant_domain::agent::SYSTEM_PROMPT_MAX;
use resonant_domain::draft_weight::{DraftWeight, PastSessions};
use resonant_domain::ids::AgentId;
use resonant_domain::variable;

use super::agent_form::field_fault;
use super::weigh_api::weigh_draft;
use crate::error::AppError;
use crate::language::{cost_text, number, tr, tr_count, tr_text, tr_with};
use crate::ui::TextArea;

/// After such a pause in typing the prompt is weighed.
const PAUSE: Duration = Duration::from_millis(500);

/// What a draft weighs, as it is typed.
#[derive(Clone, Copy)]
pub(super) struct Weighing {
    /// The prompt.
    pub(super) prompt: RwSignal<String>,
    /// `auto`, `builtin` or `named`.
    pub(super) model: RwSignal<String>,
    /// The model's name when `model` is `named`.
    pub(super) model_name: RwSignal<String>,
    /// What it weighs; an error where this installation has no such model.
    weight: RwSignal<Option<Result<DraftWeight, AppError>>>,
}

impl Weighing {
    /// Weighs the draft of an agent, or of one that is not made yet, whenever it has changed.
    pub(super) fn new(
        agent: Option<AgentId>,
        prompt: String,
        model: String,
        model_name: String,
        weight: Option<DraftWeight>,
    ) -> Self {
        let this = Self {
            prompt: RwSignal::new(prompt),
            model: RwSignal::new(model),
            model_name: RwSignal::new(model_name),
            weight: RwSignal::new(weight.map(Ok)),
        };
        let turn = StoredValue::new(0_u32);
        let ask = move || {
            let Some((prompt, model, name)) = this.asked() else { return };
            let _ = turn.try_update_value(|turn| *turn += 1);
            let mine = turn.try_get_value();
            spawn_local(async move {
                let weight = weigh_draft(agent, prompt, model, name).await;
                // An answer that was overtaken tells of what is no longer there.
                if mine.is_some() && turn.try_get_value() == mine {
                    let _ = this.weight.try_set(Some(weight));
                }
            });
        };
        let later = RefCell::new(debounce(PAUSE, move |()| ask()));
        Effect::new(move |is_later: Option<bool>| {
            this.prompt.track();
            this.model.track();
            this.model_name.track();
            // What the page came with is weighed already; a draft of before, or a proposal, is not.
            let is_weighed = this.weight.with_untracked(Option::is_some);
            if is_later.is_some() || !is_weighed {
                (later.borrow_mut())(());
            }
            true
        });
        this
    }

    /// What is weighed; nothing for an agent that is not there any more.
    fn asked(self) -> Option<(String, String, String)> {
        let is_gone = self.weight.try_with_untracked(
            |weight| matches!(weight, Some(Err(error)) if error.kind == FaultKind::NotFound),
        );
        if is_gone? {
            return None;
        }
        Some((
            self.prompt.try_get_untracked()?,
            self.model.try_get_untracked()?,
            self.model_name.try_get_untracked()?,
        ))
    }
}

/// The field of the prompt and what it weighs.
#[component]
pub(super) fn PromptField(
    /// What it weighs.
    weighing: Weighing,
    /// What was wrong with it when it was sent last.
    #[prop(into)]
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    let prompt = weighing.prompt;
    let names = Memo::new(move |_| {
        prompt.with(|prompt| {
            let used = variable::used(prompt).into_iter();
            used.map(|name| format!("{{{{{name}}}}}")).collect::<Vec<_>>().join(" ")
        })
    });
    let is_full = Memo::new(move |_| prompt.with(|prompt| is_full(prompt)));
    let full = move || {
        let most = number(u64::try_from(SYSTEM_PROMPT_MAX).unwrap_or(u64::MAX));
        is_full.get().then(|| {
            tr_with(
                "The prompt is as long as it can be: what goes beyond {most} characters is cut off.",
                &[("most", &most)],
            )
        })
    };
    let weight = move || match weighing.weight.get()? {
        Ok(weight) => Some(tokens_text(&weight)),
        Err(error) => {
            let reason = error.field("model_policy.model").map(str::to_owned);
            Some(tr_text(reason.unwrap_or(error.message)))
        }
    };
    view! {
        <TextArea
            label=tr("System prompt")
            name="form[system_prompt]"
            value=prompt
            on_input=Callback::new(move |text| prompt.set(text))
            rows=10
            optional=true
            is_code=true
            maxlength=SYSTEM_PROMPT_MAX
            hint=tr("How it should work and what its answers should look like. It reads this before each goal")
            error=field_fault(error, "system_prompt")
        />
        // A browser cuts off what is pasted and says nothing of it.
        <div class="prompt__full" role="status">
            {full}
        </div>
        // Not read out: it changes with every pause in typing.
        <p class="prompt__weight">{weight}</p>
        <p class="prompt__weight" hidden=move || names.with(String::is_empty)>
            {tr("In the prompt: ")} <code>{names}</code>
            {tr(". Declare each as a variable; what is not declared stands as it is.")}
        </p>
    }
}

/// What a session is likely to take, beside the limits.
#[component]
pub(super) fn LikelyCost(
    /// What the draft weighs.
    weighing: Weighing,
) -> impl IntoView {
    let text = move || {
        let weight = weighing.weight.get()?.ok()?;
        Some(past_text(&weight.model, weight.past?))
    };
    view! { <p class="prompt__weight">{text}</p> }
}

/// Whether a field takes no more of it. Browsers count as UTF-16 does (WHATWG HTML 4.10.18.3).
fn is_full(prompt: &str) -> bool {
    prompt.len() >= SYSTEM_PROMPT_MAX && prompt.encode_utf16().count() >= SYSTEM_PROMPT_MAX
}

fn tokens_text(weight: &DraftWeight) -> String {
    let tokens = tr_count("{n} token", "{n} tokens", weight.tokens);
    let window = match (weight.window, weight.percent()) {
        (Some(window), Some(percent)) => tr_with(
            ", {percent} % of the {window} that it takes",
            &[("percent", &percent), ("window", &number(window))],
        ),
        _ => String::new(),
    };
    tr_with(
        "{tokens} with {model}{window} (counted by {counter})",
        &[
            ("tokens", &tokens),
            ("model", &weight.model),
            ("window", &window),
            ("counter", &tr_text(weight.counted_by.clone())),
        ],
    )
}

fn past_text(model: &str, past: PastSessions) -> String {
    let PastSessions { sessions, input_tokens, output_tokens, cost } = past;
    let cost = cost.map_or_else(|| tr("nothing").to_owned(), cost_text);
    let count = tr_count("{n} past session", "{n} past sessions", sessions);
    tr_with(
        "A session is likely to read {input_tokens} tokens, to write {output_tokens}, and to cost {cost} \
         with {model}: the median of {count}.",
        &[
            ("input_tokens", &number(input_tokens)),
            ("output_tokens", &number(output_tokens)),
            ("cost", &cost),
            ("model", &model),
            ("count", &count),
        ],
    )
}

#[cfg(test)]
mod tests {
    use resonant_domain::money::MicroUsd;

    use super::*;

    #[test]
    fn a_prompt_is_full_where_a_browser_cuts_it_off() {
        for letter in ["a", "ä", "🦀"] {
            let most = SYSTEM_PROMPT_MAX / letter.encode_utf16().count();
            assert!(is_full(&letter.repeat(most)), "{letter}");
            assert!(!is_full(&letter.repeat(most - 1)), "{letter}");
        }
    }

    #[test]
    fn what_a_draft_weighs_is_told_in_words() {
        let weight = DraftWeight {
            model: "openai:gpt-4o".to_owned(),
            tokens: 1_200,
            counted_by: "o200k_base".to_owned(),
            window: Some(12_000),
            past: None,
        };
        let told = tokens_text(&weight);
        assert!(told.contains("10 % of the 12,000") && told.contains("o200k_base"), "{told}");
        let past = PastSessions {
            sessions: 3,
            input_tokens: 9_000,
            output_tokens: 80,
            cost: Some(MicroUsd(2_500)),
        };
        let told = past_text("openai:gpt-4o", past);
        assert!(told.contains("$0.0025") && told.contains("3 past sessions"), "{told}");
        assert!(told.contains("read 9,000 tokens"), "{told}");
        let told = past_text("builtin:planner-1", PastSessions { cost: None, ..past });
        assert!(told.contains("cost nothing"), "{told}");
    }
}
