//! A Redis of a test alone.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ended when the test ends.
pub(crate) struct Redis {
    folder: PathBuf,
    process: Child,
}

impl Redis {
    pub(crate) fn start(name: &str) -> Self {
        let name = format!("resonant-server-redis-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(folder.join("socket"))
            .current_dir(&folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is in PATH");
        let redis = Self { folder, process };
        let began = Instant::now();
        while redis.commands().is_none() {
            assert!(began.elapsed() < Duration::from_secs(10), "Redis does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        redis
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.folder.join("socket").display())
    }

    /// Does one command that is answered with `OK`.
    pub(crate) fn tell(&self, command: &str) {
        let mut socket = UnixStream::connect(self.folder.join("socket")).unwrap();
        socket.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        assert_eq!(text.lines().next(), Some("+OK"), "{command}: {text}");
    }

    /// How many commands it has answered, this question included.
    pub(crate) fn commands(&self) -> Option<u64> {
        let mut socket = UnixStream::connect(self.folder.join("socket")).ok()?;
        socket.write_all(b"INFO stats\r\nQUIT\r\n").ok()?;
        let mut text = String::new();
        socket.read_to_string(&mut text).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("total_commands_processed:"))?;
        line.parse().ok()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
