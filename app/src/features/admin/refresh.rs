//! Keeps what a page shows up to date while it is open.

use std::time::Duration;

use leptos::prelude::*;

use crate::ui::{Button, ButtonKind};

/// How often it is asked anew: measurements are written every ten seconds.
const EVERY: Duration = Duration::from_secs(15);

/// Asks anew every [`EVERY`], until whoever reads stops it. Without a script there is nothing to stop.
#[component]
pub(super) fn Refresh(
    /// What asks.
    ask: Callback<()>,
    /// Whether there is something to keep up to date.
    when: Signal<bool>,
) -> impl IntoView {
    let is_live = RwSignal::new(false);
    let is_on = RwSignal::new(true);
    Effect::new(move || is_live.set(when.get()));
    Effect::new(move || {
        if !is_on.get() || !is_live.get() {
            return;
        }
        if let Ok(handle) = set_interval_with_handle(move || ask.run(()), EVERY) {
            on_cleanup(move || handle.clear());
        }
    });
    view! {
        <Show when=move || is_live.get()>
            <p class="admin-refresh">
                <Button
                    kind=ButtonKind::Quiet
                    type_="button"
                    on_click=Callback::new(move |_| is_on.update(|is_on| *is_on = !*is_on))
                >
                    {move || if is_on.get() { "Stop refreshing" } else { "Refresh every 15 seconds" }}
                </Button>
            </p>
        </Show>
    }
}
