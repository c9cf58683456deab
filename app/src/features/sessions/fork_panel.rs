//! Another session with the same beginning: from which step, and what is changed.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::SessionId;
use resonant_domain::agent::SYSTEM_PROMPT_MAX;
use resonant_domain::session::GOAL_MAX;

use super::api::ForkSession;
use super::live_session::LiveSession;
use crate::browser;
use crate::error::{action_error, field_error};
use crate::intent::{Intent, IntentField};
use crate::language::{tr, tr_with};
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{Button, ButtonKind, Field, FormError, Select, TextArea};

const FIELDS: &[&str] = &["step", "goal", "system_prompt", "model_policy.model"];

/// The form for a fork, folded up until it is asked for.
#[component]
pub fn ForkPanel(
    /// The session.
    live: LiveSession,
    /// Its identity.
    id: SessionId,
    /// Its goal.
    goal: String,
) -> impl IntoView {
    let fork = ServerAction::<ForkSession>::new();
    let intent = Intent::of(fork);
    let value = fork.value();
    // The page of another session is the same page to the router, which would put away what this form
    // still shows: it is loaded anew.
    Effect::new(move || {
        if let Some(Ok(id)) = value.get() {
            browser::load(&paths::session(id));
        }
    });
    let error = action_error(fork);
    let refused = refused_form();
    let was_refused = refused.text("fork[step]").is_some();
    let text = move |name: &str| refused.text(&format!("fork[{name}]"));
    let goal = text("goal").unwrap_or(goal);
    let steps = Memo::new(move |_| live.fork_steps());
    let step = live.fork_step();
    let chosen = Signal::derive(move || step.get().to_string());
    let is_wanted = Memo::new(move |_| was_refused || step.get() != 0);
    let choose = move |value: String| step.set(value.parse().unwrap_or(0));
    view! {
        <details class="fork" id="fork" open=move || is_wanted.get()>
            <summary class="fork__title">{tr("Fork: try another way from one of its steps")}</summary>
            <ActionForm action=fork attr:class="fork__form">
                <input type="hidden" name="id" value=id.to_string() />
                <IntentField intent=intent />
                {move || {
                    let from_goal = (0.to_string(), tr("From the goal").to_owned());
                    let after = |step: u32| {
                        (step.to_string(), tr_with("After step {step}", &[("step", &step)]))
                    };
                    let options = std::iter::once(from_goal).chain(steps.get().into_iter().map(after));
                    view! {
                        <Select
                            id="fork-step"
                            label=tr("Keep")
                            name="fork[step]"
                            options=options.collect()
                            value=chosen
                            on_change=choose
                            hint=tr("What happened up to there is shared; this session stays as it is")
                            error=field_error(error, "step")
                        />
                    }
                }}
                <TextArea
                    id="fork-goal"
                    label=tr("Goal")
                    name="fork[goal]"
                    value=goal
                    rows=3
                    required=true
                    maxlength=GOAL_MAX
                    error=field_error(error, "goal")
                />
                <TextArea
                    id="fork-prompt"
                    label=tr("Another system prompt")
                    name="fork[system_prompt]"
                    value=text("system_prompt").unwrap_or_default()
                    rows=3
                    optional=true
                    is_code=true
                    maxlength=SYSTEM_PROMPT_MAX
                    hint=tr("Empty: the one it has")
                    error=field_error(error, "system_prompt")
                />
                <Field
                    id="fork-model"
                    label=tr("Another model")
                    name="fork[model]"
                    value=text("model").unwrap_or_default()
                    optional=true
                    hint=tr("“auto”, “builtin” or a model’s name. Empty: as it is")
                    error=field_error(error, "model_policy.model")
                />
                <FormError error=error fields=FIELDS />
                <Button kind=ButtonKind::Secondary busy=fork.pending()>{tr("Start the fork")}</Button>
            </ActionForm>
        </details>
    }
}
