//! Writes an event stream to a socket: the head, each piece as a chunk (RFC 9112, 7.1), and the end.
//!
//! The next piece is asked for when the last one is with the kernel. What a client does not take is so
//! kept nowhere but there, and the kernel ends the connection of one that takes nothing for too long.

use std::future::poll_fn;
use std::io::{self, Write as _};

use axum::response::Response;
use futures::StreamExt as _;
use http::header;
use http::response::Parts;
use jiff::fmt::rfc2822::DateTimePrinter;
use resonant_backend::clock::{Clock as _, SystemClock};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::coop::consume_budget;

/// Sends an answer until its stream or the connection is over.
pub(super) async fn send(mut socket: TcpStream, response: Response) {
    let (head, body) = response.into_parts();
    // Boxed, so that what waits for the next piece has no room for a head in it.
    if Box::pin(begin(&mut socket, head)).await.is_err() {
        return;
    }
    let mut pieces = body.into_data_stream();
    loop {
        let piece = tokio::select! {
            piece = pieces.next() => piece,
            () = is_gone(&socket) => return,
        };
        let written = match piece {
            Some(Ok(piece)) if piece.is_empty() => continue,
            Some(Ok(piece)) => Box::pin(chunk(&mut socket, &piece)).await,
            // Without the last chunk, by which the client knows that it has not heard everything.
            Some(Err(_)) => return,
            None => break,
        };
        if written.is_err() {
            return;
        }
    }
    let end = async {
        socket.write_all(b"0\r\n\r\n").await?;
        socket.shutdown().await
    };
    if let Err(error) = end.await {
        tracing::trace!(%error, "a stream's end was not heard");
    }
}

async fn begin(socket: &mut TcpStream, head: Parts) -> io::Result<()> {
    socket.write_all(&written(&head)).await
}

/// The head as it goes over the wire.
fn written(head: &Parts) -> Vec<u8> {
    let mut text = b"HTTP/1.1 200 OK\r\n".to_vec();
    for (name, value) in &head.headers {
        if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(name) {
            continue;
        }
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    if !head.headers.contains_key(header::DATE)
        && let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&SystemClock.now())
    {
        text.extend_from_slice(format!("date: {date}\r\n").as_bytes());
    }
    text.extend_from_slice(b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    text
}

/// One piece in one write.
async fn chunk(socket: &mut TcpStream, piece: &[u8]) -> io::Result<()> {
    let mut whole = Vec::with_capacity(piece.len() + 16);
    write!(whole, "{:x}\r\n", piece.len())?;
    whole.extend_from_slice(piece);
    whole.extend_from_slice(b"\r\n");
    socket.write_all(&whole).await
}

/// Waits until the client has closed its side. What it sends is of no interest any more.
async fn is_gone(socket: &TcpStream) {
    loop {
        // Unlike `readable()`, this needs no place in a list for each wait.
        if poll_fn(|cx| socket.poll_read_ready(cx)).await.is_err() {
            return;
        }
        match socket.try_read(&mut [0; 64]) {
            Ok(0) => return,
            // Whoever sends without an end must not keep a thread to themselves.
            Ok(_) => consume_budget().await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
