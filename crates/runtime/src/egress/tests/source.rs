//! The source itself: nothing but `egress` opens a connection on its own.

use std::fs;
use std::path::{Path, PathBuf};

/// What opens a connection, asks a resolver or starts a program.
const WAYS_OUT: &[&str] = &[
    "Client::builder", "Client::new", "ClientBuilder", "reqwest::get", "reqwest::blocking", "TcpStream", "TcpSocket", "UdpSocket",
    "UnixStream", "UnixDatagram", "lookup_host", "ToSocketAddrs", "hyper::client", "hyper_util", "ureq", "process::Command", "Command::new",
    "native_tls", "TlsConnector", "lettre::", "socket2::",
];

/// Where some of them may stand, and why.
const ALLOWED: &[(&str, &str)] = &[
    ("crates/backend/src/own_cluster.rs", "starts a PostgreSQL for a test; it is part of no release"),
    ("crates/backend/src/mail_server.rs", "takes mail for a test; it is part of no release"),
    ("crates/backend/src/mail.rs", "hands mail to the server that the operator has configured"),
    ("crates/runtime/src/egress.rs", "builds the guarded client"),
    ("crates/runtime/src/egress/outgoing.rs", "takes the guarded client's type"),
    ("crates/runtime/src/egress/resolver.rs", "asks the resolver and judges its answer"),
    ("crates/runtime/src/mcp/stdio.rs", "starts the commands that the operator allows: no agent and no person can name another"),
    ("crates/runtime/src/tools/knowledge/apart.rs", "starts this very program to read a document"),
    ("crates/runtime/src/models/foreign.rs", "hands the guarded client to the providers' library"),
    ("server/src/commands/backup.rs", "starts pg_dump and pg_restore for whoever runs the server"),
    ("server/src/commands/doctor/disk.rs", "asks df how full the disk is, for whoever runs the server"),
    ("server/src/telemetry/spans.rs", "hands the operator's client to the exporter of spans"),
];

/// Where connections are taken that others have opened: these of them may stand there, and why. Nothing
/// beside them may open one ([`opens`]).
const INBOUND: &[(&str, &[&str], &str)] = &[
    ("server/src/serve.rs", &["TcpSocket"], "opens the socket that it listens on"),
    ("server/src/serve/connections.rs", &["TcpStream", "hyper_util", "socket2::"], "serves connections, and says how long they may stall"),
    ("server/src/serve/event_stream.rs", &["TcpStream"], "writes event streams to connections that were taken"),
];

/// What the server serves connections by. Both could be clients too.
const SERVING: &[&str] = &["hyper", "hyper-util", "socket2"];

/// Clients of HTTP and sockets that no package may bring beside the one.
const CLIENTS: &[&str] = &["hyper", "hyper-util", "ureq", "isahc", "surf", "awc", "curl", "attohttpc", "minreq", "socket2", "hickory-resolver", "tungstenite", "tokio-tungstenite"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What a file holds.
#[derive(Default)]
struct Source<'a> {
    /// Its numbered lines without comments and without the items that are compiled for tests alone.
    code: Vec<(usize, &'a str)>,
    /// The modules in files of their own that are compiled for tests alone.
    test_modules: Vec<&'a str>,
}

/// Reads a file as rustfmt lays it out: an item ends where a line that stands no deeper than its first
/// one closes it.
fn read(text: &str) -> Source<'_> {
    let mut source = Source::default();
    let mut test_item = None;
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.trim();
        if code.starts_with("//") {
            continue;
        }
        let depth = line.len() - line.trim_start().len();
        match test_item {
            None if code.starts_with("#[cfg(test)]") => test_item = Some(depth),
            None => source.code.push((number, line)),
            Some(first) if code.is_empty() || code.starts_with('#') || depth > first => {}
            Some(_) => {
                let module = code.split_once("mod ").and_then(|(_, name)| name.strip_suffix(';'));
                source.test_modules.extend(module);
                if code.ends_with(['}', ';', ',']) {
                    test_item = None;
                }
            }
        }
    }
    assert!(test_item.is_none(), "an item that does not end: {text}");
    source
}

/// What could be a way out in a line of a file.
fn ways_out(name: &str, line: &str) -> Vec<&'static str> {
    let inbound = INBOUND.iter().find(|(file, ..)| *file == name);
    let is_meant = |way: &str| inbound.is_some_and(|(_, meant, _)| meant.contains(&way));
    let mut found: Vec<_> = WAYS_OUT.iter().copied().filter(|way| line.contains(way) && !is_meant(way)).collect();
    if inbound.is_some() && opens(line) {
        found.push("opens a connection");
    }
    found
}

/// Whether a line has a word in it that turns what can take connections into what opens them.
fn opens(line: &str) -> bool {
    let mut words = line.split(|character: char| !character.is_alphanumeric() && character != '_');
    words.any(|word| {
        word == "connect" || word.starts_with("connect_") || word == "client" || word.contains("Client") || word.contains("Connector")
    })
}

/// Where the modules lie that a file names: beside it, or in the folder of its name.
fn folder_of(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap();
    if ["lib.rs", "main.rs", "mod.rs"].iter().any(|root| name == *root) {
        file.parent().unwrap().to_owned()
    } else {
        file.with_extension("")
    }
}

#[test]
fn what_is_for_tests_alone_is_left_out_and_nothing_else() {
    let text = "\
use a;
#[cfg(test)]
use b;
#[cfg(test)]
#[rustfmt::skip] // By hand.
mod tables;
struct C {
    #[cfg(test)]
    d: u8,
    e: u8,
}
#[cfg(test)]
mod tests {
    fn f() {
        g(
        );
    }

    mod inner;
}
#[cfg(test)]
pub(crate) fn h(
    i: u8,
) -> u8 {
    j
}
// k
fn l() {}
";
    let source = read(text);
    let lines: Vec<_> = source.code.iter().map(|(_, line)| *line).collect();
    assert_eq!(lines, ["use a;", "struct C {", "    e: u8,", "}", "fn l() {}"]);
    assert_eq!((source.code[4].0, source.test_modules), (28, vec!["tables"]));
}

#[test]
fn who_takes_connections_opens_none() {
    let file = "server/src/serve/connections.rs";
    for line in ["async fn connection(socket: TcpStream) {", "use hyper_util::rt::TokioIo;", "use tokio::net::{TcpListener, TcpStream};"] {
        assert_eq!(ways_out(file, line), [""; 0], "{line}");
        assert_ne!(ways_out("server/src/router.rs", line), [""; 0], "{line}");
    }
    for line in [
        "let socket = TcpStream::connect(address).await?;",
        "let open = TcpStream::connect;",
        "socket.connect_timeout(&address, STALLED)?;",
        "use hyper_util::client::legacy::Client;",
        "use hyper::client::conn::http1;",
        "let socket = UdpSocket::bind(address).await?;",
    ] {
        assert_ne!(ways_out(file, line), [""; 0], "{line}");
    }
}

#[test]
fn nothing_else_in_the_source_opens_a_connection() {
    let root = root();
    let mut files = Vec::new();
    for folder in ["app/src", "crates/backend/src", "crates/domain/src", "crates/runtime/src", "frontend/src", "server/src"] {
        sources(&root.join(folder), &mut files);
    }
    let texts: Vec<_> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let read: Vec<_> = files.iter().zip(&texts).map(|(file, text)| (file, read(text))).collect();
    let mut for_tests = Vec::new();
    for (file, source) in &read {
        let folder = folder_of(file);
        for_tests.extend(source.test_modules.iter().map(|name| folder.join(name)));
    }
    let mut faults = Vec::new();
    let mut count = 0;
    for (file, source) in &read {
        let name = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let is_for_tests = for_tests.iter().any(|module| file.with_extension("").starts_with(module));
        if is_for_tests || ALLOWED.iter().any(|(allowed, _)| *allowed == name) {
            continue;
        }
        count += 1;
        for (number, line) in &source.code {
            for way in ways_out(&name, line) {
                faults.push(format!("{name}:{number}: {way}"));
            }
        }
    }
    assert!(count > 500, "{count}");
    assert_eq!(faults, [""; 0]);
}

#[test]
fn no_package_brings_another_client() {
    let root = root();
    for package in ["app", "crates/backend", "crates/domain", "crates/runtime", "frontend", "server"] {
        let manifest = fs::read_to_string(root.join(package).join("Cargo.toml")).unwrap();
        for line in manifest.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let is_of_server = package == "server" && SERVING.contains(&name);
            assert!(is_of_server || !CLIENTS.contains(&name), "{package} depends on {name}");
            assert!(!is_of_server || !may_be_client(line), "{package} has {line}");
            assert!(name != "lettre" || package == "crates/backend", "{package} depends on lettre");
            assert!(name != "reqwest" || package == "crates/runtime", "{package} depends on reqwest");
        }
    }
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for name in ["hyper", "hyper-util"] {
        let begin = format!("{name} = ");
        let line = workspace.lines().find(|line| line.starts_with(&begin)).expect("it is named");
        assert!(!may_be_client(line), "{line}");
    }
}

/// Whether a dependency is more than what serves.
fn may_be_client(line: &str) -> bool {
    line.contains("\"client") || line.contains("\"full\"")
}
