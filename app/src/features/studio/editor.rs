//! The editor of an agent.

use leptos::ev;
use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;
use leptos_meta::Title;
use resonant_domain::FaultKind;
use resonant_domain::agent::{Agent, AgentStatus};
use resonant_domain::page::Page;
use resonant_domain::session::SessionSummary;

use super::agent_fields::AgentFields;
use super::agent_form::{AGENT_FIELDS, AgentForm, action_error};
use super::agent_row::StatusBadge;
use super::api::{DeleteAgent, EditedAgent, SetStatus, UpdateAgent};
use super::run_panel::{RunPanel, Task};
use crate::error::AppError;
use crate::features::sessions::session_list::{AgentNames, SessionRow};
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::use_toasts;
use crate::ui::{
    Avatar, AvatarSize, Button, ButtonKind, ErrorPanel, FormError, Icon, IconName, Notice, Time,
    Tone,
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
    let EditedAgent { agent, language_model } = edited;
    let (id, limits) = (agent.id, agent.spec.limits);
    let shown = RwSignal::new(agent.clone());
    let status = Signal::derive(move || shown.with(|agent| agent.status));
    view! {
        <Title text=move || shown.with(|agent| agent.spec.name.clone()) />
        <Head shown=shown />
        <div class="editor">
            <div class="editor__side">
                <RunPanel id=id status=status limits=limits task=task />
                <Recent id=id recent=recent />
            </div>
            <div class="editor__main">
                <EditForm agent=agent shown=shown language_model=language_model />
                <StatusPanel shown=shown />
                <DeletePanel shown=shown />
            </div>
        </div>
    }
}

#[component]
fn Head(shown: RwSignal<Agent>) -> impl IntoView {
    let status = Signal::derive(move || shown.with(|agent| agent.status));
    view! {
        <header class="editor__head">
            {move || {
                let avatar = shown.with(|agent| agent.spec.avatar.clone());
                view! { <Avatar avatar=avatar size=AvatarSize::Large /> }
            }}
            <div class="editor__name">
                <p class="editor__back">
                    <a href=paths::STUDIO>"Studio"</a>
                </p>
                <h1>{move || shown.with(|agent| agent.spec.name.clone())}</h1>
                <p class="editor__about">
                    <StatusBadge status=status />
                    <span>
                        "Changed "
                        {move || view! { <Time at=shown.with(|agent| agent.updated_at) /> }}
                    </span>
                </p>
            </div>
        </header>
    }
}

/// All that an agent is made of.
#[component]
fn EditForm(agent: Agent, shown: RwSignal<Agent>, language_model: Option<String>) -> impl IntoView {
    let update = ServerAction::<UpdateAgent>::new();
    let error = action_error(update.value());
    let is_changed = RwSignal::new(false);
    let form = NodeRef::<html::Form>::new();
    let toasts = use_toasts();
    Effect::new(move || {
        if let Some(Ok(agent)) = update.value().get() {
            shown.set(agent);
            is_changed.set(false);
            toasts.show(Tone::Good, "Saved");
        }
    });
    Effect::new(move || {
        let keys = window_event_listener(ev::keydown, move |event| {
            let is_save = (event.ctrl_key() || event.meta_key()) && event.key() == "s";
            if let Some(form) = form.get_untracked().filter(|_| is_save) {
                event.prevent_default();
                // A form that its own rules refuse says so itself.
                let _ = form.request_submit();
            }
        });
        on_cleanup(move || keys.remove());
    });
    let id = agent.id;
    // A refused form goes on from the agent that it was made for.
    let refused_revision = refused_form().text("revision");
    let revision = move || {
        let shown = shown.with(|agent| agent.revision).to_string();
        refused_revision.clone().unwrap_or(shown)
    };
    let is_conflict = Memo::new(move |_| {
        error.with(|error| error.as_ref().is_some_and(|error| error.kind == FaultKind::Conflict))
    });
    let other = Signal::derive(move || error.get().filter(|_| !is_conflict.get()));
    view! {
        <div class="agent-form" on:input=move |_| is_changed.set(true)>
            <ActionForm action=update node_ref=form>
                <input type="hidden" name="id" value=id.to_string() />
                <input
                    type="hidden"
                    name="revision"
                    value=revision
                />
                <AgentFields
                    form=AgentForm::refused().unwrap_or_else(|| AgentForm::from(&agent.spec))
                    error=error
                    language_model=language_model
                />
                <FormError error=other fields=AGENT_FIELDS />
                <div role="alert">
                    <Show when=move || is_conflict.get()>
                        <Notice tone=Tone::Warn>
                            <p>
                                "This agent was changed elsewhere after you opened it. Nothing of yours \
                                is lost: it still stands in the form."
                            </p>
                            <div class="agent-form__end">
                                <Button name="overwrite" value="true" busy=update.pending()>
                                    "Keep mine"
                                </Button>
                                <a class="button button--quiet" href=paths::agent(id) rel="external">
                                    "Load theirs"
                                </a>
                            </div>
                        </Notice>
                    </Show>
                </div>
                <div class="agent-form__end agent-form__end--sticky">
                    <Button kind=ButtonKind::Primary busy=update.pending()>
                        "Save changes"
                    </Button>
                    <span class="agent-form__mark" role="status">
                        {move || if is_changed.get() { "Not saved yet" } else { "" }}
                    </span>
                    <span class="agent-form__key">
                        <kbd>"Ctrl"</kbd> " " <kbd>"S"</kbd>
                    </span>
                </div>
            </ActionForm>
        </div>
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
            view! { <p class="editor__nothing">"None yet. Give it a goal above."</p> }.into_any()
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
                    <a href=paths::sessions_of(id)>"All its sessions"</a>
                </p>
            }
            .into_any()
        }
    };
    view! {
        <section class="editor__recent" aria-labelledby="recent-title">
            <h2 id="recent-title">"Last sessions"</h2>
            {content}
        </section>
    }
}

/// Pause, activate, put away.
#[component]
fn StatusPanel(shown: RwSignal<Agent>) -> impl IntoView {
    let set = ServerAction::<SetStatus>::new();
    let error = action_error(set.value());
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
        AgentStatus::Active => "It is active: it runs when you ask it to.",
        AgentStatus::Paused => "It is paused: it keeps everything but does not run.",
        AgentStatus::Archived => "It is archived: kept for its record, out of the way.",
    };
    view! {
        <section class="editor__panel" aria-labelledby="status-title">
            <h2 id="status-title">"Status"</h2>
            <p>{text}</p>
            <div class="editor__choices">
                {move || match shown.with(|agent| agent.status) {
                    AgentStatus::Active => {
                        view! {
                            {choice(AgentStatus::Paused, IconName::Pause, "Pause")}
                            {choice(AgentStatus::Archived, IconName::Inbox, "Archive")}
                        }
                            .into_any()
                    }
                    AgentStatus::Paused => {
                        view! {
                            {choice(AgentStatus::Active, IconName::Play, "Activate")}
                            {choice(AgentStatus::Archived, IconName::Inbox, "Archive")}
                        }
                            .into_any()
                    }
                    AgentStatus::Archived => {
                        choice(AgentStatus::Active, IconName::Play, "Activate").into_any()
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
    let error = action_error(delete.value());
    let dialog = NodeRef::<html::Dialog>::new();
    let id = shown.with_untracked(|agent| agent.id);
    let name = move || shown.with(|agent| agent.spec.name.clone());
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
                    "Delete for good"
                </Button>
            </ActionForm>
        }
    };
    view! {
        <section class="editor__panel" aria-labelledby="delete-title">
            <h2 id="delete-title">"Delete"</h2>
            <p>"Takes the agent away for good. Its sessions stay in your history."</p>
            <div class="with-script">
                <Button kind=ButtonKind::Danger type_="button" on_click=open>
                    <Icon name=IconName::Trash />
                    "Delete agent"
                </Button>
            </div>
            <details class="without-script">
                <summary>"Delete agent"</summary>
                <p>"This cannot be undone."</p>
                {form()}
            </details>
            <dialog class="dialog" node_ref=dialog aria-labelledby="delete-question">
                <h3 id="delete-question">"Delete “" {name} "”?"</h3>
                <p>"Its sessions stay in your history. This cannot be undone."</p>
                <div class="dialog__actions">
                    {form()}
                    <Button type_="button" on_click=close>
                        "Keep it"
                    </Button>
                </div>
            </dialog>
            <FormError error=error />
        </section>
    }
}
