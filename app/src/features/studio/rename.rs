//! Another name for an agent of the list. It is shown at once and taken back when the server refuses
//! it.

use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::AgentId;
use resonant_domain::agent::NAME_MAX;
use resonant_domain::agent_list::AgentLine;

use super::api::rename_agent;
use super::bulk::Bulk;
use super::live_list::LiveList;
use crate::browser;
use crate::language::{tr, tr_text, tr_with};
use crate::state::{Toasts, use_toasts};
use crate::ui::{Button, ButtonKind, Tone};

/// The list's element, which has the focus again afterwards.
const LIST: &str = "agents";
const FIELD: &str = "agent-rename";

/// The agent that is about to get another name.
#[derive(Clone, Copy)]
pub(super) struct Renaming {
    agent: RwSignal<Option<AgentLine>>,
    list: LiveList,
    bulk: Bulk,
    toasts: Toasts,
}

/// Nothing is renamed yet. Call it inside a component.
pub(super) fn new_renaming(list: LiveList, bulk: Bulk) -> Renaming {
    Renaming { agent: RwSignal::new(None), list, bulk, toasts: use_toasts() }
}

impl Renaming {
    /// Asks for the name of the one agent that is selected.
    pub(super) fn begin(self) {
        if let Some(line) = self.bulk.only() {
            self.agent.set(Some(line));
            request_animation_frame(|| browser::focus(FIELD));
        }
    }

    fn end(self) {
        self.agent.set(None);
        browser::focus(LIST);
    }

    fn save(self, name: &str) {
        let Some(before) = self.agent.get_untracked() else { return };
        let name = name.trim().to_owned();
        self.end();
        if !name.is_empty() && name != before.summary.name {
            self.rename(before.summary.id, before.summary.name, name);
        }
    }

    fn rename(self, id: AgentId, before: String, name: String) {
        self.show(id, &name);
        spawn_local(async move {
            match rename_agent(id, name.clone()).await {
                Ok(()) => {
                    // It may stand elsewhere now.
                    self.list.refresh();
                    let text = tr_with(
                        "“{before}” is called “{name}” now",
                        &[("before", &before), ("name", &name)],
                    );
                    let undo = move || self.rename(id, name.clone(), before.clone());
                    self.toasts.show_undo(text, undo);
                }
                Err(error) => {
                    self.put_back(id, &before, &name);
                    // The name before may have been refused, too.
                    self.list.refresh();
                    // Which rule the name breaks, rather than that it breaks one.
                    let rule = error.field("name").map(|rule| {
                        tr_with("The name {rule}", &[("rule", &tr_text(rule.to_owned()))])
                    });
                    self.toasts.show(Tone::Bad, rule.unwrap_or_else(|| tr_text(error.message)));
                }
            }
        });
    }

    fn show(self, id: AgentId, name: &str) {
        self.change(id, name, |shown| shown != name);
    }

    /// Shows the name that an agent had before one that was refused, unless it has yet another one since.
    fn put_back(self, id: AgentId, before: &str, refused: &str) {
        self.change(id, before, |shown| shown == refused);
    }

    fn change(self, id: AgentId, name: &str, is_meant: impl Fn(&str) -> bool) {
        self.bulk.change(self.list.rows(), |line| {
            let is_changed = line.summary.id == id && is_meant(&line.summary.name);
            if is_changed {
                name.clone_into(&mut line.summary.name);
            }
            is_changed
        });
    }
}

/// The button, and the field that it opens. Needs scripts: without them the editor has the name.
pub(super) fn rename(renaming: &Renaming) -> AnyView {
    let renaming = *renaming;
    let field = NodeRef::<html::Input>::new();
    let save = move || {
        if let Some(field) = field.get_untracked() {
            renaming.save(&field.value());
        }
    };
    let keydown = move |event: KeyboardEvent| {
        match browser::key_of(&event).as_str() {
            // An Enter that ends a composition chooses its letters.
            "Enter" if event.is_composing() => return,
            "Enter" => save(),
            "Escape" => renaming.end(),
            _ => return,
        }
        event.prevent_default();
    };
    let is_open = Memo::new(move |_| renaming.agent.with(Option::is_some));
    view! {
        <Show when=move || renaming.bulk.count() == 1 && !is_open.get()>
            <Button
                type_="button"
                kind=ButtonKind::Quiet
                on_click=Callback::new(move |_| renaming.begin())
            >
                {tr("Rename")}
            </Button>
        </Show>
        <Show when=move || is_open.get()>
            <span class="agent-list__rename">
                <input
                    node_ref=field
                    class="field__control"
                    id=FIELD
                    type="text"
                    aria-label=tr("New name")
                    maxlength=NAME_MAX.to_string()
                    autocomplete="off"
                    value=renaming.agent.with_untracked(|agent| {
                        agent.as_ref().map(|line| line.summary.name.clone())
                    })
                    on:keydown=keydown
                />
                <Button type_="button" on_click=Callback::new(move |_| save())>
                    {tr("Save")}
                </Button>
                <Button
                    type_="button"
                    kind=ButtonKind::Quiet
                    on_click=Callback::new(move |_| renaming.end())
                >
                    {tr("Cancel")}
                </Button>
            </span>
        </Show>
    }
    .into_any()
}
