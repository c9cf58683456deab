//! A tool of an MCP server.

use std::time::Duration;

use resonant_domain::agent::ToolGrant;
use resonant_domain::mcp_tool::McpTool as Written;
use serde_json::Value;

use super::http_fetch::cut;
use super::http_tool::fill_headers;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};
use crate::egress::{Egress, HostLimit};
use crate::mcp::{McpError, Server, Session, StdioServers};

/// How much of an answer is given, in characters.
const CHARACTERS: usize = 40_000;

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
        // Three exchanges: hello, ready, the call.
        Duration::from_secs(u64::from(self.written.timeout_seconds) * 3)
    }

    fn is_safe_to_repeat(&self) -> bool {
        self.is_safe_to_repeat
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            if let Some(name) = self.written.command() {
                let patience = Duration::from_secs(self.written.timeout_seconds.into());
                let answer = self.stdio.call(name, &self.written.tool, arguments, patience).await;
                let answer = answer.map_err(|error| ToolError::Failed(error.to_string()))?;
                return Ok(shown(answer, context));
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
            let told = |error: McpError| ToolError::Failed(error.to_string());
            let mut session = Session::open(&self.egress, server).await.map_err(told)?;
            let answer = session.call(&self.written.tool, arguments).await.map_err(told)?;
            Ok(shown(answer, context))
        })
    }
}

fn shown(answer: String, context: &ToolContext) -> String {
    // Before the cut: half a secret would not be known for one.
    let mut answer = context.secrets.hide_in(answer);
    if cut(&mut answer, CHARACTERS) {
        answer.push_str("\n[cut]");
    }
    answer
}
