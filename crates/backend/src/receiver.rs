//! For tests: a server that messages are sent to, as those of webhooks and alerts are.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use crate::signature::Signed;

/// Answers one request after the other with these statuses, and hands on what it was sent.
pub(crate) fn receiver(statuses: &'static [u16]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (told, heard) = channel();
    drop(std::thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            let mut piece = [0; 4096];
            // Until the body is there in the length that was announced.
            loop {
                let count = stream.read(&mut piece).unwrap();
                request.push_str(std::str::from_utf8(&piece[..count]).unwrap());
                let Some((top, body)) = request.split_once("\r\n\r\n") else { continue };
                let length = header(top, "content-length").parse::<usize>().unwrap_or_default();
                if body.len() >= length {
                    break;
                }
            }
            let fields = "location: /hook/\r\ncontent-length: 0\r\nconnection: close";
            write!(stream, "HTTP/1.1 {status} X\r\n{fields}\r\n\r\n").unwrap();
            told.send(request).unwrap();
        }
    }));
    (url, heard)
}

/// What a request tells, as a signed message.
pub(crate) fn message_of(request: &str) -> Signed {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    Signed {
        id: header(head, "webhook-id"),
        timestamp: header(head, "webhook-timestamp"),
        signature: header(head, "webhook-signature"),
        body: body.to_owned(),
    }
}

fn header(head: &str, name: &str) -> String {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value).unwrap_or_default().to_owned()
}
