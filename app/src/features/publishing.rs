//! Publishing an agent: what is handed in, how it would look, and how it stands. And what new versions
//! mean to those who have a copy.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;

mod compared_pictures;
mod conflicts;
mod examples;
mod findings;
mod pictures;
mod publish_form;
mod publish_route;
mod show_form;
mod standing;
mod unsaved;
mod update_route;

pub(crate) use compared_pictures::compared_pictures;
pub(crate) use examples::shown_examples;
pub(crate) use findings::Findings;
pub use publish_route::PublishRoute;
pub use update_route::UpdateRoute;

// They are reached from the Studio: a chunk of their own would move what both use into the main module.
lazy_pages!(editor: publish = PublishRoute, update = UpdateRoute);
