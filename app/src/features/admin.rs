//! Administration: how the installation stands, its service levels, and its alerts. For admins; to
//! everyone else these pages are not there.

use crate::lazy_page::lazy_pages;

mod admin_frame;
mod alert_decisions;
mod alert_fields;
mod alert_form;
mod alert_history;
mod alert_route;
mod alerts_route;
mod api;
mod chart;
mod figures;
mod level_table;
mod overview_route;
mod process_table;
mod refresh;
mod rule_text;
mod service_levels_route;
mod sparkline;

pub use alert_route::AlertRoute;
pub use alerts_route::AlertsRoute;
pub use overview_route::OverviewRoute;
pub use service_levels_route::ServiceLevelsRoute;

lazy_pages!(
    admin: overview = OverviewRoute,
    service_levels = ServiceLevelsRoute,
    alerts = AlertsRoute,
    alert = AlertRoute,
);
