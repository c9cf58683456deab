//! The form that sets an agent on a goal.

use leptos::ev;
use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use resonant_domain::agent::{AgentStatus, Limits};
use resonant_domain::agent_version::AgentVersion;
use resonant_domain::session::{CONTEXT_MAX, GOAL_MAX};
use resonant_domain::variable::Values;
use resonant_domain::{AgentId, SessionId};

use super::agent_form::{RUN_FIELDS, dollars, field_fault};
use super::api::RunAgent;
use super::draft::Draft;
use super::variable_fields::VariableFields;
use crate::browser;
use crate::error::last_error;
use crate::intent::{Intent, IntentField};
use crate::language::{decimal, tr, tr_with};
use crate::refused_form::refused_form;
use crate::state::use_toasts;
use crate::ui::{
    Button, ButtonKind, Field, FormError, Icon, IconName, Notice, Select, TextArea, Tone,
};

/// The draft, among the editions.
const DRAFT: &str = "draft";

/// A goal and the material for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Task {
    /// The goal.
    pub goal: String,
    /// The material.
    pub context: Option<String>,
    /// The values of the prompt's variables.
    pub variables: Values,
}

/// Goal, context and limits of one session.
#[component]
pub(super) fn RunPanel(
    /// The agent.
    id: AgentId,
    /// Whether it may run.
    #[prop(into)]
    status: Signal<AgentStatus>,
    /// Its own limits.
    limits: Limits,
    /// The draft as the editor knows it.
    draft: Draft,
    /// The version that sessions run.
    published: RwSignal<Option<AgentVersion>>,
    /// What the form starts with.
    task: Task,
    /// Whether the draft may be tried, too.
    may_try_draft: bool,
    /// Hears of each session that is started.
    on_start: Callback<SessionId>,
) -> impl IntoView {
    let shown = draft.shown;
    let toasts = use_toasts();
    let run = ServerAction::<RunAgent>::new();
    let intent = Intent::of(run);
    Effect::new(move || {
        if let Some(Ok(session)) = run.value().get() {
            on_start.run(session);
        }
    });
    let error = last_error(run);
    let refused = refused_form();
    let Task { goal, context, variables: values } = task;
    let goal = refused.text("run[goal]").unwrap_or(goal);
    let context = refused.text("run[context]").or(context).unwrap_or_default();
    let form = NodeRef::<html::Form>::new();
    let may_run = move || status.get() == AgentStatus::Active;
    let send = move |event: ev::KeyboardEvent| {
        let is_command = event.ctrl_key() || event.meta_key();
        if is_command && browser::key_of(&event) == "Enter" && may_run() {
            event.prevent_default();
            if let Some(form) = form.get_untracked() {
                // A form that its own rules refuse says so itself.
                let _ = form.request_submit();
            }
        }
    };
    let edition = RwSignal::new(refused.text("run[edition]").unwrap_or_default());
    // The draft runs as it was saved last, which shall be as it stands.
    let save_first = move |event: ev::SubmitEvent| {
        let is_draft = published.with_untracked(Option::is_none)
            || edition.with_untracked(|edition| edition == DRAFT);
        if !is_draft || !draft.is_changed.get_untracked() {
            return;
        }
        event.prevent_default();
        draft.once_saved(Callback::new(move |is_saved: bool| {
            if is_saved {
                if let Some(form) = form.get_untracked() {
                    let _ = form.request_submit();
                }
            } else {
                toasts.show(Tone::Bad, tr("The draft could not be saved, so it does not run"));
            }
        }));
    };
    // Whoever came to run it can write at once.
    let hash = use_location().hash;
    Effect::new(move || {
        if hash.get().trim_start_matches('#') == "run" {
            request_animation_frame(|| request_animation_frame(|| browser::focus("run-goal")));
        }
    });
    let editions = move || {
        let version = published.with(|published| published.as_ref().map(|v| v.version));
        let version = version.filter(|_| may_try_draft)?;
        let options = vec![
            (String::new(), tr_with("Version {version}, as published", &[("version", &version)])),
            (DRAFT.to_owned(), tr("The draft").to_owned()),
        ];
        Some(view! {
            <Select
                label=tr("What runs")
                name="run[edition]"
                options=options
                value=edition
                on_change=Callback::new(move |chosen: String| edition.set(chosen))
            />
        })
    };
    // Those of what is published, and those of the draft: either may be chosen.
    let variables = Memo::new(move |_| {
        let published = published.with(|published| {
            published.as_ref().map(|version| version.spec.variables.clone()).unwrap_or_default()
        });
        let mut all = published;
        shown.with(|agent| {
            for variable in &agent.spec.variables {
                if all.iter().all(|other| other.name != variable.name) {
                    all.push(variable.clone());
                }
            }
        });
        all
    });
    let limit = move |label: &'static str, name: &str, field: &'static str, own: String| {
        let name = format!("run[{name}]");
        let value = refused.text(&name).unwrap_or_default();
        // Dollars have parts.
        let kind = if name == "run[max_cost]" { "text" } else { "number" };
        view! {
            <Field
                label=label
                name=name
                value=value
                type_=kind
                placeholder=own
                error=field_fault(error, field)
            />
        }
    };
    let own_cost = limits.max_cost_micro_usd;
    let own_cost =
        own_cost.map_or_else(|| tr("no limit").to_owned(), |cost| decimal(dollars(cost)));
    view! {
        <section
            class="run-panel"
            id="run"
            aria-labelledby="run-title"
            on:keydown=send
            on:submit:capture=save_first
        >
            <h2 class="run-panel__title" id="run-title">
                {tr("Run")}
            </h2>
            <Show when=move || !may_run()>
                <Notice tone=Tone::Warn>{tr("It does not run now. Make it active first.")}</Notice>
            </Show>
            <ActionForm action=run node_ref=form>
                <input type="hidden" name="id" value=id.to_string() />
                <IntentField intent=intent />
                <TextArea
                    id="run-goal"
                    label=tr("Goal")
                    name="run[goal]"
                    value=goal
                    rows=3
                    required=true
                    maxlength=GOAL_MAX
                    placeholder=tr("What is 15 % of 240, and how many days is it until 1 May 2030?")
                    hint=tr("What it should reach, in your words. Ctrl-Enter runs")
                    error=field_fault(error, "goal")
                />
                <TextArea
                    label=tr("Context")
                    name="run[context]"
                    value=context
                    rows=4
                    optional=true
                    maxlength=CONTEXT_MAX
                    hint=tr("Material for it: a text, a table, notes")
                    error=field_fault(error, "context")
                />
                <VariableFields
                    variables=variables
                    prefix="run[variables]"
                    values=values
                    error=error
                />
                {editions}
                <details class="run-panel__limits">
                    <summary>{tr("Other limits for this session")}</summary>
                    <p class="agent-form__lead">{tr("Empty fields keep the agent's own.")}</p>
                    <div class="agent-form__limits">
                        {limit(
                            tr("Steps"),
                            "max_steps",
                            "limits.max_steps",
                            limits.max_steps.to_string(),
                        )}
                        {limit(
                            tr("Output tokens"),
                            "max_tokens",
                            "limits.max_tokens",
                            limits.max_tokens.to_string(),
                        )}
                        {limit(
                            tr("Seconds"),
                            "timeout_seconds",
                            "limits.timeout_seconds",
                            limits.timeout_seconds.to_string(),
                        )}
                        {limit(tr("Dollars"), "max_cost", "limits.max_cost_micro_usd", own_cost)}
                    </div>
                </details>
                <FormError error=error fields=RUN_FIELDS />
                <Button
                    kind=ButtonKind::Primary
                    busy=run.pending()
                    disabled=Signal::derive(move || !may_run())
                >
                    <Icon name=IconName::Play />
                    {tr("Run")}
                </Button>
            </ActionForm>
        </section>
    }
}
