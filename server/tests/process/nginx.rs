//! nginx with the configuration that is shipped, and restarts by the script that is shipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::free_port;
use super::running::{Running, ask};

/// An nginx in a folder of its own, before two servers.
pub(super) struct Nginx {
    child: Child,
    folder: PathBuf,
    pub(super) port: u16,
}

impl Nginx {
    pub(super) fn start(servers: [u16; 2]) -> Self {
        Self::start_with(servers, &[])
    }

    /// The same with a few words of the configuration changed.
    pub(super) fn start_with(servers: [u16; 2], changes: &[(&str, &str)]) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("resonant-nginx-{port}"));
        fs::create_dir_all(&folder).unwrap();
        let [first, second] = servers;
        let (listen, first, second) = (
            format!("listen 127.0.0.1:{port};"),
            format!("server 127.0.0.1:{first}"),
            format!("server 127.0.0.1:{second}"),
        );
        let own = [
            ("listen 80;", listen.as_str()),
            ("server backend1:8000", &first),
            ("server backend2:8000", &second),
        ];
        let mut conf = include_str!("../../../deploy/nginx/resonant.conf").to_owned();
        for (shipped, here) in own.iter().chain(changes) {
            assert!(conf.contains(shipped), "{shipped} is not in the configuration");
            conf = conf.replace(shipped, here);
        }
        let lines: Vec<_> = conf.lines().filter(|line| !line.contains("backend3")).collect();
        fs::write(folder.join("resonant.conf"), lines.join("\n")).unwrap();
        let around = format!(
            "daemon off;\npid {0}/pid;\nerror_log {0}/error.log;\nevents {{}}\nhttp {{\n\
             access_log off;\n\
             client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; \
             fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi; \
             scgi_temp_path {0}/scgi;\ninclude {0}/resonant.conf;\n}}\n",
            folder.display()
        );
        fs::write(folder.join("nginx.conf"), around).unwrap();
        let child = nginx(&folder).stderr(Stdio::null()).spawn().expect("nginx is installed");
        let running = Self { child, folder, port };
        let began = Instant::now();
        while ask(port, "GET", "/api/v1/health", "", "").is_none() {
            assert!(began.elapsed() < Duration::from_secs(10), "nginx does not start");
        }
        running
    }

    /// Where it tells what went wrong.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("error.log")
    }

    /// Restarts one server by `deploy/nginx/restart-one`. The server is this process's, so that its restart
    /// command asks for it, and waits until it is done.
    pub(super) fn restart_one(&self, server: &mut Running) {
        let (wanted, done) = (self.folder.join("wanted"), self.folder.join("done"));
        let restart = format!(
            "touch {}; until [[ -e {} ]]; do sleep 0.02; done",
            wanted.display(),
            done.display()
        );
        let address = format!("127.0.0.1:{}", server.port);
        let ready = format!(
            "curl --fail --silent --output /dev/null --max-time 2 \
             http://{address}/api/v1/health/ready"
        );
        let folder = self.folder.display();
        let reload = format!("nginx -e {folder}/error.log -c {folder}/nginx.conf -s reload");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/nginx/restart-one");
        let mut script = Command::new(script)
            .arg(self.folder.join("resonant.conf"))
            .args([&address, &restart, &ready])
            .env("NGINX", reload)
            .spawn()
            .unwrap();
        while !wanted.exists() {
            assert!(script.try_wait().unwrap().is_none(), "the script ends without a restart");
            thread::sleep(Duration::from_millis(10));
        }
        server.begin_anew();
        fs::write(&done, "").unwrap();
        assert!(script.wait().unwrap().success(), "the server does not become ready");
        let conf = fs::read_to_string(self.folder.join("resonant.conf")).unwrap();
        assert!(!conf.contains(" down"), "the server is not put back: {conf}");
        for file in [wanted, done] {
            fs::remove_file(file).unwrap();
        }
    }
}

fn nginx(folder: &Path) -> Command {
    let mut command = Command::new("nginx");
    command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(folder.join("nginx.conf"));
    command
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(nginx(&self.folder).args(["-s", "stop"]).status());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}
