//! What every request can reach.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use resonant_backend::Backend;
use tokio_util::sync::CancellationToken;

use crate::settings::{Limits, Operations, Site};

/// Shared by all requests. The layers around a route are cloned with each request and their states with
/// them, dozens of times: so it is one pointer.
#[derive(Clone)]
pub struct AppState(Arc<Process>);

/// What a process is made of.
pub struct Process {
    /// The use cases.
    pub backend: Backend,
    /// Where the pages' files are.
    pub leptos: LeptosOptions,
    /// How the outside world sees this server.
    pub site: Site,
    /// How much may be asked.
    pub limits: Limits,
    /// How the process is looked after.
    pub operations: Operations,
    /// Cancelled once the process was asked to stop: balancers shall send nothing more.
    pub leaving: CancellationToken,
    /// Cancelled once it stops: streams end, no connection is taken any more.
    pub stopping: CancellationToken,
}

impl From<Process> for AppState {
    fn from(process: Process) -> Self {
        Self(Arc::new(process))
    }
}

impl Deref for AppState {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}
