//! The page of a session: what it is for, what happens, and what can be done about it.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use resonant_domain::pin::GOAL_NUMBER;
use resonant_domain::session::{Lineage, Session};
use resonant_domain::team::SessionStanding;

use super::api::{CancelSession, SessionSoFar};
use super::brief::{Brief, heading};
use super::decision_panel::DecisionPanel;
use super::find_inside::{self, FindInside};
use super::follow::Follow;
use super::fork_panel::ForkPanel;
use super::happened::{Below, Close, Queued, Steps, Waiting};
use super::input_panel::{Answer, Inputs};
use super::live_session::LiveSession;
use super::message_panel::MessagePanel;
use super::pin_button::PinButton;
use super::raw_view::RawView;
use super::reading::{Asked, Connection, Reader, Views, follow_log, is_raw};
use super::retry_form::RetryForm;
use super::session_facts::Facts;
use super::session_parts::Parts;
use super::share_panel::SharePanel;
use super::thumb_panel::ThumbPanel;
use crate::language::{tr, tr_with};
use crate::paths;
use crate::ui::{
    Avatar, AvatarSize, Button, ButtonKind, CopyButton, ErrorPanel, Icon, IconName, LinkButton,
    Time,
};

/// A session, live.
#[component]
pub fn SessionView(
    /// All that happened so far.
    so_far: SessionSoFar,
    /// Who looks, and by which way.
    reader: Reader,
    /// What the address asks for beside it.
    asked: Asked,
    /// What of that is there already: what a step was given.
    input: Option<(u32, Answer)>,
) -> impl IntoView {
    let session = so_far.session.clone();
    let live = LiveSession::new(so_far);
    let state = Memo::new(move |_| live.state());
    let is_known = matches!(reader, Reader::Known(_));
    let SessionStanding { is_own, may_fork, may_steer, starter } = reader.standing();
    let pins = may_steer.then_some(live);
    let door = reader.door(&session);
    let inputs = StoredValue::new(Inputs { door: door.clone(), asked: input });
    let query = use_query_map();
    let is_raw = Memo::new(move |_| is_raw(&query.read()));
    follow_log(live, door.clone());

    let actions = is_known.then(|| {
        let session = session.clone();
        let own = session.clone();
        view! {
            {may_steer.then(|| view! { <Actions live=live session=own /> })}
            <SharePanel session=session may_link=is_own />
        }
    });
    let close = {
        let session = session.clone();
        is_known.then(|| view! { <Close live=live session=session may_run=may_fork /> })
    };
    let decision = if may_steer {
        view! { <DecisionPanel live=live id=session.id /> }.into_any()
    } else {
        view! { <Waiting live=live /> }.into_any()
    };
    let said = may_steer.then(|| view! { <MessagePanel live=live id=session.id /> });
    let fork =
        may_fork.then(|| view! { <ForkPanel live=live id=session.id goal=session.goal.clone() /> });
    let name = session.agent_name.clone();
    // The title outlives this view while another session is opened, and is written outside of it: a
    // memo finds the reader's language there too.
    let state_name = Memo::new(move |_| tr(state.get().title()));
    let title =
        move || state_name.try_get().map_or_else(String::new, |state| format!("{state}: {name}"));
    view! {
        <Title text=title />
        <article class="session">
            <Head session=session.clone() is_owner=is_known starter=starter pins=pins />
            <Facts
                live=live
                limits=session.limits
                origin=session.origin
                is_own=is_own && session.started_by.is_none()
            />
            <Parts live=live limits=session.limits />
            {actions}
            <Connection live=live is_known=is_known />
            <Views page=door.page() is_raw=is_raw />
            <p class="visually-hidden" role="status">
                {move || {
                    let state = state_name.get().to_lowercase();
                    tr_with("The session is {state}", &[("state", &state)])
                }}
            </p>
            <section class="session__log" id=find_inside::LOG aria-labelledby="log-title">
                <h2 class="visually-hidden" id="log-title">
                    {tr("What happened")}
                </h2>
                <Queued live=live />
                <FindInside live=live />
                {move || {
                    if is_raw.get() {
                        view! { <RawView live=live door=door.clone() log=asked.log /> }.into_any()
                    } else {
                        view! {
                            <Steps
                                live=live
                                may_fork=may_fork
                                may_steer=may_steer
                                may_look_up=is_known
                                inputs=inputs
                            />
                        }
                            .into_any()
                    }
                }}
                <Below live=live pins=pins>
                    {decision}
                </Below>
                {close}
            </section>
            {said}
            {fork}
            <Follow live=live />
        </article>
    }
}

/// Who works on what.
#[component]
fn Head(
    session: Session,
    is_owner: bool,
    starter: Option<String>,
    pins: Option<LiveSession>,
) -> impl IntoView {
    let pin = pins.map(|live| view! { <PinButton live=live message=GOAL_NUMBER /> });
    let starter = starter.map(|name| {
        view! { <p class="session__origin">{tr("Started by ")} {name} {tr(", a teammate")}</p> }
    });
    let title = heading(&session.goal);
    let parent = session.parent.filter(|_| is_owner);
    let origin = parent.map(|Lineage { session_id, step }| {
        let what = if step == 0 {
            tr("the goal").to_owned()
        } else {
            tr_with("step {step}", &[("step", &step)])
        };
        view! {
            <p class="session__origin">
                {tr("Forked after ")} {what} {tr(" of ")}
                <a href=paths::session(session_id)>{tr("another session")}</a>
            </p>
        }
    });
    let caller = session.called_by.filter(|_| is_owner).map(|by| {
        view! {
            <p class="session__origin">
                {tr("Called by ")} <a href=paths::session(by.session_id)>{tr("another session")}</a>
                {tr(", which waits for the answer")}
            </p>
        }
    });
    let who = view! {
        <Avatar avatar=session.agent_avatar size=AvatarSize::Small />
        {session.agent_name}
        {session
            .agent_version
            .map(|version| {
                let version = tr_with("version {version}", &[("version", &version)]);
                view! { <span class="session__version">{version}</span> }
            })}
        {session.is_test.then(|| view! { <span class="session__version">{tr("test")}</span> })}
    };
    let agent = if is_owner {
        let href = paths::agent(session.agent_id);
        view! {
            <a class="session__agent" href=href>
                {who}
            </a>
        }
        .into_any()
    } else {
        view! { <p class="session__agent">{who}</p> }.into_any()
    };
    view! {
        <header class="session__head" id=find_inside::HEAD>
            {agent}
            <h1 class="session__goal">{title}</h1>
            {pin}
            {starter}
            {origin}
            {caller}
            <Brief goal=session.goal context=session.context variables=session.variables />
        </header>
    }
}

/// Cancel while it runs; run again and copy when it is over.
#[component]
fn Actions(live: LiveSession, session: Session) -> impl IntoView {
    let cancel = ServerAction::<CancelSession>::new();
    let value = cancel.value();
    Effect::new(move || {
        if let Some(Ok(session)) = value.get() {
            live.renew(session);
        }
    });
    let error = move || value.with(|value| value.as_ref().and_then(|value| value.clone().err()));
    let is_over = Memo::new(move |_| live.state().is_terminal());
    let id = session.id;
    let thumb = RwSignal::new(session.thumb);
    view! {
        <div class="session__actions">
            <Show
                when=move || !is_over.get()
                fallback=move || {
                    view! {
                        <RetryForm live=live id=id />
                        <LinkButton href=paths::run_again(session.agent_id, id) kind=ButtonKind::Primary>
                            <Icon name=IconName::Refresh />
                            {tr("Run again")}
                        </LinkButton>
                        {move || {
                            live.answer()
                                .map(|answer| {
                                    view! {
                                        <span class="needs-script">
                                            <CopyButton text=answer label=tr("Copy the answer") />
                                        </span>
                                    }
                                })
                        }}
                    }
                }
            >
                <ActionForm action=cancel>
                    <input type="hidden" name="id" value=id.to_string() />
                    <Button kind=ButtonKind::Danger busy=cancel.pending()>
                        <Icon name=IconName::Stop />
                        {tr("Cancel")}
                    </Button>
                </ActionForm>
                // A browser with scripts reads the inside of noscript as text, so it is given as text.
                <noscript inner_html=format!(
                    "<a class=\"button\" href=\"{}\">{}</a>",
                    paths::session(id),
                    tr("Reload to see what is new"),
                )></noscript>
            </Show>
            <Show when=move || is_over.get()>
                <ThumbPanel id thumb />
            </Show>
            <span class="session__started">{tr("Asked for ")} <Time at=session.created_at /></span>
        </div>
        {move || error().map(|error| view! { <ErrorPanel error=error is_aside=true /> })}
    }
}
