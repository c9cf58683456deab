//! For tests: a server that takes mail.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What the server says to a recipient.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// That it takes the mail.
    Takes,
    /// Later, as greylisting does.
    NotNow,
}

/// Takes one mail after the other, each with its answer, and hands on what was said.
///
/// # Panics
/// When no port is free.
#[must_use]
pub fn mail_server(answers: Vec<Answer>) -> (String, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("what listens has an address");
    let (told, heard) = unbounded_channel();
    drop(std::thread::spawn(move || {
        for answer in answers {
            let said = listener.accept().and_then(|(stream, _)| converse(stream, answer));
            // A test that has ended hears nothing more.
            if said.is_err() || told.send(said.unwrap_or_default()).is_err() {
                break;
            }
        }
    }));
    (format!("smtp://{address}"), heard)
}

/// RFC 5321, as far as a client that only sends needs it.
fn converse(stream: TcpStream, answer: Answer) -> std::io::Result<String> {
    let mut stream = BufReader::new(stream);
    let mut said = String::new();
    let mut is_text = false;
    stream.get_mut().write_all(b"220 mail.example.org\r\n")?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            break;
        }
        // A dot at the beginning of a line of text is sent twice (RFC 5321, 4.5.2).
        said.push_str(if is_text && line.starts_with("..") { &line[1..] } else { &line });
        let command = line.trim_end().to_uppercase();
        let reply = match (is_text, command.as_str()) {
            (true, ".") => {
                is_text = false;
                "250 taken"
            }
            (true, _) => continue,
            (_, "DATA") => {
                is_text = true;
                "354 go on"
            }
            (_, "QUIT") => "221 bye",
            (_, text) if text.starts_with("RCPT") => match answer {
                Answer::Takes => "250 fine",
                Answer::NotNow => "451 greylisted, come back later",
            },
            _ => "250 fine",
        };
        stream.get_mut().write_all(format!("{reply}\r\n").as_bytes())?;
        if reply.starts_with("221") {
            break;
        }
    }
    Ok(said)
}

/// The link in a mail that leads to `origin`, without that; nothing where it has none.
#[must_use]
pub fn link_in(mail: &str, origin: &str) -> Option<String> {
    // Lines that are too long for a mail are broken.
    let whole = mail.replace("=\r\n", "");
    let (_, behind) = whole.split_once(origin)?;
    behind.split_whitespace().next().map(str::to_owned)
}
