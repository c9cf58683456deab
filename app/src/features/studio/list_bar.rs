//! Which agents are shown, and in which order. Without JavaScript it is a plain form.

use leptos::html;
use leptos::prelude::*;
use resonant_domain::agent::AgentStatus;
use resonant_domain::agent_list::{AgentQuery, AgentSort, TEXT_MAX};

use super::agent_row::title;
use crate::language::{key, tr};
use crate::paths;
use crate::typed_search::TypedSearch;
use crate::ui::{Button, Select};

/// How another list is asked for. It outlives the bar, which is drawn anew with each list.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    query: Memo<AgentQuery>,
    search: TypedSearch,
}

/// Nothing is asked for yet. Call it inside a component.
pub(super) fn new_asking(query: Memo<AgentQuery>) -> Asking {
    let search = TypedSearch::new(move |typed| {
        let text = Some(typed.trim().to_owned()).filter(|text| !text.is_empty());
        address_with(query, |query| query.text = text)
    });
    Asking { query, search }
}

/// The address of the list that is asked for with a change; `None` where it makes no difference.
fn address_with(query: Memo<AgentQuery>, change: impl FnOnce(&mut AgentQuery)) -> Option<String> {
    let mut next = query.get_untracked();
    change(&mut next);
    let is_other = query.with_untracked(|query| *query != next);
    is_other.then(|| paths::agents_list(&next, 0))
}

impl Asking {
    fn with(self, change: impl FnOnce(&mut AgentQuery)) {
        if let Some(address) = address_with(self.query, change) {
            self.search.go(address);
        }
    }
}

/// Text, status and order of the list.
#[component]
pub(super) fn ListBar(
    /// What is asked for, and how something else is.
    asking: Asking,
) -> impl IntoView {
    let query = asking.query;
    let field = NodeRef::<html::Input>::new();
    let sort = Callback::new(move |value: String| {
        asking.with(|query| query.sort = AgentSort::parse(&value).unwrap_or_default());
    });
    let status = Callback::new(move |value: String| {
        asking.with(|query| query.status = AgentStatus::parse(&value));
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
                    asking.search.ask(field.value());
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
                    on:input=move |event| asking.search.ask_soon(event_target_value(&event))
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
