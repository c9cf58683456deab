//! The start page. It is in the main bundle, because it is where most visits begin.

pub mod api;

mod goal_box;
mod landing_page;
mod sections;
#[cfg(feature = "ssr")]
mod site_data;

pub use landing_page::LandingPage;
