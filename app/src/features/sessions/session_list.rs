//! Sessions one below the other, and the way to older ones.

use std::future::Future;

use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::page::Page;
use resonant_domain::session::SessionSummary;

use crate::error::AppError;
use crate::language::{cost_text, tr, tr_count};
use crate::paths;
use crate::ui::{Avatar, AvatarSize, Duration, ErrorPanel, Icon, IconName, StateBadge, Time};

/// Whether a list names the agent of each session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentNames {
    /// The list holds sessions of several agents.
    Shown,
    /// All are of the agent that the page is about.
    Hidden,
}

/// One session in a list.
#[component]
pub(crate) fn SessionRow(
    /// The session: where it stands may change, and what it has used.
    #[prop(into)]
    session: Signal<SessionSummary>,
    /// Whether to say whose it is.
    names: AgentNames,
) -> impl IntoView {
    let SessionSummary { id, agent_id, agent_name, agent_avatar, goal, origin, created_at, .. } =
        session.get_untracked();
    let state = Memo::new(move |_| session.with(|session| session.state));
    let begins_at = Memo::new(move |_| session.with(SessionSummary::begins_at));
    let agent = (names == AgentNames::Shown).then(|| {
        view! {
            <a class="session-row__agent" href=paths::agent(agent_id)>
                {agent_name}
            </a>
        }
    });
    view! {
        <li class="session-row">
            <Avatar avatar=agent_avatar size=AvatarSize::Small />
            <div class="session-row__main">
                <a class="session-row__goal" href=paths::session(id)>
                    {goal}
                </a>
                <p class="session-row__about">
                    {agent}
                    {origin.map(|origin| view! { <span>{tr(origin.kind.title())}</span> })}
                    <Time at=created_at />
                    {move || {
                        begins_at
                            .get()
                            .map(|at| view! { <span>{tr("Begins ")} <Time at=at /></span> })
                    }}
                </p>
            </div>
            <div class="session-row__state">
                <StateBadge state=state />
            </div>
            <p class="session-row__figures">{move || session.with(figures)}</p>
        </li>
    }
}

/// What a session has used so far.
fn figures(session: &SessionSummary) -> impl IntoView + use<> {
    let duration_ms = session.worked_ms();
    view! {
        <span>{tr_count("{n} step", "{n} steps", u64::from(session.steps))}</span>
        <span>{tr_count("{n} token", "{n} tokens", session.usage.total_tokens())}</span>
        <span>{cost_text(session.usage.cost)}</span>
        {duration_ms.map(|ms| view! { <span><Duration ms=ms /></span> })}
    }
}

/// The pages of a list that come after the first one.
pub(crate) struct LaterPages<T: Send + Sync + 'static> {
    items: RwSignal<Vec<T>>,
    next: RwSignal<Option<String>>,
    is_loading: RwSignal<bool>,
    error: RwSignal<Option<AppError>>,
}

impl<T: Send + Sync + 'static> Clone for LaterPages<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for LaterPages<T> {}

impl<T: Clone + Send + Sync + 'static> LaterPages<T> {
    /// None so far; the first page named the cursor of the next one.
    pub(crate) fn new(next: Option<String>) -> Self {
        Self {
            items: RwSignal::new(Vec::new()),
            next: RwSignal::new(next),
            is_loading: RwSignal::new(false),
            error: RwSignal::new(None),
        }
    }

    /// What was fetched so far.
    pub(crate) fn items(self) -> Vec<T> {
        self.items.get()
    }

    /// How many there are, for who does not follow that.
    pub(crate) fn count(self) -> usize {
        self.items.try_with_untracked(Vec::len).unwrap_or_default()
    }

    /// What was fetched so far, for who does not follow that.
    pub(crate) fn fetched(self) -> Vec<T> {
        self.items.try_get_untracked().unwrap_or_default()
    }

    /// Whether others follow, for who does not follow that.
    pub(crate) fn goes_on(self) -> bool {
        self.next.try_with_untracked(Option::is_some).unwrap_or_default()
    }

    /// The cursor of the next page.
    pub(crate) fn next(self) -> Option<String> {
        self.next.get()
    }

    /// Puts the next page behind what is there.
    pub(crate) fn load(self, page: impl Future<Output = Result<Page<T>, AppError>> + 'static) {
        if self.is_loading.get_untracked() {
            return;
        }
        self.is_loading.set(true);
        self.error.set(None);
        spawn_local(async move {
            match page.await {
                Ok(page) => {
                    self.items.try_update(|items| items.extend(page.items));
                    self.next.try_set(page.next_cursor);
                }
                Err(error) => {
                    self.error.try_set(Some(error));
                }
            }
            self.is_loading.try_set(false);
        });
    }
}

/// The way to the next page: a link that leads there, and with JavaScript adds it to this one.
#[component]
pub(crate) fn LoadMore<T: Clone + Send + Sync + 'static>(
    /// The pages.
    pages: LaterPages<T>,
    /// The address of the page that begins at a cursor.
    #[prop(into)]
    href: Callback<String, String>,
    /// Loads the page that begins at a cursor.
    #[prop(into)]
    on_more: Callback<String>,
) -> impl IntoView {
    move || {
        let error = pages.error.get();
        let error = error.map(|error| view! { <ErrorPanel error=error is_aside=true /> });
        let link = pages.next().map(|cursor| {
            view! {
                <a
                    class="button load-more__link"
                    class:is-busy=move || pages.is_loading.get()
                    href=href.run(cursor.clone())
                    rel="next"
                    on:click=move |event| {
                        // A click that asks for a new tab is left to the browser.
                        if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
                            event.prevent_default();
                            on_more.run(cursor.clone());
                        }
                    }
                >
                    <Icon name=IconName::ChevronDown />
                    {tr("Load more")}
                </a>
            }
        });
        view! {
            <div class="load-more">
                {error}
                {link}
            </div>
        }
    }
}
