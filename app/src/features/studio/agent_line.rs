//! One agent in the list: the cells of its row.

use leptos::prelude::*;
use resonant_domain::agent::AgentStatus;
use resonant_domain::agent_list::AgentLine;

use super::agent_row::title;
use super::bulk::Bulk;
use crate::language::{tr, tr_count, tr_with};
use crate::paths;
use crate::ui::{Icon, IconName, LiveAvatar, Shown, time_text};

/// The cells of a row, which shows one agent after the other. Each value stands for itself: a view that is drawn
/// anew takes away and puts back every attribute of every element in it, whether it is another one or not.
pub(super) fn agent_cells(line: Shown<AgentLine>, is_live: RwSignal<bool>, bulk: Bulk) -> AnyView {
    let id = move || line.read(|line| Some(line.summary.id));
    let name = move || line.read(|line| line.summary.name.clone());
    let avatar = Memo::new(move |_| line.read(|line| line.summary.avatar.clone()));
    let tab = move || is_live.get().then_some("-1");
    let changed = move || {
        let is_live = is_live.get();
        line.read(|line| time_text(line.summary.updated_at, is_live))
    };
    view! {
        <div
            class="agent-line"
            class:is-leaving=move || id().is_some_and(|id| bulk.is_leaving(id))
        >
            <div class="agent-line__select" role="gridcell">
                <input
                    type="checkbox"
                    name="ids[]"
                    value=move || id().map(|id| id.to_string())
                    tabindex=tab
                    aria-label=move || tr_with("Select {name}", &[("name", &name())])
                    prop:checked=move || id().is_some_and(|id| bulk.is_selected(id))
                />
            </div>
            <div class="agent-line__main" role="gridcell">
                <LiveAvatar avatar />
                <div class="agent-line__text">
                    <a
                        class="agent-line__name"
                        href=move || id().map(paths::agent)
                        tabindex=tab
                    >
                        {name}
                    </a>
                    <p
                        class="agent-line__description"
                        hidden=move || line.read(|line| line.summary.description.is_empty())
                    >
                        {move || line.read(|line| line.summary.description.clone())}
                    </p>
                    <p class="agent-line__about">
                        <span class=move || line.read(dot)>{move || line.read(standing)}</span>
                        <span>{move || line.read(runs)}</span>
                        <span>{tr("Changed ")} {changed}</span>
                    </p>
                </div>
            </div>
            <div class="agent-line__actions" role="gridcell">
                <a
                    class="button"
                    href=move || id().map(paths::run_agent)
                    tabindex=tab
                    hidden=move || !line.read(may_run)
                >
                    <Icon name=IconName::Play />
                    {tr("Run")}
                    <span class="visually-hidden">" " {name}</span>
                </a>
            </div>
        </div>
    }
    .into_any()
}

/// The class of the dot that tells at a glance how the agent stands.
fn dot(line: &AgentLine) -> String {
    let kind = if line.open > 0 { "running" } else { line.summary.status.as_str() };
    format!("status-dot status-dot--{kind}")
}

fn standing(line: &AgentLine) -> String {
    if line.open > 0 {
        tr_with("{open} running", &[("open", &line.open)])
    } else {
        tr(title(line.summary.status)).to_owned()
    }
}

fn runs(line: &AgentLine) -> String {
    tr_count("{n} run", "{n} runs", line.runs)
}

fn may_run(line: &AgentLine) -> bool {
    line.summary.status == AgentStatus::Active
}
