//! The marketplace: finding, judging and installing agents.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;

mod browse_route;
mod buy_panel;
mod change_log;
mod collection_route;
mod facet_panel;
mod figures;
mod filter_bar;
mod follow_api;
mod follow_button;
mod forked_line;
mod helpful_vote;
mod listing_card;
#[cfg(feature = "ssr")]
mod listing_data;
mod listing_facts;
mod listing_head;
mod listing_route;
mod no_listing;
mod preview_route;
mod publisher_route;
mod report_form;
mod results;
mod review_api;
mod review_form;
mod reviews_panel;
mod screenshots;
mod search;
mod star_bars;
mod taken_off;
mod try_panel;

pub use browse_route::BrowseRoute;
pub use collection_route::CollectionRoute;
pub(crate) use figures::price_text;
pub(crate) use follow_api::{FollowState, SetFollowing};
pub(crate) use follow_button::follow_form;
pub(crate) use forked_line::forked_line;
pub(crate) use listing_card::verified_mark;
pub use listing_route::ListingRoute;
pub use preview_route::PreviewRoute;
pub use publisher_route::PublisherRoute;

lazy_pages!(
    marketplace: browse = BrowseRoute,
    collection = CollectionRoute,
    publisher = PublisherRoute,
);
lazy_pages!(listing: listing = ListingRoute, preview = PreviewRoute);
