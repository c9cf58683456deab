//! The viewer's agents as a list of any length, and what is done to many of them.

use std::sync::Arc;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use resonant_domain::agent_list::{AgentLine, AgentQuery, BulkAction};
use server_fn::ServerFn as _;

use super::agent_line::agent_cells;
use super::api::{ChangeAgents, ListPart, WINDOW, find_agent, read_list};
use super::bulk::{Bulk, new_bulk};
use super::live_list::{LiveList, first_window, new_live_list, to_usize};
use super::rename::{Renaming, new_renaming, rename};
use crate::language::{tr, tr_count, tr_with};
use crate::ui::{Answer, Button, ButtonKind, Icon, IconName, Picked, Rows, Shown, VirtualList};
use crate::{browser, paths};

/// A list of agents with at least one in it.
#[component]
pub(super) fn AgentList(
    /// Which agents.
    query: AgentQuery,
    /// What the server knows.
    part: ListPart,
    /// There are more agents by now than a list that was short can draw: it has to be made anew.
    on_outgrown: Callback<()>,
) -> impl IntoView {
    let (count, from) = (to_usize(part.count), to_usize(part.from));
    let bulk = new_bulk();
    let asked = query.clone();
    let rows = Rows::new(
        first_window(part),
        Arc::new(move |place, limit| -> Answer<AgentLine> {
            Box::pin(read_list(asked.clone(), place, limit))
        }),
        |one, other| one.summary.id == other.summary.id,
    );
    let list = new_live_list(rows, query.clone(), on_outgrown);
    list.follow(bulk);

    let navigate = use_navigate();
    let open =
        move |line: AgentLine| navigate(&paths::agent(line.summary.id), NavigateOptions::default());
    let typed_in = query.clone();
    let asked = StoredValue::new(0_u32);
    let find = move |letters: String| {
        let query = typed_in.clone();
        let number = asked.get_value().wrapping_add(1);
        asked.set_value(number);
        spawn_local(async move {
            let found = find_agent(query, letters).await;
            // Letters that lead nowhere leave everything as it is, and so does an answer that was
            // overtaken by the next letter.
            if let (Ok(Some(rank)), Some(newest)) = (found, asked.try_get_value())
                && newest == number
            {
                rows.go_to(to_usize(rank));
            }
        });
    };
    let draw = move |line: Shown<AgentLine>, is_live| agent_cells(line, is_live, bulk);
    let pages = no_script_pages(&query, from, count);
    let renaming = new_renaming(list, bulk);
    let keydown = move |event: KeyboardEvent| {
        if browser::key_of(&event) == "F2" {
            event.prevent_default();
            renaming.begin();
        }
    };
    view! {
        <form class="agent-list" method="post" action=ChangeAgents::url() on:keydown=keydown>
            <Toolbar bulk=bulk renaming=renaming list=list />
            <VirtualList
                id="agents"
                label=tr("Your agents")
                rows=rows
                row=draw
                is_selected=move |line: &AgentLine| bulk.is_selected(line.summary.id)
                on_open=open
                on_select=move |picked: Picked| bulk.select(rows, picked)
                on_type=find
            />
            <Show when=move || rows.count() == 0>
                <p class="agent-list__nothing">
                    {tr("No agent is left here. ")}
                    <a href=paths::STUDIO>{tr("Show all agents")}</a>
                    {tr(" or ")} <a href=paths::NEW_AGENT>{tr("make a new one")}</a> "."
                </p>
            </Show>
            {pages}
        </form>
    }
}

/// How many there are, and what can be done to those that are selected.
#[component]
fn Toolbar(bulk: Bulk, renaming: Renaming, list: LiveList) -> impl IntoView {
    let is_live = RwSignal::new(false);
    Effect::new(move || is_live.set(true));
    let action = move |action: BulkAction, icon: IconName, text: &'static str| {
        let act = Callback::new(move |event: leptos::ev::MouseEvent| {
            event.prevent_default();
            bulk.act(action, list);
        });
        let kind =
            if action == BulkAction::Delete { ButtonKind::Danger } else { ButtonKind::Secondary };
        view! {
            <Button
                kind=kind
                name="action"
                value=value_of(action)
                on_click=act
                disabled=Signal::derive(move || is_live.get() && !bulk.may_act())
            >
                <Icon name=icon />
                {text}
            </Button>
        }
    };
    view! {
        <div class="agent-list__bar" role="group" aria-label=tr("Selected agents")>
            <p class="agent-list__count" role="status">
                {move || match bulk.count() {
                    0 => tr_count("{n} agent", "{n} agents", list.rows().count() as u64),
                    selected => tr_with("{selected} selected", &[("selected", &selected)]),
                }}
            </p>
            <Show when=move || bulk.count() != 0>
                <Button
                    kind=ButtonKind::Quiet
                    type_="button"
                    on_click=Callback::new(move |_| bulk.clear())
                >
                    {tr("Clear")}
                </Button>
            </Show>
            {rename(&renaming)}
            <div class="agent-list__actions">
                {action(BulkAction::Resume, IconName::Play, tr("Resume"))}
                {action(BulkAction::Pause, IconName::Pause, tr("Pause"))}
                {action(BulkAction::Archive, IconName::Inbox, tr("Archive"))}
                {action(BulkAction::Delete, IconName::Trash, tr("Delete"))}
            </div>
        </div>
    }
}

/// The action as a form sends it.
const fn value_of(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Resume => "resume",
        BulkAction::Pause => "pause",
        BulkAction::Archive => "archive",
        BulkAction::Delete => "delete",
        BulkAction::Restore => "restore",
    }
}

/// The way through the list page by page, for browsers without JavaScript.
fn no_script_pages(query: &AgentQuery, from: usize, count: usize) -> impl IntoView + use<> {
    let link = |from: usize, text: &'static str, rel: &'static str| {
        let href = paths::agents_list(query, from);
        view! {
            <a class="button" href=href rel=rel>
                {text}
            </a>
        }
    };
    let page = WINDOW as usize;
    let before = (from > 0).then(|| link(from.saturating_sub(page), tr("Previous page"), "prev"));
    let next = (from + page < count).then(|| link(from + page, tr("Next page"), "next"));
    (before.is_some() || next.is_some()).then(|| {
        view! {
            <nav class="agent-list__pages without-script" aria-label=tr("Pages")>
                {before}
                {next}
            </nav>
        }
    })
}
