//! A tool of an MCP server.

use std::time::Duration;

use resonant_domain::agent::ToolGrant;
use resonant_domain::mcp_tool::McpTool as Written;
use serde_json::{Value, json};

use super::http_tool::fill_headers;
use super::material::{ANSWER_MAX_BYTES, floor};
use super::tool::{Asked, Question, Tool, ToolContext, ToolError, ToolFuture};
use crate::egress::{Egress, HostLimit};
use crate::mcp::{McpError, Server, Session, StdioServers};

/// A tool of an MCP server.
#[derive(Clone)]
pub struct McpTool {
    name: String,
    written: Written,
    hosts: Vec<String>,
    is_safe_to_repeat: bool,
    egress: Egress,
    stdio: StdioServers,
}

impl McpTool {
    /// The tool of a grant.
    #[must_use]
    pub fn new(grant: &ToolGrant, written: Written, egress: Egress, stdio: StdioServers) -> Self {
        let mut hosts = grant.hosts.clone();
        hosts.extend(written.host().map(str::to_owned));
        let is_safe_to_repeat = !grant.is_unsafe_to_repeat();
        Self { name: grant.name.clone(), written, hosts, is_safe_to_repeat, egress, stdio }
    }

    /// Why there is no answer. Of a call that may have arrived and must not be made twice the model is
    /// told that the outcome is not known.
    fn uncalled(&self, error: McpError, context: &ToolContext) -> ToolError {
        match error {
            McpError::Asks(asked) if context.asking.may_ask => self.asks(*asked, context),
            error if !self.is_safe_to_repeat && error.may_have_arrived() => {
                ToolError::of_unknown_outcome(error)
            }
            error => ToolError::Failed(error.to_string()),
        }
    }

    /// What a server asks a person, who is told which one does. What it sends along goes back as it came: it is
    /// kept until then, so that no secret may be in it.
    fn asks(&self, asked: Asked, context: &ToolContext) -> ToolError {
        let Asked { question: Question { text, form }, resume } = asked;
        let all = json!({ "text": text, "form": form, "resume": resume }).to_string();
        if context.secrets.hide_in(all.clone()) != all {
            let reason =
                "the MCP server asks a person for more, and tells a secret of the agent with that";
            return ToolError::Failed(reason.to_owned());
        }
        let whose = self.written.host().unwrap_or(&self.written.server);
        let text = format!("The tool `{}` of {whose} asks: {text}", self.name);
        ToolError::Asks(Box::new(Asked { question: Question { text, form }, resume }))
    }
}

impl Tool for McpTool {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.written.description
    }

    fn parameters(&self) -> Value {
        self.written.input_schema.clone()
    }

    fn timeout(&self) -> Duration {
        // Four exchanges: how it is spoken to, hello, ready, the call.
        Duration::from_secs(u64::from(self.written.timeout_seconds) * 4)
    }

    fn is_safe_to_repeat(&self) -> bool {
        self.is_safe_to_repeat
    }

    fn computes(&self) -> bool {
        false
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            if let Some(name) = self.written.command() {
                let patience = Duration::from_secs(self.written.timeout_seconds.into());
                let asked = (arguments, &context.asking);
                let answer = self.stdio.call(name, &self.written.tool, asked, patience).await;
                return Ok(shown(answer.map_err(|error| self.uncalled(error, context))?, context));
            }
            let (headers, secrets) = fill_headers(&self.written.headers, &context.secrets)?;
            let server = Server {
                url: self.written.server.clone(),
                headers,
                secrets,
                limit: HostLimit {
                    whose: format!("the tool {}", self.name),
                    hosts: self.hosts.clone(),
                    is_secret: false,
                },
                timeout: Duration::from_secs(self.written.timeout_seconds.into()),
            };
            // Nothing is called before the session is open.
            let opened = Session::open(&self.egress, server).await;
            let mut session = opened.map_err(|error| ToolError::Failed(error.to_string()))?;
            session.asking(context.asking.clone());
            let schema = &self.written.input_schema;
            let answer = session.call(&self.written.tool, arguments, schema).await;
            Ok(shown(answer.map_err(|error| self.uncalled(error, context))?, context))
        })
    }
}

/// What is kept of an answer. Where that is not all, it says so where it begins: models are shown the head of
/// what is long.
fn shown(answer: String, context: &ToolContext) -> String {
    // Before the cut: half a secret would not be known for one.
    let answer = context.secrets.hide_in(answer);
    if answer.len() <= ANSWER_MAX_BYTES {
        return answer;
    }
    let head = &answer[..floor(&answer, ANSWER_MAX_BYTES)];
    let (kept, whole) = (head.len(), answer.len());
    format!("[Cut: the first {kept} of {whole} bytes. What comes behind is not kept.]\n{head}")
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Bytes;
    use axum::http::{StatusCode, header};
    use axum::response::IntoResponse as _;

    use super::*;

    /// A server that says hello and then answers calls with this status, or never.
    async fn serve(status: Option<StatusCode>) -> String {
        let answer = move |body: Bytes| async move {
            let message: Value = serde_json::from_slice(&body).unwrap_or_default();
            match message["method"].as_str() {
                Some("tools/call") => match status {
                    Some(status) => status.into_response(),
                    None => std::future::pending().await,
                },
                Some("initialize") => {
                    let hello = json!({ "jsonrpc": "2.0", "id": 1, "result": {} }).to_string();
                    ([(header::CONTENT_TYPE, "application/json")], hello).into_response()
                }
                _ => StatusCode::ACCEPTED.into_response(),
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer);
        drop(tokio::spawn(async move { axum::serve(listener, router).await }));
        url
    }

    #[test]
    fn a_long_answer_is_kept_whole_and_a_longer_one_says_where_it_is_cut() {
        let context = ToolContext::default();
        let whole = "é".repeat(ANSWER_MAX_BYTES / 2);
        assert_eq!(shown(whole.clone(), &context), whole);
        let cut = shown(format!("a{whole}"), &context);
        let note = format!("[Cut: the first {} of {} bytes.", whole.len() - 1, whole.len() + 1);
        assert!(cut.starts_with(&note) && cut.len() < ANSWER_MAX_BYTES + 100, "{note}");
    }

    #[tokio::test]
    async fn an_answer_that_is_longer_than_is_read_is_no_answer_and_says_so() {
        let text = "x".repeat(crate::egress::BODY_MAX_BYTES);
        let long = move |body: Bytes| {
            let message: Value = serde_json::from_slice(&body).unwrap_or_default();
            let content = match message["method"].as_str() {
                Some("tools/call") => json!([{ "type": "text", "text": text }]),
                _ => json!([]),
            };
            let result =
                json!({ "jsonrpc": "2.0", "id": message["id"], "result": { "content": content } });
            async move { ([(header::CONTENT_TYPE, "application/json")], result.to_string()) }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let router = Router::new().fallback(long);
        drop(tokio::spawn(async move { axum::serve(listener, router).await }));
        for unsafe_to_repeat in [true, false] {
            let told = told(&url, unsafe_to_repeat).await;
            assert!(told.contains("what came is longer than 2 MiB"), "{told}");
            assert_eq!(told.contains("the outcome is unknown"), unsafe_to_repeat, "{told}");
        }
    }

    async fn told(server: &str, unsafe_to_repeat: bool) -> String {
        let settings = json!({
            "kind": "mcp", "server": server, "tool": "put", "description": "Puts",
            "timeout_seconds": 1,
        });
        let grant = json!({
            "name": "put", "settings": settings, "unsafe_to_repeat": unsafe_to_repeat,
        });
        let grant: ToolGrant = serde_json::from_value(grant).unwrap();
        let resonant_domain::grant::ToolSettings::Mcp(written) = grant.settings.clone() else {
            unreachable!()
        };
        let egress = Egress::public_allowing_private();
        let tool = McpTool::new(&grant, written, egress, StdioServers::default());
        tool.call(&json!({}), &ToolContext::default()).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_may_have_taken_effect_is_called_unknown() {
        let nowhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = format!("http://{}/mcp", nowhere.local_addr().unwrap());
        drop(nowhere);
        for (server, is_unknown) in [
            (serve(None).await, true),
            (serve(Some(StatusCode::GATEWAY_TIMEOUT)).await, true),
            // An answer, but not of the protocol.
            (serve(Some(StatusCode::OK)).await, true),
            (serve(Some(StatusCode::FORBIDDEN)).await, false),
            (nobody, false),
        ] {
            let once = told(&server, true).await;
            assert_eq!(once.contains("the outcome is unknown"), is_unknown, "{once}");
            let again = told(&server, false).await;
            assert!(!again.contains("unknown"), "{again}");
        }
    }
}
