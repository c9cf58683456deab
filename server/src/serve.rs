//! The listening socket, and the way to an end.

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::serve::ListenerExt as _;
use resonant_backend::Backend;
use resonant_domain::FaultKind;
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::jobs::Jobs;
use crate::middleware::problem::chain;
use crate::router::{router, router_of_worker};
use crate::settings::Settings;
use crate::state::{AppState, Process};
use crate::upkeep::keep_up;
use crate::worker::Workers;

/// How long open requests and sessions have by default once the process stops.
pub const GRACE: Duration = Duration::from_secs(8);
/// How long a client may take nothing of what waits for it. Then the kernel ends the connection: who
/// follows a stream comes back where it stood.
const STALLED: Duration = Duration::from_secs(20);
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

/// Serves and works until SIGTERM or SIGINT; then ends, at the latest when the time to drain is over.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve_until_stopped(
    settings: &Settings,
    backend: Backend,
    role: Role,
) -> anyhow::Result<()> {
    let operations = &settings.operations;
    let listener = listen(settings.address).await?;
    let (leaving, stopping) = (CancellationToken::new(), CancellationToken::new());
    let sessions = if role == Role::Web { 0 } else { settings.workers };
    let workers = Workers::start(&backend, sessions, &stopping);
    let jobs = Jobs::start(&backend, &settings.backend.database, &stopping);
    tokio::spawn(keep_up(backend.clone(), stopping.clone()));
    let state = AppState::from(Process {
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
    until_told().await?;
    tracing::info!("stopping");
    leaving.cancel();
    sleep(operations.leave_after).await;
    stopping.cancel();
    let (served, (), ()) =
        tokio::join!(served, workers.stopped_within(operations.drain), jobs.stopped());
    served?.context("the server broke off")
}

/// Opens the socket; the error names it.
async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}, which LEPTOS_SITE_ADDR names"))
}

/// Serves until `stopping` is cancelled and the open requests are answered, at most `drain` later.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stopping: CancellationToken,
    drain: Duration,
) -> io::Result<()> {
    // An event is one small write: it must not wait for the next one.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps small writes back");
        }
        if let Err(error) = SockRef::from(&*stream).set_tcp_user_timeout(Some(STALLED)) {
            tracing::debug!(%error, "a connection may stall for as long as it likes");
        }
    });
    let deadline = {
        let stopping = stopping.clone();
        async move {
            stopping.cancelled().await;
            sleep(drain).await;
        }
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stopping.cancelled_owned());
    tokio::select! {
        result = served.into_future() => result,
        () = deadline => {
            tracing::warn!("requests were still open when the time to stop was over");
            Ok(())
        }
    }
}

/// Waits for SIGTERM or SIGINT.
async fn until_told() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
