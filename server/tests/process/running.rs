//! A server as a process of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::{free_port, server};

/// A running server that is ended when the test ends.
pub(crate) struct Running {
    pub(crate) child: Child,
    port: u16,
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
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let environment = [environment, &[("LEPTOS_SITE_ADDR", &address)]].concat();
        let child = server(&[], &environment).spawn().unwrap();
        let running = Self { child, port };
        let began = Instant::now();
        while running.ask("/api/v1/health/ready", "").is_none_or(|text| !text.contains(" 200 ")) {
            assert!(began.elapsed() < Duration::from_secs(20), "the server does not start");
            std::thread::sleep(Duration::from_millis(30));
        }
        running
    }

    pub(crate) fn connect(&self, path: &str, headers: &str) -> Option<TcpStream> {
        self.send("GET", path, headers, "")
    }

    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Option<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: resonant.test\r\n{headers}Connection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).ok()?;
        Some(stream)
    }

    pub(crate) fn ask(&self, path: &str, headers: &str) -> Option<String> {
        let mut text = String::new();
        self.connect(path, headers)?.read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// Sends JSON.
    pub(crate) fn patch(&self, path: &str, headers: &str, json: &str) -> Option<String> {
        let length = json.len();
        let headers =
            format!("{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n");
        let mut text = String::new();
        self.send("PATCH", path, &headers, json)?.read_to_string(&mut text).ok()?;
        Some(text)
    }

    pub(crate) fn tell(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(told.unwrap().success());
    }
}
