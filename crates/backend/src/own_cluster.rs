//! A PostgreSQL cluster of a test's own, for what one database on a shared server cannot show:
//! replicas, and databases that go away.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// The programs that a test needs.
const PROGRAMS: [&str; 5] = ["postgres", "initdb", "pg_ctl", "pg_basebackup", "createdb"];
/// Where Debian puts them, below the version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A cluster that trusts everyone on this machine. It goes when this goes.
#[derive(Debug)]
pub struct Cluster {
    home: PathBuf,
    port: u16,
    settings: Vec<String>,
    disk: Disk,
}

/// Where a cluster keeps everything.
#[derive(Debug)]
enum Disk {
    /// With all else of this machine.
    Shared,
    /// On a small disk of its own.
    Mounted,
    /// With all else; but its programs are told that the disk is full, by this library, as long as a file
    /// says so.
    Told(PathBuf),
}

impl Cluster {
    /// Makes and starts a primary with these settings, each as `name=value`, and a database
    /// `resonant` without any table.
    #[must_use]
    pub fn primary(settings: &[&str]) -> Self {
        Self::at_home(settings).begin()
    }

    /// The same on a disk of so many mebibytes, which can be filled. Where this process may not mount
    /// one, its programs are told that the disk is full; `None` where no C compiler is for that.
    #[must_use]
    pub fn on_a_disk_of(mebibytes: u32, settings: &[&str]) -> Option<Self> {
        let mut cluster = Self::at_home(settings);
        let size = format!("size={mebibytes}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&cluster.home);
        if mount.output().is_ok_and(|done| done.status.success()) {
            cluster.disk = Disk::Mounted;
            cluster.give_away();
        } else {
            cluster.disk = Disk::Told(told_full(&cluster.home)?);
        }
        Some(cluster.begin())
    }

    /// Leaves no room on the disk of [`Cluster::on_a_disk_of`].
    ///
    /// # Panics
    /// When no file can be made there.
    pub fn fill_disk(&self) {
        use std::io::Write as _;

        let mut file = fs::File::create(self.ballast()).expect("a file can be made");
        if matches!(self.disk, Disk::Mounted) {
            for size in [1 << 20, 1 << 12] {
                while file.write_all(&vec![0; size]).is_ok() {}
            }
        }
    }

    /// Takes that back.
    ///
    /// # Panics
    /// When the disk was not filled.
    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("the disk was filled");
    }

    /// What takes the room away, or says that there is none.
    fn ballast(&self) -> PathBuf {
        self.home.join("ballast")
    }

    fn begin(self) -> Self {
        let data = self.data();
        run(&["initdb", "-D", &data, "-U", "resonant", "-E", "UTF8", "--locale=C", "--no-sync"]);
        self.start();
        let port = self.port();
        run(&["createdb", "-h", "127.0.0.1", "-p", &port, "-U", "resonant", "resonant"]);
        self
    }

    /// Makes and starts a streaming replica of this cluster.
    #[must_use]
    pub fn replica(&self, settings: &[&str]) -> Self {
        let replica = Self::at_home(settings);
        let source = format!("host=127.0.0.1 port={} user=resonant", self.port);
        let data = replica.data();
        run(&["pg_basebackup", "-D", &data, "-d", &source, "-R", "--checkpoint=fast", "--no-sync"]);
        replica.start();
        replica
    }

    /// Where a database of the cluster is.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://resonant@127.0.0.1:{}/{database}", self.port)
    }

    /// The port, as the cluster's setting of that name tells it.
    #[must_use]
    pub fn port(&self) -> String {
        self.port.to_string()
    }

    /// Starts it, again where it was stopped.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&self) {
        let started = self.try_start(&format!("{}/log", self.home.display()));
        let errors = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "the cluster starts: {errors}");
    }

    /// Ends it as a crash would.
    pub fn stop(&self) {
        drop(try_run(&["pg_ctl", "-D", &self.data(), "-m", "immediate", "-w", "stop"]));
    }

    /// Kills its processes, as running out of memory would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&self) {
        let pid = fs::read_to_string(format!("{}/postmaster.pid", self.data())).unwrap_or_default();
        let pid = pid.lines().next().unwrap_or_default().to_owned();
        let killed = Command::new("kill").args(["-9", &pid]).output();
        assert!(killed.is_ok_and(|done| done.status.success()), "process {pid} can be killed");
    }

    /// Starts it once what is left of its processes is gone. `false`: it does not start.
    #[must_use]
    pub fn start_again(&self) -> bool {
        let log = format!("{}.log", self.home.display());
        (0..20).any(|_| self.try_start(&log).status.success())
    }

    fn try_start(&self, log: &str) -> Output {
        let (data, options) = (self.data(), self.options());
        let words = ["pg_ctl", "-D", &data, "-l", log, "-w", "-t", "60", "-o", &options, "start"];
        let mut command = command(&words);
        if let Disk::Told(library) = &self.disk {
            command.env("LD_PRELOAD", library).env("FULL_DISK", self.ballast());
        }
        command.output().expect("PostgreSQL's programs can be run")
    }

    fn give_away(&self) {
        if let Some(user) = &user() {
            chown(&self.home, Some(user.id), None).expect("root may give a folder away");
        }
    }

    fn options(&self) -> String {
        let mut options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off",
            self.port
        );
        for setting in &self.settings {
            options += " -c ";
            options += setting;
        }
        options
    }

    fn at_home(settings: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("resonant-cluster-{}-{number}", std::process::id());
        let home = std::env::temp_dir().join(name);
        fs::create_dir(&home).expect("a folder can be made");
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let port = port.expect("a port is free").port();
        let cluster = Self { home, port, settings, disk: Disk::Shared };
        cluster.give_away();
        cluster
    }

    fn data(&self) -> String {
        format!("{}/data", self.home.display())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
        if matches!(self.disk, Disk::Mounted) {
            drop(Command::new("umount").arg(&self.home).output());
        }
        drop(fs::remove_dir_all(&self.home));
        drop(fs::remove_file(format!("{}.log", self.home.display())));
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
            .expect("there is a user postgres or resonant, since PostgreSQL refuses to run as root")
    })
}

/// The folder of PostgreSQL's programs: that of Debian's newest version, or one of the path.
fn programs() -> PathBuf {
    let mut versions: Vec<_> = fs::read_dir(DEBIAN).into_iter().flatten().flatten().collect();
    versions.sort_by_key(|version| version.file_name().to_string_lossy().parse::<u32>().ok());
    let of_debian = versions.into_iter().rev().map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    of_debian
        .chain(std::env::split_paths(&path))
        .find(|folder| PROGRAMS.iter().all(|program| folder.join(program).exists()))
        .unwrap_or_else(|| {
            panic!("PostgreSQL's programs {PROGRAMS:?} are neither below {DEBIAN} nor in PATH")
        })
}

fn run(words: &[&str]) {
    let output = try_run(words);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
}

fn try_run(words: &[&str]) -> Output {
    command(words).output().expect("PostgreSQL's programs can be run")
}

fn command(words: &[&str]) -> Command {
    let program = programs().join(words[0]);
    let mut command = match user() {
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user.name, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    // A test's settings of libpq are not meant for these.
    for name in ["PGDATABASE", "PGUSER", "PGPASSWORD", "PGOPTIONS", "PGSERVICE", "PGSSLMODE"] {
        command.env_remove(name);
    }
    command.args(&words[1..]).current_dir("/");
    command
}

/// Makes the library by which programs are told that the disk is full.
fn told_full(home: &Path) -> Option<PathBuf> {
    let (source, library) = (home.join("full_disk.c"), home.join("full_disk.so"));
    fs::write(&source, include_str!("own_cluster/full_disk.c")).expect("a file can be made");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).arg("-ldl");
    compiler.output().is_ok_and(|done| done.status.success()).then_some(library)
}
