//! The listening socket, and the way to an end.

mod connections;
mod event_stream;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use resonant_backend::Backend;
use resonant_backend::processes::Process;
use resonant_domain::FaultKind;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::jobs::Jobs;
use crate::middleware::problem::chain;
use crate::router::{router, router_of_worker};
use crate::settings::Settings;
use crate::state::{self, AppState};
use crate::upkeep::keep_up;
use crate::worker::Workers;

/// How long open requests and sessions have by default once the process stops.
pub const GRACE: Duration = Duration::from_secs(8);
/// How many connections may wait to be taken, as far as the system allows it: many come at once after
/// another process has stopped.
const BACKLOG: u32 = 4_096;
/// The pause between two looks whether the database is there.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a process does for the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers and runs sessions.
    All,
    /// Answers alone.
    Web,
    /// Runs sessions alone.
    Worker,
}

impl Role {
    /// The role as the other processes are told it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Web => "web",
            Self::Worker => "worker",
        }
    }
}

/// Does what needs the database, and waits for it as long as the settings say, when it does not
/// answer yet.
///
/// # Errors
/// The last fault, with the database's name.
pub async fn wait_for<T, F>(settings: &Settings, ask: impl Fn() -> F) -> anyhow::Result<T>
where
    F: Future<Output = resonant_backend::Result<T>>,
{
    let until = Instant::now() + settings.operations.start_patience;
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if error.kind() != FaultKind::Unavailable || Instant::now() >= until {
            return Err(error).with_context(|| settings.no_database());
        }
        let database = settings.database_name();
        tracing::warn!(database, error = chain(&error), "waiting for the database");
        sleep(LOOK_AGAIN).await;
    }
}

/// SIGTERM and SIGINT, heard from the moment on that this is made. The first process of a container would not
/// even be ended by those that nobody hears.
#[derive(Debug)]
pub struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system lets nobody listen.
    pub fn listen() -> io::Result<Self> {
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    /// Waits until the process is told to stop.
    pub(crate) async fn heard(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves and works until it is `told` to stop; then ends, at the latest when the time to drain is over.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve_until_stopped(
    settings: &Settings,
    backend: Backend,
    role: Role,
    mut told: Told,
) -> anyhow::Result<()> {
    let operations = &settings.operations;
    let listener = listen(settings.address)?;
    let (leaving, stopping) = (CancellationToken::new(), CancellationToken::new());
    let sessions = if role == Role::Web { 0 } else { settings.workers };
    let workers = Workers::start(&backend, sessions, &stopping);
    let process = Process::begin(role.as_str(), env!("CARGO_PKG_VERSION"), sessions);
    let jobs = Jobs::start(&backend, &settings.backend.database, process, &stopping);
    tokio::spawn(keep_up(backend.clone(), stopping.clone()));
    let state = AppState::from(state::Process {
        backend,
        leptos: settings.leptos.clone(),
        site: settings.site.clone(),
        limits: settings.limits.clone(),
        operations: operations.clone(),
        leaving: leaving.clone(),
        stopping: stopping.clone(),
    });
    let router = if role == Role::Worker { router_of_worker(state) } else { router(state) };
    tracing::info!(address = %listener.local_addr()?, ?role, "Resonant listens");
    let served = tokio::spawn(serve(listener, router, stopping.clone(), operations.drain));
    told.heard().await;
    tracing::info!("stopping");
    leaving.cancel();
    sleep(operations.leave_after).await;
    stopping.cancel();
    let (served, (), ()) = tokio::join!(
        served,
        workers.stopped_within(operations.drain),
        jobs.stopped_within(operations.drain)
    );
    // What ended meanwhile counts, too.
    jobs.measured().await;
    served.context("the server broke off")
}

/// Opens the socket; the error names it.
fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listened = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listened().with_context(|| format!("cannot listen on {address}, which LEPTOS_SITE_ADDR names"))
}

/// Serves until `stopping` is cancelled and the open requests are answered, at most `drain` later.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stopping: CancellationToken,
    drain: Duration,
) {
    let deadline = {
        let stopping = stopping.clone();
        async move {
            stopping.cancelled().await;
            sleep(drain).await;
        }
    };
    tokio::select! {
        () = connections::serve(listener, router, stopping) => {}
        () = deadline => {
            tracing::warn!("requests were still open when the time to stop was over");
        }
    }
}
