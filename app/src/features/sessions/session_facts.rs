//! The figures of a session.

use std::time::Duration as Span;

use leptos::prelude::*;
use resonant_domain::agent::Limits;
use resonant_domain::origin::{Origin, OriginKind};

use super::figures::grouped;
use super::live_session::LiveSession;
use crate::language::{cost_text, key, tr, tr_with};
use crate::paths;
use crate::ui::{Duration, Icon, IconName, StateBadge};

/// Why a cost is an estimate.
const PRESUMED: &str = key(
    "Nobody has told the price of a model that answered here: it is counted at the dearest of its provider's models",
);
/// How often the elapsed time of a running session is drawn.
const TICK: Span = Span::from_millis(200);

/// State, time, steps, tokens, cost and model: fixed places, so that nothing moves while they count.
#[component]
pub fn Facts(
    /// The session.
    live: LiveSession,
    /// How far it may go.
    limits: Limits,
    /// What began it, where that is known.
    origin: Option<Origin>,
    /// Whether the viewer has started it with what is their own.
    is_own: bool,
) -> impl IntoView {
    let state = Memo::new(move |_| live.state());
    let usage = Memo::new(move |_| live.usage());
    let tokens_title = move || {
        let usage = usage.get();
        tr_with(
            "{read} read, {written} written",
            &[("read", &grouped(usage.input_tokens)), ("written", &grouped(usage.output_tokens))],
        )
    };
    let is_presumed = Memo::new(move |_| live.is_cost_presumed());
    let cost = move || {
        let cost = cost_text(usage.get().cost);
        if is_presumed.get() { tr_with("about {cost}", &[("cost", &cost)]) } else { cost }
    };
    let cost_title = move || is_presumed.get().then(|| tr(PRESUMED));
    view! {
        <dl class="session-facts">
            <div class="session-facts__fact">
                <dt>{tr("State")}</dt>
                <dd><StateBadge state=state /></dd>
            </div>
            <div class="session-facts__fact">
                <dt>{tr("Time")}</dt>
                <dd class="session-facts__time"><Duration ms=elapsed(live) /></dd>
            </div>
            <div class="session-facts__fact">
                <dt>{tr("Steps")}</dt>
                <dd>{move || grouped(live.step_count())} {tr(" of ")} {limits.max_steps}</dd>
            </div>
            <div class="session-facts__fact">
                <dt>{tr("Tokens")}</dt>
                <dd title=tokens_title>{move || grouped(usage.get().total_tokens())}</dd>
            </div>
            <div class="session-facts__fact">
                <dt>{tr("Cost")}</dt>
                <dd title=cost_title>{cost}</dd>
            </div>
            <div class="session-facts__fact">
                <dt>{tr("Answered by")}</dt>
                <dd>
                    {move || match live.model() {
                        None => tr("not known yet").to_owned(),
                        Some((provider, _)) if provider.as_deref() == Some("builtin") => {
                            tr("Built-in planner").to_owned()
                        }
                        Some((_, model)) => model,
                    }}
                </dd>
            </div>
            {origin.map(|origin| view! { <Began origin=origin is_own=is_own /> })}
        </dl>
        <Show when=move || {
            live.model().is_some_and(|(provider, _)| provider.as_deref() == Some("builtin"))
        }>
            <p class="session__planner">
                <Icon name=IconName::Info />
                <span>
                    {tr(
                        "The built-in planner works by rules. It is not a language model: it plans tool \
                        calls from the goal and writes the answer from their results.",
                    )}
                </span>
            </p>
        </Show>
    }
}

/// What began the session. Its owner finds the schedule, the trigger or the key among the others.
#[component]
fn Began(origin: Origin, is_own: bool) -> impl IntoView {
    let title = tr(origin.kind.title());
    let place = match origin.kind {
        OriginKind::Schedule | OriginKind::Trigger => Some(paths::AUTOMATIONS),
        OriginKind::Api | OriginKind::Mcp => Some(paths::KEYS),
        OriginKind::Person | OriginKind::Test | OriginKind::Agent | OriginKind::Marketplace => None,
    };
    let name = match place.filter(|_| is_own && origin.id.is_some()) {
        Some(href) => view! { <a href=href>{title}</a> }.into_any(),
        None => title.into_any(),
    };
    view! {
        <div class="session-facts__fact">
            <dt>{tr("Origin")}</dt>
            <dd>{name}</dd>
        </div>
    }
}

/// The elapsed time, counting while the session runs.
fn elapsed(live: LiveSession) -> Signal<u64> {
    let shown = RwSignal::new(untrack(|| live.elapsed_ms()));
    Effect::new(move || {
        shown.set(live.elapsed_ms());
        if !live.state().is_terminal() {
            let tick = move || {
                shown.try_set(untrack(|| live.elapsed_ms()));
            };
            if let Ok(handle) = set_interval_with_handle(tick, TICK) {
                on_cleanup(move || handle.clear());
            }
        }
    });
    shown.into()
}
