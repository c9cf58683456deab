//! A client that others wrote against the process. `./dev test peers` installs it, as `end2end/load/peers` has
//! it.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::Running;
use crate::support::{SlowModel, TestApp};

#[expect(clippy::disallowed_methods, reason = "./dev test peers tells how the client is started")]
fn client(arguments: &[&str]) -> Command {
    let told = std::env::var("RESONANT_MCP_CLIENT");
    let told = told.expect("./dev test peers tells the command in RESONANT_MCP_CLIENT");
    let mut words = told.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(arguments);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "./dev test peers installs the client"]
async fn the_official_client_of_mcp_calls_agents() {
    // A call takes three seconds: long enough to be taken back.
    let model = SlowModel::start(60, Duration::from_millis(50)).await;
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    app.agent(&ada, "Reckoner").await;
    let scopes = ["agents:read", "sessions:read", "sessions:run"];
    let key = json!({ "name": "client", "scopes": scopes });
    let key = app.post("/api/v1/keys").by(&ada).json(&key).await.value();
    let running = Running::start(&[
        ("DATABASE_URL", &app.database_url()),
        ("OPENAI_BASE_URL", model.url()),
        ("OPENAI_MODEL", "slow"),
        ("RUST_LOG", "warn"),
    ]);
    let url = format!("http://127.0.0.1:{}", running.port);
    let output = client(&[&url, key["key"].as_str().unwrap()]).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    app.end().await;
}
