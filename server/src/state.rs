//! What every request can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use resonant_backend::Backend;
use tokio_util::sync::CancellationToken;

use crate::settings::{Limits, Operations, Site};

/// Shared by all requests; cheap to clone.
#[derive(Clone, FromRef)]
pub struct AppState {
    /// The use cases.
    pub backend: Backend,
    /// Where the pages' files are.
    pub leptos: LeptosOptions,
    /// How the outside world sees this server.
    pub site: Arc<Site>,
    /// How much may be asked.
    pub limits: Arc<Limits>,
    /// How the process is looked after.
    pub operations: Arc<Operations>,
    /// Cancelled once the process was asked to stop: balancers shall send nothing more.
    #[from_ref(skip)]
    pub leaving: CancellationToken,
    /// Cancelled once it stops: streams end, no connection is taken any more.
    pub stopping: CancellationToken,
}
