//! Tools: the built-in ones, and those that people bring, read from documents that describe them and
//! from MCP servers.

use std::time::Duration;

use resonant_domain::FieldFault;
use resonant_domain::agent::ToolGrant;
use resonant_domain::grant::{self, TOOL_NAME_MAX, ToolSettings};
use resonant_domain::http_tool::TOOL_DESCRIPTION_MAX;
use resonant_domain::mcp_tool::{McpServer, McpTool, McpTools};
use resonant_domain::openapi::{DOCUMENT_MAX_BYTES, OpenApiSource, OpenApiTools};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::text::shorten;
use resonant_domain::tool::{BUILT_IN_TOOLS, BuiltInTool};
use resonant_runtime::egress::HostLimit;
use resonant_runtime::mcp::{McpError, ServedTool, Server, Session, TOOLS_MAX};
use resonant_runtime::openapi;
use resonant_runtime::tools::{Secrets, check_grants, fill_headers};
use tokio::sync::Semaphore;

use crate::{Ctx, Error, Result, access, secrets};

/// Whoever may read a document: one that is made to be large in memory is not beside many others.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Lists the built-in tools, in the order in which forms show them. Anyone may.
///
/// # Errors
/// [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "tools.built_in", level = "debug", parent = ctx.span(), skip_all)]
pub async fn built_in(ctx: &Ctx, page: PageRequest) -> Result<Page<BuiltInTool>> {
    let limit = page.checked_limit()?;
    let scope = "built_in_tools";
    let cursors = ctx.backend().cursors().await?;
    let after: Option<String> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut tools = BUILT_IN_TOOLS.into_iter();
    if let Some(after) = after {
        tools.find(|tool| tool.name == after);
    }
    let found = tools.take(limit as usize + 1).collect();
    cursors.page(&scope, limit, found, |last| last.name)
}

/// Reads the tools that an OpenAPI document describes, for its owner to choose from. Keeps nothing.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] when the document cannot be read, from `url` or at
/// all.
#[tracing::instrument(name = "tools.read_openapi", level = "debug", parent = ctx.span(), skip_all)]
pub async fn read_openapi(ctx: &Ctx, source: OpenApiSource) -> Result<OpenApiTools> {
    access::user(ctx)?;
    source.check()?;
    let (text, base, field) = match (source.document, source.url) {
        (Some(text), _) if !text.trim().is_empty() => (text, None, "document"),
        (_, url) => {
            let url = url.unwrap_or_default();
            let told = |reason: String| Error::field("url", reason);
            let fetched = ctx.backend().egress().fetch(&url).await;
            let fetched = fetched.map_err(|error| told(format!("must be readable: {error}")))?;
            if !(200..300).contains(&fetched.status) {
                return Err(told(format!("must be readable: it answers {}", fetched.status)));
            }
            if fetched.truncated {
                return Err(told(format!("must hold at most {DOCUMENT_MAX_BYTES} bytes")));
            }
            (fetched.text(), Some(fetched.final_url), "url")
        }
    };
    // A large document takes longer than a task may hold up others.
    let turn = TURNS.acquire().await.map_err(Error::internal)?;
    let read = move || {
        let _turn = turn;
        openapi::read(&text, base.as_ref(), &source.operations)
    };
    let read = tokio::task::spawn_blocking(read).await.map_err(Error::internal)?;
    read.map_err(|error| Error::field(field, error.to_string()))
}

/// The longest name of an MCP server, in characters.
const TITLE_MAX: usize = 100;
/// How long one exchange with an MCP server may take while its tools are listed.
const MCP_TIMEOUT: Duration = Duration::from_secs(15);

/// Asks an MCP server which tools it has, for its owner to choose from. Keeps nothing.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] when the server cannot be asked or does not answer.
#[tracing::instrument(name = "tools.read_mcp", level = "debug", parent = ctx.span(), skip_all)]
pub async fn read_mcp(ctx: &Ctx, asked: McpServer) -> Result<McpTools> {
    let owner = access::user(ctx)?;
    asked.check()?;
    if let Some(name) = asked.command() {
        return read_command(ctx, &asked, name).await;
    }
    let names: Vec<_> = asked.secrets().into_iter().map(str::to_owned).collect();
    let secrets = if names.is_empty() {
        Secrets::default()
    } else {
        Secrets::new(secrets::reveal(ctx.backend(), owner, &names).await?)
    };
    let told = |field: &str, error: &dyn std::fmt::Display| {
        Error::field(field, secrets.hide_in(format!("must be usable: {error}")))
    };
    let (headers, used) =
        fill_headers(&asked.headers, &secrets).map_err(|error| told("headers", &error))?;
    let host = resonant_domain::host::of_url(&asked.server).map(str::to_owned);
    let server = Server {
        url: asked.server.clone(),
        headers,
        secrets: used,
        limit: HostLimit {
            whose: "this MCP server's tools".to_owned(),
            hosts: host.into_iter().collect(),
            is_secret: false,
        },
        timeout: MCP_TIMEOUT,
    };
    let failed = |error: McpError| told("server", &error);
    let mut session = Session::open(ctx.backend().egress(), server).await.map_err(failed)?;
    let offered = session.tools().await.map_err(failed)?;
    let title = session.title;
    // A long list takes longer than a task may hold up others.
    let read = move || grants_of(&asked, title, &offered, &secrets);
    tokio::task::spawn_blocking(read).await.map_err(Error::internal)
}

/// The same of a command that the installation allows.
async fn read_command(ctx: &Ctx, asked: &McpServer, name: &str) -> Result<McpTools> {
    let told = |error: McpError| Error::field("server", format!("must be usable: {error}"));
    let (title, offered) =
        ctx.backend().stdio_servers().tools(name, MCP_TIMEOUT).await.map_err(told)?;
    Ok(grants_of(asked, title, &offered, &Secrets::default()))
}

fn grants_of(
    asked: &McpServer,
    title: String,
    offered: &[ServedTool],
    secrets: &Secrets,
) -> McpTools {
    // Before the cut: half a secret would not be known for one.
    let title = secrets.hide_in(title).chars().take(TITLE_MAX).collect();
    let mut found = McpTools { title, tools: vec![], skipped: vec![] };
    for tool in offered.iter().take(TOOLS_MAX) {
        let grant = mcp_grant(asked, hidden(tool, secrets), &found.tools);
        let faults = grants_with(&found.tools, &grant);
        match faults.first() {
            None => found.tools.push(grant),
            Some(fault) => found.skipped.push(format!("{}: {fault}", grant.name)),
        }
    }
    if offered.len() > TOOLS_MAX {
        found.skipped.push(format!("the others: a server may offer {TOOLS_MAX} tools"));
    }
    found
}

/// A tool of a server that tells back none of the secrets which it was sent.
fn hidden(tool: &ServedTool, secrets: &Secrets) -> ServedTool {
    let input_schema = secrets.hide_in(tool.input_schema.to_string());
    ServedTool {
        name: secrets.hide_in(tool.name.clone()),
        description: secrets.hide_in(tool.description.clone()),
        input_schema: serde_json::from_str(&input_schema).unwrap_or_default(),
    }
}

/// A tool of a server as a grant. Its name is made of what models take, and none of the others has it.
fn mcp_grant(asked: &McpServer, tool: ServedTool, others: &[ToolGrant]) -> ToolGrant {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let mut base: String = tool.name.chars().map(plain).take(TOOL_NAME_MAX - 4).collect();
    let is_letter = |c: char| c.is_ascii_alphabetic();
    if !base.starts_with(is_letter) || resonant_domain::tool::of_ours(&base).is_some() {
        base.insert_str(0, "mcp_");
    }
    let mut name = base.clone();
    for number in 2..=TOOLS_MAX {
        if others.iter().all(|other| other.name != name) {
            break;
        }
        let end = format!("_{number}");
        name = base.chars().take(TOOL_NAME_MAX - end.len()).collect();
        name.push_str(&end);
    }
    let description = shorten(&tool.description, TOOL_DESCRIPTION_MAX);
    let settings = McpTool {
        server: asked.server.clone(),
        description: if description.is_empty() { tool.name.clone() } else { description },
        tool: tool.name,
        input_schema: tool.input_schema,
        headers: asked.headers.clone(),
        timeout_seconds: 30,
    };
    ToolGrant { name, settings: ToolSettings::Mcp(settings), ..ToolGrant::default() }
}

/// How its server calls the tool of a grant.
fn served_name(grant: &ToolGrant) -> Option<&str> {
    match &grant.settings {
        ToolSettings::Mcp(tool) => Some(&tool.tool),
        _ => None,
    }
}

/// The rules that one more grant would break.
fn grants_with(grants: &[ToolGrant], grant: &ToolGrant) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let alone = std::slice::from_ref(grant);
    grant::check_all(&mut faults, alone);
    faults.extend(check_grants(alone));
    // A server that lists one tool twice.
    if grants.iter().any(|other| served_name(other) == served_name(grant)) {
        faults.push(FieldFault::new("name", "must be named once"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use resonant_domain::FaultKind;
    use resonant_runtime::models::Secret;
    use resonant_runtime::tools::BoundSecret;
    use sqlx::PgPool;

    use super::*;
    use crate::{Backend, sample};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_document_gives_tools_that_an_agent_takes(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let document = r#"{"openapi":"3.1.0","servers":[{"url":"https://api.example.org"}],
            "paths":{"/pets/{id}":{"get":{"parameters":[{"name":"id","in":"path"}]}}}}"#;
        let source = OpenApiSource { document: Some(document.to_owned()), ..Default::default() };
        let found = read_openapi(&ctx, source).await.unwrap();
        let mut spec = sample::spec("Reader");
        spec.tools.extend(found.tools);
        let agent = crate::agents::create(&ctx, spec.clone()).await.unwrap();
        assert_eq!(crate::agents::get(&ctx, agent.id).await.unwrap().spec, spec);
    }

    #[test]
    fn a_server_tells_back_no_secret_and_offers_only_so_much() {
        let value = "canary-0123456789";
        let secrets = Secrets::new(vec![BoundSecret {
            name: "KEY".to_owned(),
            value: Secret::new(value),
            hosts: vec!["mcp.example.org".to_owned()],
        }]);
        let schema = serde_json::json!({
            "type": "object", "properties": { "q": { "type": "string", "description": value } },
        });
        let tool = |number: usize| ServedTool {
            name: format!("t{number}"),
            description: format!("{}{value}", "x".repeat(TOOL_DESCRIPTION_MAX - 10)),
            input_schema: schema.clone(),
        };
        let offered: Vec<_> = (0..=TOOLS_MAX).map(tool).collect();
        let title = format!("{}{value}", "x".repeat(TITLE_MAX - 10));
        let asked =
            McpServer { server: "https://mcp.example.org/".to_owned(), ..McpServer::default() };
        let found = grants_of(&asked, title, &offered, &secrets);
        assert_eq!((found.tools.len(), found.skipped.len()), (TOOLS_MAX, 1));
        let told = serde_json::to_string(&found).unwrap();
        assert!(!told.contains("canary"), "{told}");
        let ToolSettings::Mcp(first) = &found.tools[0].settings else { panic!("{told}") };
        assert_eq!(first.input_schema["properties"]["q"]["description"], "…");
    }

    #[test]
    fn whatever_a_server_calls_its_tools_they_can_be_had() {
        let (long, longer) = ("x".repeat(TOOL_NAME_MAX), "x".repeat(TOOL_NAME_MAX + 1));
        let cut = &long[..TOOL_NAME_MAX - 4];
        let numbered = format!("{cut}_2");
        let named = [
            ("_search", "mcp__search"),
            ("2fa_code", "mcp_2fa_code"),
            ("a.b", "a_b"),
            ("a_b", "a_b_2"),
            ("a b", "a_b_3"),
            ("read_result", "mcp_read_result"),
            ("calculator", "mcp_calculator"),
            (long.as_str(), cut),
            (longer.as_str(), numbered.as_str()),
        ];
        let tool = |name: &str| ServedTool {
            name: name.to_owned(),
            description: String::new(),
            input_schema: serde_json::json!({ "type": "object" }),
        };
        let mut offered: Vec<_> = named.iter().map(|(name, _)| tool(name)).collect();
        // Listed a second time, it is the same tool.
        offered.push(tool("a.b"));
        let asked =
            McpServer { server: "https://mcp.example.org/".to_owned(), ..McpServer::default() };
        let found = grants_of(&asked, String::new(), &offered, &Secrets::default());
        for ((served, name), grant) in named.iter().zip(&found.tools) {
            assert_eq!((grant.name.as_str(), served_name(grant)), (*name, Some(*served)));
        }
        assert_eq!((found.tools.len(), found.skipped.len()), (named.len(), 1), "{found:?}");
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn an_mcp_server_inside_is_not_asked(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        for (server, header, field) in [
            ("http://127.0.0.1:1/mcp", "x", "server"),
            ("http://169.254.169.254/", "x", "server"),
            ("stdio:sh", "x", "headers"),
            ("stdio:/bin/sh", "x", "server"),
            ("https://mcp.example.org/", "{{secrets.NONE}}", "headers"),
            ("https://mcp.example.org/", "{{input}}", "headers.authorization"),
        ] {
            let headers = [("authorization".to_owned(), header.to_owned())].into();
            let asked = McpServer { server: server.to_owned(), headers };
            let error = read_mcp(&ctx, asked).await.unwrap_err();
            assert_eq!(error.fields()[0].field, field, "{server}: {error:?}");
        }
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn what_cannot_be_read_names_its_field(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let text = |text: &str| Some(text.to_owned());
        for (document, url, field) in [
            (None, None, "document"),
            (text("x"), text("https://example.org"), "document"),
            (text("not a document"), None, "document"),
            (None, text("http://127.0.0.1:1/openapi.json"), "url"),
            (None, text("file:///etc/passwd"), "url"),
            (None, text("http://169.254.169.254/latest/meta-data"), "url"),
        ] {
            let source = OpenApiSource { document, url, operations: Vec::new() };
            let error = read_openapi(&ctx, source).await.unwrap_err();
            assert_eq!((error.kind(), &*error.fields()[0].field), (FaultKind::Invalid, field));
        }
    }
}
