//! What stands below the goal box: who answers, examples, how it works, the tools.

use leptos::prelude::*;
use resonant_domain::tool::BUILT_IN_TOOLS;

use super::api::{Start, Template};
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
        <section class="landing-section landing-section--slim" aria-label="Who answers">
            {match model {
                Some(model) => {
                    view! {
                        <Notice tone=Tone::Neutral>
                            <p>
                                "Here, agents think with the language model " <b>{model}</b>
                                ". Tools do the arithmetic, the reading and the counting."
                            </p>
                        </Notice>
                    }
                        .into_any()
                }
                None => {
                    view! {
                        <Notice tone=Tone::Info>
                            <p>
                                <b>"No language model is connected here. "</b>
                                "The built-in planner answers: rule-based, not a language model. It \
                                 works out numbers and dates, reads public web pages, summarises, \
                                 extracts and converts what you give it. For open questions and \
                                 writing, connect any OpenAI-compatible model, a local one included."
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
                    <h2 id="examples">"Start from an example"</h2>
                    <LinkButton href=paths::MARKETPLACE>"All agents in the marketplace"</LinkButton>
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
                <span class="example__use">"Use this goal"</span>
            </a>
        </li>
    })
}

/// The way from a goal to an agent of one's own.
#[component]
pub fn HowItWorks() -> impl IntoView {
    view! {
        <section class="landing-section" aria-labelledby="how">
            <h2 id="how">"How it works"</h2>
            <ol class="ways">
                <li class="way">
                    <h3 class="way__title">"Pick an agent, or make one"</h3>
                    <p>
                        "Take one from the "<a href=paths::MARKETPLACE>"marketplace"</a>
                        ", or write instructions, choose tools and set limits in the "
                        <a href=paths::STUDIO>"studio"</a>"."
                    </p>
                </li>
                <li class="way">
                    <h3 class="way__title">"Say what you want done"</h3>
                    <p>
                        "A goal in your words, with the text or data it is about. A worker takes it \
                         up at once and stays within steps, tokens and time that you set."
                    </p>
                </li>
                <li class="way">
                    <h3 class="way__title">"Watch, stop, repeat"</h3>
                    <p>
                        "Each step appears as it happens, with its tool calls, tokens and cost. Stop \
                         it whenever you like. Every "<a href=paths::SESSIONS>"session"</a>
                        " is kept, event by event."
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
                <h3 class="tool-line__title">{tool.title}</h3>
                <p class="tool-line__text">{tool.summary}</p>
            </li>
        }
    };
    view! {
        <section class="landing-section" aria-labelledby="tools">
            <h2 id="tools">"Tools on board"</h2>
            <p class="landing-section__lead">
                "An agent uses only the tools it was granted. Those that reach the web read public \
                 addresses alone, never your internal network."
            </p>
            <ul class="tool-lines">{BUILT_IN_TOOLS.map(tool).collect_view()}</ul>
        </section>
    }
}
