//! What stands below the goal box: who answers, examples, how it works, the tools.

use leptos::prelude::*;
use resonant_domain::tool::BUILT_IN_TOOLS;

use super::api::{Start, Template};
use crate::language::tr;
use crate::paths;
use crate::ui::{Avatar, LinkButton, Notice, Tone};

/// Says who answers here, and what that one is not.
#[component]
pub fn Planner(
    /// What there is to start with.
    start: StoredValue<Start>,
) -> impl IntoView {
    let model = start.with_value(|start| start.language_model.clone());
    view! {
        <section class="landing-section landing-section--slim" aria-label=tr("Who answers")>
            {match model {
                Some(model) => {
                    view! {
                        <Notice tone=Tone::Neutral>
                            <p>
                                {tr("Here, agents think with the language model ")} <b>{model}</b>
                                {tr(". Tools do the arithmetic, the reading and the counting.")}
                            </p>
                        </Notice>
                    }
                        .into_any()
                }
                None => {
                    view! {
                        <Notice tone=Tone::Info>
                            <p>
                                <b>{tr("No language model is connected here. ")}</b>
                                {tr(
                                    "The built-in planner answers: rule-based, not a language model. It \
                                     works out numbers and dates, reads public web pages, summarises, \
                                     extracts and converts what you give it. For open questions and \
                                     writing, connect any OpenAI-compatible model, a local one included.",
                                )}
                            </p>
                        </Notice>
                    }
                        .into_any()
                }
            }}
        </section>
    }
}

/// A goal for each template, to start from.
#[component]
pub fn Examples(
    /// What there is to start with.
    start: StoredValue<Start>,
) -> impl IntoView {
    let cards = start
        .with_value(|start| start.templates.iter().filter_map(example_card).collect::<Vec<_>>());
    (!cards.is_empty()).then(|| {
        view! {
            <section class="landing-section" aria-labelledby="examples">
                <div class="landing-section__head">
                    <h2 id="examples">{tr("Start from an example")}</h2>
                    <LinkButton href=paths::MARKETPLACE>
                        {tr("All agents in the marketplace")}
                    </LinkButton>
                </div>
                <ul class="examples">{cards}</ul>
            </section>
        }
    })
}

fn example_card(template: &Template) -> Option<impl IntoView + use<>> {
    let goal = template.example.as_ref()?.goal.clone();
    let summary = &template.summary;
    let href = format!("{}?agent={}#start", paths::HOME, paths::escape(&summary.slug));
    Some(view! {
        <li class="example">
            <div class="example__head">
                <Avatar avatar=summary.avatar.clone() />
                <div>
                    <h3 class="example__name">
                        <a href=paths::listing(&summary.slug)>{summary.name.clone()}</a>
                    </h3>
                    <p class="example__tagline">{summary.tagline.clone()}</p>
                </div>
            </div>
            <a class="example__goal" href=href>
                <span class="example__goal-text">{goal}</span>
                <span class="example__use">{tr("Use this goal")}</span>
            </a>
        </li>
    })
}

/// The way from a goal to an agent of one's own.
#[component]
pub fn HowItWorks() -> impl IntoView {
    view! {
        <section class="landing-section" aria-labelledby="how">
            <h2 id="how">{tr("How it works")}</h2>
            <ol class="ways">
                <li class="way">
                    <h3 class="way__title">{tr("Pick an agent, or make one")}</h3>
                    <p>
                        {tr("Take one from the ")}
                        <a href=paths::MARKETPLACE>{tr("marketplace")}</a>
                        {tr(", or write instructions, choose tools and set limits in the ")}
                        <a href=paths::STUDIO>{tr("studio")}</a>"."
                    </p>
                </li>
                <li class="way">
                    <h3 class="way__title">{tr("Say what you want done")}</h3>
                    <p>
                        {tr(
                            "A goal in your words, with the text or data it is about. A worker takes it \
                             up at once and stays within steps, tokens and time that you set.",
                        )}
                    </p>
                </li>
                <li class="way">
                    <h3 class="way__title">{tr("Watch, stop, repeat")}</h3>
                    <p>
                        {tr(
                            "Each step appears as it happens, with its tool calls, tokens and cost. Stop \
                             it whenever you like. Every ",
                        )} <a href=paths::SESSIONS>{tr("session")}</a>
                        {tr(" is kept, event by event.")}
                    </p>
                </li>
            </ol>
        </section>
    }
}

/// The tools that every agent may be given.
#[component]
pub fn Tools() -> impl IntoView {
    let tool = |tool: resonant_domain::tool::BuiltInTool| {
        view! {
            <li class="tool-line">
                <h3 class="tool-line__title">{tr(tool.title)}</h3>
                <p class="tool-line__text">{tr(tool.summary)}</p>
            </li>
        }
    };
    view! {
        <section class="landing-section" aria-labelledby="tools">
            <h2 id="tools">{tr("Tools on board")}</h2>
            <p class="landing-section__lead">
                {tr(
                    "An agent uses only the tools it was granted. Those that reach the web read public \
                     addresses alone, never your internal network.",
                )}
            </p>
            <ul class="tool-lines">{BUILT_IN_TOOLS.map(tool).collect_view()}</ul>
        </section>
    }
}
