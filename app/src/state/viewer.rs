//! Who looks at the page.

use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::member::Viewer;

use crate::browser;
use crate::error::AppError;
use crate::features::account::api::get_viewer;

/// Who looks at the page, kept up to date after sign-in and sign-out.
#[derive(Clone, Copy)]
pub struct ViewerState {
    resource: Resource<Result<Option<Viewer>, AppError>>,
}

impl ViewerState {
    /// The viewer, as soon as it is known who they are; to be awaited in `Suspend`. Nobody for an
    /// anonymous visitor, and when the look-up fails: every use case checks for itself.
    pub async fn load(self) -> Option<Viewer> {
        self.resource.await.ok().flatten()
    }

    /// Whether it is known that nobody is signed in.
    pub fn is_anonymous_untracked(self) -> bool {
        self.resource.get_untracked().is_some_and(|answer| matches!(answer, Ok(None)))
    }

    /// Asks again, after something that may have signed the viewer in or out.
    pub fn refresh(self) {
        self.resource.refetch();
    }

    /// Looks who it is whenever somebody comes back to the page: they may have signed in or out in another
    /// tab, or under another name. Nothing is drawn anew where it is still the same.
    fn follow(self) {
        let known = StoredValue::new(None::<Option<Viewer>>);
        Effect::new(move || {
            if let Some(Ok(viewer)) = self.resource.get() {
                known.set_value(Some(viewer.map(lasting)));
            }
        });
        // Whoever comes back to a tab comes back to its window, too.
        let is_looking = StoredValue::new(false);
        let look = move || {
            if is_looking.try_update_value(|is| std::mem::replace(is, true)) != Some(false) {
                return;
            }
            spawn_local(async move {
                let now = get_viewer().await;
                is_looking.set_value(false);
                let Ok(now) = now else { return };
                let before = known.try_get_value().flatten();
                if before.is_some_and(|before| before != now.map(lasting)) {
                    self.refresh();
                }
            });
        };
        Effect::new(move || {
            let shown = window_event_listener_untyped("visibilitychange", move |_| {
                if browser::is_shown() {
                    look();
                }
            });
            // A window beside others is shown all the time.
            let focused = window_event_listener(leptos::ev::focus, move |_| look());
            on_cleanup(move || {
                shown.remove();
                focused.remove();
            });
        });
    }
}

/// What stays of a viewer while they read: what they have not read is told by other ways.
fn lasting(viewer: Viewer) -> Viewer {
    Viewer { unread_notices: 0, ..viewer }
}

/// Makes the viewer known below this component.
pub fn provide_viewer() -> ViewerState {
    let viewer = ViewerState { resource: Resource::new_blocking(|| (), |()| get_viewer()) };
    provide_context(viewer);
    viewer.follow();
    viewer
}

/// Who looks at the page. Every component of the app may ask.
pub fn use_viewer() -> ViewerState {
    expect_context()
}
