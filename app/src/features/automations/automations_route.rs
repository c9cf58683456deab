//! `/studio/automations`: what starts sessions by itself, and who is told of their end.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::FaultKind;
use resonant_domain::agent::AgentSummary;
use resonant_domain::schedule::Schedule;
use resonant_domain::webhook::{Trigger, Webhook, WithKey};

use super::api::{
    Automations, CreateSchedule, CreateTrigger, CreateWebhook, DeleteSchedule, DeleteTrigger,
    DeleteWebhook, SwitchSchedule, get_automations,
};
use crate::error::{AppError, action_error, field_error, successes};
use crate::features::studio::fault_within;
use crate::language::{tr, tr_text, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{
    Badge, Button, ButtonKind, Confirm, EmptyState, ErrorPanel, Field, FormError, IconName,
    LinkButton, PageHead, Skeleton, TextArea, Time, Tone, kept,
};

/// The page of schedules, triggers and webhooks.
pub struct AutomationsRoute {
    actions: Actions,
    automations: Resource<Result<Automations, AppError>>,
}

/// Everything that the page's forms do.
#[derive(Clone, Copy)]
struct Actions {
    create_schedule: ServerAction<CreateSchedule>,
    switch_schedule: ServerAction<SwitchSchedule>,
    delete_schedule: ServerAction<DeleteSchedule>,
    create_trigger: ServerAction<CreateTrigger>,
    delete_trigger: ServerAction<DeleteTrigger>,
    create_webhook: ServerAction<CreateWebhook>,
    delete_webhook: ServerAction<DeleteWebhook>,
}

impl Actions {
    fn new() -> Self {
        Self {
            create_schedule: ServerAction::new(),
            switch_schedule: ServerAction::new(),
            delete_schedule: ServerAction::new(),
            create_trigger: ServerAction::new(),
            delete_trigger: ServerAction::new(),
            create_webhook: ServerAction::new(),
            delete_webhook: ServerAction::new(),
        }
    }

    /// Each changes whenever one of them has succeeded.
    fn successes(self) -> [Memo<usize>; 7] {
        [
            successes(self.create_schedule),
            successes(self.switch_schedule),
            successes(self.delete_schedule),
            successes(self.create_trigger),
            successes(self.delete_trigger),
            successes(self.create_webhook),
            successes(self.delete_webhook),
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
fn typed_beside(field: &str, has_it: bool) -> impl Fn(&str) -> Option<String> + use<> {
    let form = refused_form();
    let is_mine = form.text(field).is_some() == has_it;
    move |name| form.text(name).filter(|_| is_mine)
}

/// The agents to choose from.
#[component]
fn AgentChoice(agents: Vec<AgentSummary>, id: &'static str) -> impl IntoView {
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

#[component]
fn Schedules(
    schedules: Vec<Schedule>,
    agents: Vec<AgentSummary>,
    actions: Actions,
) -> impl IntoView {
    let create = actions.create_schedule;
    let error = action_error(create);
    let typed = typed_beside("cron", true);
    let rows = schedules
        .into_iter()
        .map(|schedule| view! { <ScheduleRow schedule actions /> })
        .collect_view();
    view! {
        <section class="account__part" aria-labelledby="schedules-title">
            <h2 id="schedules-title">{tr("Schedules")}</h2>
            <FormError error=action_error(actions.switch_schedule) />
            <FormError error=action_error(actions.delete_schedule) />
            <ul class="secret-list">{rows}</ul>
            <ActionForm action=create>
                <div class="form">
                    <FormError error fields=&["cron", "time_zone", "goal", "variables*"] />
                    <AgentChoice agents id="schedule-agent" />
                    <Field
                        label=tr("When")
                        name="cron"
                        value=typed("cron").unwrap_or_default()
                        required=true
                        autocomplete="off"
                        placeholder="30 7 * * 1-5"
                        hint=tr("Minute, hour, day of the month, month, day of the week")
                        error=field_error(error, "cron")
                    />
                    <Field
                        label=tr("Time zone")
                        name="time_zone"
                        value=typed("time_zone").unwrap_or_else(|| "UTC".to_owned())
                        required=true
                        autocomplete="off"
                        hint=tr("Such as Europe/Berlin")
                        error=field_error(error, "time_zone")
                    />
                    <TextArea
                        label=tr("Goal")
                        name="goal"
                        id="schedule-goal"
                        value=typed("goal").unwrap_or_default()
                        rows=2
                        required=true
                        error=field_error(error, "goal")
                    />
                    <TextArea
                        label=tr("Variables")
                        name="variables"
                        id="schedule-variables"
                        value=typed("variables").unwrap_or_default()
                        rows=2
                        optional=true
                        is_code=true
                        placeholder="city = Oslo"
                        hint=tr("The values of the prompt's variables, name = value on each line")
                        error=fault_within(error, "variables")
                    />
                    <Button kind=ButtonKind::Primary busy=create.pending()>
                        {tr("Add schedule")}
                    </Button>
                </div>
            </ActionForm>
        </section>
    }
}

#[component]
fn ScheduleRow(schedule: Schedule, actions: Actions) -> impl IntoView {
    let id = schedule.id;
    let (switch, delete) = (actions.switch_schedule, actions.delete_schedule);
    let about = schedule.agent_name.clone();
    let question = tr_with("Delete the schedule of {agent}?", &[("agent", &about)]);
    let version = schedule.agent_version.map_or_else(
        || tr_with("revision {number}", &[("number", &schedule.agent_revision)]),
        |number| tr_with("version {number}", &[("number", &number)]),
    );
    let last = schedule.last_session_id.map(|session| {
        view! { <a href=paths::session(session)>{tr("last session")}</a> }
    });
    view! {
        <li class="secret">
            <div class="secret__head">
                <a class="secret__name" href=paths::agent(schedule.agent_id)>
                    {schedule.agent_name.clone()}
                </a>
                <span class="secret__about">{version}</span>
                <code>{schedule.cron.clone()}</code>
                <span class="secret__about">{schedule.time_zone.clone()}</span>
                {(!schedule.is_enabled).then(|| view! { <Badge tone=Tone::Warn>{tr("off")}</Badge> })}
            </div>
            <p>{schedule.goal.clone()}</p>
            <p class="secret__about">
                {schedule.next_run_at.map(|at| view! { <span>{tr("Next ")} <Time at /></span> })}
                {schedule.last_run_at.map(|at| view! { <span>{tr(" · last ")} <Time at /></span> })}
                {last.map(|last| view! { <span>" · " {last}</span> })}
                {schedule
                    .last_error
                    .clone()
                    .map(|reason| {
                        tr_with(" · not started: {reason}", &[("reason", &tr_text(reason))])
                    })}
            </p>
            <div class="secret__head">
                <ActionForm action=switch>
                    <input type="hidden" name="id" value=id.to_string() />
                    <input
                        type="hidden"
                        name="is_enabled"
                        value=(!schedule.is_enabled).to_string()
                    />
                    <Button busy=switch.pending()>
                        {if schedule.is_enabled { tr("Switch off") } else { tr("Switch on") }}
                    </Button>
                </ActionForm>
                <Confirm
                    label=tr("Delete")
                    about
                    question
                    text=tr("It starts no session any more. Those that it has started stay.")
                >
                    <ActionForm action=delete>
                        <input type="hidden" name="id" value=id.to_string() />
                        <Button kind=ButtonKind::Danger busy=delete.pending()>
                            {tr("Yes, delete it")}
                        </Button>
                    </ActionForm>
                </Confirm>
            </div>
        </li>
    }
}

#[component]
fn Triggers(
    triggers: Vec<WithKey<Trigger>>,
    agents: Vec<AgentSummary>,
    actions: Actions,
) -> impl IntoView {
    let (create, delete) = (actions.create_trigger, actions.delete_trigger);
    let error = action_error(create);
    let typed = typed_beside("cron", false);
    let rows = triggers
        .into_iter()
        .map(|WithKey { made, signing_key }| {
            let Trigger { id, path, goal, .. } = made;
            let question = tr_with("Delete {name}?", &[("name", &path)]);
            view! {
                <li class="secret">
                    <p>{goal}</p>
                    <code class="secret__name">{path.clone()}</code>
                    <SigningKey signing_key />
                    <Confirm
                        label=tr("Delete")
                        about=path
                        question
                        text=tr("Messages to this address start nothing any more. Nobody can bring it back.")
                    >
                        <ActionForm action=delete>
                            <input type="hidden" name="id" value=id.to_string() />
                            <Button kind=ButtonKind::Danger busy=delete.pending()>
                                {tr("Yes, delete it")}
                            </Button>
                        </ActionForm>
                    </Confirm>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="account__part" aria-labelledby="triggers-title">
            <h2 id="triggers-title">{tr("Triggers")}</h2>
            <p>{tr("A signed message to one of these addresses starts a session; its body is the context.")}</p>
            <FormError error=action_error(delete) />
            <ul class="secret-list">{rows}</ul>
            <ActionForm action=create>
                <div class="form">
                    <FormError error fields=&["goal", "variables*"] />
                    <AgentChoice agents id="trigger-agent" />
                    <TextArea
                        label=tr("Goal")
                        name="goal"
                        id="trigger-goal"
                        value=typed("goal").unwrap_or_default()
                        rows=2
                        required=true
                        error=field_error(error, "goal")
                    />
                    <TextArea
                        label=tr("Variables")
                        name="variables"
                        id="trigger-variables"
                        value=typed("variables").unwrap_or_default()
                        rows=2
                        optional=true
                        is_code=true
                        placeholder="city = Oslo"
                        hint=tr("The values of the prompt's variables, name = value on each line")
                        error=fault_within(error, "variables")
                    />
                    <Button busy=create.pending()>{tr("Add trigger")}</Button>
                </div>
            </ActionForm>
        </section>
    }
}

#[component]
fn Webhooks(webhooks: Vec<WithKey<Webhook>>, actions: Actions) -> impl IntoView {
    let (create, delete) = (actions.create_webhook, actions.delete_webhook);
    let error = action_error(create);
    let rows = webhooks
        .into_iter()
        .map(|WithKey { made, signing_key }| {
            let Webhook { id, url, .. } = made;
            let question = tr_with("Delete {name}?", &[("name", &url)]);
            view! {
                <li class="secret">
                    <code class="secret__name">{url.clone()}</code>
                    <SigningKey signing_key />
                    <p>
                        <a href=paths::webhook(id)>{tr("What it was told")}</a>
                    </p>
                    <Confirm
                        label=tr("Delete")
                        about=url
                        question
                        text=tr("It is told of no session any more. What it was told goes with it.")
                    >
                        <ActionForm action=delete>
                            <input type="hidden" name="id" value=id.to_string() />
                            <Button kind=ButtonKind::Danger busy=delete.pending()>
                                {tr("Yes, delete it")}
                            </Button>
                        </ActionForm>
                    </Confirm>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="account__part" aria-labelledby="webhooks-title">
            <h2 id="webhooks-title">{tr("Webhooks")}</h2>
            <p>{tr("Each of these addresses is told, by a signed message, when a session of yours ends.")}</p>
            <FormError error=action_error(delete) />
            <ul class="secret-list">{rows}</ul>
            <ActionForm action=create>
                <div class="form">
                    <FormError error fields=&["url"] />
                    <Field
                        label=tr("Address")
                        name="url"
                        value=refused_form().text("url").unwrap_or_default()
                        type_="url"
                        required=true
                        autocomplete="off"
                        placeholder="https://example.org/hook"
                        error=field_error(error, "url")
                    />
                    <Button busy=create.pending()>{tr("Add webhook")}</Button>
                </div>
            </ActionForm>
        </section>
    }
}

#[component]
fn SigningKey(signing_key: String) -> impl IntoView {
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
