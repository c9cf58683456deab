//! The editor of an agent.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use resonant_domain::agent::Agent;
use resonant_domain::agent_numbers::VersionNumbers;
use resonant_domain::page::Page;
use resonant_domain::session::SessionSummary;
use resonant_domain::team::AgentRight;
use resonant_domain::{AgentId, SessionId};

use super::agent_row::StatusBadge;
use super::api::EditedAgent;
use super::draft::Draft;
use super::edit_form::EditForm;
use super::publish_panel::{PublishPanel, Reach};
use super::run_panel::{RunPanel, Task};
use super::status_panel::{DeletePanel, StatusPanel};
use super::team_panel::{AgentSheet, SharePanel, StandingNote, may};
use crate::error::AppError;
use crate::features::sessions::api::list_sessions;
use crate::features::sessions::glance::GlanceView;
use crate::features::sessions::session_list::{AgentNames, SessionRow};
use crate::language::{cost_text, tr, tr_count, tr_with};
use crate::paths;
use crate::ui::{Avatar, AvatarSize, ErrorPanel, Notice, Time, Tone, duration_text};

/// How many sessions stand beside the editor.
pub(super) const RECENT: u32 = 5;

/// An agent, to change and to run.
#[component]
pub(super) fn Editor(
    /// The agent.
    edited: EditedAgent,
    /// Its newest sessions.
    recent: Result<Page<SessionSummary>, AppError>,
    /// What the run form starts with.
    task: Task,
) -> impl IntoView {
    let EditedAgent {
        agent,
        published,
        typical,
        language_model,
        callable,
        update,
        weight,
        requires_tests,
        lacking_tests,
        is_paid_for,
        standing,
    } = edited;
    let (may_run, may_edit) =
        (may(standing.as_ref(), AgentRight::Run), may(standing.as_ref(), AgentRight::Edit));
    let is_own = standing.is_none();
    let reach = match (is_paid_for, is_own) {
        (true, _) => Reach::Here,
        (false, false) => Reach::File,
        (false, true) => Reach::Marketplace,
    };
    let note = standing.map(|standing| view! { <StandingNote standing=standing /> });
    let (id, limits) = (agent.id, agent.spec.limits);
    let draft = Draft::new(agent.clone());
    let shown = draft.shown;
    let published = RwSignal::new(published);
    let started = RwSignal::new(None::<SessionId>);
    let recent = RwSignal::new(recent);
    let renew = move || {
        spawn_local(async move {
            if let Ok(page) = list_sessions(Some(id), None, Some(RECENT)).await {
                let _ = recent.try_set(Ok(page));
            }
        });
    };
    let on_start = Callback::new(move |session: SessionId| {
        started.set(Some(session));
        renew();
    });
    let on_over = Callback::new(move |()| renew());
    let status = Signal::derive(move || shown.with(|agent| agent.status));
    let update = update.map(|version| {
        view! {
            <Notice tone=Tone::Info>
                <p>
                    {tr_with(
                        "Version {version} of its listing is there. ",
                        &[("version", &version)],
                    )}
                    <a href=paths::update(id)>{tr("See what is new")}</a>
                </p>
            </Notice>
        }
    });
    view! {
        <Title text=move || shown.with(|agent| agent.spec.name.clone()) />
        <Head shown=shown is_own=is_own />
        {note}
        {update}
        {super::lineage::lineage(id, agent.listing_id)}
        <div class="editor">
            <div class="editor__side">
                {may_run
                    .then(|| {
                        view! {
                            <RunPanel
                                id=id
                                status=status
                                limits=limits
                                draft=draft
                                published=published
                                task=task
                                may_try_draft=may_edit
                                on_start=on_start
                            />
                        }
                    })}
                {move || started.get().map(|session| view! { <Started session on_over /> })}
                {typical.map(|typical| view! { <Typical id=id typical=typical /> })}
                <Recent id=id recent=recent />
                <Tools shown=shown />
                <Kept id=id />
            </div>
            <div class="editor__main">
                {if may_edit {
                    view! {
                        <EditForm
                            agent=agent
                            draft=draft
                            language_model=language_model
                            callable=callable
                            weight=weight
                        />
                    }
                        .into_any()
                } else {
                    view! { <AgentSheet agent=agent /> }.into_any()
                }}
                <PublishPanel
                    draft=draft
                    published=published
                    requires_tests=requires_tests
                    lacking_tests=lacking_tests
                    may_publish=may_edit
                    reach=reach
                />
                {is_own
                    .then(|| {
                        view! {
                            <SharePanel id=id />
                            <StatusPanel draft=draft />
                            <DeletePanel draft=draft />
                        }
                    })}
            </div>
        </div>
    }
}

#[component]
fn Head(shown: RwSignal<Agent>, is_own: bool) -> impl IntoView {
    let back = if is_own {
        view! { <a href=paths::STUDIO>{tr("Studio")}</a> }.into_any()
    } else {
        view! { <a href=paths::SHARED_AGENTS>{tr("Shared with me")}</a> }.into_any()
    };
    let status = Signal::derive(move || shown.with(|agent| agent.status));
    view! {
        <header class="editor__head">
            {move || {
                let avatar = shown.with(|agent| agent.spec.avatar.clone());
                view! { <Avatar avatar=avatar size=AvatarSize::Large /> }
            }}
            <div class="editor__name">
                <p class="editor__back">
                    {back}
                </p>
                <h1>{move || shown.with(|agent| agent.spec.name.clone())}</h1>
                <p class="editor__about">
                    <StatusBadge status=status />
                    <span>
                        {tr("Changed ")}
                        {move || view! { <Time at=shown.with(|agent| agent.updated_at) /> }}
                    </span>
                </p>
            </div>
        </header>
    }
}

/// What a session is likely to take and to cost, from those that were.
#[component]
fn Typical(id: AgentId, typical: VersionNumbers) -> impl IntoView {
    typical.p50_ms.zip(typical.median_cost).map(|(time, cost)| {
        let (time, cost) = (duration_text(time), cost_text(cost));
        let sessions = tr_count("{n} session", "{n} sessions", typical.completed);
        let text = tr_with(
            "A session is likely to take {time} and to cost {cost}: the median of {sessions}. ",
            &[("time", &time), ("cost", &cost), ("sessions", &sessions)],
        );
        view! {
            <p class="editor__typical">
                {text}
                <a href=paths::numbers(id)>{tr("All numbers")}</a>
            </p>
        }
    })
}

/// The session that was started last, beside the form that started it.
#[component]
fn Started(session: SessionId, on_over: Callback<()>) -> impl IntoView {
    view! {
        <section class="editor__recent" aria-labelledby="started-title">
            <h2 id="started-title">{tr("The session that you started")}</h2>
            <GlanceView id=session on_over=on_over />
        </section>
    }
}

/// The agent's newest sessions.
#[component]
fn Recent(id: AgentId, recent: RwSignal<Result<Page<SessionSummary>, AppError>>) -> impl IntoView {
    let content = move || match recent.get() {
        Err(error) => view! { <ErrorPanel error=error /> }.into_any(),
        Ok(page) if page.items.is_empty() => {
            view! { <p class="editor__nothing">{tr("None yet. Give it a goal above.")}</p> }
                .into_any()
        }
        Ok(page) => {
            let rows = page
                .items
                .into_iter()
                .map(|session| view! { <SessionRow session=session names=AgentNames::Hidden /> })
                .collect_view();
            view! {
                <ul class="session-list session-list--narrow">{rows}</ul>
                <p>
                    <a href=paths::sessions_of(id)>{tr("All its sessions")}</a>
                </p>
            }
            .into_any()
        }
    };
    view! {
        <section class="editor__recent" aria-labelledby="recent-title">
            <h2 id="recent-title">{tr("Last sessions")}</h2>
            {content}
        </section>
    }
}

/// The tools that the form does not switch, and the way to all of them.
#[component]
fn Tools(shown: RwSignal<Agent>) -> impl IntoView {
    let id = shown.with_untracked(|agent| agent.id);
    let own = move || {
        shown.with(|agent| {
            let own = agent.spec.tools.iter().filter(|grant| !grant.settings.is_built_in());
            own.map(|grant| {
                let href = paths::tool(id, &grant.name);
                view! { <li><a href=href>{grant.name.clone()}</a></li> }
            })
            .collect_view()
        })
    };
    view! {
        <section class="editor__recent" aria-labelledby="tools-title">
            <h2 id="tools-title">{tr("Its own tools")}</h2>
            <ul class="editor__tools">{own}</ul>
            <p>
                {tr("Requests to other services, OpenAPI and MCP, with the schema of each tool: ")}
                <a href=paths::tools(id)>{tr("All its tools")}</a>
            </p>
        </section>
    }
}

/// The way to what the agent keeps.
#[component]
fn Kept(id: AgentId) -> impl IntoView {
    view! {
        <section class="editor__recent" aria-labelledby="kept-title">
            <h2 id="kept-title">{tr("What it knows")}</h2>
            <p>
                {tr("Documents that it looks things up in, and facts that it remembers: ")}
                <a href=paths::knowledge(id)>{tr("Knowledge and memory")}</a>
            </p>
        </section>
    }
}
