//! Keeps what a page shows up to date while it is open.

use leptos::prelude::*;

use crate::browser::{self, LiveStream};
use crate::language::tr;
use crate::paths;
use crate::ui::{Button, ButtonKind};

/// Asks anew whenever something was measured, until whoever reads stops it. Without a script there is
/// nothing to stop.
#[component]
pub(super) fn Refresh(
    /// What asks.
    ask: Callback<()>,
    /// Whether there is something to keep up to date.
    when: Signal<bool>,
) -> impl IntoView {
    let is_live = RwSignal::new(false);
    let is_on = RwSignal::new(true);
    // Goes away with the page, and the stream with it.
    let stream = StoredValue::new(None::<LiveStream>);
    Effect::new(move || is_live.set(when.get()));
    Effect::new(move || {
        let is_wanted = is_on.get() && is_live.get();
        let follow = is_wanted.then(|| {
            browser::follow_news(paths::LEVEL_STREAM, move || {
                ask.try_run(());
            })
        });
        stream.set_value(follow);
    });
    view! {
        <Show when=move || is_live.get()>
            <p class="admin-refresh">
                <Button
                    kind=ButtonKind::Quiet
                    type_="button"
                    on_click=Callback::new(move |_| is_on.update(|is_on| *is_on = !*is_on))
                >
                    {move || {
                        if is_on.get() {
                            tr("Stop refreshing")
                        } else {
                            tr("Refresh as it is measured")
                        }
                    }}
                </Button>
            </p>
        </Show>
    }
}
