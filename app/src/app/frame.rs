//! What stands around every page: header, navigation, footer, notes.

use leptos::prelude::*;

use crate::paths;
use crate::state::ViewerState;
use crate::state::toasts::ToastArea;
use crate::ui::Logo;

/// Header, page and footer.
#[component]
pub fn Frame(
    /// Who looks.
    viewer: ViewerState,
    /// Whether the next page is on its way.
    #[prop(into)]
    is_routing: Signal<bool>,
    /// The page.
    children: Children,
) -> impl IntoView {
    view! {
        <header class="header"><a href=paths::HOME><Logo/>"Resonant"</a></header>
        <div class="routing" class:is-active=is_routing></div>
        <main id="main" tabindex="-1">{children()}</main>
        <Suspense>{move || viewer.get().flatten().map(|viewer| viewer.display_name)}</Suspense>
        <ToastArea />
    }
}
