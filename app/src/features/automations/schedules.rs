//! Schedules on the page of automations: agents that start at their time.

use leptos::prelude::*;
use resonant_domain::ScheduleId;
use resonant_domain::agent::AgentSummary;
use resonant_domain::schedule::Schedule;
use resonant_domain::text::shorten;
use server_fn::ServerFn as _;

use super::api::DeleteSchedule;
use super::automations_route::{Actions, AgentChoice, typed_beside};
use super::schedule_form::{FIELDS, ScheduleChange, ScheduleFields, Written, refused_change};
use crate::error::{action_error, removal_error};
use crate::language::{tr, tr_text, tr_with};
use crate::paths;
use crate::ui::{Badge, Button, ButtonKind, Confirm, FormError, Time, Tone};

/// How much of a goal stands in the name of a button.
pub(super) const GOAL_LENGTH: usize = 60;

/// The schedules, and the form for a new one.
#[component]
pub(super) fn Schedules(
    /// Those that there are.
    schedules: Vec<Schedule>,
    /// The agents to choose from.
    agents: Vec<AgentSummary>,
    /// What the forms do.
    actions: Actions,
) -> impl IntoView {
    let create = actions.create_schedule;
    let error = action_error(create);
    let refused = refused_change();
    let sent = RwSignal::new(refused);
    let typed = typed_beside("cron", true);
    let empty = Written {
        cron: String::new(),
        time_zone: "UTC".to_owned(),
        goal: String::new(),
        variables: String::new(),
        context: String::new(),
    };
    let written = empty.over(|name| typed(name).filter(|_| refused.is_none()));
    let rows = schedules
        .into_iter()
        .map(|schedule| view! { <ScheduleRow schedule actions sent /> })
        .collect_view();
    view! {
        <section class="account__part" aria-labelledby="schedules-title">
            <h2 id="schedules-title">{tr("Schedules")}</h2>
            <FormError error=action_error(actions.switch_schedule) />
            <FormError error=removal_error(actions.delete_schedule) />
            <ul class="secret-list">{rows}</ul>
            <ActionForm action=create>
                <div class="form">
                    <FormError error fields=FIELDS />
                    <AgentChoice agents id="schedule-agent" />
                    <ScheduleFields of="schedule" written error />
                    <Button kind=ButtonKind::Primary busy=create.pending()>
                        {tr("Add schedule")}
                    </Button>
                </div>
            </ActionForm>
        </section>
    }
}

#[component]
fn ScheduleRow(
    schedule: Schedule,
    actions: Actions,
    sent: RwSignal<Option<ScheduleId>>,
) -> impl IntoView {
    let id = schedule.id;
    let whole = schedule.clone();
    let (switch, delete) = (actions.switch_schedule, actions.delete_schedule);
    let agent = &schedule.agent_name;
    // An agent may have several, even at the same time.
    let goal = shorten(&schedule.goal, GOAL_LENGTH);
    let about = tr_with(
        "the schedule of {agent}, {cron}: {goal}",
        &[("agent", agent), ("cron", &schedule.cron), ("goal", &goal)],
    );
    let named = about.clone();
    let question = tr_with("Delete the schedule of {agent}?", &[("agent", agent)]);
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
                    url=DeleteSchedule::url()
                    fields=vec![("id", id.to_string())]
                    busy=delete.pending()
                    on_yes=move |()| {
                        delete.dispatch(DeleteSchedule { id });
                    }
                />
            </div>
            <ScheduleChange schedule=whole about=named actions sent />
        </li>
    }
}
