//! One agent in the list: the cells of its row.

use leptos::prelude::*;
use resonant_domain::agent::AgentStatus;
use resonant_domain::agent_list::AgentLine;

use super::agent_row::title;
use super::bulk::Bulk;
use crate::language::{tr, tr_count, tr_with};
use crate::paths;
use crate::ui::{Avatar, Icon, IconName, time_text};

/// The cells of an agent's row. `tab` is the `tabindex` of what can be focused: there is one when the
/// page is live.
pub(super) fn agent_cells(line: AgentLine, tab: Option<&'static str>, bulk: Bulk) -> impl IntoView {
    let AgentLine { summary: agent, runs, open } = line;
    let id = agent.id;
    let run = (agent.status == AgentStatus::Active).then(|| {
        view! {
            <a class="button" href=paths::run_agent(id) tabindex=tab>
                <Icon name=IconName::Play />
                {tr("Run")}
                <span class="visually-hidden">" " {agent.name.clone()}</span>
            </a>
        }
    });
    let description = (!agent.description.is_empty())
        .then(|| view! { <p class="agent-line__description">{agent.description}</p> });
    let dot = if open > 0 { "running" } else { agent.status.as_str() };
    let status = if open > 0 {
        tr_with("{open} running", &[("open", &open)])
    } else {
        tr(title(agent.status)).to_owned()
    };
    view! {
        <div class="agent-line" class:is-leaving=move || bulk.is_leaving(id)>
            <div class="agent-line__select" role="gridcell">
                <input
                    type="checkbox"
                    name="ids[]"
                    value=id.to_string()
                    tabindex=tab
                    aria-label=tr_with("Select {name}", &[("name", &agent.name)])
                    prop:checked=move || bulk.is_selected(id)
                />
            </div>
            <div class="agent-line__main" role="gridcell">
                <Avatar avatar=agent.avatar />
                <div class="agent-line__text">
                    <a class="agent-line__name" href=paths::agent(id) tabindex=tab>
                        {agent.name}
                    </a>
                    {description}
                    <p class="agent-line__about">
                        <span class=format!("status-dot status-dot--{dot}")>{status}</span>
                        <span>{tr_count("{n} run", "{n} runs", runs)}</span>
                        <span>{tr("Changed ")} {time_text(agent.updated_at, tab.is_some())}</span>
                    </p>
                </div>
            </div>
            <div class="agent-line__actions" role="gridcell">
                {run}
            </div>
        </div>
    }
}
