//! From what an agent was granted to the tools of its session.

use std::sync::Arc;
use std::time::Duration;

use resonant_domain::agent::ToolGrant;
use resonant_domain::grant::ToolSettings;
use resonant_domain::tool::{KNOWLEDGE, RECALL, REMEMBER};
use resonant_domain::{AgentId, FieldFault, UserId};
use serde_json::Value;

use super::agent_tool::AgentTool;
use super::backing::{Backing, Shelf, Whose};
use super::http_fetch::HttpFetch;
use super::http_tool::HttpTool;
use super::knowledge::Knowledge;
use super::mcp_tool::McpTool;
use super::memory::{Recall, Remember};
use super::secrets::Secrets;
use super::tool::{Question, Tool, ToolContext, ToolError, ToolFuture};
use super::{Tools, compile};
use crate::egress::Egress;
use crate::mcp::StdioServers;

/// What the tools of a session are made with.
#[derive(Clone)]
pub(super) struct Workshop {
    pub(super) egress: Egress,
    pub(super) backing: Arc<dyn Backing>,
    pub(super) stdio: StdioServers,
}

impl Tools {
    /// The tools of one session that `owner` starts with an agent of theirs, set up as the grants say.
    #[must_use]
    pub fn granted(&self, owner: UserId, agent: AgentId, grants: &[ToolGrant]) -> Self {
        self.granted_to(Whose::own(owner, agent), grants)
    }

    /// The tools of one session, set up as the grants say. Those that were not granted keep their place, so
    /// that a model that asks for one is told what it lacks.
    #[must_use]
    pub fn granted_to(&self, whose: Whose, grants: &[ToolGrant]) -> Self {
        let owner = whose.owner;
        let mut names: Vec<String> =
            grants.iter().flat_map(ToolGrant::secrets).map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        let mut session = self.clone();
        for grant in grants {
            let is_plain = grant.settings.is_built_in()
                && grant.hosts.is_empty()
                && ![KNOWLEDGE, REMEMBER, RECALL].contains(&grant.name.as_str());
            if is_plain && names.is_empty() {
                continue;
            }
            let Some(tool) = self.make(grant, whose) else { continue };
            let tool = match &self.workshop {
                Some(workshop) if !names.is_empty() => Arc::new(Scrubbed {
                    tool,
                    owner,
                    names: names.clone(),
                    backing: workshop.backing.clone(),
                }),
                _ => tool,
            };
            session = session.with(tool);
        }
        session
    }

    fn make(&self, grant: &ToolGrant, whose: Whose) -> Option<Arc<dyn Tool>> {
        let store = || Some(Shelf { backing: self.workshop.as_ref()?.backing.clone(), whose });
        match &grant.settings {
            ToolSettings::BuiltIn if grant.name == "http_fetch" && !grant.hosts.is_empty() => {
                let egress = self.workshop.as_ref()?.egress.clone();
                Some(Arc::new(HttpFetch::new(egress).within(grant.hosts.clone())))
            }
            ToolSettings::BuiltIn => match grant.name.as_str() {
                KNOWLEDGE => Some(Arc::new(Knowledge::of(store()?))),
                REMEMBER => Some(Arc::new(Remember::of(store()?))),
                RECALL => Some(Arc::new(Recall::of(store()?))),
                name => self.get(name).cloned(),
            },
            ToolSettings::Http(tool) => {
                let egress = self.workshop.as_ref()?.egress.clone();
                Some(Arc::new(HttpTool::new(grant, tool.clone(), egress)))
            }
            ToolSettings::Mcp(tool) => {
                let workshop = self.workshop.as_ref()?;
                let (egress, stdio) = (workshop.egress.clone(), workshop.stdio.clone());
                Some(Arc::new(McpTool::new(grant, tool.clone(), egress, stdio)))
            }
            ToolSettings::Agent(tool) => Some(Arc::new(AgentTool::new(grant, tool.clone()))),
        }
    }
}

/// Reports the grants whose settings only the runtime can judge: an input schema that is none.
#[must_use]
pub fn check_grants(grants: &[ToolGrant]) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    for (index, grant) in grants.iter().enumerate() {
        let schema = match &grant.settings {
            ToolSettings::BuiltIn | ToolSettings::Agent(_) => continue,
            ToolSettings::Http(tool) => &tool.input_schema,
            ToolSettings::Mcp(tool) => &tool.input_schema,
        };
        if let Err(reason) = compile(schema) {
            faults.push(FieldFault::new(
                format!("tools[{index}].settings.input_schema"),
                format!("must be a JSON schema of draft 2020-12: {reason}"),
            ));
        }
    }
    faults
}

/// A tool of an agent that has secrets: it is lent them for each call, and neither its answer nor its
/// error holds any of them.
struct Scrubbed {
    tool: Arc<dyn Tool>,
    owner: UserId,
    names: Vec<String>,
    backing: Arc<dyn Backing>,
}

impl Tool for Scrubbed {
    fn name(&self) -> &str {
        self.tool.name()
    }

    fn description(&self) -> &str {
        self.tool.description()
    }

    fn parameters(&self) -> Value {
        self.tool.parameters()
    }

    fn timeout(&self) -> Duration {
        self.tool.timeout()
    }

    fn is_safe_to_repeat(&self) -> bool {
        self.tool.is_safe_to_repeat()
    }

    fn question(&self, arguments: &Value) -> Result<Option<Question>, ToolError> {
        self.tool.question(arguments)
    }

    fn computes(&self) -> bool {
        self.tool.computes()
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            let found = self.backing.secrets(self.owner, self.names.clone()).await;
            let secrets = Secrets::new(found.map_err(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "secrets not read");
                ToolError::Failed("the agent's secrets cannot be read right now".to_owned())
            })?);
            let context = ToolContext { secrets: secrets.clone(), ..context.clone() };
            match self.tool.call(arguments, &context).await {
                Ok(text) => Ok(secrets.hide_in(text)),
                Err(ToolError::Invalid(text)) => Err(ToolError::Invalid(secrets.hide_in(text))),
                Err(ToolError::Failed(text)) => Err(ToolError::Failed(secrets.hide_in(text))),
                // It goes back as it came, and holds none: the tool that asks has seen to that.
                Err(asks @ ToolError::Asks(_)) => Err(asks),
            }
        })
    }
}
