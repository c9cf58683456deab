//! Agents as tools: what they are called, and what they take.

use resonant_backend::agents::AgentFilter;
use resonant_backend::{Ctx, agents};
use resonant_domain::AgentId;
use resonant_domain::agent::{AgentStatus, AgentSummary};
use resonant_domain::page::PageRequest;
use serde_json::{Value, json};

use super::Failed;

/// How many agents one page of tools holds.
const PAGE: u32 = 50;

/// The caller's agents that are in use, a page at a time.
pub(super) async fn list(ctx: &Ctx, params: &Value) -> Result<Value, Failed> {
    let cursor = params["cursor"].as_str().map(str::to_owned);
    let page = PageRequest { cursor, limit: Some(PAGE) };
    let filter = AgentFilter { status: Some(AgentStatus::Active), page };
    let page = agents::list(ctx, filter).await?;
    let tools: Vec<_> = page.items.iter().map(tool).collect();
    let mut answer = json!({ "tools": tools });
    if let Some(cursor) = page.next_cursor {
        answer["nextCursor"] = cursor.into();
    }
    Ok(answer)
}

fn tool(agent: &AgentSummary) -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let description =
        if agent.description.is_empty() { agent.name.clone() } else { agent.description.clone() };
    json!({
        "name": tool_name(agent),
        "title": agent.name,
        "description": description,
        "inputSchema": {
            "type": "object",
            "properties": {
                "goal": text("What the agent shall reach."),
                "context": text("Material for it: notes, a document, data."),
                "variables": {
                    "type": "object",
                    "description": "The values of the agent's variables, by their names.",
                    "additionalProperties": { "type": "string" },
                },
            },
            "required": ["goal"],
            "additionalProperties": false,
        },
    })
}

/// A readable part of the agent's name, and its whole id: the tool is found by the latter.
fn tool_name(agent: &AgentSummary) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = agent.name.chars().map(plain).take(30).collect();
    format!("{name}_{}", agent.id.as_uuid().simple())
}

/// The agent that a tool of this name stands for.
pub(super) fn agent_of(tool: &str) -> Option<AgentId> {
    let digits = tool.get(tool.len().checked_sub(32)?..)?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_leads_back_to_its_agent() {
        let agent: AgentSummary = serde_json::from_value(json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057",
            "name": "Größe & Maß, a name that is rather long",
            "description": "",
            "avatar": { "icon": "spark", "hue": 1 },
            "status": "active",
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        }))
        .unwrap();
        let name = tool_name(&agent);
        assert!(name.len() <= 64 && name.starts_with("gr__e___ma"), "{name}");
        assert_eq!(agent_of(&name), Some(agent.id));
        for name in ["", "x", "é", &"z".repeat(40), "01890a5d"] {
            assert_eq!(agent_of(name), None, "{name}");
        }
    }
}
