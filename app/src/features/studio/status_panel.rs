//! What is done to an agent as a whole: pause it, put it away, delete it.

use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use resonant_domain::agent::AgentStatus;
use resonant_domain::agent_list::BulkAction;

use super::api::{DeleteAgent, SetStatus, change_agents};
use super::draft::Draft;
use crate::error::last_error;
use crate::language::{tr, tr_text, tr_with};
use crate::paths;
use crate::state::use_toasts;
use crate::ui::{Button, ButtonKind, FormError, Icon, IconName, Tone};

/// Pause, activate, put away: whatever anyone writes meanwhile.
#[component]
pub(super) fn StatusPanel(
    /// The draft as the editor knows it.
    draft: Draft,
) -> impl IntoView {
    let shown = draft.shown;
    let set = ServerAction::<SetStatus>::new();
    let error = last_error(set);
    Effect::new(move || {
        if let Some(Ok(agent)) = set.value().get() {
            draft.take_status(agent);
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
pub(super) fn DeletePanel(
    /// The draft as the editor knows it.
    draft: Draft,
) -> impl IntoView {
    let shown = draft.shown;
    let delete = ServerAction::<DeleteAgent>::new();
    let error = last_error(delete);
    let dialog = NodeRef::<html::Dialog>::new();
    let id = shown.with_untracked(|agent| agent.id);
    let (toasts, navigate) = (use_toasts(), use_navigate());
    let was_changed = StoredValue::new(false);
    Effect::new(move || {
        match delete.value().get() {
            Some(Ok(())) => {}
            Some(Err(_)) => {
                // The reason stands behind the dialog.
                if let Some(dialog) = dialog.get_untracked() {
                    dialog.close();
                }
                // It is still there, and so is what was written: it is saved after all.
                if was_changed.get_value() {
                    draft.is_changed.set(true);
                    draft.once_saved(Callback::new(|_: bool| {}));
                }
                return;
            }
            None => return,
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
        <section
            class="editor__panel"
            aria-labelledby="delete-title"
            // What is in the trash is saved no more.
            on:submit=move |_| {
                was_changed.set_value(draft.is_changed.get_untracked());
                draft.is_changed.set(false);
            }
        >
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
                    // A key that is held down must not answer the question.
                    <Button type_="button" autofocus=true on_click=close>
                        {tr("Keep it")}
                    </Button>
                </div>
            </dialog>
            <FormError error=error />
        </section>
    }
}
