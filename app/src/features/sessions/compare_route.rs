//! `/sessions/compare`: two sessions side by side.

use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::page::Page;
use resonant_domain::session::{Session, SessionSummary};
use resonant_domain::text::shorten;
use resonant_domain::{FaultKind, SessionId};

use super::api::{SessionSoFar, get_session, list_sessions};
use super::compare_view::CompareView;
use crate::error::AppError;
use crate::language::{key, tr};
use crate::lazy_page::LazyPage;
use crate::ui::{
    Button, EmptyState, ErrorPanel, IconName, LinkButton, PageHead, Select, Skeleton, kept,
    time_text,
};
use crate::{paths, ssr};

/// How many sessions there are to choose from.
const CHOICES: u32 = 100;

/// The page of two sessions side by side.
#[derive(Debug)]
pub struct CompareRoute {
    choices: Resource<Result<Page<SessionSummary>, AppError>>,
    sides: Resource<[Side; 2]>,
}

/// What stands on one side; nothing while no session is named for it.
type Side = Option<Result<SessionSoFar, AppError>>;
/// The names of the sides in the address.
const SIDES: [&str; 2] = ["left", "right"];

impl LazyPage for CompareRoute {
    fn data() -> Self {
        let query = use_query_map();
        let named =
            move || SIDES.map(|side| query.read().get(side).filter(|named| !named.is_empty()));
        Self {
            choices: Resource::new_blocking(|| (), |()| list_sessions(None, None, Some(CHOICES))),
            sides: Resource::new_blocking(named, |[left, right]| async move {
                [read_side(left).await, read_side(right).await]
            }),
        }
    }

    fn view(this: Self) -> AnyView {
        let CompareRoute { choices, sides } = this;
        view! {
            <Title text=tr("Compare sessions") />
            <Meta name="description" content=tr("Two sessions of AI agents side by side") />
            <PageHead title=tr("Compare sessions") lead=tr("What two runs did, side by side")>
                <LinkButton href=paths::SESSIONS.to_owned()>{tr("All sessions")}</LinkButton>
            </PageHead>
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {kept(move || async move {
                    let sides = sides.await;
                    let choices = match choices.await {
                        Ok(choices) => {
                            let named = sides.iter().flatten().flatten();
                            let named = named.map(|so_far| &so_far.session);
                            view! { <Choice options=options(&choices.items, named) /> }.into_any()
                        }
                        Err(error) => view! { <ErrorPanel error=error /> }.into_any(),
                    };
                    let shown = match sides {
                        [Some(Ok(left)), Some(Ok(right))] => {
                            view! { <CompareView left=left right=right /> }.into_any()
                        }
                        [Some(Err(error)), _] | [_, Some(Err(error))] => {
                            if error.kind == FaultKind::NotFound {
                                ssr::not_found();
                            }
                            view! { <ErrorPanel error=error /> }.into_any()
                        }
                        _ => ().into_any(),
                    };
                    view! {
                        {choices}
                        {shown}
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

async fn read_side(named: Option<String>) -> Side {
    // What is no id names no session.
    Some(match named?.parse() {
        Ok(id) => get_session(id).await,
        Err(_) => Err(AppError::not_found(key("There is no such session"))),
    })
}

/// What there is to choose from: the newest sessions, and those that are named already, which may be older,
/// tests, or somebody else's.
fn options<'a>(
    choices: &[SessionSummary],
    named: impl Iterator<Item = &'a Session>,
) -> Vec<(String, String)> {
    let option = |id: SessionId, agent: &str, goal: &str, at: Timestamp| {
        let (goal, at) = (shorten(goal, 60), time_text(at, false));
        (id.to_string(), format!("{agent} · {goal} · {at}"))
    };
    let mut options: Vec<_> = choices
        .iter()
        .map(|one| option(one.id, &one.agent_name, &one.goal, one.created_at))
        .collect();
    for one in named {
        let own = option(one.id, &one.agent_name, &one.goal, one.created_at);
        if options.iter().all(|(id, _)| *id != own.0) {
            options.push(own);
        }
    }
    options
}

/// Which two are compared. A plain form: the address is the state.
#[component]
fn Choice(options: Vec<(String, String)>) -> impl IntoView {
    if options.is_empty() {
        return view! {
            <EmptyState
                icon=IconName::History
                title=tr("No sessions yet")
                text=tr("Run an agent twice, then compare what it did.")
            >
                <LinkButton href=paths::STUDIO.to_owned()>{tr("Go to the studio")}</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    let query = use_query_map();
    let sides = SIDES.map(|side| {
        let label = if side == "left" { tr("Left") } else { tr("Right") };
        let chosen = Signal::derive(move || query.read().get(side).unwrap_or_default());
        // A side that nobody has chosen for yet shows so, rather than the first session.
        let empty = chosen.with_untracked(String::is_empty);
        let none = empty.then(|| (String::new(), tr("Choose a session").to_owned()));
        let options = none.into_iter().chain(options.iter().cloned()).collect();
        view! { <Select label=label name=side options=options value=chosen /> }
    });
    view! {
        <form class="compare-choice" method="get" action=paths::COMPARE_SESSIONS>
            {sides.into_iter().collect_view()}
            <Button>{tr("Compare")}</Button>
        </form>
    }
    .into_any()
}
