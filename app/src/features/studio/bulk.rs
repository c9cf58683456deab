//! Doing the same to many agents: which are selected, what is done to them, and the way back.
//!
//! The list shows a change at once and takes it back when the server refuses it.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::AgentId;
use resonant_domain::agent_list::{AgentLine, BULK_MAX, BulkAction};

use super::api::change_agents;
use super::live_list::LiveList;
use crate::language::{tr, tr_count, tr_text, tr_with};
use crate::state::{Toasts, use_toasts};
use crate::ui::{Picked, Rows, Span, Tone};

/// The selected agents of a list.
#[derive(Clone, Copy)]
pub(super) struct Bulk {
    /// As they are, however far away their rows are by now.
    selected: RwSignal<BTreeMap<AgentId, AgentLine>>,
    /// How many ranges are on their way.
    asked: RwSignal<u32>,
    /// Counts the times that the selection was begun anew: a range that was asked for before is of no use.
    edition: StoredValue<u32>,
    /// Deleted here, not yet confirmed by the server.
    leaving: RwSignal<BTreeSet<AgentId>>,
    toasts: Toasts,
}

/// A selection without an agent in it. Call it inside a component.
pub(super) fn new_bulk() -> Bulk {
    Bulk {
        selected: RwSignal::new(BTreeMap::new()),
        asked: RwSignal::new(0),
        edition: StoredValue::new(0),
        leaving: RwSignal::new(BTreeSet::new()),
        toasts: use_toasts(),
    }
}

impl Bulk {
    /// Whether an agent is selected.
    pub(super) fn is_selected(self, id: AgentId) -> bool {
        self.selected.with(|selected| selected.contains_key(&id))
    }

    /// Whether an agent is about to go.
    pub(super) fn is_leaving(self, id: AgentId) -> bool {
        self.leaving.with(|leaving| leaving.contains(&id))
    }

    /// How many are selected.
    pub(super) fn count(self) -> usize {
        self.selected.with(BTreeMap::len)
    }

    /// Whether it is known which are selected, and that there are some.
    pub(super) fn may_act(self) -> bool {
        self.count() != 0 && self.asked.get() == 0
    }

    /// The selected agent, when there is no other.
    pub(super) fn only(self) -> Option<AgentLine> {
        self.selected.with_untracked(|selected| {
            let (_, line) = selected.first_key_value()?;
            (selected.len() == 1).then(|| line.clone())
        })
    }

    /// Selects the agent of a row, or no longer; those of several rows whatever they were, once all of
    /// them are known.
    pub(super) fn select(self, rows: Rows<AgentLine>, picked: Picked) {
        match rows.span(picked, BULK_MAX) {
            Span::AtHand(lines) => self.take(lines, picked),
            Span::Asked(lines) => {
                let edition = self.edition.try_get_value();
                self.asked.update(|asked| *asked += 1);
                spawn_local(async move {
                    let lines = lines.await;
                    self.asked.try_update(|asked| *asked -= 1);
                    if self.edition.try_get_value() != edition {
                        return;
                    }
                    match lines {
                        Ok(window) => self.take(window.items, picked),
                        Err(error) => self.toasts.show(Tone::Bad, tr_text(error.message)),
                    }
                });
            }
        }
    }

    fn take(self, lines: Vec<AgentLine>, picked: Picked) {
        let mut is_full = picked.count() > BULK_MAX;
        self.selected.try_update(|selected| {
            for line in lines {
                let id = line.summary.id;
                if !picked.is_range && selected.remove(&id).is_some() {
                    continue;
                }
                let has_room = selected.len() < BULK_MAX || selected.contains_key(&id);
                is_full |= !has_room;
                if has_room {
                    selected.insert(id, line);
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
        self.edition.try_update_value(|edition| *edition = edition.wrapping_add(1));
        self.selected.update(BTreeMap::clear);
    }

    /// Takes over an agent as it is now, where it is selected.
    pub(super) fn hear(self, line: &AgentLine) {
        self.selected.try_update_untracked(|selected| {
            if let Some(known) = selected.get_mut(&line.summary.id) {
                known.clone_from(line);
            }
        });
    }

    /// Selects no longer what is not there any more.
    pub(super) fn forget(self, gone: &[AgentId]) {
        self.selected.try_maybe_update(|selected| {
            let before = selected.len();
            selected.retain(|id, _| !gone.contains(id));
            (selected.len() != before, ())
        });
    }

    /// Changes agents wherever they are known; `change` answers whether it changed one.
    pub(super) fn change(self, rows: Rows<AgentLine>, change: impl Fn(&mut AgentLine) -> bool) {
        self.selected.try_update_untracked(|selected| {
            for line in selected.values_mut() {
                change(line);
            }
        });
        rows.update(change);
    }

    /// Does something to the selected agents and shows it at once.
    pub(super) fn act(self, action: BulkAction, list: LiveList) {
        let before: Vec<_> = self.selected.get_untracked().into_values().collect();
        if before.is_empty() {
            return;
        }
        let ids: Vec<_> = before.iter().map(|line| line.summary.id).collect();
        self.show(action, &ids, list.rows());
        self.clear();
        let edition = self.edition.try_get_value();
        spawn_local(async move {
            match change_agents(ids.clone(), action).await {
                Ok(changed) => self.confirm(action, changed, before, list).await,
                Err(error) => {
                    self.leaving.try_update(|leaving| leaving.retain(|id| !ids.contains(id)));
                    if self.edition.try_get_value() == edition {
                        self.select_again(&before);
                    }
                    // What was done to them since stays as it is. What they were before may have been refused,
                    // too: the server knows.
                    self.put_back(list.rows(), &before, |line| {
                        action.status() == Some(line.summary.status)
                    });
                    list.refresh();
                    self.toasts.show(Tone::Bad, tr_text(error.message));
                }
            }
        });
    }

    /// Selects the agents to which nothing was done after all, unless others were selected since.
    fn select_again(self, before: &[AgentLine]) {
        self.selected.try_maybe_update(|selected| {
            let is_free = selected.is_empty();
            if is_free {
                selected.extend(before.iter().map(|line| (line.summary.id, line.clone())));
            }
            (is_free, ())
        });
    }

    /// Draws what the server is asked for.
    fn show(self, action: BulkAction, ids: &[AgentId], rows: Rows<AgentLine>) {
        if let Some(status) = action.status() {
            self.change(rows, |line| {
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
        list: LiveList,
    ) {
        let is_over = action.status().is_none() || list.is_of_one_status();
        if is_over {
            // The list is another one now.
            self.read(list).await;
        } else {
            list.refresh_order();
        }
        // Others may be on their way out still.
        self.leaving.try_update(|leaving| {
            leaving.retain(|id| before.iter().all(|line| line.summary.id != *id));
        });
        if changed.is_empty() {
            self.toasts.show(Tone::Info, tr("They stand as you asked already"));
            return;
        }
        let text = done(action, changed.len() as u64);
        let undo = move || {
            let (changed, before) = (changed.clone(), before.clone());
            spawn_local(async move {
                let undone = undo(action, &changed, &before).await;
                match undone {
                    Ok(()) if action.status().is_some() && !is_over => {
                        self.put_back(list.rows(), &before, |line| {
                            changed.contains(&line.summary.id)
                        });
                        list.refresh_order();
                    }
                    Ok(()) => self.read(list).await,
                    Err(error) => self.toasts.show(Tone::Bad, tr_text(error.message)),
                }
            });
        };
        self.toasts.show_undo(text, undo);
    }

    /// Shows those of the agents that are meant as they were before.
    fn put_back(
        self,
        rows: Rows<AgentLine>,
        before: &[AgentLine],
        is_meant: impl Fn(&AgentLine) -> bool,
    ) {
        self.change(rows, |line| {
            let was = before.iter().find(|was| was.summary.id == line.summary.id);
            let was = was.filter(|was| was.summary.status != line.summary.status);
            let Some(was) = was.filter(|_| is_meant(line)) else { return false };
            line.summary.status = was.summary.status;
            true
        });
    }

    async fn read(self, list: LiveList) {
        if let Err(error) = list.read().await {
            self.toasts.show(Tone::Bad, tr_text(error.message));
        }
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
