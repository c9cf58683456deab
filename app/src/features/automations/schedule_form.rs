//! The fields of a schedule, and the form that changes one.

use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;
use resonant_domain::ScheduleId;
use resonant_domain::schedule::Schedule;

use super::automations_route::{Actions, GoalFields};
use crate::browser;
use crate::error::{AppError, action_error, field_error};
use crate::features::studio::write_values;
use crate::language::tr;
use crate::refused_form::refused_form;
use crate::ui::{Button, Field, FormError, TextArea};

/// The fields that say themselves what is wrong with them.
pub(super) const FIELDS: &[&str] = &["cron", "time_zone", "goal", "variables*", "context"];

/// What stands in the fields of a schedule.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) cron: String,
    pub(super) time_zone: String,
    pub(super) goal: String,
    pub(super) variables: String,
    pub(super) context: String,
}

impl Written {
    /// What a schedule says.
    fn of(schedule: &Schedule) -> Self {
        Self {
            cron: schedule.cron.clone(),
            time_zone: schedule.time_zone.clone(),
            goal: schedule.goal.clone(),
            variables: write_values(&schedule.variables),
            context: schedule.context.clone().unwrap_or_default(),
        }
    }

    /// The same with what was typed in its place, as far as anything was.
    pub(super) fn over(self, typed: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            cron: typed("cron").unwrap_or(self.cron),
            time_zone: typed("time_zone").unwrap_or(self.time_zone),
            goal: typed("goal").unwrap_or(self.goal),
            variables: typed("variables").unwrap_or(self.variables),
            context: typed("context").unwrap_or(self.context),
        }
    }
}

/// When a schedule sets its agent on what.
#[component]
pub(super) fn ScheduleFields(
    /// What the ids of the fields begin with.
    #[prop(into)]
    of: String,
    /// What stands in them.
    written: Written,
    /// What was wrong when they were sent last.
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    let Written { cron, time_zone, goal, variables, context } = written;
    view! {
        <Field
            label=tr("When")
            name="cron"
            id=format!("{of}-cron")
            value=cron
            required=true
            autocomplete="off"
            placeholder="30 7 * * 1-5"
            hint=tr("Minute, hour, day of the month, month, day of the week")
            error=field_error(error, "cron")
        />
        <Field
            label=tr("Time zone")
            name="time_zone"
            id=format!("{of}-time-zone")
            value=time_zone
            required=true
            autocomplete="off"
            hint=tr("Such as Europe/Berlin")
            error=field_error(error, "time_zone")
        />
        <GoalFields of=of.clone() goal=Some(goal) variables=Some(variables) error />
        <TextArea
            label=tr("Material")
            name="context"
            id=format!("{of}-context")
            value=context
            rows=2
            optional=true
            error=field_error(error, "context")
        />
    }
}

/// The schedule that was changed by a form that was refused.
pub(super) fn refused_change() -> Option<ScheduleId> {
    let form = refused_form();
    form.text("cron")?;
    form.text("id")?.parse().ok()
}

/// Changes a schedule, and has it run the newest version of its agent where that is ticked.
#[component]
pub(super) fn ScheduleChange(
    /// The schedule.
    schedule: Schedule,
    /// What it is called, for those who hear what unfolds the form alone.
    about: String,
    /// What the forms do.
    actions: Actions,
    /// The one whose form was sent last: the others have nothing to say of what came of it.
    sent: RwSignal<Option<ScheduleId>>,
) -> impl IntoView {
    let id = schedule.id;
    let change = actions.change_schedule;
    let fault = action_error(change);
    let is_mine = move || sent.try_get().flatten() == Some(id);
    let error = Signal::derive(move || fault.try_get().flatten().filter(|_| is_mine()));
    let was_refused = refused_change() == Some(id);
    let form = refused_form();
    let written = Written::of(&schedule).over(|name| form.text(name).filter(|_| was_refused));
    let renews = was_refused && form.text("refresh_agent").is_some();
    let (node, of) = (NodeRef::<html::Form>::new(), id.to_string());
    Effect::new(move || browser::begin_anew(node, &of));
    view! {
        <details open=was_refused>
            <summary>{tr("Change")} <span class="visually-hidden">" " {about}</span></summary>
            <div on:submit=move |_| sent.set(Some(id))>
                <ActionForm action=change node_ref=node>
                    <div class="form">
                        <FormError error fields=FIELDS />
                        <input type="hidden" name="id" value=id.to_string() />
                        <ScheduleFields of=format!("schedule-{id}") written error />
                        <label class="star-choice__one">
                            <input
                                type="checkbox"
                                name="refresh_agent"
                                value="true"
                                checked=renews
                            />
                            <span>{tr("Run the newest version of the agent")}</span>
                        </label>
                        <Button busy=change.pending()>{tr("Save changes")}</Button>
                    </div>
                </ActionForm>
            </div>
        </details>
    }
}
