//! An agent and teams: with whom its owner shares it, and what a teammate may do with it.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::AgentId;
use resonant_domain::agent::{Agent, AgentSpec};
use resonant_domain::money::MicroUsd;
use resonant_domain::team::{AgentRight, AgentStanding};

use crate::error::action_error;
use crate::features::teams::api::{ShareAgent, ShareChoice, UnshareAgent, list_share_choices};
use crate::language::{cost_text, number, tr, tr_with};
use crate::paths;
use crate::ui::{Button, Code, FormError, Notice, Tone, kept};

/// Whether a right is there: an agent of one's own has every one.
pub(super) fn may(standing: Option<&AgentStanding>, right: AgentRight) -> bool {
    standing.is_none_or(|standing| standing.role.may(right))
}

/// Says whose a shared agent is and what the viewer may do with it.
#[component]
pub(super) fn StandingNote(
    /// What the viewer may do.
    standing: AgentStanding,
) -> impl IntoView {
    let AgentStanding { owner_name, team_name, team_slug, role } = standing;
    let uses = role.may(AgentRight::Run).then(|| {
        tr_with(
            " Sessions that you start use the budget and the secrets of {owner_name}, who reads them.",
            &[("owner_name", &owner_name)],
        )
    });
    view! {
        <Notice tone=Tone::Info>
            <p class="team__standing">
                <strong>{owner_name.clone()}</strong>
                {tr(" owns this agent and shares it with ")}
                <a href=paths::team(&team_slug)>{team_name}</a>
                {tr_with(
                    ". Your role is {role}: somebody who {does}.",
                    &[("role", &tr(role.as_str())), ("does", &tr(role.about()))],
                )}
                {uses}
            </p>
        </Notice>
    }
}

/// With which of their teams the owner shares the agent.
#[component]
pub(super) fn SharePanel(
    /// The agent.
    id: AgentId,
) -> impl IntoView {
    let share = ServerAction::<ShareAgent>::new();
    let unshare = ServerAction::<UnshareAgent>::new();
    let changes = move || (share.version().get(), unshare.version().get());
    let choices = Resource::new(changes, move |_| list_share_choices(id));
    let row = move |choice: ShareChoice| {
        let ShareChoice { slug, name, is_shared } = choice;
        let href = paths::team(&slug);
        let form = if is_shared {
            let label = tr_with("Stop sharing with {name}", &[("name", &name)]);
            view! {
                <ActionForm action=unshare>
                    <input type="hidden" name="team" value=slug />
                    <input type="hidden" name="agent" value=id.to_string() />
                    <Button busy=unshare.pending() label=label>
                        {tr("Stop sharing")}
                    </Button>
                </ActionForm>
            }
            .into_any()
        } else {
            let label = tr_with("Share with {name}", &[("name", &name)]);
            view! {
                <ActionForm action=share>
                    <input type="hidden" name="team" value=slug />
                    <input type="hidden" name="agent" value=id.to_string() />
                    <Button busy=share.pending() label=label>
                        {tr("Share")}
                    </Button>
                </ActionForm>
            }
            .into_any()
        };
        view! {
            <li class="team__choice">
                <a href=href>{name}</a>
                {form}
            </li>
        }
    };
    view! {
        <section class="editor__panel" aria-labelledby="share-title">
            <h2 id="share-title">{tr("Share")}</h2>
            <p>
                {tr("People of a team use the agent as far as their roles let them. Their sessions use your \
                budget, your secrets and what it knows, and you read them. It remembers things for each \
                person apart. Your own sessions stay yours.")}
            </p>
            <Transition fallback=|| ()>
                {kept(move || async move {
                    // Without teams, or without an account, there is the way to one.
                    let choices = choices.await.unwrap_or_default();
                    if choices.is_empty() {
                        view! {
                            <p>
                                {tr("You are in no team yet: ")} <a href=paths::TEAMS>{tr("make one")}</a> "."
                            </p>
                        }
                            .into_any()
                    } else {
                        let rows = choices.into_iter().map(row).collect_view();
                        view! { <ul class="team__choices">{rows}</ul> }.into_any()
                    }
                })}
            </Transition>
            <FormError error=action_error(share) />
            <FormError error=action_error(unshare) />
        </section>
    }
}

/// What an agent is made of, for who reads it and changes nothing.
#[component]
pub(super) fn AgentSheet(
    /// The draft.
    agent: Agent,
) -> impl IntoView {
    let AgentSpec { description, system_prompt, tools, limits, .. } = agent.spec;
    let cost = limits.max_cost_micro_usd.and_then(|cost| i64::try_from(cost).ok()).map(|cost| {
        let cost = cost_text(MicroUsd(cost));
        view! { <p>{tr_with(" It may cost {cost} at most.", &[("cost", &cost)])}</p> }
    });
    let about = (!description.is_empty()).then(|| view! { <p>{description}</p> });
    let prompt = if system_prompt.is_empty() {
        view! { <p class="editor__nothing">{tr("None.")}</p> }.into_any()
    } else {
        view! { <Code text=system_prompt language=tr("Instructions") /> }.into_any()
    };
    let tools: Vec<_> = tools.into_iter().filter(|grant| !grant.is_off).collect();
    let tools = if tools.is_empty() {
        view! { <p class="editor__nothing">{tr("None.")}</p> }.into_any()
    } else {
        let names = tools.into_iter().map(|grant| view! { <li><code>{grant.name}</code></li> });
        view! { <ul class="editor__tools">{names.collect_view()}</ul> }.into_any()
    };
    view! {
        <section class="editor__panel" aria-labelledby="sheet-title">
            <h2 id="sheet-title">{tr("What it is made of")}</h2>
            {about}
            <h3>{tr("Instructions")}</h3>
            {prompt}
            <h3>{tr("Tools")}</h3>
            {tools}
            <h3>{tr("Limits")}</h3>
            <p>
                {tr_with(
                    "{steps} steps, {tokens} output tokens, {seconds} seconds",
                    &[
                        ("steps", &number(limits.max_steps.into())),
                        ("tokens", &number(limits.max_tokens.into())),
                        ("seconds", &number(limits.timeout_seconds.into())),
                    ],
                )}
            </p>
            {cost}
        </section>
    }
}
