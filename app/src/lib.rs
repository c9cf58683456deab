//! What people see of Resonant, and the thin door to its use cases.
//!
//! Rendered on the server with the feature `ssr`, taken over by the browser with `hydrate`. Every
//! feature but the landing page is a chunk of its own (`lazy_page`).

#![recursion_limit = "512"]

mod app;
mod browser;
mod error;
mod features;
mod intent;
mod language;
mod lazy_page;
mod paths;
mod public_head;
mod refused_form;
mod shell;
mod ssr;
mod state;
mod turns;
mod typed_search;
mod ui;

pub use app::App;
pub use browser::{show_fault_notice, tell_live};
pub use error::AppError;
#[cfg(feature = "ssr")]
pub use language::script as language_script;
pub use paths::{
    ACCOUNT_FILE, ALL_AUDIT_FILE, AUDIT_FILE, CONFIRM_EMAIL, EMAIL_LINK, PASSWORD_LINK,
    RESET_PASSWORD, SESSION_RESULT, SHARED_RESULT, shared as shared_page,
};
pub use refused_form::RefusedForm;
#[cfg(feature = "ssr")]
pub use shell::shell;
#[cfg(feature = "ssr")]
pub use ssr::{Alike, LINK_COOKIE, Look, SiteOrigin};
