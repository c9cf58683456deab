//! The Python client of this repository against a server on a port.

use std::process::Command;
use std::time::Duration;

use resonant_backend::metrics::Keeper;
use resonant_backend::{Actor, RequestId};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::TestApp;

#[tokio::test]
async fn the_guides_snippets_run_unchanged() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    // Metrics and alerts are for those who operate the installation.
    let ada = app.admin().await;
    let scopes = [
        "agents:read",
        "agents:write",
        "sessions:read",
        "sessions:run",
        "listings:install",
        "metrics:read",
        "alerts:read",
        "alerts:write",
    ];
    let body = json!({ "name": "Python", "scopes": scopes });
    let made = app.post("/api/v1/keys").by(&ada).json(&body).await.value();
    let key = made["key"].as_str().unwrap().to_owned();
    app.get("/api/v1/listings").await;
    let system = app.backend.ctx(Actor::System, RequestId::new("test"));
    Keeper::default().keep(&system).await.unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(server::serve(
        listener,
        app.router.clone(),
        app.stopping.clone(),
        Duration::from_secs(8),
    ));
    let tests = tokio::task::spawn_blocking(move || {
        Command::new("python3")
            .args(["-B", "-m", "unittest", "discover", "--start-directory", "tests"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../end2end/clients/python"))
            .env("PYTHONPATH", ".")
            .env("RESONANT_URL", url)
            .env("RESONANT_API_KEY", key)
            .output()
            .expect("python3 is in PATH")
    });
    let tests = tests.await.unwrap();
    let told = String::from_utf8_lossy(&tests.stderr);
    assert!(tests.status.success(), "{told}");
    assert!(!told.contains("Ran 0 tests"), "{told}");
    app.end().await;
    served.await.unwrap();
}
