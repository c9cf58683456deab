//! The writes that are not measured. Most can be done but once to a thing, and each route is asked twice; the
//! others ask somebody else meanwhile, or want a session or a purchase that is at a place of its own.

use std::collections::BTreeSet;

use crate::support::TestApp;

const APART: [&str; 59] = [
    "DELETE /agents/trash/{id}",
    "DELETE /agents/{id}",
    "DELETE /agents/{id}/knowledge/{document}",
    "DELETE /agents/{id}/listing/showcase",
    "DELETE /agents/{id}/listing/versions/{version}",
    "DELETE /agents/{id}/memories/{memory}",
    "DELETE /agents/{id}/submissions",
    "DELETE /agents/{id}/test-sets/{set}",
    "DELETE /alerts/{id}",
    "DELETE /keys/{id}",
    "DELETE /listings/{slug}/reviews/{id}",
    "DELETE /publishers/{handle}/follow",
    "DELETE /schedules/{id}",
    "DELETE /secrets/{name}",
    "DELETE /sessions/{id}/share",
    "DELETE /teams/{team}",
    "DELETE /teams/{team}/agents/{id}",
    "DELETE /teams/{team}/invitations/{id}",
    "DELETE /teams/{team}/members/{id}",
    "DELETE /triggers/{id}",
    "DELETE /webhooks/{id}",
    "PATCH /agents/{id}/listing",
    "PATCH /listings/{slug}/reviews/{id}",
    "POST /agents/proposals",
    "POST /agents/{id}/submissions",
    "POST /agents/{id}/test-sets",
    "POST /agents/{id}/test-sets/{set}/restore",
    "POST /agents/{id}/test-sets/{set}/runs",
    "POST /agents/{id}/tools/{tool}/try",
    "POST /agents/{id}/versions",
    "POST /agents/{id}/versions/{version}/restore",
    "POST /alerts",
    "POST /alerts/{id}/acknowledge",
    "POST /alerts/{id}/resolve",
    "POST /alerts/{id}/silence",
    "POST /alerts/{id}/test",
    "POST /hooks/{owner}/{id}",
    "POST /images",
    "POST /listings/{slug}/purchases",
    "POST /listings/{slug}/reviews",
    "POST /payments/messages",
    "POST /purchases/{id}/cancel",
    "POST /purchases/{id}/refund",
    "POST /secrets",
    "POST /sessions/{id}/decisions",
    "POST /sessions/{id}/fork",
    "POST /sessions/{id}/messages",
    "POST /sessions/{id}/retry",
    "POST /submissions/{id}/decisions",
    "POST /team-invitations/accept",
    "POST /team-invitations/decline",
    "POST /teams",
    "POST /tools/mcp",
    "POST /tools/openapi",
    "POST /webhooks/{id}/deliveries/{delivery}/redeliver",
    "PUT /agents/{id}/listing/showcase",
    "PUT /alerts/{id}",
    "PUT /sessions/{id}/pins",
    "PUT /sessions/{id}/thumb",
];

/// A new one is measured, or named here by whoever thinks that it need not be.
#[tokio::test]
async fn each_write_of_the_interface_is_measured_or_stands_apart() {
    let app = TestApp::start().await;
    let document = app.get("/api/v1/openapi.json").await.value();
    let mut writes = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.trim_start_matches("/api/v1");
        for method in methods.as_object().unwrap().keys().filter(|method| *method != "get") {
            writes.insert(format!("{} {path}", method.to_ascii_uppercase()));
        }
    }
    let table = include_str!("../statements.txt").lines().filter(|line| !line.starts_with('#'));
    let measured: BTreeSet<_> = table
        .map(|line| {
            let mut words = line.split_whitespace();
            let (method, name) = (words.next().unwrap(), words.next().unwrap());
            format!("{method} {}", name.split('?').next().unwrap())
        })
        .collect();
    let without: Vec<_> = writes.difference(&measured).map(String::as_str).collect();
    assert_eq!(without, APART, "the writes without a line in the table, in their order");
    app.end().await;
}
