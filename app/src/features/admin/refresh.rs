//! Keeps what a page shows up to date while it is open.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::browser::{self, LiveStream};
use crate::error::AppError;
use crate::language::tr;
use crate::paths;
use crate::ui::{Button, ButtonKind};

/// Asks anew whenever there is news, until whoever reads stops it. It asks as it begins, too: for what was told
/// since the page was read. Without a script there is nothing to stop.
#[component]
pub(super) fn Refresh(
    /// What asks.
    ask: Callback<()>,
    /// Whether there is something to keep up to date.
    when: Signal<bool>,
    /// Where it is heard that there is news: as a rule, that something was measured.
    #[prop(default = paths::LEVEL_STREAM)]
    url: &'static str,
) -> impl IntoView {
    let is_live = RwSignal::new(false);
    let is_on = RwSignal::new(true);
    // Goes away with the page, and the stream with it.
    let stream = StoredValue::new(None::<LiveStream>);
    Effect::new(move || is_live.set(when.get()));
    // What is asked for comes anew, which must not open the stream once more.
    let is_wanted = Memo::new(move |_| is_on.get() && is_live.get());
    Effect::new(move || {
        let follow = is_wanted.get().then(|| {
            browser::follow_news(url, move || {
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

/// Reads a part of a page anew, each time that `news` counts on after the part was drawn. Of several readings
/// that are under way the newest counts.
pub(super) fn reread<T, F>(
    news: RwSignal<u32>,
    read: impl Fn() -> F + 'static,
    take: Callback<Result<T, AppError>>,
) where
    T: 'static,
    F: Future<Output = Result<T, AppError>> + 'static,
{
    Effect::new(move |was_drawn: Option<()>| {
        let number = news.get();
        if was_drawn.is_none() {
            return;
        }
        let reading = read();
        spawn_local(async move {
            let answer = reading.await;
            if news.try_get_untracked() == Some(number) {
                take.try_run(answer);
            }
        });
    });
}
