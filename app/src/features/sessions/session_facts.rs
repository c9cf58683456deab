//! The figures of a session.

use std::time::Duration as Span;

use leptos::prelude::*;
use resonant_domain::agent::Limits;

use super::figures::grouped;
use super::live_session::LiveSession;
use crate::ui::{Duration, Icon, IconName, StateBadge};

/// How often the elapsed time of a running session is drawn.
const TICK: Span = Span::from_millis(200);

/// State, time, steps, tokens, cost and model: fixed places, so that nothing moves while they count.
#[component]
pub fn Facts(
    /// The session.
    live: LiveSession,
    /// How far it may go.
    limits: Limits,
) -> impl IntoView {
    let state = Memo::new(move |_| live.state());
    let usage = Memo::new(move |_| live.usage());
    let tokens_title = move || {
        let usage = usage.get();
        format!("{} read, {} written", grouped(usage.input_tokens), grouped(usage.output_tokens))
    };
    view! {
        <dl class="session-facts">
            <div class="session-facts__fact">
                <dt>"State"</dt>
                <dd><StateBadge state=state /></dd>
            </div>
            <div class="session-facts__fact">
                <dt>"Time"</dt>
                <dd class="session-facts__time"><Duration ms=elapsed(live) /></dd>
            </div>
            <div class="session-facts__fact">
                <dt>"Steps"</dt>
                <dd>{move || grouped(live.step_count())} " of " {limits.max_steps}</dd>
            </div>
            <div class="session-facts__fact">
                <dt>"Tokens"</dt>
                <dd title=tokens_title>{move || grouped(usage.get().total_tokens())}</dd>
            </div>
            <div class="session-facts__fact">
                <dt>"Cost"</dt>
                <dd>{move || usage.get().cost.to_string()}</dd>
            </div>
            <div class="session-facts__fact">
                <dt>"Answered by"</dt>
                <dd>
                    {move || match live.model() {
                        None => "not known yet".to_owned(),
                        Some((provider, _)) if provider.as_deref() == Some("builtin") => {
                            "Built-in planner".to_owned()
                        }
                        Some((_, model)) => model,
                    }}
                </dd>
            </div>
        </dl>
        <Show when=move || {
            live.model().is_some_and(|(provider, _)| provider.as_deref() == Some("builtin"))
        }>
            <p class="session__planner">
                <Icon name=IconName::Info />
                <span>
                    "The built-in planner works by rules. It is not a language model: it plans tool \
                    calls from the goal and writes the answer from their results."
                </span>
            </p>
        </Show>
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
