use std::sync::atomic::AtomicUsize;

use axum::body::Bytes;
use axum::routing::get;
use futures::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::*;
use crate::reply;

/// Counts the streams that are open.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Two pieces at once, then silence until the process stops.
fn routes(open: &Arc<AtomicUsize>, stopping: &CancellationToken) -> Router {
    let (open, stopping) = (open.clone(), stopping.clone());
    let follow = move |ConnectInfo(peer): ConnectInfo<SocketAddr>| {
        open.fetch_add(1, Ordering::SeqCst);
        let held = Open(open.clone());
        let stopping = stopping.clone();
        async move {
            assert!(peer.ip().is_loopback());
            let pieces =
                stream::iter([Bytes::from_static(b"one\n\n"), Bytes::from_static(b"two\n\n")]);
            let rest = stream::once(async move {
                stopping.cancelled().await;
                drop(held);
                Bytes::from_static(b"retry: 1\n\n")
            });
            reply::events(pieces.chain(rest))
        }
    };
    Router::new().route("/stream", get(follow)).route("/plain", get(|| async { "plain" }))
}

struct Server {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
    stopping: CancellationToken,
    served: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, stopping) = (Arc::default(), CancellationToken::new());
        let router = routes(&open, &stopping);
        let served = tokio::spawn(serve(listener, router, stopping.clone()));
        Self { address, open, stopping, served }
    }

    async fn ask(&self, request: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        socket
    }
}

async fn until(socket: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let read = async {
        let mut bytes = [0; 1_024];
        while !text.contains(end) {
            let count = socket.read(&mut bytes).await.unwrap();
            assert_ne!(count, 0, "the connection ended: {text}");
            text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
    };
    timeout(Duration::from_secs(10), read).await.expect("it comes");
    text
}

async fn rest(socket: &mut TcpStream) -> String {
    let mut text = String::new();
    let read = socket.read_to_string(&mut text);
    timeout(Duration::from_secs(10), read).await.expect("the connection ends").unwrap();
    text
}

const FOLLOW: &str = "GET /stream HTTP/1.1\r\nhost: x\r\n\r\n";
const PLAIN: &str = "GET /plain HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_stream_is_written_in_chunks_and_ends_with_the_process() {
    let server = Server::start().await;
    // After a plain request on the same connection.
    let mut socket = server.ask(PLAIN).await;
    let plain = until(&mut socket, "plain").await;
    assert!(
        plain.starts_with("HTTP/1.1 200 OK\r\n") && plain.contains("content-length: 5"),
        "{plain}"
    );
    socket.write_all(FOLLOW.as_bytes()).await.unwrap();
    let begun = until(&mut socket, "two\n\n\r\n").await;
    let (head, body) = begun.split_once("\r\n\r\n").unwrap();
    for line in [
        "HTTP/1.1 200 OK",
        "content-type: text/event-stream",
        "cache-control: no-store",
        "transfer-encoding: chunked",
        "connection: close",
    ] {
        assert!(head.lines().any(|own| own == line), "{line}: {head}");
    }
    let date = head.lines().find_map(|line| line.strip_prefix("date: ")).unwrap();
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
    assert_eq!(body, "5\r\none\n\n\r\n5\r\ntwo\n\n\r\n");
    server.stopping.cancel();
    assert_eq!(rest(&mut socket).await, "a\r\nretry: 1\n\n\r\n0\r\n\r\n");
    timeout(Duration::from_secs(10), server.served).await.expect("nothing is left").unwrap();
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let server = Server::start().await;
    let mut socket = server.ask(FOLLOW).await;
    until(&mut socket, "two").await;
    assert_eq!(server.open.load(Ordering::SeqCst), 1);
    drop(socket);
    let gone = async {
        while server.open.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), gone).await.expect("the stream is over");
    server.stopping.cancel();
    server.served.await.unwrap();
}

#[tokio::test]
async fn what_does_not_know_chunks_is_left_to_hyper() {
    let server = Server::start().await;
    let mut old = server.ask("GET /stream HTTP/1.0\r\nhost: x\r\n\r\n").await;
    let text = until(&mut old, "two").await;
    assert!(!text.contains("transfer-encoding"), "{text}");
    let mut head =
        server.ask("HEAD /stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let text = rest(&mut head).await;
    assert!(text.starts_with("HTTP/1.1 200 OK") && !text.contains("one"), "{text}");
    server.stopping.cancel();
    assert!(rest(&mut old).await.contains("retry: 1"));
    server.served.await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_ends_with_the_process() {
    let server = Server::start().await;
    let mut socket = server.ask(PLAIN).await;
    until(&mut socket, "plain").await;
    server.stopping.cancel();
    assert_eq!(rest(&mut socket).await, "");
    timeout(Duration::from_secs(10), server.served).await.expect("nothing is left").unwrap();
}

#[tokio::test]
async fn who_sends_without_an_end_holds_nothing_up() {
    use std::io::Write as _;

    let server = Server::start().await;
    let mut socket = server.ask(FOLLOW).await;
    until(&mut socket, "two\n\n\r\n").await;
    let socket = socket.into_std().unwrap();
    socket.set_nonblocking(false).unwrap();
    let mut sender = socket.try_clone().unwrap();
    let sending = std::thread::spawn(move || while sender.write_all(&[b'x'; 8_192]).is_ok() {});
    // The server has the only thread of this test, which the flood must leave for others.
    assert_eq!(until(&mut server.ask(PLAIN).await, "plain").await.matches("200 OK").count(), 1);
    server.stopping.cancel();
    timeout(Duration::from_secs(10), server.served).await.expect("nothing is left").unwrap();
    sending.join().unwrap();
    drop(socket);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_not_waited_for() {
    let server = Server::start().await;
    for begun in ["", "GET /plain HTTP/1.1\r\nhost: x\r\n"] {
        let mut socket = server.ask(begun).await;
        let mut text = String::new();
        let read = timeout(HEAD_TIME * 2, socket.read_to_string(&mut text));
        read.await.expect("the connection ends").unwrap();
        assert!(!text.contains("200 OK"), "{text}");
    }
    server.stopping.cancel();
    server.served.await.unwrap();
}
