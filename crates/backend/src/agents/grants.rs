//! The tools of one agent, one by one: what each takes, put in, taken out, tried.

use resonant_domain::agent::{Agent, ToolGrant};
use resonant_domain::agent_tools::{AgentTools, DescribedTool, TRIAL_ARGUMENTS_MAX, ToolTrial};
use resonant_domain::api_key::Scope;
use resonant_domain::team::AgentRight;
use resonant_domain::tool::BUILT_IN_TOOLS;
use resonant_domain::{AgentId, FieldFault};
use resonant_runtime::tools::ToolContext;
use serde_json::Value;

use super::{Expected, change};
use crate::{Ctx, Error, Result, access, secrets};

const NO_TOOL: Error = Error::NotFound("tool");

/// All tools that an agent has and the built-in ones that it could have, with their schemas.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "agents.tools", level = "debug", parent = ctx.span(), skip_all)]
pub async fn tools(ctx: &Ctx, id: AgentId) -> Result<AgentTools> {
    let (agent, reached) =
        super::reach_document(ctx, Scope::AgentsRead, id, AgentRight::Read).await?;
    let (agent, owner) = (agent.value().clone(), reached.owner);
    let granted = agent.spec.tools;
    let built_in = BUILT_IN_TOOLS.iter().map(|tool| {
        let grant = granted.iter().find(|grant| grant.name == tool.name);
        (grant.cloned().unwrap_or_else(|| ToolGrant::new(tool.name)), grant.is_some())
    });
    let own = granted.iter().filter(|grant| !grant.settings.is_built_in());
    let all: Vec<_> = built_in.chain(own.map(|grant| (grant.clone(), true))).collect();
    let tools = ctx.backend().engine().tools().granted(owner, id, &granted);
    let described = all.into_iter().filter_map(|(grant, is_on)| {
        let tool = tools.get(&grant.name)?;
        let (description, input_schema) = (tool.description().to_owned(), tool.parameters());
        Some(DescribedTool { grant, is_on, description, input_schema })
    });
    let described = described.collect();
    // A key may not read the names of secrets: it gets none.
    let may_name_secrets = access::user(ctx).is_ok() && reached.may(AgentRight::Edit);
    let secrets = if may_name_secrets { secrets::list_of(ctx, owner).await? } else { Vec::new() };
    Ok(AgentTools {
        agent_id: id,
        agent_name: agent.spec.name,
        tools: described,
        secrets: secrets.into_iter().map(|secret| secret.name).collect(),
    })
}

/// Puts tools into an agent, each in the place of the one of its name.
///
/// # Errors
/// Those of [`super::update`]; a fault names the tool's own field when there is one tool.
#[tracing::instrument(name = "agents.put_tools", level = "debug", parent = ctx.span(), skip_all)]
pub async fn put_tools(ctx: &Ctx, id: AgentId, grants: Vec<ToolGrant>) -> Result<Agent> {
    let alone = (grants.len() == 1).then(|| grants[0].name.clone());
    let mut at = None;
    let changed = change(ctx, id, &Expected::Any, |agent| {
        for grant in grants {
            let tools = &mut agent.spec.tools;
            match tools.iter_mut().find(|other| other.name == grant.name) {
                Some(other) => *other = grant,
                None => tools.push(grant),
            }
        }
        at = agent.spec.tools.iter().position(|grant| Some(&grant.name) == alone.as_ref());
    })
    .await;
    changed.map_err(|error| of_one(error, at))
}

/// Puts a tool in the place of the one that is called `name`, under a name of its own if it has one.
///
/// # Errors
/// Those of [`super::update`], with the tool's own fields; [`Error::NotFound`] also for the tool.
#[tracing::instrument(name = "agents.replace_tool", level = "debug", parent = ctx.span(), skip_all)]
pub async fn replace_tool(ctx: &Ctx, id: AgentId, name: &str, grant: ToolGrant) -> Result<Agent> {
    let mut at = None;
    let changed = change(ctx, id, &Expected::Any, |agent| {
        at = agent.spec.tools.iter().position(|other| other.name == name);
        if let Some(at) = at {
            agent.spec.tools[at] = grant;
        }
    })
    .await;
    match (changed, at) {
        (Ok(_), None) => Err(NO_TOOL),
        (changed, at) => changed.map_err(|error| of_one(error, at)),
    }
}

/// Takes a tool from an agent.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent or the tool.
#[tracing::instrument(name = "agents.remove_tool", level = "debug", parent = ctx.span(), skip_all)]
pub async fn remove_tool(ctx: &Ctx, id: AgentId, name: &str) -> Result<Agent> {
    let mut was_there = false;
    let agent = change(ctx, id, &Expected::Any, |agent| {
        let before = agent.spec.tools.len();
        agent.spec.tools.retain(|grant| grant.name != name);
        was_there = agent.spec.tools.len() < before;
    })
    .await?;
    if was_there { Ok(agent) } else { Err(NO_TOOL) }
}

/// Says whether a person must approve each call of a tool.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent or the tool.
#[tracing::instrument(name = "agents.set_approval", level = "debug", parent = ctx.span(), skip_all)]
pub async fn set_approval(ctx: &Ctx, id: AgentId, name: &str, needed: bool) -> Result<Agent> {
    let mut was_there = false;
    let agent = change(ctx, id, &Expected::Any, |agent| {
        let found = agent.spec.tools.iter_mut().find(|grant| grant.name == name);
        was_there = found.is_some();
        if let Some(grant) = found {
            grant.needs_approval = needed;
        }
    })
    .await?;
    if was_there { Ok(agent) } else { Err(NO_TOOL) }
}

/// Calls a tool of an agent once, with the owner's secrets, outside any session. Keeps nothing.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for the agent or the
/// tool; [`Error::Invalid`] for arguments that are no JSON object.
#[tracing::instrument(name = "agents.try_tool", level = "debug", parent = ctx.span(), skip_all)]
pub async fn try_tool(ctx: &Ctx, id: AgentId, name: &str, arguments: &str) -> Result<ToolTrial> {
    let (agent, reached, conn) =
        access::agent(ctx, Scope::SessionsRun, id, AgentRight::Edit).await?;
    let owner = reached.owner;
    drop(conn);
    let grants = agent.spec.tools;
    if !grants.iter().any(|grant| grant.name == name) {
        return Err(NO_TOOL);
    }
    let arguments = read_arguments(arguments)?;
    let backend = ctx.backend();
    let tools = backend.engine().tools().granted(owner, id, &grants);
    let context = ToolContext {
        now: backend.now(),
        idempotency_key: format!("trial/{}", backend.new_id()?),
        ..ToolContext::default()
    };
    let trial = tools.try_out(name, arguments, context).await;
    tracing::info!(agent.id = %id, tool = name, is_ok = trial.is_ok, "tool tried");
    Ok(trial)
}

fn read_arguments(text: &str) -> Result<Value> {
    if text.len() > TRIAL_ARGUMENTS_MAX {
        let reason = format!("must be at most {TRIAL_ARGUMENTS_MAX} bytes");
        return Err(Error::field("arguments", reason));
    }
    let text = if text.trim().is_empty() { "{}" } else { text };
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Error::field("arguments", "must be a JSON object")),
        Err(error) => Err(Error::field("arguments", format!("must be JSON: {error}"))),
    }
}

/// The faults of one tool under the names that they have in it.
fn of_one(error: Error, at: Option<usize>) -> Error {
    let (Error::Invalid(faults), Some(at)) = (&error, at) else { return error };
    let own = format!("tools[{at}].");
    let named = faults.iter().map(|fault| match fault.field.strip_prefix(&own) {
        Some(field) => FieldFault::new(field, fault.reason.clone()),
        None => fault.clone(),
    });
    Error::Invalid(named.collect())
}

#[cfg(test)]
mod tests {
    use resonant_domain::FaultKind;
    use serde_json::json;
    use sqlx::PgPool;

    use super::*;
    use crate::{Backend, agents, sample};

    fn weather() -> ToolGrant {
        serde_json::from_value(json!({
            "name": "weather",
            "settings": {
                "kind": "http",
                "description": "The weather of a city",
                "url": "https://api.example.org/weather",
            },
        }))
        .unwrap()
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_tool_is_put_in_changed_and_taken_out(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let id = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
        let before = agents::get(&ctx, id).await.unwrap().spec.tools;
        put_tools(&ctx, id, vec![weather()]).await.unwrap();
        let renamed = ToolGrant { name: "forecast".to_owned(), ..weather() };
        replace_tool(&ctx, id, "weather", renamed).await.unwrap();
        let agent = set_approval(&ctx, id, "forecast", true).await.unwrap();
        let last = agent.spec.tools.last().unwrap();
        assert_eq!((last.name.as_str(), last.needs_approval), ("forecast", true));
        let shown = tools(&ctx, id).await.unwrap();
        assert_eq!(shown.tools.len(), BUILT_IN_TOOLS.len() + 1);
        let own = shown.tools.last().unwrap();
        assert_eq!((own.is_on, own.description.as_str()), (true, "The weather of a city"));
        let agent = remove_tool(&ctx, id, "forecast").await.unwrap();
        assert_eq!(agent.spec.tools, before);
        for gone in [
            remove_tool(&ctx, id, "forecast").await,
            replace_tool(&ctx, id, "forecast", weather()).await,
            set_approval(&ctx, id, "forecast", true).await,
        ] {
            assert_eq!(gone.unwrap_err().kind(), FaultKind::NotFound);
        }
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_fault_names_the_field_of_the_tool(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let id = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
        let mut broken = weather();
        broken.name = "no name".to_owned();
        let error = put_tools(&ctx, id, vec![broken]).await.unwrap_err();
        assert_eq!(error.fields()[0].field, "name");
        let mut broken = serde_json::to_value(weather()).unwrap();
        broken["settings"]["url"] = json!("ftp://x");
        let broken = serde_json::from_value(broken).unwrap();
        let error = put_tools(&ctx, id, vec![broken]).await.unwrap_err();
        assert_eq!(error.fields()[0].field, "settings.url");
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_tool_is_tried_with_arguments_of_its_own(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let mut spec = sample::spec("Reader");
        spec.tools = vec![ToolGrant::new("calculator")];
        let id = agents::create(&ctx, spec).await.unwrap().id;
        let sum = r#"{"expression":"2 + 3"}"#;
        assert!(try_tool(&ctx, id, "calculator", sum).await.unwrap().content.contains('5'));
        for arguments in ["[]", "{", "1"] {
            let error = try_tool(&ctx, id, "calculator", arguments).await.unwrap_err();
            assert_eq!(error.fields()[0].field, "arguments", "{arguments}");
        }
        let error = try_tool(&ctx, id, "datetime", "{}").await.unwrap_err();
        assert_eq!(error.kind(), FaultKind::NotFound, "it is not granted");
    }
}
