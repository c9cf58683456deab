//! The listening socket, and the way to an end.

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::serve::ListenerExt as _;
use resonant_backend::Backend;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::router::router;
use crate::settings::Settings;
use crate::state::AppState;
use crate::upkeep::keep_up;
use crate::worker::Workers;

/// How long open requests and sessions have once the process was asked to stop.
pub const GRACE: Duration = Duration::from_secs(8);

/// Serves and works until SIGTERM or SIGINT, then ends within ten seconds.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve_until_stopped(settings: &Settings, backend: Backend) -> anyhow::Result<()> {
    check_schema(&backend).await?;
    let listener = listen(settings.address).await?;
    let stopping = CancellationToken::new();
    let workers = Workers::start(&backend, settings.workers, &stopping);
    tokio::spawn(keep_up(backend.clone(), stopping.clone()));
    let (leptos, site) = (settings.leptos.clone(), Arc::new(settings.site.clone()));
    let limits = Arc::new(settings.limits.clone());
    let state = AppState { backend, leptos, site, limits, stopping: stopping.clone() };
    tracing::info!(address = %listener.local_addr()?, "Resonant listens");
    let served = tokio::spawn(serve(listener, router(state), stopping.clone()));
    until_told().await?;
    tracing::info!("stopping");
    stopping.cancel();
    let (served, ()) = tokio::join!(served, workers.stopped());
    served?.context("the server broke off")
}

/// Works without serving until SIGTERM or SIGINT, then hands over what runs and ends within ten
/// seconds.
///
/// # Errors
/// When the database has no schema.
pub async fn work_until_stopped(settings: &Settings, backend: Backend) -> anyhow::Result<()> {
    check_schema(&backend).await?;
    let stopping = CancellationToken::new();
    let workers = Workers::start(&backend, settings.workers.max(1), &stopping);
    tokio::spawn(keep_up(backend, stopping.clone()));
    tracing::info!(workers = settings.workers.max(1), "Resonant works");
    until_told().await?;
    tracing::info!("stopping");
    stopping.cancel();
    workers.stopped().await;
    Ok(())
}

/// Refuses to start without the tables.
async fn check_schema(backend: &Backend) -> anyhow::Result<()> {
    if !backend.has_schema().await.context("cannot ask the database for its schema")? {
        bail!("the database has no schema of Resonant: run `server migrate` first")
    }
    Ok(())
}

/// Opens the socket; the error names it.
async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}, which LEPTOS_SITE_ADDR names"))
}

/// Serves until `stopping` is cancelled and the open requests are answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stopping: CancellationToken,
) -> io::Result<()> {
    // An event is one small write: it must not wait for the next one.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps small writes back");
        }
    });
    let deadline = {
        let stopping = stopping.clone();
        async move {
            stopping.cancelled().await;
            tokio::time::sleep(GRACE).await;
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
