//! Following a session: the page stays at the end of what is written while its reader is there.

use leptos::ev;
use leptos::prelude::*;

use super::live_session::LiveSession;
use crate::browser;
use crate::language::tr;
use crate::ui::{Button, Icon, IconName};

/// Farther than so many pixels from the end, the reader is elsewhere.
const NEAR_END: f64 = 160.0;
/// Within so many pixels of the end, the reader is there.
const AT_END: f64 = 8.0;

/// Scrolls along with what is written as long as the reader is at the end, and offers the way back
/// to it when not.
#[component]
pub fn Follow(
    /// The session.
    live: LiveSession,
) -> impl IntoView {
    let is_at_end = live.at_end();
    // Between a change and the frame in which the page has scrolled, its place says nothing.
    let is_moving = StoredValue::new(false);
    let is_over = Memo::new(move |_| live.state().is_terminal());
    let go = move || {
        is_moving.set_value(true);
        request_animation_frame(move || {
            // The reader may have turned back meanwhile.
            if is_at_end.try_get_untracked() == Some(true) {
                browser::scroll_to_end();
            }
            is_moving.try_update_value(|is_moving| *is_moving = false);
        });
    };
    let leave = move || {
        if browser::scroll_top() > 0.0 {
            is_at_end.set(false);
        }
    };
    // The first pixels of turning back still lie near the end: nobody comes to it who goes up.
    let top = StoredValue::new(0.0);
    Effect::new(move || {
        is_at_end.set(browser::is_near_end(NEAR_END));
        top.set_value(browser::scroll_top());
        let scroll = window_event_listener(ev::scroll, move |_| {
            let before = top.get_value();
            top.set_value(browser::scroll_top());
            if browser::is_near_end(AT_END) && top.get_value() > before {
                is_at_end.set(true);
            } else if !is_moving.get_value() && !browser::is_near_end(NEAR_END) {
                is_at_end.set(false);
            }
        });
        let wheel = window_event_listener(ev::wheel, move |event| {
            if event.delta_y() < 0.0 {
                leave();
            }
        });
        let touch = window_event_listener(ev::touchmove, move |_| leave());
        let key = window_event_listener(ev::keydown, move |event| {
            // In a field they move what is written, and not the page.
            let key = browser::key_of(&event);
            let is_up = matches!(key.as_str(), "ArrowUp" | "PageUp" | "Home");
            if is_up && !browser::is_in_field(&event) {
                leave();
            }
        });
        on_cleanup(move || {
            scroll.remove();
            wheel.remove();
            touch.remove();
            key.remove();
        });
    });
    Effect::new(move |was_there: Option<()>| {
        live.track_pulse();
        if was_there.is_some() && is_at_end.get_untracked() {
            go();
        }
    });
    let jump = Callback::new(move |_| {
        is_at_end.set(true);
        browser::scroll_to_end();
    });
    view! {
        <Show when=move || !is_at_end.get() && !is_over.get()>
            <div class="session__jump">
                <Button type_="button" on_click=jump>
                    <Icon name=IconName::ArrowDown />
                    {tr("Jump to latest")}
                </Button>
            </div>
        </Show>
    }
}
