//! `/studio/automations`: what starts sessions by itself, and who is told of their end.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::FaultKind;
use resonant_domain::agent::AgentSummary;

use super::api::{
    Automations, ChangeSchedule, CreateSchedule, CreateTrigger, CreateWebhook, DeleteSchedule,
    DeleteTrigger, DeleteWebhook, SwitchSchedule, get_automations,
};
use super::schedules::Schedules;
use super::triggers::Triggers;
use super::webhooks::Webhooks;
use crate::error::{AppError, field_error, removals, successes};
use crate::features::studio::fault_within;
use crate::language::tr;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{
    ButtonKind, EmptyState, ErrorPanel, IconName, LinkButton, PageHead, Skeleton, TextArea, kept,
};

/// The page of schedules, triggers and webhooks.
pub struct AutomationsRoute {
    actions: Actions,
    automations: Resource<Result<Automations, AppError>>,
}

/// Everything that the page's forms do.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    pub(super) create_schedule: ServerAction<CreateSchedule>,
    pub(super) change_schedule: ServerAction<ChangeSchedule>,
    pub(super) switch_schedule: ServerAction<SwitchSchedule>,
    pub(super) delete_schedule: ServerAction<DeleteSchedule>,
    pub(super) create_trigger: ServerAction<CreateTrigger>,
    pub(super) delete_trigger: ServerAction<DeleteTrigger>,
    pub(super) create_webhook: ServerAction<CreateWebhook>,
    pub(super) delete_webhook: ServerAction<DeleteWebhook>,
}

impl Actions {
    fn new() -> Self {
        Self {
            create_schedule: ServerAction::new(),
            change_schedule: ServerAction::new(),
            switch_schedule: ServerAction::new(),
            delete_schedule: ServerAction::new(),
            create_trigger: ServerAction::new(),
            delete_trigger: ServerAction::new(),
            create_webhook: ServerAction::new(),
            delete_webhook: ServerAction::new(),
        }
    }

    /// Each changes whenever one of them has succeeded, or what it should take away is gone.
    fn successes(self) -> [Memo<usize>; 8] {
        [
            successes(self.create_schedule),
            successes(self.change_schedule),
            successes(self.switch_schedule),
            removals(self.delete_schedule),
            successes(self.create_trigger),
            removals(self.delete_trigger),
            successes(self.create_webhook),
            removals(self.delete_webhook),
        ]
    }
}

impl LazyPage for AutomationsRoute {
    fn data() -> Self {
        let actions = Actions::new();
        let changes = actions.successes();
        let changes = move || changes.map(|change| change.get());
        let automations = Resource::new_blocking(changes, |_| get_automations());
        Self { actions, automations }
    }

    fn view(this: Self) -> AnyView {
        let AutomationsRoute { actions, automations } = this;
        view! {
            <Title text=tr("Automations") />
            <Meta
                name="description"
                content=tr("Schedules and triggers that start your agents, and webhooks that hear of their end")
            />
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {kept(move || async move {
                    match automations.await {
                        Ok(found) => view! { <Page found actions /> }.into_any(),
                        Err(error) if error.kind == FaultKind::Unauthenticated => {
                            view! { <NobodyYet /> }.into_any()
                        }
                        Err(error) => view! { <ErrorPanel error /> }.into_any(),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn Page(found: Automations, actions: Actions) -> impl IntoView {
    let Automations { agents, schedules, triggers, webhooks } = found;
    view! {
        <div class="account">
            <PageHead
                title=tr("Automations")
                lead=tr("What starts your agents by itself, and who is told when a session ends.")
            />
            <Schedules schedules agents=agents.clone() actions />
            <Triggers triggers agents actions />
            <Webhooks webhooks actions />
        </div>
    }
}

/// What was typed into the form that was refused, if it is the one that has a field of this name, or the
/// one that has not.
pub(super) fn typed_beside(field: &str, has_it: bool) -> impl Fn(&str) -> Option<String> + use<> {
    let form = refused_form();
    let is_mine = form.text(field).is_some() == has_it;
    move |name| form.text(name).filter(|_| is_mine)
}

/// The agents to choose from.
#[component]
pub(super) fn AgentChoice(
    /// Those that are active.
    agents: Vec<AgentSummary>,
    /// The id of the field.
    id: &'static str,
) -> impl IntoView {
    let nobody = agents.is_empty().then(|| {
        view! {
            <p class="field__hint">
                {tr("No agent of yours is active. ")} <a href=paths::STUDIO>{tr("Show all agents")}</a>
            </p>
        }
    });
    let options = agents
        .into_iter()
        .map(|agent| view! { <option value=agent.id.to_string()>{agent.name}</option> })
        .collect_view();
    view! {
        <div class="field">
            <label class="field__label" for=id>
                {tr("Agent")}
            </label>
            <select class="field__control" id=id name="agent_id" required=true>
                {options}
            </select>
            {nobody}
        </div>
    }
}

/// What a session that starts by itself is set on: its goal, and the values of the prompt's variables.
#[component]
pub(super) fn GoalFields(
    /// What the ids of the fields begin with.
    #[prop(into)]
    of: String,
    /// The goal that was typed before.
    goal: Option<String>,
    /// The values that were typed before.
    variables: Option<String>,
    /// What was wrong when they were sent last.
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    view! {
        <TextArea
            label=tr("Goal")
            name="goal"
            id=format!("{of}-goal")
            value=goal.unwrap_or_default()
            rows=2
            required=true
            error=field_error(error, "goal")
        />
        <TextArea
            label=tr("Variables")
            name="variables"
            id=format!("{of}-variables")
            value=variables.unwrap_or_default()
            rows=2
            optional=true
            is_code=true
            placeholder="city = Oslo"
            hint=tr(
                "The values of the prompt's variables, name = value on each line. An indented line belongs to \
                the one above it",
            )
            error=fault_within(error, "variables")
        />
    }
}

/// The key that signs messages, folded away.
#[component]
pub(super) fn SigningKey(
    /// The key.
    signing_key: String,
) -> impl IntoView {
    view! {
        <details>
            <summary>{tr("Key that signs the messages")}</summary>
            <code class="secret__name">{signing_key}</code>
        </details>
    }
}

#[component]
fn NobodyYet() -> impl IntoView {
    view! {
        <h1 class="visually-hidden">{tr("Automations")}</h1>
        <EmptyState
            icon=IconName::Clock
            title=tr("You are not signed in")
            text=tr("Make an agent first, or sign in to get back to yours.")
        >
            <LinkButton href=paths::sign_in(paths::AUTOMATIONS) kind=ButtonKind::Primary>
                {tr("Sign in")}
            </LinkButton>
        </EmptyState>
    }
}
