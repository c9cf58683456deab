//! Doing the same to many agents: which are selected, what is done to them, and the way back.
//!
//! The list shows a change at once and takes it back when the server refuses it.

use std::collections::BTreeSet;

use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::AgentId;
use resonant_domain::agent_list::{AgentLine, AgentQuery, BULK_MAX, BulkAction};

use super::api::{change_agents, open_list};
use crate::language::{tr, tr_count, tr_text, tr_with};
use crate::state::{Toasts, use_toasts};
use crate::ui::{Rows, Tone};

/// The selected agents of a list.
#[derive(Clone, Copy)]
pub(super) struct Bulk {
    selected: RwSignal<BTreeSet<AgentId>>,
    /// Deleted here, not yet confirmed by the server.
    leaving: RwSignal<BTreeSet<AgentId>>,
    toasts: Toasts,
}

/// A selection without an agent in it. Call it inside a component.
pub(super) fn new_bulk() -> Bulk {
    Bulk {
        selected: RwSignal::new(BTreeSet::new()),
        leaving: RwSignal::new(BTreeSet::new()),
        toasts: use_toasts(),
    }
}

impl Bulk {
    /// Whether an agent is selected.
    pub(super) fn is_selected(self, id: AgentId) -> bool {
        self.selected.with(|selected| selected.contains(&id))
    }

    /// The same, for whoever does not watch.
    pub(super) fn is_selected_untracked(self, id: AgentId) -> bool {
        self.selected.with_untracked(|selected| selected.contains(&id))
    }

    /// Whether an agent is about to go.
    pub(super) fn is_leaving(self, id: AgentId) -> bool {
        self.leaving.with(|leaving| leaving.contains(&id))
    }

    /// How many are selected.
    pub(super) fn count(self) -> usize {
        self.selected.with(BTreeSet::len)
    }

    /// Selects one agent, or no longer; several are selected whatever they were.
    pub(super) fn select(self, agents: &[AgentLine], with_range: bool) {
        let mut is_full = false;
        self.selected.update(|selected| {
            for line in agents {
                let id = line.summary.id;
                if !with_range && selected.remove(&id) {
                    continue;
                }
                is_full |= selected.len() >= BULK_MAX && !selected.contains(&id);
                if !is_full {
                    selected.insert(id);
                }
            }
        });
        if is_full {
            let text = tr_with("At most {most} agents can be selected", &[("most", &BULK_MAX)]);
            self.toasts.show(Tone::Warn, text);
        }
    }

    /// Selects none.
    pub(super) fn clear(self) {
        self.selected.update(BTreeSet::clear);
    }

    /// Does something to the selected agents and shows it at once.
    pub(super) fn act(self, action: BulkAction, query: AgentQuery, rows: Rows<AgentLine>) {
        let ids: Vec<_> = self.selected.get_untracked().into_iter().collect();
        if ids.is_empty() {
            return;
        }
        let before = rows.at_hand(|line| ids.contains(&line.summary.id));
        self.show(action, &ids, rows);
        self.clear();
        spawn_local(async move {
            match change_agents(ids.clone(), action).await {
                Ok(changed) => self.confirm(action, changed, before, query, rows).await,
                Err(error) => {
                    self.leaving.try_update(|leaving| leaving.retain(|id| !ids.contains(id)));
                    put_back(rows, &before);
                    self.toasts.show(Tone::Bad, tr_text(error.message));
                }
            }
        });
    }

    /// Draws what the server is asked for.
    fn show(self, action: BulkAction, ids: &[AgentId], rows: Rows<AgentLine>) {
        if let Some(status) = action.status() {
            rows.update(|line| {
                let is_changed = ids.contains(&line.summary.id) && line.summary.status != status;
                if is_changed {
                    line.summary.status = status;
                }
                is_changed
            });
        } else if action == BulkAction::Delete {
            self.leaving.update(|leaving| leaving.extend(ids));
        }
    }

    async fn confirm(
        self,
        action: BulkAction,
        changed: Vec<AgentId>,
        before: Vec<AgentLine>,
        query: AgentQuery,
        rows: Rows<AgentLine>,
    ) {
        let is_over = action.status().is_none() || query.status.is_some();
        if is_over {
            // The list is another one now.
            reload(&query, rows, self.toasts).await;
        }
        self.leaving.try_update(BTreeSet::clear);
        if changed.is_empty() {
            self.toasts.show(Tone::Info, tr("They stand as you asked already"));
            return;
        }
        let text = done(action, changed.len() as u64);
        let undo = move || {
            let (changed, before, query) = (changed.clone(), before.clone(), query.clone());
            spawn_local(async move {
                let undone = undo(action, &changed, &before).await;
                match undone {
                    Ok(()) if action.status().is_some() && !is_over => put_back(rows, &before),
                    Ok(()) => reload(&query, rows, self.toasts).await,
                    Err(error) => self.toasts.show(Tone::Bad, tr_text(error.message)),
                }
            });
        };
        self.toasts.show_undo(text, undo);
    }
}

/// Gives the agents back what they had before.
async fn undo(
    action: BulkAction,
    changed: &[AgentId],
    before: &[AgentLine],
) -> Result<(), crate::AppError> {
    if action == BulkAction::Delete {
        change_agents(changed.to_vec(), BulkAction::Restore).await?;
        return Ok(());
    }
    for back in [BulkAction::Resume, BulkAction::Pause, BulkAction::Archive] {
        let ids: Vec<_> = before
            .iter()
            .filter(|line| Some(line.summary.status) == back.status())
            .map(|line| line.summary.id)
            .filter(|id| changed.contains(id))
            .collect();
        if !ids.is_empty() {
            change_agents(ids, back).await?;
        }
    }
    Ok(())
}

fn put_back(rows: Rows<AgentLine>, before: &[AgentLine]) {
    rows.update(|line| {
        let was = before.iter().find(|was| was.summary.id == line.summary.id);
        let Some(was) = was.filter(|was| was.summary.status != line.summary.status) else {
            return false;
        };
        line.summary.status = was.summary.status;
        true
    });
}

async fn reload(query: &AgentQuery, rows: Rows<AgentLine>, toasts: Toasts) {
    match open_list(query.clone(), 0).await {
        Ok(part) => rows.reload(usize::try_from(part.count).unwrap_or(usize::MAX)),
        Err(error) => toasts.show(Tone::Bad, tr_text(error.message)),
    }
}

/// What was done to so many agents.
fn done(action: BulkAction, n: u64) -> String {
    match action {
        BulkAction::Resume => tr_count("{n} agent resumed", "{n} agents resumed", n),
        BulkAction::Pause => tr_count("{n} agent paused", "{n} agents paused", n),
        BulkAction::Archive => tr_count("{n} agent archived", "{n} agents archived", n),
        BulkAction::Delete => {
            tr_count("{n} agent moved to the trash", "{n} agents moved to the trash", n)
        }
        BulkAction::Restore => tr_count("{n} agent restored", "{n} agents restored", n),
    }
}
