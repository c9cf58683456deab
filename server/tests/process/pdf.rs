//! What a file can do to the process that reads it, it does to no other.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::Running;
use super::operate::headers;
use super::running::ask;
use crate::support::TestApp;

/// A PDF of these objects, the first of which is its root.
fn pdf(objects: &[String]) -> String {
    let mut file = "%PDF-1.4\n".to_owned();
    let mut places = String::new();
    for (number, object) in (1..).zip(objects) {
        let _ = writeln!(places, "{:010} 00000 n ", file.len());
        let _ = writeln!(file, "{number} 0 obj{object}");
    }
    let (size, at) = (objects.len() + 1, file.len());
    let _ = write!(
        file,
        "xref\n0 {size}\n0000000000 65535 f \n{places}trailer<</Size {size}/Root 1 0 R>>\nstartxref\n\
         {at}\n%%EOF\n"
    );
    file
}

/// One that says this.
fn page(line: &str) -> String {
    let words = format!("BT /F1 12 Tf 72 720 Td ({line}) Tj ET");
    pdf(&[
        "<</Type/Catalog/Pages 2 0 R>>endobj".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>endobj".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R\
         /Resources<</Font<</F1 5 0 R>>>>>>endobj"
            .to_owned(),
        format!("<</Length {}>>stream\n{words}\nendstream endobj", words.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>endobj".to_owned(),
    ])
}

/// Each stream is as long as the next one says, which is as long as the next one says: whoever looks into the first
/// one goes into them as deep as there are streams.
fn chain() -> String {
    let link = |next: u32| format!("<</Length {next} 0 R>>stream\n");
    pdf(&(2..=20_000).map(link).collect::<Vec<_>>())
}

/// A list of objects whose places are as long as no memory is.
fn wide() -> String {
    let mut file = "%PDF-1.5\n".to_owned();
    let at = file.len();
    let about = "/Type/XRef/Size 1/W[1 99999999999999 1]/Root 1 0 R/Length 0";
    let _ = write!(file, "1 0 obj<<{about}>>stream\n\nendstream endobj\nstartxref\n{at}\n%%EOF\n");
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pdf_that_ends_its_reader_ends_no_server() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Librarian").await;
    let database = app.database_url();
    let running = Running::start(&[("DATABASE_URL", &database), ("WORKER_CONCURRENCY", "0")]);
    let add = |file: &str| {
        let text = BASE64.encode(file);
        let new = json!({ "title": "Handbook.pdf", "format": "pdf", "text": text }).to_string();
        let path = format!("/api/v1/agents/{}/knowledge", agent.id);
        let answer = ask(running.port, "POST", &path, &headers(ada.token.as_ref(), &new), &new);
        answer.expect("the server answers")
    };
    for hostile in [chain(), wide()] {
        let answer = add(&hostile);
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("must "), "{answer}");
        let made = add(&page("Employees get 30 days of leave."));
        assert!(made.starts_with("HTTP/1.1 201"), "{made}");
        let document: Value = serde_json::from_str(made.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(document["passages"], 1, "{document}");
    }
    drop(running);
    app.end().await;
}
