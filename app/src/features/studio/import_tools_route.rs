//! `/studio/agents/{id}/tools/import`: tools that a document describes or a server offers.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_params_map;
use resonant_domain::agent_tools::AgentTools;
use resonant_domain::ids::AgentId;

use super::editor_route::agent_id;
use super::tool_form::fault_within;
use super::tools_api::{ImportMcp, ImportOpenapi, OfferedTool, OfferedTools, get_tools};
use crate::error::{AppError, action_error, field_error};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{
    Badge, Button, ButtonKind, Code, Field, FormError, LinkButton, Notice, PageHead, Skeleton,
    TextArea, Tone, cannot_be_shown,
};

/// The page where tools are read from elsewhere.
pub struct ImportToolsRoute {
    tools: Resource<Result<AgentTools, AppError>>,
}

impl LazyPage for ImportToolsRoute {
    fn data() -> Self {
        let params = use_params_map();
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let tools = Resource::new_blocking(
            move || id.get(),
            |id| async move { get_tools(agent_id(&id)?).await },
        );
        Self { tools }
    }

    fn view(this: Self) -> AnyView {
        let tools = this.tools;
        view! {
            <Title text=tr("Tools from elsewhere") />
            <Meta name="description" content=tr("Tools from an OpenAPI document or an MCP server") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {move || Suspend::new(async move {
                    match tools.await {
                        Ok(tools) => view! { <Page tools /> }.into_any(),
                        Err(error) => cannot_be_shown(tr("These tools cannot be shown"), error),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

#[component]
fn Page(tools: AgentTools) -> impl IntoView {
    let AgentTools { agent_id: id, agent_name, tools, .. } = tools;
    let has = tools.into_iter().filter(|tool| tool.is_on).map(|tool| tool.grant.name);
    let has = StoredValue::new(has.collect::<Vec<_>>());
    view! {
        <div class="account">
            <PageHead
                title=tr("Tools from elsewhere")
                lead=tr_with(
                    "Each operation becomes a tool of {agent_name} that you can change later.",
                    &[("agent_name", &agent_name)],
                )
            >
                <LinkButton href=paths::tools(id)>{tr("All its tools")}</LinkButton>
            </PageHead>
            <FromDocument id has />
            <FromServer id has />
        </div>
    }
}

#[component]
fn FromDocument(id: AgentId, has: StoredValue<Vec<String>>) -> impl IntoView {
    let import = ServerAction::<ImportOpenapi>::new();
    let error = action_error(import);
    let typed = |name: &str| refused_form().text(name).unwrap_or_default();
    let offered = Signal::derive(move || import.value().get().and_then(Result::ok));
    view! {
        <section class="account__part" aria-labelledby="openapi-title">
            <h2 id="openapi-title">{tr("An OpenAPI document")}</h2>
            <ActionForm action=import>
                <div class="form">
                    <FormError error fields=&["document", "url"] />
                    <input type="hidden" name="id" value=id.to_string() />
                    <Field
                        label=tr("Address")
                        name="url"
                        id="openapi-url"
                        value=typed("url")
                        optional=true
                        autocomplete="off"
                        placeholder="https://api.example.org/openapi.json"
                        hint=tr("Of the document, if it is public")
                        error=field_error(error, "url")
                    />
                    <TextArea
                        label=tr("Document")
                        name="document"
                        id="openapi-document"
                        value=typed("document")
                        rows=6
                        optional=true
                        is_code=true
                        hint=tr("Or the document itself, JSON or YAML")
                        error=field_error(error, "document")
                    />
                    <Choice offered has busy=import.pending() />
                </div>
            </ActionForm>
        </section>
    }
}

#[component]
fn FromServer(id: AgentId, has: StoredValue<Vec<String>>) -> impl IntoView {
    let import = ServerAction::<ImportMcp>::new();
    let error = action_error(import);
    let typed = |name: &str| refused_form().text(name).unwrap_or_default();
    let offered = Signal::derive(move || import.value().get().and_then(Result::ok));
    view! {
        <section class="account__part" aria-labelledby="mcp-title">
            <h2 id="mcp-title">{tr("An MCP server")}</h2>
            <ActionForm action=import>
                <div class="form">
                    <FormError error fields=&["server", "headers*"] />
                    <input type="hidden" name="id" value=id.to_string() />
                    <Field
                        label=tr("Server")
                        name="server"
                        id="mcp-server"
                        value=typed("server")
                        required=true
                        autocomplete="off"
                        placeholder="https://mcp.example.org/mcp"
                        hint=tr("Its public address (streamable HTTP)")
                        error=field_error(error, "server")
                    />
                    <TextArea
                        label=tr("Headers")
                        name="headers"
                        id="mcp-headers"
                        value=typed("headers")
                        rows=2
                        optional=true
                        is_code=true
                        placeholder="Authorization: Bearer {{secrets.MCP_KEY}}"
                        hint=tr("One Name: value on each line; a value may name a secret of yours")
                        error=fault_within(error, "headers")
                    />
                    <Choice offered has busy=import.pending() />
                </div>
            </ActionForm>
        </section>
    }
}

/// What was found, to tick; without a script all of it is added at once.
#[component]
fn Choice(
    #[prop(into)] offered: Signal<Option<OfferedTools>>,
    has: StoredValue<Vec<String>>,
    #[prop(into)] busy: Signal<bool>,
) -> impl IntoView {
    let found = move || {
        let OfferedTools { title, tools, secrets, skipped } = offered.get()?;
        let nothing = tools.is_empty().then(|| view! { <p>{tr("It offers no tool.")}</p> });
        let lacks = (!secrets.is_empty()).then(|| {
            view! {
                <Notice tone=Tone::Warn>
                    <p>
                        {tr("They send secrets that you do not have yet: ")}
                        <code>{secrets.join(", ")}</code> ". "
                        <a href=paths::SECRETS>{tr("Keep them")}</a> {tr(" before the agent calls.")}
                    </p>
                </Notice>
            }
        });
        let skipped = (!skipped.is_empty()).then(|| {
            let lines = skipped.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
            view! {
                <details>
                    <summary>{tr("What no tool could be made of")}</summary>
                    <ul>{lines}</ul>
                </details>
            }
        });
        let row = move |tool: OfferedTool| view! { <Offered tool has /> };
        Some(view! {
            <fieldset class="tool-picker">
                <legend class="field__label">{tr_with("What “{title}” offers", &[("title", &title)])}</legend>
                {nothing}
                {lacks}
                <div class="options">{tools.into_iter().map(row).collect_view()}</div>
                {skipped}
            </fieldset>
        })
    };
    view! {
        <div role="status">{found}</div>
        <div class="tools__actions">
            <span class="with-script">
                <Button busy>{tr("Show its tools")}</Button>
            </span>
            <Show
                when=move || offered.with(|offered| offered.as_ref().is_some_and(|o| !o.tools.is_empty()))
            >
                <Button kind=ButtonKind::Primary name="add" value="true" busy>
                    {tr("Add the ticked tools")}
                </Button>
            </Show>
            <span class="without-script">
                <Button kind=ButtonKind::Primary name="add" value="true">
                    {tr("Add all its tools")}
                </Button>
            </span>
        </div>
    }
}

#[component]
fn Offered(tool: OfferedTool, has: StoredValue<Vec<String>>) -> impl IntoView {
    let OfferedTool { name, description, input_schema } = tool;
    let is_there = has.with_value(|has| has.contains(&name));
    view! {
        <div class="tools__offered">
            <label class="option">
                <input
                    type="checkbox"
                    class="option__control"
                    name="names[]"
                    value=name.clone()
                    checked=true
                />
                <span class="option__title">
                    {name.clone()}
                    {is_there
                        .then(|| view! { " " <Badge tone=Tone::Info>{tr("takes the place of its namesake")}</Badge> })}
                </span>
                <span class="option__about">{description}</span>
            </label>
            <details class="tools__details">
                <summary>
                    {tr("What it takes")} <span class="visually-hidden">{format!(": {name}")}</span>
                </summary>
                <Code text=input_schema language=tr("JSON schema") />
            </details>
        </div>
    }
}
