//! A session at a glance, live: for whoever has started it beside something else.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::FaultKind;
use resonant_domain::ids::SessionId;
use resonant_domain::session::SessionState;

use super::call_view::outcome_word;
use super::glance_api::{Glance, GlancedCall, GlancedStep, glance_session};
use crate::browser::{self, LiveStream};
use crate::error::AppError;
use crate::language::{tr, tr_with};
use crate::paths;
use crate::ui::{Badge, ErrorPanel, Icon, IconName, Notice, StateBadge, Tone};

/// How long to wait before the session is asked for once more: its events come faster than they are read.
const PAUSE: Duration = Duration::from_millis(300);
/// How long to wait when there was no answer.
const RETRY: Duration = Duration::from_secs(3);

/// A session in short, from its start to its end, with the way to all of it.
#[component]
pub(crate) fn GlanceView(
    /// The session.
    id: SessionId,
    /// Hears that it is over.
    on_over: Callback<()>,
) -> impl IntoView {
    let seen = RwSignal::new(None::<Glance>);
    let error = RwSignal::new(None::<AppError>);
    let stream = StoredValue::new(None::<LiveStream>);
    let is_asking = StoredValue::new(false);
    let is_due = StoredValue::new(false);
    let ask = move || {
        is_due.set_value(true);
        if is_asking.try_get_value() != Some(false) {
            return;
        }
        is_asking.set_value(true);
        spawn_local(async move {
            while is_due.try_get_value() == Some(true) {
                is_due.set_value(false);
                let found = glance_session(id).await;
                let is_over = found.as_ref().is_ok_and(|glance| glance.state.is_terminal());
                match found {
                    Ok(glance) => {
                        let _ = error.try_set(None);
                        let _ = seen.try_set(Some(glance));
                    }
                    Err(fault) => {
                        let is_passing = fault.kind == FaultKind::Unavailable;
                        let _ = error.try_set(Some(fault));
                        if is_passing {
                            browser::sleep(RETRY).await;
                            is_due.set_value(true);
                        }
                    }
                }
                if is_over && stream.try_set_value(None).is_none() {
                    on_over.run(());
                    return;
                }
                browser::sleep(PAUSE).await;
            }
            is_asking.set_value(false);
        });
    };
    Effect::new(move || {
        let news = browser::follow_news(&paths::session_stream(id, 0), ask);
        stream.set_value(Some(news));
        ask();
    });
    let state = Signal::derive(move || {
        seen.with(|seen| seen.as_ref().map_or(SessionState::Queued, |glance| glance.state))
    });
    let steps = move || {
        let steps = seen.with(|seen| seen.as_ref().map(|glance| glance.steps.clone()));
        steps.unwrap_or_default().into_iter().map(step_view).collect_view()
    };
    let remarks = move || {
        let glance = seen.get()?;
        let waits = glance.waits_for.map(|what| {
            view! { <Notice tone=Tone::Warn>{tr("Waiting: ")} {what}</Notice> }
        });
        let fault = |fault: String| view! { <Notice tone=Tone::Bad>{fault}</Notice> };
        let faults = glance.faults.into_iter().map(fault).collect_view();
        Some(view! {
            {waits}
            {faults}
        })
    };
    view! {
        <p class="glance__head">
            <span role="status">
                <StateBadge state=state />
            </span>
            <a href=paths::session(id)>{tr("Open the session")}</a>
        </p>
        <ol class="glance__steps">{steps}</ol>
        {remarks}
        {move || error.get().map(|error| view! { <ErrorPanel error=error is_aside=true /> })}
    }
}

fn step_view(step: GlancedStep) -> impl IntoView {
    let GlancedStep { step, is_over, calls, output } = step;
    let calls = calls.into_iter().map(call_view).collect_view();
    view! {
        <li class="glance__step">
            <h3 class="glance__title">
                {tr_with("Step {step}", &[("step", &step)])}
                {(!is_over)
                    .then(|| {
                        view! {
                            <span class="step__working">
                                <Icon name=IconName::Spinner />
                            </span>
                        }
                    })}
            </h3>
            <ul class="glance__calls">{calls}</ul>
            <p class="glance__output">{output}</p>
        </li>
    }
}

fn call_view(call: GlancedCall) -> impl IntoView {
    let GlancedCall { title, outcome, answer } = call;
    let mark = outcome.map(|outcome| {
        let (tone, word) = outcome_word(outcome);
        view! { <Badge tone=tone>{word}</Badge> }
    });
    view! {
        <li>
            {title} " " {mark} <span class="glance__answer">{answer}</span>
        </li>
    }
}
