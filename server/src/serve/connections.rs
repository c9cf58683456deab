//! Takes connections and serves them.
//!
//! A connection is hyper's until an answer is an event stream: such a one mostly waits, and what hyper
//! keeps for each connection (its buffers alone are 16 kB) would be most of what it costs. So the socket
//! is taken back, and a small task writes the stream to it ([`super::event_stream`]).

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use futures::future::BoxFuture;
use http::{HeaderValue, Method, Request, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::event_stream;

/// How long a client may take nothing of what waits for it. Then the kernel ends the connection: who
/// follows a stream comes back where it stood.
const STALLED: Duration = Duration::from_secs(20);
/// How long a client may take for the head of a request, and keep a connection open without one. Longer
/// than proxies keep theirs: whoever closes it is the one who knows that nothing is on its way.
const HEAD_TIME: Duration = Duration::from_secs(75);
/// The pause after no connection could be taken: most often because too many files are open.
const REST: Duration = Duration::from_secs(1);

/// Serves connections until `stopping` is cancelled, and returns when all of them are over.
pub(super) async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                prepare(&socket);
                let served =
                    connection(socket, peer, router.clone(), tasks.clone(), stopping.clone());
                tasks.spawn(served);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                tokio::select! {
                    () = sleep(REST) => {}
                    () = stopping.cancelled() => break,
                }
            }
        }
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// Whether the fault is that of a client which went away before it was let in.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

fn prepare(socket: &TcpStream) {
    // An event is one small write: it must not wait for the next one.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps small writes back");
    }
    if let Err(error) = SockRef::from(socket).set_tcp_user_timeout(Some(STALLED)) {
        tracing::debug!(%error, "a connection may stall for as long as it likes");
    }
}

/// Serves one connection until it is over, or until its answer is an event stream.
async fn connection(
    socket: TcpStream,
    peer: SocketAddr,
    router: Router,
    tasks: TaskTracker,
    stopping: CancellationToken,
) {
    let is_held_up = Arc::<AtomicBool>::default();
    let socket = Observed { socket, is_held_up: is_held_up.clone() };
    let taken = Taken::default();
    let answers = Answers { router, peer, is_held_up, taken: taken.clone() };
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(socket), answers);
    let done = {
        let mut stopped = pin!(stopping.cancelled());
        let mut is_told = false;
        std::future::poll_fn(|cx| {
            // A request that is there already is read before the connection is told: told while it is
            // idle, it closes at once.
            let done = Pin::new(&mut served).poll(cx);
            if done.is_ready() || is_told || stopped.as_mut().poll(cx).is_pending() {
                return done;
            }
            is_told = true;
            Pin::new(&mut served).graceful_shutdown();
            Pin::new(&mut served).poll(cx)
        })
        .await
    };
    let Err(error) = done else { return };
    if let Some(response) = taken.take() {
        // A task of its own: the room of this one is that of hyper's connection.
        let socket = served.into_parts().io.into_inner().socket;
        tasks.spawn(event_stream::send(socket, response));
    } else {
        tracing::trace!(%error, "a connection broke off");
    }
}

/// Where an answer waits that hyper does not write.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Option<Response>>>);

impl Taken {
    fn put(&self, response: Response) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
    }

    fn take(&self) -> Option<Response> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Why hyper is to let go of a connection.
#[derive(Debug)]
struct IsTaken;

impl std::fmt::Display for IsTaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection goes on without hyper")
    }
}

impl std::error::Error for IsTaken {}

/// Answers the requests of one connection.
struct Answers {
    router: Router,
    peer: SocketAddr,
    is_held_up: Arc<AtomicBool>,
    taken: Taken,
}

impl Service<Request<Incoming>> for Answers {
    type Response = Response;
    type Error = IsTaken;
    type Future = BoxFuture<'static, Result<Response, IsTaken>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        // Only what hyper has nothing left to read or to write of.
        let is_plain = request.method() == Method::GET
            && request.version() == Version::HTTP_11
            && !self.is_held_up.load(Ordering::Relaxed)
            && hyper::body::Body::is_end_stream(request.body());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let answer = self.router.clone().oneshot(request);
        let taken = self.taken.clone();
        Box::pin(async move {
            let response = answer.await.unwrap_or_else(|never: Infallible| match never {});
            if is_plain && is_event_stream(&response) {
                taken.put(response);
                return Err(IsTaken);
            }
            Ok(response)
        })
    }
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    response.status() == StatusCode::OK && kind == Some(b"text/event-stream")
}

/// A socket of which is known whether it takes no more at present. Then hyper holds something back that
/// it has yet to write.
struct Observed {
    socket: TcpStream,
    is_held_up: Arc<AtomicBool>,
}

impl Observed {
    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        self.is_held_up.store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

impl AsyncRead for Observed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Observed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
