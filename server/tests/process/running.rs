//! A server as a process of its own.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::{free_port, server};

/// A running server that is ended when the test ends.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) port: u16,
    command: Command,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    /// Starts a server with nothing in its environment but these and its address.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        Self::start_as(&[], environment)
    }

    /// The same in a role.
    pub(crate) fn start_as(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let running = Self::begin(arguments, environment);
        running.wait_until_ready();
        running
    }

    /// The same before it is ready, for who reads from the first line on what it says.
    pub(crate) fn begin(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let environment = [environment, &[("LEPTOS_SITE_ADDR", &address)]].concat();
        let mut command = server(arguments, &environment);
        Self { child: command.spawn().unwrap(), port, command }
    }

    /// Stops the server in good order and starts it anew in the same place, where it is ready some time
    /// later.
    pub(crate) fn begin_anew(&mut self) {
        self.tell("-TERM");
        assert!(self.child.wait().unwrap().success());
        self.child = self.command.spawn().unwrap();
    }

    pub(crate) fn wait_until_ready(&self) {
        let began = Instant::now();
        while self.ask("/api/v1/health/ready", "").is_none_or(|text| !text.contains(" 200 ")) {
            assert!(began.elapsed() < Duration::from_secs(20), "the server does not start");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    pub(crate) fn connect(&self, path: &str, headers: &str) -> Option<TcpStream> {
        connect(self.port, "GET", path, headers, "")
    }

    pub(crate) fn ask(&self, path: &str, headers: &str) -> Option<String> {
        ask(self.port, "GET", path, headers, "")
    }

    /// Sends JSON.
    pub(crate) fn patch(&self, path: &str, headers: &str, json: &str) -> Option<String> {
        let length = json.len();
        let headers =
            format!("{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n");
        ask(self.port, "PATCH", path, &headers, json)
    }

    /// Signs Ada up and gives her token.
    pub(crate) fn sign_up(&self, password: &str) -> String {
        let form =
            format!("display_name=Ada&email=ada%40example.org&password={password}&next=%2Fstudio");
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let headers = format!("{kind}\r\nContent-Length: {}\r\n", form.len());
        let answer = ask(self.port, "POST", "/api/fn/account/sign_up", &headers, &form).unwrap();
        let cookie = answer.split("resonant_sign_in=").nth(1).expect(&answer);
        cookie.split(';').next().unwrap().to_owned()
    }

    pub(crate) fn tell(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(told.unwrap().success());
    }
}

/// Sends a request and leaves the answer to be read; `None` when nobody takes it.
pub(crate) fn connect(
    port: u16,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Option<TcpStream> {
    try_connect(port, method, path, headers, body).ok()
}

fn try_connect(
    port: u16,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: resonant.test\r\n{headers}Connection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// Sends a request and reads the whole answer.
pub(crate) fn ask(
    port: u16,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Option<String> {
    try_ask(port, method, path, headers, body).ok()
}

/// The same, with what went wrong.
pub(crate) fn try_ask(
    port: u16,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> io::Result<String> {
    let mut text = String::new();
    try_connect(port, method, path, headers, body)?.read_to_string(&mut text)?;
    Ok(text)
}

/// A header of an answer.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
}
