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
