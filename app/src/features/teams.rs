//! Teams: people who use agents together, and the agents that are shared with them.

use crate::lazy_page::lazy_pages;

pub(crate) mod api;

mod invitations_part;
mod join_route;
mod members_part;
mod shared_route;
mod team_route;
mod teams_route;

pub use join_route::JoinRoute;
pub use shared_route::SharedAgentsRoute;
pub use team_route::TeamRoute;
pub use teams_route::TeamsRoute;

lazy_pages!(
    teams: teams = TeamsRoute,
    team = TeamRoute,
    join_team = JoinRoute,
    shared_agents = SharedAgentsRoute,
);
