//! A tool call: what was asked, what came back.

use leptos::prelude::*;
use resonant_domain::session_event::ToolOutcome;
use resonant_domain::timeline::TimelineResult;
use resonant_domain::tool::of_ours;

use super::figures::{Laid, clip, grouped, lay_out, lay_out_json};
use super::input_panel::Inputs;
use super::live_session::{Call, LiveSession, LiveStep};
use super::pin_button::PinButton;
use crate::language::{tr, tr_count, tr_with};
use crate::paths;
use crate::ui::{Badge, Code, Duration, Icon, IconName, Tone};

/// A tool call of a step. It stands beside the others of its step, because they run side by side.
#[component]
pub fn CallView(
    /// The session.
    live: LiveSession,
    /// The step that it belongs to.
    step: LiveStep,
    /// The call.
    call: Call,
    /// Whether the person whose session it is looks at it.
    is_owner: bool,
    /// Whether the reader may pin what a person has answered.
    may_pin: bool,
    /// How the reader has come to the session.
    inputs: StoredValue<Inputs>,
) -> impl IntoView {
    let title =
        of_ours(&call.tool).map_or_else(|| call.tool.clone(), |tool| tr(tool.title).to_owned());
    let arguments = lay_out_json(&call.arguments);
    let id = call.id;
    let reply = {
        let (step, id) = (step.clone(), id.clone());
        Memo::new(move |_| live.reply(&step, &id).filter(|_| may_pin))
    };
    let result = Memo::new(move |_| live.result(&step, &id));
    let is_open = move || result.with(Option::is_none);
    let is_over = Memo::new(move |_| live.state().is_terminal());
    let is_waiting = Memo::new(move |_| live.wait().is_some());
    let link = call.session.filter(|_| is_owner).map(|id| {
        view! {
            <p class="call__session">
                <a href=paths::session(id)>{tr("Watch the session of this agent")}</a>
            </p>
        }
    });
    view! {
        <article class="call" class:is-open=is_open>
            <header class="call__head">
                <span class="call__icon"><Icon name=IconName::of_tool(&call.tool) /></span>
                <h4 class="call__title">{title}</h4>
                {call
                    .is_edited
                    .then(|| view! { <Badge tone=Tone::Neutral>{tr("changed by hand")}</Badge> })}
                <span class="call__outcome">
                    {move || match result.get() {
                        Some(result) => outcome_view(&result).into_any(),
                        None if is_over.get() => {
                            view! { <Badge tone=Tone::Neutral>{tr("No answer")}</Badge> }.into_any()
                        }
                        None => {
                            view! {
                                <span class="call__running">
                                    <Icon name=IconName::Spinner />
                                    {move || if is_waiting.get() { tr("Waiting") } else { tr("Running") }}
                                </span>
                            }
                                .into_any()
                        }
                    }}
                </span>
            </header>
            <Data label=tr("Asked with") laid=arguments />
            {link}
            {move || {
                result
                    .get()
                    .map(|result| {
                        let label = match result.outcome {
                            ToolOutcome::Ok => tr("Answered"),
                            ToolOutcome::Error | ToolOutcome::Cancelled | ToolOutcome::Refused => {
                                tr("Said")
                            },
                        };
                        let whole = result.whole.map(|whole| {
                            let page = inputs.with_value(|inputs| inputs.door.page());
                            whole_view(&paths::result(&page, result.sequence), whole)
                        });
                        view! {
                            <Data label=label laid=lay_out(&result.content) />
                            {whole}
                        }
                    })
            }}
            {move || reply.get().map(|number| view! { <PinButton live=live message=number /> })}
        </article>
    }
}

/// How a call went, in a word.
pub(super) fn outcome_word(outcome: ToolOutcome) -> (Tone, &'static str) {
    match outcome {
        ToolOutcome::Ok => (Tone::Good, tr("Done")),
        ToolOutcome::Error => (Tone::Bad, tr("Failed")),
        ToolOutcome::Cancelled => (Tone::Neutral, tr("Cancelled")),
        ToolOutcome::Refused => (Tone::Neutral, tr("Refused")),
    }
}

/// Where all of a result is read of which the head is shown.
fn whole_view(href: &str, characters: u64) -> impl IntoView + use<> {
    let href = href.to_owned();
    view! {
        <p class="call__session">
            {tr_with(
                "Stored whole, {n} characters: this is its beginning.",
                &[("n", &grouped(characters))],
            )} " "
            // Text, and not a page of this application.
            <a href=href rel="external">
                {tr("Open all of it")}
            </a>
        </p>
    }
}

fn outcome_view(result: &TimelineResult) -> impl IntoView + use<> {
    let (tone, text) = outcome_word(result.outcome);
    let duration_ms = result.duration_ms;
    view! {
        <span class="call__duration"><Duration ms=duration_ms /></span>
        <Badge tone=tone>{text}</Badge>
    }
}

/// Data with a label; a long one shows its beginning until someone asks for all.
#[component]
pub(super) fn Data(
    /// What it is.
    #[prop(into)]
    label: String,
    /// The data.
    laid: Laid,
) -> impl IntoView {
    let Laid { text, language } = laid;
    let content = if text.trim().is_empty() {
        view! { <p class="call__nothing">{tr("Nothing")}</p> }.into_any()
    } else if let Some(head) = clip(&text).map(|head| format!("{head}\n…")) {
        let lines = tr_count("{n} line", "{n} lines", text.lines().count() as u64);
        let size = tr_count("{n} character", "{n} characters", text.chars().count() as u64);
        // Works without JavaScript: the style sheet hides the beginning while all is shown.
        view! {
            <div class="clip">
                // It stands below once more: that is where words are found.
                <div class="clip__head" data-aside="true">
                    <Code text=head language=language />
                </div>
                <details class="clip__all">
                    <summary class="clip__toggle" data-aside="true">
                        <span class="clip__more">{tr("Show all")}</span>
                        <span class="clip__less">{tr("Show less")}</span>
                        <span class="clip__size">{lines} ", " {size}</span>
                    </summary>
                    <Code text=text language=language />
                </details>
            </div>
        }
        .into_any()
    } else {
        view! { <Code text=text language=language /> }.into_any()
    };
    view! {
        <div class="call__data">
            <p class="call__label">{label}</p>
            {content}
        </div>
    }
}
