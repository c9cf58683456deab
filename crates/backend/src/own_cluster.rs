//! A PostgreSQL cluster of a test's own, for what one database on a shared server cannot show:
//! replicas, and databases that go away.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A cluster with trust for everyone on this machine. It goes when this goes.
#[derive(Debug)]
pub struct Cluster {
    home: PathBuf,
    port: u16,
    settings: Vec<String>,
}

impl Cluster {
    /// Makes and starts a primary with these settings, each as `name=value`, and a database
    /// `resonant` without any table.
    ///
    /// # Panics
    /// When PostgreSQL's programs are not there or do not do it.
    #[must_use]
    pub fn primary(settings: &[&str]) -> Self {
        let cluster = Self::at_home(settings);
        run(&["initdb", "-D", &cluster.data(), "-U", "resonant", "--auth=trust", "--no-sync"]);
        cluster.start();
        run(&[
            "createdb",
            "-h",
            "127.0.0.1",
            "-p",
            &cluster.port.to_string(),
            "-U",
            "resonant",
            "resonant",
        ]);
        cluster
    }

    /// Makes and starts a streaming replica of this cluster.
    ///
    /// # Panics
    /// When PostgreSQL's programs do not do it.
    #[must_use]
    pub fn replica(&self, settings: &[&str]) -> Self {
        let replica = Self::at_home(settings);
        let source = format!("host=127.0.0.1 port={} user=resonant", self.port);
        run(&[
            "pg_basebackup",
            "-D",
            &replica.data(),
            "-d",
            &source,
            "-R",
            "--checkpoint=fast",
            "--no-sync",
        ]);
        replica.start();
        replica
    }

    /// Where a database of the cluster is.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://resonant@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts it again.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&self) {
        let mut options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off",
            self.port
        );
        for setting in &self.settings {
            options += &format!(" -c {setting}");
        }
        let log = format!("{}/log", self.home.display());
        run(&["pg_ctl", "-D", &self.data(), "-l", &log, "-w", "-t", "60", "-o", &options, "start"]);
    }

    /// Ends it as a crash would.
    pub fn stop(&self) {
        drop(try_run(&["pg_ctl", "-D", &self.data(), "-m", "immediate", "-w", "stop"]));
    }

    fn at_home(settings: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let home =
            std::env::temp_dir().join(format!("resonant-cluster-{}-{number}", std::process::id()));
        fs::create_dir(&home).expect("a folder can be made");
        if let Some(user) = &user() {
            chown(&home, Some(user.id), None).expect("root may give a folder away");
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        Self { home, port: port.expect("a port is free").port(), settings }
    }

    fn data(&self) -> String {
        format!("{}/data", self.home.display())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
        drop(fs::remove_dir_all(&self.home));
    }
}

/// Who runs PostgreSQL when this process is root, which it refuses to run as.
struct User {
    name: &'static str,
    id: u32,
}

fn user() -> Option<User> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    is_root.then(|| {
        ["postgres", "resonant"]
            .into_iter()
            .find_map(|name| {
                let line = known.lines().find(|line| line.starts_with(&format!("{name}:")))?;
                Some(User { name, id: line.split(':').nth(2)?.parse().ok()? })
            })
            .expect("there is a user for PostgreSQL")
    })
}

/// A program of PostgreSQL: where the distribution puts it, or on the path.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| Path::new(name).to_owned())
}

fn run(words: &[&str]) {
    let output = try_run(words);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
}

fn try_run(words: &[&str]) -> Output {
    let program = program(words[0]);
    let mut command = match user() {
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user.name, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(&words[1..]).current_dir("/").output().expect("PostgreSQL's programs can be run")
}
