//! The editor of an agent.

use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use resonant_domain::agent::{Agent, AgentStatus};
use resonant_domain::agent_list::BulkAction;
use resonant_domain::agent_numbers::VersionNumbers;
use resonant_domain::page::Page;
use resonant_domain::session::SessionSummary;
use resonant_domain::team::AgentRight;

use super::agent_row::StatusBadge;
use super::api::{DeleteAgent, EditedAgent, SetStatus, change_agents};
use super::edit_form::EditForm;
use super::publish_panel::{PublishPanel, Reach};
use super::run_panel::{RunPanel, Task};
use super::team_panel::{AgentSheet, SharePanel, StandingNote, may};
use crate::error::{AppError, last_error};
use crate::features::sessions::session_list::{AgentNames, SessionRow};
use crate::language::{cost_text, tr, tr_count, tr_text, tr_with};
use crate::paths;
use crate::state::use_toasts;
use crate::ui::{
    Avatar, AvatarSize, Button, ButtonKind, ErrorPanel, FormError, Icon, IconName, Notice, Time,
    Tone, duration_text,
};

/// An agent, to change and to run.
#[component]
pub(super) fn Editor(
    /// The agent.
    edited: EditedAgent,
    /// Its newest sessions.
    recent: Result<Page<SessionSummary>, AppError>,
    /// What the run form starts with.
    task: Task,
) -> impl IntoView {
    let EditedAgent {
        agent,
        published,
        typical,
        language_model,
        callable,
        update,
        weight,
        requires_tests,
        is_paid_for,
        standing,
    } = edited;
    let (may_run, may_edit) =
        (may(standing.as_ref(), AgentRight::Run), may(standing.as_ref(), AgentRight::Edit));
    let is_own = standing.is_none();
    let reach = match (is_paid_for, is_own) {
        (true, _) => Reach::Here,
        (false, false) => Reach::File,
        (false, true) => Reach::Marketplace,
    };
    let note = standing.map(|standing| view! { <StandingNote standing=standing /> });
    let (id, limits) = (agent.id, agent.spec.limits);
    let shown = RwSignal::new(agent.clone());
    let published = RwSignal::new(published);
    let is_changed = RwSignal::new(false);
    let status = Signal::derive(move || shown.with(|agent| agent.status));
    let update = update.map(|version| {
        view! {
            <Notice tone=Tone::Info>
                <p>
                    {tr_with(
                        "Version {version} of its listing is there. ",
                        &[("version", &version)],
                    )}
                    <a href=paths::update(id)>{tr("See what is new")}</a>
                </p>
            </Notice>
        }
    });
    view! {
        <Title text=move || shown.with(|agent| agent.spec.name.clone()) />
        <Head shown=shown is_own=is_own />
        {note}
        {update}
        <div class="editor">
            <div class="editor__side">
                {may_run
                    .then(|| {
                        view! {
                            <RunPanel
                                id=id
                                status=status
                                limits=limits
                                shown=shown
                                published=published
                                task=task
                                may_try_draft=may_edit
                            />
                        }
                    })}
                {typical.map(|typical| view! { <Typical id=id typical=typical /> })}
                <Recent id=id recent=recent />
                <Tools shown=shown />
                <Kept id=id />
            </div>
            <div class="editor__main">
                {if may_edit {
                    view! {
                        <EditForm
                            agent=agent
                            shown=shown
                            is_changed=is_changed
                            language_model=language_model
                            callable=callable
                            weight=weight
                        />
                    }
                        .into_any()
                } else {
                    view! { <AgentSheet agent=agent /> }.into_any()
                }}
                <PublishPanel
                    shown=shown
                    published=published
                    is_changed=is_changed
                    requires_tests=requires_tests
                    may_publish=may_edit
                    reach=reach
                />
                {is_own
                    .then(|| {
                        view! {
                            <SharePanel id=id />
                            <StatusPanel shown=shown />
                            <DeletePanel shown=shown />
                        }
                    })}
            </div>
        </div>
    }
}

#[component]
fn Head(shown: RwSignal<Agent>, is_own: bool) -> impl IntoView {
    let back = if is_own {
        view! { <a href=paths::STUDIO>{tr("Studio")}</a> }.into_any()
    } else {
        view! { <a href=paths::SHARED_AGENTS>{tr("Shared with me")}</a> }.into_any()
    };
    let status = Signal::derive(move || shown.with(|agent| agent.status));
    view! {
        <header class="editor__head">
            {move || {
                let avatar = shown.with(|agent| agent.spec.avatar.clone());
                view! { <Avatar avatar=avatar size=AvatarSize::Large /> }
            }}
            <div class="editor__name">
                <p class="editor__back">
                    {back}
                </p>
                <h1>{move || shown.with(|agent| agent.spec.name.clone())}</h1>
                <p class="editor__about">
                    <StatusBadge status=status />
                    <span>
                        {tr("Changed ")}
                        {move || view! { <Time at=shown.with(|agent| agent.updated_at) /> }}
                    </span>
                </p>
            </div>
        </header>
    }
}

/// What a session is likely to take and to cost, from those that were.
#[component]
fn Typical(id: resonant_domain::AgentId, typical: VersionNumbers) -> impl IntoView {
    let time = typical.p50_ms.map_or_else(String::new, duration_text);
    let cost = typical.median_cost.map_or_else(String::new, cost_text);
    let sessions = tr_count("{n} session", "{n} sessions", typical.sessions);
    let text = tr_with(
        "A session is likely to take {time} and to cost {cost}: the median of {sessions}. ",
        &[("time", &time), ("cost", &cost), ("sessions", &sessions)],
    );
    view! {
        <p class="editor__typical">
            {text}
            <a href=paths::numbers(id)>{tr("All numbers")}</a>
        </p>
    }
}

/// The agent's newest sessions.
#[component]
fn Recent(
    id: resonant_domain::AgentId,
    recent: Result<Page<SessionSummary>, AppError>,
) -> impl IntoView {
    let content = match recent {
        Err(error) => view! { <ErrorPanel error=error /> }.into_any(),
        Ok(page) if page.items.is_empty() => {
            view! { <p class="editor__nothing">{tr("None yet. Give it a goal above.")}</p> }
                .into_any()
        }
        Ok(page) => {
            let rows = page
                .items
                .into_iter()
                .map(|session| view! { <SessionRow session=session names=AgentNames::Hidden /> })
                .collect_view();
            view! {
                <ul class="session-list session-list--narrow">{rows}</ul>
                <p>
                    <a href=paths::sessions_of(id)>{tr("All its sessions")}</a>
                </p>
            }
            .into_any()
        }
    };
    view! {
        <section class="editor__recent" aria-labelledby="recent-title">
            <h2 id="recent-title">{tr("Last sessions")}</h2>
            {content}
        </section>
    }
}

/// The tools that the form does not switch, and the way to all of them.
#[component]
fn Tools(shown: RwSignal<Agent>) -> impl IntoView {
    let id = shown.with_untracked(|agent| agent.id);
    let own = move || {
        shown.with(|agent| {
            let own = agent.spec.tools.iter().filter(|grant| !grant.settings.is_built_in());
            own.map(|grant| {
                let href = paths::tool(id, &grant.name);
                view! { <li><a href=href>{grant.name.clone()}</a></li> }
            })
            .collect_view()
        })
    };
    view! {
        <section class="editor__recent" aria-labelledby="tools-title">
            <h2 id="tools-title">{tr("Its own tools")}</h2>
            <ul class="editor__tools">{own}</ul>
            <p>
                {tr("Requests to other services, OpenAPI and MCP, with the schema of each tool: ")}
                <a href=paths::tools(id)>{tr("All its tools")}</a>
            </p>
        </section>
    }
}

/// The way to what the agent keeps.
#[component]
fn Kept(id: resonant_domain::AgentId) -> impl IntoView {
    view! {
        <section class="editor__recent" aria-labelledby="kept-title">
            <h2 id="kept-title">{tr("What it knows")}</h2>
            <p>
                {tr("Documents that it looks things up in, and facts that it remembers: ")}
                <a href=paths::knowledge(id)>{tr("Knowledge and memory")}</a>
            </p>
        </section>
    }
}

/// Pause, activate, put away.
#[component]
fn StatusPanel(shown: RwSignal<Agent>) -> impl IntoView {
    let set = ServerAction::<SetStatus>::new();
    let error = last_error(set);
    Effect::new(move || {
        if let Some(Ok(agent)) = set.value().get() {
            shown.set(agent);
        }
    });
    let choice = move |status: AgentStatus, icon: IconName, text: &'static str| {
        view! {
            <ActionForm action=set>
                <input
                    type="hidden"
                    name="id"
                    value=shown.with_untracked(|agent| agent.id.to_string())
                />
                <input type="hidden" name="status" value=status.as_str() />
                <Button busy=set.pending()>
                    <Icon name=icon />
                    {text}
                </Button>
            </ActionForm>
        }
    };
    let text = move || match shown.with(|agent| agent.status) {
        AgentStatus::Active => tr("It is active: it runs when you ask it to."),
        AgentStatus::Paused => tr("It is paused: it keeps everything but does not run."),
        AgentStatus::Archived => tr("It is archived: kept for its record, out of the way."),
    };
    view! {
        <section class="editor__panel" aria-labelledby="status-title">
            <h2 id="status-title">{tr("Status")}</h2>
            <p>{text}</p>
            <div class="editor__choices">
                {move || match shown.with(|agent| agent.status) {
                    AgentStatus::Active => {
                        view! {
                            {choice(AgentStatus::Paused, IconName::Pause, tr("Pause"))}
                            {choice(AgentStatus::Archived, IconName::Inbox, tr("Archive"))}
                        }
                            .into_any()
                    }
                    AgentStatus::Paused => {
                        view! {
                            {choice(AgentStatus::Active, IconName::Play, tr("Activate"))}
                            {choice(AgentStatus::Archived, IconName::Inbox, tr("Archive"))}
                        }
                            .into_any()
                    }
                    AgentStatus::Archived => {
                        choice(AgentStatus::Active, IconName::Play, tr("Activate")).into_any()
                    }
                }}
            </div>
            <FormError error=error />
        </section>
    }
}

/// Deletes the agent after a second look: a dialog, or without JavaScript a part that unfolds.
#[component]
fn DeletePanel(shown: RwSignal<Agent>) -> impl IntoView {
    let delete = ServerAction::<DeleteAgent>::new();
    let error = last_error(delete);
    let dialog = NodeRef::<html::Dialog>::new();
    let id = shown.with_untracked(|agent| agent.id);
    let (toasts, navigate) = (use_toasts(), use_navigate());
    Effect::new(move || {
        if !matches!(delete.value().get(), Some(Ok(()))) {
            return;
        }
        let navigate = navigate.clone();
        toasts.show_undo(tr("The agent is in the trash"), move || {
            let navigate = navigate.clone();
            spawn_local(async move {
                match change_agents(vec![id], BulkAction::Restore).await {
                    Ok(_) => navigate(&paths::agent(id), NavigateOptions::default()),
                    Err(error) => toasts.show(Tone::Bad, tr_text(error.message)),
                }
            });
        });
    });
    let question =
        move || shown.with(|agent| tr_with("Delete “{name}”?", &[("name", &agent.spec.name)]));
    let open = Callback::new(move |_| {
        if let Some(dialog) = dialog.get_untracked() {
            // Fails only when it is open already.
            let _ = dialog.show_modal();
        }
    });
    let close = Callback::new(move |_| {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    });
    let form = move || {
        view! {
            <ActionForm action=delete>
                <input type="hidden" name="id" value=id.to_string() />
                <Button kind=ButtonKind::Danger busy=delete.pending()>
                    {tr("Move to the trash")}
                </Button>
            </ActionForm>
        }
    };
    view! {
        <section class="editor__panel" aria-labelledby="delete-title">
            <h2 id="delete-title">{tr("Delete")}</h2>
            <p>
                {tr("Moves the agent to the trash, from where it can be restored for 30 days.")}
            </p>
            <div class="with-script">
                <Button kind=ButtonKind::Danger type_="button" on_click=open>
                    <Icon name=IconName::Trash />
                    {tr("Delete agent")}
                </Button>
            </div>
            <details class="without-script">
                <summary>{tr("Delete agent")}</summary>
                {form()}
            </details>
            <dialog class="dialog" node_ref=dialog aria-labelledby="delete-question">
                <h3 id="delete-question">{question}</h3>
                <p>
                    {tr(
                        "Its open sessions are cancelled. It can be restored from the trash for 30 days, and its \
                        sessions stay in your history.",
                    )}
                </p>
                <div class="dialog__actions">
                    {form()}
                    <Button type_="button" on_click=close>
                        {tr("Keep it")}
                    </Button>
                </div>
            </dialog>
            <FormError error=error />
        </section>
    }
}
