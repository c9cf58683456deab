//! Publishing an agent: what is handed in, how it would look, and how it stands.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;

mod findings;
mod publish_form;
mod publish_route;
mod standing;

pub(crate) use findings::Findings;
pub use publish_route::PublishRoute;

// It is reached from the Studio: a chunk of its own would move what both use into the main module.
lazy_pages!(studio: publish = PublishRoute);
