//! The fields of an alert's form.

use leptos::prelude::*;
use resonant_domain::alert::{AlertKind, Join, NAME_MAX, Operator, Severity};
use resonant_domain::metric::Metric;

use super::alert_form::AlertForm;
use crate::error::{AppError, field_error};
use crate::language::tr;
use crate::ui::{Field, FormError, Select, TextArea};

/// The fields that show their own faults.
const FIELDS: &[&str] = &[
    "name",
    "metric",
    "condition.operator",
    "condition.value",
    "condition.clear_value",
    "condition.period",
    "condition.parts",
    "for_duration",
    "mails",
    "webhooks",
    "slacks",
];

/// What can be chosen: the words of an enum with their titles.
macro_rules! choices {
    ($name:ident) => {
        $name::ALL
            .iter()
            .map(|one| (one.as_str().to_owned(), tr(one.title()).to_owned()))
            .collect::<Vec<_>>()
    };
}

/// Everything that an alert's form asks for. It works without a script: fields that do not belong to
/// the chosen type do not count.
#[component]
pub(super) fn AlertFields(
    /// What it starts with.
    form: AlertForm,
    /// Why it was refused.
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    let metrics = Metric::all().map(|metric| {
        let unit = tr(metric.unit().as_str());
        let name = metric.name().to_owned();
        let text = if unit.is_empty() { name.clone() } else { format!("{name} ({unit})") };
        (name, text)
    });
    let metrics = metrics.collect::<Vec<_>>();
    view! {
        <FormError error fields=FIELDS />
        <Field
            label=tr("Name")
            name="form[name]"
            value=form.name
            required=true
            maxlength=NAME_MAX
            autocomplete="off"
            error=field_error(error, "name")
        />
        <div class="admin-form__row">
            <Select
                label=tr("Type")
                name="form[kind]"
                options=choices!(AlertKind)
                value=form.kind
                error=field_error(error, "type")
            />
            <Select
                label=tr("Severity")
                name="form[severity]"
                options=choices!(Severity)
                value=form.severity
            />
        </div>
        <Select
            label=tr("Metric")
            name="form[metric]"
            options=metrics
            value=form.metric
            hint=tr("Of a threshold or an absence")
            error=field_error(error, "metric")
        />
        <div class="admin-form__row">
            <Select
                label=tr("Is")
                name="form[operator]"
                options=choices!(Operator)
                value=form.operator
                hint=tr("Of a threshold")
                error=field_error(error, "condition.operator")
            />
            <Field
                label=tr("Value")
                name="form[value]"
                value=form.value
                autocomplete="off"
                hint=tr("In the metric's unit")
                error=field_error(error, "condition.value")
            />
            <Field
                label=tr("Recovers at")
                name="form[clear_value]"
                value=form.clear_value
                optional=true
                autocomplete="off"
                hint=tr("A value that wavers is told once")
                error=field_error(error, "condition.clear_value")
            />
        </div>
        <div class="admin-form__row">
            <Field
                label=tr("Looking back")
                name="form[period]"
                value=form.period
                autocomplete="off"
                hint=tr(
                    "Such as 5m or 1h. What fires ends when nothing was measured for twice as long",
                )
                error=field_error(error, "condition.period")
            />
            <Field
                label=tr("Must hold for")
                name="form[for_duration]"
                value=form.for_duration
                optional=true
                autocomplete="off"
                hint=tr("Such as 10m; empty: at once")
                error=field_error(error, "for_duration")
            />
        </div>
        <Select
            label=tr("Of the thresholds of a composite must hold")
            name="form[join]"
            options=choices!(Join)
            value=form.join
        />
        <TextArea
            label=tr("Thresholds of a composite")
            name="form[parts]"
            value=form.parts
            rows=3
            optional=true
            is_code=true
            hint=tr(
                "One a line: metric, gt, gte, lt or lte, value, period, such as api.latency.p99 gt 1000 5m",
            )
            error=field_error(error, "condition.parts")
        />
        <TextArea
            label=tr("Mail that is sent")
            name="form[mails]"
            value=form.mails
            rows=2
            optional=true
            is_code=true
            hint=tr("One address a line; whoever runs the installation sets SMTP_URL")
            error=field_error(error, "mails")
        />
        <TextArea
            label=tr("Webhooks that are told")
            name="form[webhooks]"
            value=form.webhooks
            rows=2
            optional=true
            is_code=true
            hint=tr("One address a line; the messages are signed")
            error=field_error(error, "webhooks")
        />
        <TextArea
            label=tr("Slack channels that are told")
            name="form[slacks]"
            value=form.slacks
            rows=2
            optional=true
            is_code=true
            hint=tr("One address of an incoming webhook a line")
            error=field_error(error, "slacks")
        />
    }
}
