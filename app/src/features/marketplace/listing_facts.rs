//! What stands beside a listing: the tools it asks for, how far it may go, and its record.

use leptos::prelude::*;
use resonant_domain::agent::{Limits, ModelPolicy};
use resonant_domain::grant::{ToolGrant, ToolSettings};
use resonant_domain::listing::Listing;
use resonant_domain::money::MicroUsd;
use resonant_domain::tool::{BuiltInTool, built_in};

use super::figures::{counted, grouped};
use crate::language::{cost_text, key, tr, tr_with};
use crate::ui::{Badge, Icon, IconName, Time, Tone};

/// Tools, limits, model and record of a listing.
#[component]
pub(super) fn ListingFacts(
    /// The listing.
    listing: Listing,
    /// The language model that answers here, if there is one.
    language_model: Option<String>,
) -> impl IntoView {
    let Listing { summary, mut agent, version, created_at, updated_at, .. } = listing;
    // Whoever installs it has them switched off.
    agent.tools.retain(|grant| !grant.is_off);
    let built_in_tools = agent.tools.iter().filter_map(|grant| built_in(&grant.name));
    let reaches_out = built_in_tools.clone().any(|tool| tool.reaches_out)
        || agent.tools.iter().any(|grant| !grant.settings.is_built_in());
    let tools: Vec<_> = agent.tools.iter().map(tool_row).collect();
    let secrets = view_secrets(&agent.tools);
    let tools = if tools.is_empty() {
        view! { <p class="listing-facts__text">{tr("None. It answers from its prompt and your text alone.")}</p> }
            .into_any()
    } else {
        view! { <ul class="listing-facts__tools">{tools}</ul> }.into_any()
    };
    view! {
        <aside class="listing-facts" aria-label=tr("Facts")>
            <section class="listing-facts__part" aria-labelledby="tools-title">
                <h2 class="listing-facts__title" id="tools-title">{tr("Tools it asks for")}</h2>
                {tools}
                <p class="listing-facts__text">{tr(reach_text(reaches_out))}</p>
            </section>
            {secrets}
            <section class="listing-facts__part" aria-labelledby="model-title">
                <h2 class="listing-facts__title" id="model-title">{tr("Who answers")}</h2>
                <p class="listing-facts__text">{model_text(&agent.model_policy, language_model)}</p>
            </section>
            <section class="listing-facts__part" aria-labelledby="limits-title">
                <h2 class="listing-facts__title" id="limits-title">{tr("Limits of a session")}</h2>
                <p class="listing-facts__text">{limits_text(agent.limits)}</p>
            </section>
            <section class="listing-facts__part" aria-labelledby="record-title">
                <h2 class="listing-facts__title" id="record-title">{tr("Record")}</h2>
                <dl class="listing-facts__list">
                    <div>
                        <dt>{tr("Category")}</dt>
                        <dd>{tr(summary.category.title())}</dd>
                    </div>
                    <div>
                        <dt>{tr("Version")}</dt>
                        <dd>{version}</dd>
                    </div>
                    <div>
                        <dt>{tr("Published")}</dt>
                        <dd><Time at=created_at /></dd>
                    </div>
                    <div>
                        <dt>{tr("Updated")}</dt>
                        <dd><Time at=updated_at /></dd>
                    </div>
                    <div>
                        <dt>{tr("Installs")}</dt>
                        <dd>{grouped(summary.installs.max(0))}</dd>
                    </div>
                </dl>
            </section>
        </aside>
    }
}

/// One tool that the listing asks for.
fn tool_row(grant: &ToolGrant) -> AnyView {
    let hosts = reached(grant)
        .into_iter()
        .map(|text| view! { <p class="listing-facts__text">{text}</p> })
        .collect_view();
    let approval = grant.needs_approval.then(|| tr("You approve each call."));
    let limits = view! {
        {hosts}
        {approval.map(|text| view! { <p class="listing-facts__text">{text}</p> })}
    };
    if let Some(tool) = built_in(&grant.name) {
        return view! {
            <Tool tool=tool>{limits}</Tool>
        }
        .into_any();
    }
    let kind = match &grant.settings {
        ToolSettings::Mcp(_) => tr("A tool of an MCP server that its publisher set up."),
        ToolSettings::Agent(_) => tr("Another agent of its publisher."),
        ToolSettings::BuiltIn | ToolSettings::Http(_) => {
            tr("A request over HTTP that its publisher wrote down.")
        }
    };
    view! {
        <li class="listing-facts__tool">
            <span class="listing-facts__tool-icon"><Icon name=IconName::Tool /></span>
            <div>
                <p class="listing-facts__tool-name">
                    {grant.name.clone()} " " <Badge tone=Tone::Warn>{tr("Reaches out")}</Badge>
                </p>
                <p class="listing-facts__text">{kind}</p>
                {limits}
            </div>
        </li>
    }
    .into_any()
}

/// What a tool reaches, in sentences: whoever installs it sees where their words go.
fn reached(grant: &ToolGrant) -> Vec<String> {
    let named = match &grant.settings {
        ToolSettings::BuiltIn | ToolSettings::Agent(_) => None,
        ToolSettings::Http(tool) => {
            let (method, host) = (tool.method.as_str(), tool.host().unwrap_or(&tool.url));
            Some(tr_with(
                "It sends {method} requests to {host}.",
                &[("method", &method), ("host", &host)],
            ))
        }
        ToolSettings::Mcp(tool) if tool.command().is_none() => {
            let host = tool.host().unwrap_or(&tool.server);
            Some(tr_with(
                "It calls {tool} of the MCP server at {host}.",
                &[("tool", &tool.tool), ("host", &host)],
            ))
        }
        // One of the installation's own, which may reach whatever its operator lets it.
        ToolSettings::Mcp(tool) => Some(tr_with(
            "It calls {tool} of the command {command} on this machine.",
            &[("tool", &tool.tool), ("command", &tool.server)],
        )),
    };
    let is_own = grant.settings.is_built_in();
    let is_open = is_own && built_in(&grant.name).is_some_and(|tool| tool.reaches_out);
    let hosts = match &grant.hosts[..] {
        [] => is_open.then(|| tr("Hosts: any public host").to_owned()),
        hosts => Some(tr_with("Hosts: {hosts}", &[("hosts", &hosts.join(", "))])),
    };
    named.into_iter().chain(hosts).collect()
}

/// The secrets that it asks for by name: whoever installs it sets them, or its tools do without.
fn view_secrets(grants: &[ToolGrant]) -> Option<AnyView> {
    let mut names: Vec<_> = grants.iter().flat_map(ToolGrant::secrets).collect();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| {
        let names: Vec<_> =
            names.iter().map(|name| view! { <li><code>{(*name).to_owned()}</code></li> }).collect();
        view! {
            <section class="listing-facts__part" aria-labelledby="secrets-title">
                <h2 class="listing-facts__title" id="secrets-title">{tr("Secrets it asks for")}</h2>
                <ul class="listing-facts__tools">{names}</ul>
                <p class="listing-facts__text">{tr("You set them yourself; each goes to the hosts alone that you bind it to.")}</p>
            </section>
        }
        .into_any()
    })
}

#[component]
fn Tool(tool: &'static BuiltInTool, children: Children) -> impl IntoView {
    let (tone, reach) = if tool.reaches_out {
        (Tone::Warn, tr("Reaches out"))
    } else {
        (Tone::Good, tr("Stays here"))
    };
    view! {
        <li class="listing-facts__tool">
            <span class="listing-facts__tool-icon"><Icon name=IconName::of_tool(tool.name) /></span>
            <div>
                <p class="listing-facts__tool-name">
                    {tr(tool.title)} " " <Badge tone=tone>{reach}</Badge>
                </p>
                <p class="listing-facts__text">{tr(tool.summary)}</p>
                {children()}
            </div>
        </li>
    }
}

const fn reach_text(reaches_out: bool) -> &'static str {
    if reaches_out {
        key(
            "“Reaches out” means that the tool asks hosts on the public internet. Addresses inside \
             private networks are always refused.",
        )
    } else {
        key("None of its tools reaches a host outside this installation.")
    }
}

fn model_text(policy: &ModelPolicy, language_model: Option<String>) -> String {
    match (policy, language_model) {
        (ModelPolicy::Builtin, _) => {
            tr("The built-in planner: fixed rules, not a language model.").to_owned()
        }
        (ModelPolicy::Auto, None) => {
            tr("The built-in planner: fixed rules that choose and combine \
            the tools, not a language model. Where the operator sets one up, it answers instead.")
            .to_owned()
        }
        (ModelPolicy::Auto, Some(model)) => {
            tr_with("The language model {model}.", &[("model", &model)])
        }
        (ModelPolicy::Named { model }, _) => {
            tr_with("The language model {model}, if this installation has it.", &[("model", model)])
        }
    }
}

fn limits_text(limits: Limits) -> String {
    let cost = limits.max_cost_micro_usd.and_then(|cost| i64::try_from(cost).ok());
    let cost = cost.map(|cost| {
        let cost = cost_text(MicroUsd(cost));
        tr_with(" It may cost {cost} at most.", &[("cost", &cost)])
    });
    let steps = counted(limits.max_steps.into(), key("{n} step"), key("{n} steps"));
    let tokens = counted(limits.max_tokens.into(), key("{n} token"), key("{n} tokens"));
    let seconds = counted(limits.timeout_seconds.into(), key("{n} second"), key("{n} seconds"));
    let text = tr_with(
        "At most {steps}, {tokens} of answer and {seconds}.",
        &[("steps", &steps), ("tokens", &tokens), ("seconds", &seconds)],
    );
    text + cost.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_planner_is_not_called_a_language_model() {
        let text = model_text(&ModelPolicy::Auto, None);
        assert!(text.contains("not a language model"), "{text}");
        let text = model_text(&ModelPolicy::Auto, Some("llama3".to_owned()));
        assert_eq!(text, "The language model llama3.");
    }

    #[test]
    fn each_tool_tells_where_it_sends() {
        let reached_by = |grant: serde_json::Value| {
            let grant: ToolGrant = serde_json::from_value(grant).unwrap();
            reached(&grant).join(" ")
        };
        let http = json!({
            "kind": "http", "description": "Weather", "method": "POST",
            "url": "https://api.example.org:8443/{{city}}?units=metric",
        });
        let mcp = |server: &str| json!({ "kind": "mcp", "server": server, "tool": "search", "description": "Searches" });
        for (grant, told) in [
            (
                json!({ "name": "weather", "settings": http }),
                "It sends POST requests to api.example.org.",
            ),
            (
                json!({ "name": "find", "settings": mcp("https://mcp.example.org/mcp") }),
                "It calls search of the MCP server at mcp.example.org.",
            ),
            (
                json!({ "name": "find", "settings": mcp("stdio:files") }),
                "It calls search of the command stdio:files on this machine.",
            ),
            (json!({ "name": "http_fetch" }), "Hosts: any public host"),
            (
                json!({ "name": "http_fetch", "hosts": ["a.example.org", "*.example.net"] }),
                "Hosts: a.example.org, *.example.net",
            ),
            (json!({ "name": "calculator" }), ""),
        ] {
            assert_eq!(reached_by(grant), told);
        }
    }

    #[test]
    fn limits_read_as_a_sentence() {
        let limits =
            Limits { max_steps: 1, max_tokens: 4_000, timeout_seconds: 60, ..Limits::default() };
        assert_eq!(limits_text(limits), "At most 1 step, 4,000 tokens of answer and 60 seconds.");
    }
}
