//! The marketplace: finding, judging and installing agents.

mod browse_route;
mod listing_route;

pub use browse_route::BrowseRoute;
pub use listing_route::ListingRoute;
