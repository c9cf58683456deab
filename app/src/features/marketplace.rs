//! The marketplace: finding, judging and installing agents.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;

mod browse_route;
mod change_log;
mod figures;
mod filter_bar;
mod listing_card;
#[cfg(feature = "ssr")]
mod listing_data;
mod listing_facts;
mod listing_head;
mod listing_route;
mod report_form;
mod results;
mod review_api;
mod review_form;
mod reviews_panel;
mod search;
mod try_panel;

pub use browse_route::BrowseRoute;
pub use listing_route::ListingRoute;

lazy_pages!(marketplace: browse = BrowseRoute);
lazy_pages!(listing: listing = ListingRoute);
