//! The tools of one agent, one by one: what each takes, put in, taken out, tried.

use resonant_domain::agent::{Agent, ToolGrant};
use resonant_domain::agent_tools::{AgentTools, DescribedTool, TRIAL_ARGUMENTS_MAX, ToolTrial};
use resonant_domain::api_key::Scope;
use resonant_domain::team::AgentRight;
use resonant_domain::tool::{BUILT_IN_TOOLS, built_in};
use resonant_domain::{AgentId, FieldFault};
use resonant_runtime::tools::{ToolContext, Whose};
use serde_json::Value;

use super::change;
use crate::{Ctx, Error, Result, Seen, access, secrets, seen};

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
        let is_on = grant.is_some_and(|grant| !grant.is_off);
        (grant.cloned().unwrap_or_else(|| ToolGrant::new(tool.name)), is_on)
    });
    let own = granted.iter().filter(|grant| !grant.settings.is_built_in());
    let own = own.map(|grant| (grant.clone(), !grant.is_off));
    let all: Vec<_> = built_in.chain(own).collect();
    let tools = ctx.backend().engine().tools().granted(owner, id, &granted);
    let described = all.into_iter().filter_map(|(grant, is_on)| {
        let tool = tools.get(&grant.name)?;
        let (description, input_schema) = (tool.description().to_owned(), tool.parameters());
        let version = seen::version_of(&grant);
        Some(DescribedTool { grant, is_on, version, description, input_schema })
    });
    let described = described.collect();
    // A key may not read the names of secrets: it gets none.
    let may_name_secrets = access::user(ctx).is_ok() && reached.may(AgentRight::Edit);
    let secrets = if may_name_secrets { secrets::list_of(ctx, owner).await? } else { Vec::new() };
    Ok(AgentTools {
        agent_id: id,
        owner_id: owner,
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
    let changed = change(ctx, id, &Seen::default(), |agent| {
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

/// Puts a tool in the place of the one that is called `name`, under a name of its own if it has one. The
/// rest of the agent may have changed since the caller saw that tool.
///
/// # Errors
/// Those of [`super::update`], with the tool's own fields; [`Error::NotFound`] also for the tool;
/// [`Error::Changed`] when it is not in the version that the caller saw.
#[tracing::instrument(name = "agents.replace_tool", level = "debug", parent = ctx.span(), skip_all)]
pub async fn replace_tool(ctx: &Ctx, id: AgentId, name: &str, grant: ToolGrant) -> Result<Agent> {
    let mut at = None;
    let mut is_seen = Ok(());
    let changed = change(ctx, id, &Seen::default(), |agent| {
        at = agent.spec.tools.iter().position(|other| other.name == name);
        if let Some(at) = at {
            is_seen = seen::check(ctx, &agent.spec.tools[at]);
            if is_seen.is_ok() {
                agent.spec.tools[at] = grant;
            }
        }
    })
    .await;
    is_seen?;
    match (changed, at) {
        (Ok(_), None) => Err(NO_TOOL),
        (changed, at) => changed.map_err(|error| of_one(error, at)),
    }
}

/// Takes a tool from an agent. Answers the tool, for whoever wants it back.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent or the tool.
#[tracing::instrument(name = "agents.remove_tool", level = "debug", parent = ctx.span(), skip_all)]
pub async fn remove_tool(ctx: &Ctx, id: AgentId, name: &str) -> Result<ToolGrant> {
    let mut removed = None;
    change(ctx, id, &Seen::default(), |agent| {
        let at = agent.spec.tools.iter().position(|grant| grant.name == name);
        removed = at.map(|at| agent.spec.tools.remove(at));
    })
    .await?;
    removed.ok_or(NO_TOOL)
}

/// Switches a tool on or off. One that is off keeps its settings; a built-in one that has none is put in or
/// taken out.
///
/// # Errors
/// Those of [`super::update`]; [`Error::NotFound`] also for a tool that the agent does not have and that is
/// not built in.
#[tracing::instrument(name = "agents.switch_tool", level = "debug", parent = ctx.span(), skip_all)]
pub async fn switch_tool(ctx: &Ctx, id: AgentId, name: &str, is_on: bool) -> Result<Agent> {
    let mut is_known = true;
    let agent = change(ctx, id, &Seen::default(), |agent| {
        let tools = &mut agent.spec.tools;
        match tools.iter().position(|grant| grant.name == name) {
            Some(at) => {
                tools[at].is_off = false;
                if !is_on && tools[at] == ToolGrant::new(name) {
                    tools.remove(at);
                } else {
                    tools[at].is_off = !is_on;
                }
            }
            None if is_on && built_in(name).is_some() => tools.push(ToolGrant::new(name)),
            None => is_known = built_in(name).is_some(),
        }
    })
    .await?;
    if is_known { Ok(agent) } else { Err(NO_TOOL) }
}

/// Says whether a person must approve each call of a tool.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent or the tool.
#[tracing::instrument(name = "agents.set_approval", level = "debug", parent = ctx.span(), skip_all)]
pub async fn set_approval(ctx: &Ctx, id: AgentId, name: &str, needed: bool) -> Result<Agent> {
    let mut was_there = false;
    let agent = change(ctx, id, &Seen::default(), |agent| {
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
    let whose = Whose { user: reached.me, ..Whose::own(owner, id) };
    let tools = backend.engine().tools().granted_to(whose, &grants);
    let context = ToolContext {
        now: backend.now(),
        idempotency_key: format!("trial/{}", ctx.resource_id()?),
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
    use resonant_domain::agent::AgentChanges;
    use serde_json::json;
    use sqlx::PgPool;

    use super::*;
    use crate::{Backend, agents, sample, sessions, store};

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
        let removed = remove_tool(&ctx, id, "forecast").await.unwrap();
        assert_eq!(removed, own.grant);
        assert_eq!(agents::get(&ctx, id).await.unwrap().spec.tools, before);
        for gone in [
            remove_tool(&ctx, id, "forecast").await.map(drop),
            replace_tool(&ctx, id, "forecast", weather()).await.map(drop),
            set_approval(&ctx, id, "forecast", true).await.map(drop),
            switch_tool(&ctx, id, "forecast", true).await.map(drop),
        ] {
            assert_eq!(gone.unwrap_err().kind(), FaultKind::NotFound);
        }
        put_tools(&ctx, id, vec![removed]).await.unwrap();
        assert_eq!(tools(&ctx, id).await.unwrap().tools.pop().unwrap().grant, own.grant);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_tool_that_is_off_keeps_its_settings_and_no_session_has_it(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let mut spec = sample::spec("Reader");
        spec.tools = vec![ToolGrant::new("calculator").with_approval(), weather()];
        let id = agents::create(&ctx, spec).await.unwrap().id;
        for name in ["calculator", "weather", "datetime"] {
            switch_tool(&ctx, id, name, false).await.unwrap();
        }
        let agent = switch_tool(&ctx, id, "extract", true).await.unwrap();
        let names: Vec<_> =
            agent.spec.tools.iter().map(|grant| (grant.name.as_str(), grant.is_off)).collect();
        assert_eq!(names, [("calculator", true), ("weather", true), ("extract", false)]);
        let shown = tools(&ctx, id).await.unwrap().tools;
        let on: Vec<_> = shown.iter().filter(|tool| tool.is_on).collect();
        assert_eq!(on.len(), 1, "{on:?}");

        let started = sessions::start(&ctx, id, sample::goal("What is 1 + 1?")).await.unwrap();
        let owner = started.owner_id;
        let mut conn = backend.read_latest(owner).await.unwrap();
        let found = store::sessions::find_runnable(&mut conn, owner, started.id).await.unwrap();
        assert_eq!(found.unwrap().spec.tools, [ToolGrant::new("extract")]);

        let agent = switch_tool(&ctx, id, "calculator", true).await.unwrap();
        assert_eq!(agent.spec.tools[0], ToolGrant::new("calculator").with_approval());
        let agent = switch_tool(&ctx, id, "extract", false).await.unwrap();
        assert_eq!(agent.spec.tools.len(), 2, "it has no settings to be kept");
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_tool_that_was_changed_elsewhere_is_not_overwritten_unseen(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let id = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
        put_tools(&ctx, id, vec![weather()]).await.unwrap();
        let version = tools(&ctx, id).await.unwrap().tools.pop().unwrap().version;
        let seen = ctx.expecting(Seen::at(version));

        // What else the agent is made of may change meanwhile.
        let changes = AgentChanges { name: Some("Other".to_owned()), ..AgentChanges::default() };
        agents::update(&ctx, id, changes, None).await.unwrap();
        replace_tool(&seen, id, "weather", weather().with_approval()).await.unwrap();

        let error = replace_tool(&seen, id, "weather", weather()).await.unwrap_err();
        assert!(matches!(error, Error::Changed("tool")), "{error:?}");
        let kept = agents::get(&ctx, id).await.unwrap().spec.tools.pop().unwrap();
        assert!(kept.needs_approval);
        replace_tool(&ctx, id, "weather", weather()).await.unwrap();
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
