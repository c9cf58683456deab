//! One listing.

use leptos::prelude::*;
use leptos_router::{LazyRoute, lazy_route};

use crate::ui::Skeleton;

/// One listing.
pub struct ListingRoute;

#[lazy_route]
impl LazyRoute for ListingRoute {
    fn data() -> Self {
        Self
    }

    fn view(this: Self) -> AnyView {
        let Self = this;
        view! { <Skeleton /> }.into_any()
    }
}
