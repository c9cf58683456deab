//! What a person decides while a session waits for them: a plain form, so that it works without a
//! script too. Whoever is slower than somebody else is told so.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::form::{Form, FormField, FormInput};
use resonant_domain::waiting::{AgentCall, Amount, BudgetScope, PendingCall, Wait, WaitReason};
use resonant_domain::{FaultKind, SessionId};

use super::api::Decide;
use super::live_session::LiveSession;
use super::settled_news::{Known, SettledNews};
use super::wait_words::wait_words;
use crate::error::action_error;
use crate::features::studio::dollars;
use crate::intent::{Intent, IntentField};
use crate::language::{decimal, tr};
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{
    Button, ButtonKind, ErrorPanel, Field, LinkButton, Notice, Select, TextArea, Tone,
};

/// The pause that the session is in, and the ways to go on.
#[component]
pub fn DecisionPanel(
    /// The session.
    live: LiveSession,
    /// Its identity.
    id: SessionId,
) -> impl IntoView {
    let decide = ServerAction::<Decide>::new();
    let intent = Intent::of(decide);
    let value = decide.value();
    Effect::new(move || {
        if let Some(Ok(session)) = value.get() {
            live.renew(session);
        }
    });
    let error = action_error(decide);
    let is_late = Memo::new(move |_| {
        error.with(|error| error.as_ref().is_some_and(|error| error.kind == FaultKind::Conflict))
    });
    // Whoever came too late is told so below, also when there is nothing to decide any more.
    let error = move || error.get().filter(|error| error.kind != FaultKind::Conflict);
    let refused = refused_form().text("form[waiting]");
    let sent = refused.and_then(|number| number.parse::<i64>().ok()).unwrap_or_default();
    let sent = RwSignal::new(sent);
    let at_first = untrack(move || live.settled()).map_or(0, |settled| settled.waiting);
    let news = Memo::new(move |_| {
        let known = Known { at_first, sent: sent.get(), is_late: is_late.get() };
        SettledNews::of(live.settled(), known)
    });
    let wait = Memo::new(move |_| live.wait());
    let panel = move || {
        let Wait { sequence, reason, .. } = wait.get()?;
        if let WaitReason::Agents { calls, .. } = &reason {
            return Some(agents_at_work(calls.clone()).into_any());
        }
        let title = wait_words(&reason);
        Some(
            view! {
                <section
                    class="decision"
                    aria-labelledby="decision-title"
                    on:submit=move |_| sent.set(sequence)
                >
                    <Notice tone=Tone::Warn>
                        <h3 class="decision__title" id="decision-title">
                            {tr("Waiting for you: ")}
                            {title}
                        </h3>
                        <ActionForm action=decide attr:class="decision__form">
                            <input type="hidden" name="id" value=id.to_string() />
                            <input type="hidden" name="form[waiting]" value=sequence.to_string() />
                            <IntentField intent=intent />
                            {ways(reason, id, decide.pending().into())}
                        </ActionForm>
                        {move || error().map(|error| view! { <ErrorPanel error=error is_aside=true /> })}
                    </Notice>
                </section>
            }
            .into_any(),
        )
    };
    let told = move || {
        let words = news.get()?.words(|call_id| live.tool_of(call_id));
        Some(view! { <Notice tone=Tone::Warn>{words}</Notice> })
    };
    view! {
        <div class="decision__news" role="status">
            {told}
        </div>
        {panel}
    }
}

/// The agents whose answers the session waits for: nobody needs to decide anything here.
fn agents_at_work(calls: Vec<AgentCall>) -> impl IntoView {
    let links = calls.into_iter().map(|call| {
        let (href, tool) = (paths::session(call.session_id), call.tool);
        view! {
            <li>
                <a href=href>{tool}</a>
            </li>
        }
    });
    view! {
        <section class="decision" aria-label=tr("Agents at work")>
            <Notice tone=Tone::Neutral>
                <p>{tr("Waiting for other agents. The session goes on when they have answered.")}</p>
                <ul class="decision__agents">{links.collect_view()}</ul>
            </Notice>
        </section>
    }
}

/// The fields and buttons for what is waited for.
fn ways(reason: WaitReason, id: SessionId, busy: Signal<bool>) -> AnyView {
    match reason {
        WaitReason::Approval { calls, .. } => view! {
            {calls.into_iter().map(call_fields).collect_view()}
            <Way choice="calls" label=tr("Send the decision") kind=ButtonKind::Primary busy=busy />
        }
        .into_any(),
        WaitReason::Question { form: Form { fields }, .. } => view! {
            {fields.into_iter().map(answer_field).collect_view()}
            <div class="decision__ways">
                <Way choice="answer" label=tr("Answer") kind=ButtonKind::Primary busy=busy />
                <Way
                    choice="no_answer"
                    label=tr("Go on without an answer")
                    kind=ButtonKind::Secondary
                    busy=busy
                    novalidate=true
                />
            </div>
        }
        .into_any(),
        // Nobody raises it, and an account lifts it.
        WaitReason::Budget { shortfall, .. } if shortfall.scope.is_of_guests() => view! {
            <p>{tr("With an account you are no guest any more: the session goes on by itself, and you keep everything.")}</p>
            <p>
                {if shortfall.scope == BudgetScope::Guests {
                    tr("Without one it goes on with the next day (UTC).")
                } else {
                    tr("Without one it goes on with the next month (UTC).")
                }}
            </p>
            <div class="decision__ways">
                <LinkButton href=paths::sign_up(&paths::session(id)) kind=ButtonKind::Primary>
                    {tr("Create an account")}
                </LinkButton>
                <Way choice="end" label=tr("End the session") kind=ButtonKind::Danger busy=busy />
            </div>
        }
        .into_any(),
        WaitReason::Budget { shortfall, has_cheaper } => {
            let is_of_month = matches!(shortfall.scope, BudgetScope::Agent | BudgetScope::User);
            let budgets = is_of_month.then(|| {
                view! {
                    <p>
                        <a href=paths::USAGE>{tr("What your agents used, and what they may use")}</a>
                    </p>
                }
            });
            let (name, hint, suggested) = match shortfall.limit {
                Amount::Tokens(limit) => ("form[by]", tr("In tokens"), limit.to_string()),
                Amount::MicroUsd(limit) => {
                    ("form[dollars]", tr("In dollars, such as 0.50"), decimal(dollars(limit)))
                }
            };
            view! {
                <Field label=tr("Raise it by") name=name hint=hint value=suggested />
                <div class="decision__ways">
                    <Way choice="raise" label=tr("Raise it") kind=ButtonKind::Primary busy=busy />
                    {has_cheaper
                        .then(|| {
                            view! {
                                <Way
                                    choice="cheaper"
                                    label=tr("Go on with a cheaper model")
                                    kind=ButtonKind::Secondary
                                    busy=busy
                                />
                            }
                        })}
                    {is_of_month
                        .then(|| {
                            view! {
                                <Way
                                    choice="go_on"
                                    label=tr("Go on")
                                    kind=ButtonKind::Secondary
                                    busy=busy
                                    novalidate=true
                                />
                            }
                        })}
                    <Way choice="end" label=tr("End the session") kind=ButtonKind::Danger busy=busy />
                </div>
                {budgets}
            }
            .into_any()
        }
        WaitReason::Agents { .. } => ().into_any(),
        WaitReason::UnknownOutcome { call, .. } => view! {
            <pre class="decision__arguments">{pretty(&call)}</pre>
            <TextArea
                label=tr("What it answered")
                name="form[note]"
                hint=tr("For “It took effect”: the agent is told this")
                rows=2
                optional=true
            />
            <div class="decision__ways">
                <Way choice="done" label=tr("It took effect") kind=ButtonKind::Primary busy=busy />
                <Way choice="repeat" label=tr("Call it again") kind=ButtonKind::Secondary busy=busy />
                <Way
                    choice="failed"
                    label=tr("It failed: do not repeat it")
                    kind=ButtonKind::Secondary
                    busy=busy
                />
            </div>
        }
        .into_any(),
    }
}

/// A button that sends the form with a choice.
#[component]
fn Way(
    choice: &'static str,
    label: &'static str,
    kind: ButtonKind,
    busy: Signal<bool>,
    /// Whether it needs nothing that is filled in.
    #[prop(optional)]
    novalidate: bool,
) -> impl IntoView {
    view! {
        <Button kind=kind busy=busy name="form[choice]" value=choice novalidate=novalidate>
            {label}
        </Button>
    }
}

/// One call: allow it, with these arguments or with changed ones, or refuse it with a word.
fn call_fields(call: PendingCall) -> impl IntoView {
    let id = call.call_id.clone();
    let verdicts = [("approve", tr("Allow it")), ("refuse", tr("Refuse it"))]
        .map(|(value, label)| (value.to_owned(), label.to_owned()));
    view! {
        <fieldset class="decision__call">
            <legend>{call.tool.clone()}</legend>
            <Select
                label=tr("Decision")
                name=format!("form[verdicts][{id}]")
                id=format!("verdict-{id}")
                options=verdicts.to_vec()
                value=Signal::stored("approve".to_owned())
            />
            <TextArea
                label=tr("Arguments")
                name=format!("form[arguments][{id}]")
                id=format!("arguments-{id}")
                value=Signal::stored(pretty(&call))
                hint=tr("JSON; the call is made with what stands here")
                rows=4
                is_code=true
            />
            <Field
                label=tr("A word to the agent")
                name=format!("form[notes][{id}]")
                id=format!("note-{id}")
                hint=tr("When you refuse: why, or what to do instead")
                optional=true
            />
        </fieldset>
    }
}

fn pretty(call: &PendingCall) -> String {
    serde_json::to_string_pretty(&call.arguments).unwrap_or_default()
}

/// One field of the agent's question.
fn answer_field(field: FormField) -> AnyView {
    let FormField { name, label, input, is_required } = field;
    let name = format!("form[answers][{name}]");
    let choices = |options: Vec<(String, String)>| {
        let empty = (!is_required).then(|| (String::new(), tr("No answer").to_owned()));
        empty.into_iter().chain(options).collect::<Vec<_>>()
    };
    match input {
        FormInput::LongText => view! {
            <TextArea label=label name=name rows=3 required=is_required optional=!is_required />
        }
        .into_any(),
        FormInput::Text | FormInput::Number => view! {
            <Field label=label name=name required=is_required optional=!is_required />
        }
        .into_any(),
        FormInput::YesNo => {
            let options = [("yes", tr("yes")), ("no", tr("no"))]
                .map(|(value, label)| (value.to_owned(), label.to_owned()));
            view! { <Select label=label name=name options=choices(options.to_vec()) /> }.into_any()
        }
        FormInput::Choice { options } => {
            let options = options.into_iter().map(|option| (option.clone(), option)).collect();
            view! { <Select label=label name=name options=choices(options) /> }.into_any()
        }
    }
}
