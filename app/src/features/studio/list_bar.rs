//! Which agents are shown, and in which order. Without JavaScript it is a plain form.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use resonant_domain::agent::AgentStatus;
use resonant_domain::agent_list::{AgentQuery, AgentSort, TEXT_MAX};

use super::agent_row::title;
use crate::language::{key, tr};
use crate::paths;
use crate::ui::{Button, Select};

/// How long a pause in typing is before the list follows.
const PAUSE: Duration = Duration::from_millis(250);

/// How another list is asked for. It outlives the bar, which is drawn anew with each list: what is typed
/// while one comes counts for the next.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    query: Memo<AgentQuery>,
    go: Callback<AgentQuery>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

/// Nothing is asked for yet. Call it inside a component.
pub(super) fn new_asking(query: Memo<AgentQuery>) -> Asking {
    // A link that was followed while the list waited leads away: the list must not lead back.
    let pathname = use_location().pathname;
    let here = pathname.get_untracked();
    let navigate = use_navigate();
    let go = Callback::new(move |query: AgentQuery| {
        if pathname.with_untracked(|now| *now == here) {
            let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
            navigate(&paths::agents_list(&query, 0), options);
        }
    });
    let timer = StoredValue::new(None::<TimeoutHandle>);
    on_cleanup(move || {
        if let Some(timer) = timer.try_get_value().flatten() {
            timer.clear();
        }
    });
    Asking { query, go, timer }
}

impl Asking {
    fn with(self, change: impl FnOnce(&mut AgentQuery)) {
        let mut next = self.query.get_untracked();
        change(&mut next);
        if self.query.with_untracked(|query| *query != next) {
            self.go.run(next);
        }
    }

    fn text(self, typed: &str) {
        let text = Some(typed.trim().to_owned()).filter(|text| !text.is_empty());
        self.with(|query| query.text = text);
    }

    /// Asks once nothing more is typed.
    fn text_soon(self, typed: String) {
        if let Some(timer) = self.timer.get_value() {
            timer.clear();
        }
        let due = move || self.text(&typed);
        self.timer.set_value(set_timeout_with_handle(due, PAUSE).ok());
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
                    asking.text(&field.value());
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
                    on:input=move |event| asking.text_soon(event_target_value(&event))
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
