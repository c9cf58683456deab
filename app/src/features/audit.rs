//! The audit log: what was done to one's account and things, and, for admins, in the installation.

use crate::lazy_page::lazy_pages;

mod api;
mod audit_route;
mod entries;

pub use audit_route::{AdminAuditRoute, AuditRoute};

lazy_pages!(teams: own_log = AuditRoute, whole_log = AdminAuditRoute);
