//! Who looks at the page.

use leptos::prelude::*;
use resonant_domain::member::Viewer;

use crate::error::AppError;
use crate::features::account::api::get_viewer;

/// Who looks at the page, kept up to date after sign-in and sign-out.
#[derive(Clone, Copy)]
pub struct ViewerState {
    resource: Resource<Result<Option<Viewer>, AppError>>,
}

impl ViewerState {
    /// The viewer. `None` while it is not known; `Some(None)` for an anonymous visitor.
    ///
    /// Read it inside `<Suspense>` or `<Transition>`. A failed look-up counts as anonymous: every
    /// use case checks for itself.
    pub fn get(self) -> Option<Option<Viewer>> {
        self.resource.get().map(|answer| answer.ok().flatten())
    }

    /// The viewer, as soon as they are known; to be awaited in `Suspend`.
    pub async fn load(self) -> Option<Viewer> {
        self.resource.await.ok().flatten()
    }

    /// The viewer without following changes.
    pub fn get_untracked(self) -> Option<Option<Viewer>> {
        self.resource.get_untracked().map(|answer| answer.ok().flatten())
    }

    /// Asks again, after something that may have signed the viewer in or out.
    pub fn refresh(self) {
        self.resource.refetch();
    }
}

/// Makes the viewer known below this component.
pub fn provide_viewer() -> ViewerState {
    let viewer = ViewerState { resource: Resource::new_blocking(|| (), |()| get_viewer()) };
    provide_context(viewer);
    viewer
}

/// Who looks at the page. Every component of the app may ask.
pub fn use_viewer() -> ViewerState {
    expect_context()
}
