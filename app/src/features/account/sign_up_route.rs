use leptos::prelude::*;
use leptos_router::{LazyRoute, lazy_route};

/// The page.
pub struct SignUpRoute;

#[lazy_route]
impl LazyRoute for SignUpRoute {
    fn data() -> Self {
        Self
    }

    fn view(this: Self) -> AnyView {
        let Self = this;
        view! { <p>"…"</p> }.into_any()
    }
}
