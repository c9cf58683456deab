//! Which agents are shown, and in which order. Without JavaScript it is a plain form.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use resonant_domain::agent::AgentStatus;
use resonant_domain::agent_list::{AgentQuery, AgentSort, TEXT_MAX};

use super::agent_row::title;
use crate::language::{key, tr};
use crate::paths;
use crate::ui::{Button, Select};

/// How long a pause in typing is before the list follows.
const PAUSE: Duration = Duration::from_millis(250);

/// Text, status and order of the list.
#[component]
pub(super) fn ListBar(
    /// What is asked for.
    query: Memo<AgentQuery>,
) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    let navigate = use_navigate();
    let go = Callback::new(move |query: AgentQuery| {
        let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
        navigate(&paths::agents_list(&query, 0), options);
    });
    let ask = move |typed: String| {
        let text = Some(typed.trim().to_owned()).filter(|text| !text.is_empty());
        let mut next = query.get_untracked();
        if next.text != text {
            next.text = text;
            go.run(next);
        }
    };
    let follow = std::cell::RefCell::new(debounce(PAUSE, ask));
    let sort = Callback::new(move |value: String| {
        let mut next = query.get_untracked();
        next.sort = AgentSort::parse(&value).unwrap_or_default();
        go.run(next);
    });
    let status = Callback::new(move |value: String| {
        let mut next = query.get_untracked();
        next.status = AgentStatus::parse(&value);
        go.run(next);
    });
    let orders = AgentSort::ALL
        .map(|sort| (sort.as_str().to_owned(), tr(order_title(sort)).to_owned()))
        .to_vec();
    let choices = std::iter::once((String::new(), tr("All").to_owned()))
        .chain(
            AgentStatus::ALL
                .map(|status| (status.as_str().to_owned(), tr(title(status)).to_owned())),
        )
        .collect();
    view! {
        <form
            class="list-bar"
            role="search"
            method="get"
            action=paths::STUDIO
            on:submit=move |event| {
                event.prevent_default();
                if let Some(field) = field.get_untracked() {
                    ask(field.value());
                }
            }
        >
            <div class="field list-bar__search">
                <label class="field__label" for="agents-text">{tr("Name")}</label>
                <input
                    node_ref=field
                    class="field__control"
                    id="agents-text"
                    type="search"
                    name="text"
                    value=query.with_untracked(|query| query.text.clone())
                    maxlength=TEXT_MAX.to_string()
                    autocomplete="off"
                    enterkeyhint="search"
                    on:input=move |event| (follow.borrow_mut())(event_target_value(&event))
                />
            </div>
            <Select
                label=tr("Status")
                name="status"
                options=choices
                value=Signal::derive(move || {
                    query.with(|query| query.status.map_or("", AgentStatus::as_str).to_owned())
                })
                on_change=status
            />
            <Select
                label=tr("Sort by")
                name="sort"
                options=orders
                value=Signal::derive(move || query.with(|query| query.sort.as_str().to_owned()))
                on_change=sort
            />
            <div class="without-script">
                <Button>{tr("Show")}</Button>
            </div>
        </form>
    }
}

const fn order_title(sort: AgentSort) -> &'static str {
    match sort {
        AgentSort::Updated => key("Last change"),
        AgentSort::Name => key("Name"),
        AgentSort::Runs => key("Most runs"),
        AgentSort::Rating => key("Best rated"),
    }
}
