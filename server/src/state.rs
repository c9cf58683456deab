//! What every request can reach.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use resonant_backend::Backend;
use tokio_util::sync::CancellationToken;

use crate::middleware::public_pages::Pages;
use crate::settings::{Limits, Operations, Site};
use crate::streams::Streams;

/// Shared by all requests. The layers around a route are cloned with each request and their states with
/// them, dozens of times: so it is one pointer.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    process: Process,
    streams: Streams,
    pages: Pages,
}

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

impl AppState {
    /// The event streams that are open.
    pub(crate) fn streams(&self) -> &Streams {
        &self.0.streams
    }

    /// The pages that are kept for everybody.
    pub(crate) fn pages(&self) -> &Pages {
        &self.0.pages
    }
}

impl From<Process> for AppState {
    /// Must be called within a runtime: the streams' clock goes from here on.
    fn from(process: Process) -> Self {
        let streams = Streams::new(process.limits.streams, &process.stopping);
        let pages = Pages::new(process.backend.page_counters());
        Self(Arc::new(Shared { process, streams, pages }))
    }
}

impl Deref for AppState {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0.process
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}
