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
    ("crates/backend/src/alerts/mail_tests.rs", "takes mail, and is compiled for tests alone"),
    ("crates/backend/src/mail.rs", "hands mail to the server that the operator has configured"),
    ("crates/backend/src/own_cluster.rs", "starts PostgreSQL for tests, and is compiled for them alone"),
    ("crates/runtime/src/egress.rs", "builds the guarded client"),
    ("crates/runtime/src/egress/outgoing.rs", "takes the guarded client's type"),
    ("crates/runtime/src/egress/resolver.rs", "asks the resolver and judges its answer"),
    ("crates/runtime/src/mcp/stdio.rs", "starts the commands that the operator allows: no agent and no person can name another"),
    ("crates/runtime/src/models/foreign.rs", "hands the guarded client to the providers' library"),
    ("server/src/commands/backup.rs", "starts pg_dump and pg_restore for whoever runs the server"),
    ("server/src/commands/doctor.rs", "asks df how full the disk is, for whoever runs the server"),
    ("server/src/serve.rs", "says of connections that it took how long they may stall"),
    ("server/src/telemetry/spans.rs", "hands the operator's client to the exporter of spans"),
];

/// Clients of HTTP and sockets that no package may bring beside the one.
const CLIENTS: &[&str] = &["hyper", "hyper-util", "ureq", "isahc", "surf", "awc", "curl", "attohttpc", "minreq", "socket2", "hickory-resolver", "tungstenite", "tokio-tungstenite"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" && name != "faults.rs" {
            found.push(path);
        }
    }
}

/// A file's lines up to its tests, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn nothing_else_in_the_source_opens_a_connection() {
    let root = root();
    let mut files = Vec::new();
    for folder in ["app/src", "crates/backend/src", "crates/domain/src", "crates/runtime/src", "frontend/src", "server/src"] {
        sources(&root.join(folder), &mut files);
    }
    assert!(files.len() > 150, "{}", files.len());
    let mut faults = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        if ALLOWED.iter().any(|(allowed, _)| *allowed == name) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in code(&text) {
            for way in WAYS_OUT.iter().filter(|way| line.contains(**way)) {
                faults.push(format!("{name}:{}: {way}", number + 1));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn no_package_brings_another_client() {
    let root = root();
    for package in ["app", "crates/backend", "crates/domain", "crates/runtime", "frontend", "server"] {
        let manifest = fs::read_to_string(root.join(package).join("Cargo.toml")).unwrap();
        for line in manifest.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            // The server says of connections that it took how long they may stall.
            let is_of_server = name == "socket2" && package == "server";
            assert!(is_of_server || !CLIENTS.contains(&name), "{package} depends on {name}");
            assert!(name != "lettre" || package == "crates/backend", "{package} depends on lettre");
            assert!(name != "reqwest" || package == "crates/runtime", "{package} depends on reqwest");
        }
    }
}
