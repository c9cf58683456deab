//! The server processes of the installation: each tells every few seconds how it stands, and whoever
//! operates the installation sees them all from any of them.

use std::time::{Duration, Instant};

use resonant_domain::metric::Family;
use resonant_domain::operations::{
    CacheUse, ProcessStanding, ProcessState, ProviderSeen, ReplicaSeen,
};

use crate::store::processes::Told;
use crate::{Backend, Ctx, Result, access, store};

/// This process, as it was started.
#[derive(Debug)]
pub struct Process {
    role: &'static str,
    version: &'static str,
    workers: u64,
    host: String,
    started: Instant,
}

impl Process {
    /// The process that begins now, in a role and a release, and runs so many sessions at the same time.
    #[must_use]
    pub fn begin(role: &'static str, version: &'static str, workers: usize) -> Self {
        Self {
            role,
            version,
            workers: u64::try_from(workers).unwrap_or(u64::MAX),
            host: host(),
            started: Instant::now(),
        }
    }
}

/// Tells how this process stands, and forgets those that tell nothing any more. Its time is compared with
/// that of the database on the way.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system;
/// [`Error::Unavailable`](crate::Error::Unavailable).
#[tracing::instrument(name = "processes.tell", level = "debug", parent = ctx.span(), skip_all)]
pub async fn tell(ctx: &Ctx, process: &Process) -> Result<()> {
    access::system(ctx)?;
    let backend = ctx.backend();
    backend.agree_on_time().await?;
    let state =
        ProcessState { has_redis: backend.does_redis_answer().await, ..state(backend, process) };
    let told = Told {
        process: backend.metrics().process(),
        role: process.role,
        version: process.version,
        runs_for: process.started.elapsed(),
        state: &state,
    };
    let mut tx = backend.catalogue_begin().await?;
    store::processes::upsert(&mut tx, &told).await?;
    store::processes::delete_gone(&mut tx).await?;
    tx.commit().await
}

/// Says that this process is no more.
///
/// # Errors
/// Those of [`tell`].
#[tracing::instrument(name = "processes.leave", level = "debug", parent = ctx.span(), skip_all)]
pub async fn leave(ctx: &Ctx) -> Result<()> {
    access::system(ctx)?;
    let mut conn = ctx.backend().catalogue_write().await?;
    store::processes::delete(&mut conn, ctx.backend().metrics().process()).await?;
    conn.commit().await
}

/// Lists the processes that are there.
///
/// # Errors
/// Those of a caller who may not operate the installation.
#[tracing::instrument(name = "processes.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx) -> Result<Vec<ProcessStanding>> {
    access::operator(ctx).await?;
    standings(ctx.backend()).await
}

/// The same for those who have passed already.
pub(crate) async fn standings(backend: &Backend) -> Result<Vec<ProcessStanding>> {
    let mut conn = backend.catalogue_read_latest().await?;
    Ok(store::processes::list(&mut conn).await?)
}

/// How this process stands at present, but for what others must be asked.
fn state(backend: &Backend, process: &Process) -> ProcessState {
    backend.look_at_levels();
    let metrics = backend.metrics();
    let level = |family| metrics.level(family);
    let millis = |lag: Duration| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
    let replicas = backend.replicas().into_iter();
    let providers = backend.engine().models().providers();
    ProcessState {
        host: process.host.clone(),
        pid: std::process::id(),
        memory_bytes: level(Family::ProcessMemory),
        connections: level(Family::DbPoolUsed),
        connections_max: level(Family::DbPoolSize),
        streams: level(Family::SseSubscribers),
        workers: process.workers,
        at_work: backend.at_work(),
        is_deaf: backend.events().is_deaf(),
        has_redis: None,
        caches: backend
            .cache_figures()
            .into_iter()
            .filter(|own| own.hits + own.misses > 0)
            .map(|own| CacheUse {
                kind: own.kind.to_owned(),
                hits: own.hits + own.shared_hits,
                misses: own.misses.saturating_sub(own.shared_hits),
                stale: own.stale_hits,
                entries: own.entries,
                bytes: own.bytes,
            })
            .collect(),
        replicas: replicas
            .map(|(name, lag)| ReplicaSeen { name, lag_ms: lag.map(millis) })
            .collect(),
        providers: providers
            .map(|(name, is_resting)| ProviderSeen { name: name.to_owned(), is_resting })
            .collect(),
    }
}

/// The name of the machine or container (proc(5)); empty where the system has no such file.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

#[cfg(test)]
mod tests;
