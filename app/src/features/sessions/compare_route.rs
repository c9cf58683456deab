//! `/sessions/compare`: two sessions side by side.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::page::Page;
use resonant_domain::session::SessionSummary;
use resonant_domain::{FaultKind, SessionId};

use super::api::{SessionSoFar, get_session, list_sessions};
use super::compare_view::CompareView;
use crate::error::AppError;
use crate::language::{key, tr};
use crate::lazy_page::LazyPage;
use crate::ui::{
    Button, EmptyState, ErrorPanel, IconName, LinkButton, PageHead, Select, Skeleton, time_text,
};
use crate::{paths, ssr};

/// How many sessions there are to choose from.
const CHOICES: u32 = 100;

/// The page of two sessions side by side.
#[derive(Debug)]
pub struct CompareRoute {
    choices: Resource<Result<Page<SessionSummary>, AppError>>,
    pair: Resource<Option<Result<Pair, AppError>>>,
}

/// Two sessions.
type Pair = (SessionSoFar, SessionSoFar);

impl LazyPage for CompareRoute {
    fn data() -> Self {
        let query = use_query_map();
        let chosen = Memo::new(move |_| {
            let query = query.read();
            Some((query.get("left")?, query.get("right").filter(|right| !right.is_empty())?))
        });
        Self {
            choices: Resource::new_blocking(|| (), |()| list_sessions(None, None, Some(CHOICES))),
            pair: Resource::new_blocking(
                move || chosen.get(),
                |chosen| async move {
                    let (left, right) = chosen?;
                    Some(read_pair(&left, &right).await)
                },
            ),
        }
    }

    fn view(this: Self) -> AnyView {
        let CompareRoute { choices, pair } = this;
        view! {
            <Title text=tr("Compare sessions") />
            <Meta name="description" content=tr("Two sessions of AI agents side by side") />
            <PageHead title=tr("Compare sessions") lead=tr("What two runs did, side by side")>
                <LinkButton href=paths::SESSIONS.to_owned()>{tr("All sessions")}</LinkButton>
            </PageHead>
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {move || Suspend::new(async move {
                    let pair = pair.await;
                    let choices = match choices.await {
                        Ok(choices) => view! { <Choice choices=choices.items /> }.into_any(),
                        Err(error) => view! { <ErrorPanel error=error /> }.into_any(),
                    };
                    let shown = match pair {
                        None => ().into_any(),
                        Some(Ok((left, right))) => {
                            view! { <CompareView left=left right=right /> }.into_any()
                        }
                        Some(Err(error)) => {
                            if error.kind == FaultKind::NotFound {
                                ssr::not_found();
                            }
                            view! { <ErrorPanel error=error /> }.into_any()
                        }
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

async fn read_pair(left: &str, right: &str) -> Result<Pair, AppError> {
    // What is no id names no session.
    let id = |text: &str| -> Result<SessionId, AppError> {
        text.parse().map_err(|_| AppError::not_found(key("There is no such session")))
    };
    Ok((get_session(id(left)?).await?, get_session(id(right)?).await?))
}

/// Which two are compared. A plain form: the address is the state.
#[component]
fn Choice(choices: Vec<SessionSummary>) -> impl IntoView {
    if choices.is_empty() {
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
    let options = || {
        let option = |session: &SessionSummary| {
            let at = time_text(session.created_at, false);
            let goal = resonant_domain::text::shorten(&session.goal, 60);
            let text = format!("{} · {goal} · {at}", session.agent_name);
            (session.id.to_string(), text)
        };
        choices.iter().map(option).collect::<Vec<_>>()
    };
    let chosen = move |name: &'static str| {
        Signal::derive(move || query.read().get(name).unwrap_or_default())
    };
    view! {
        <form class="compare-choice" method="get" action=paths::COMPARE_SESSIONS>
            <Select label=tr("Left") name="left" options=options() value=chosen("left") />
            <Select label=tr("Right") name="right" options=options() value=chosen("right") />
            <Button>{tr("Compare")}</Button>
        </form>
    }
    .into_any()
}
