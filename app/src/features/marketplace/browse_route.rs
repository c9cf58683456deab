//! The marketplace.

use leptos::prelude::*;
use leptos_router::{LazyRoute, lazy_route};

use crate::ui::Skeleton;

/// The marketplace.
pub struct BrowseRoute;

#[lazy_route]
impl LazyRoute for BrowseRoute {
    fn data() -> Self {
        Self
    }

    fn view(this: Self) -> AnyView {
        let Self = this;
        view! { <Skeleton /> }.into_any()
    }
}
