//! `/studio/agents/{id}/tools/edit`: the form of one of an agent's own tools.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::agent_tools::AgentTools;
use resonant_domain::grant::{TOOL_NAME_MAX, ToolSettings};
use resonant_domain::http_tool::{HttpMethod, REQUEST_SECONDS_MAX, TOOL_DESCRIPTION_MAX};
use resonant_domain::ids::AgentId;

use super::conflict_notice::{ConflictNotice, is_conflict};
use super::editor_route::agent_id;
use super::tool_form::{ToolForm, fault_within};
use super::tools_api::{SaveTool, get_tools};
use crate::error::{AppError, action_error, field_error};
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{
    Button, ButtonKind, Code, Field, FormError, LinkButton, PageHead, Select, Skeleton, TextArea,
    cannot_be_shown,
};

/// The page of one tool.
pub struct ToolRoute {
    tool: Memo<Option<String>>,
    tools: Resource<Result<AgentTools, AppError>>,
}

impl LazyPage for ToolRoute {
    fn data() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let tool = Memo::new(move |_| query.read().get("tool").filter(|name| !name.is_empty()));
        let tools = Resource::new_blocking(
            move || id.get(),
            |id| async move { get_tools(agent_id(&id)?).await },
        );
        Self { tool, tools }
    }

    fn view(this: Self) -> AnyView {
        let ToolRoute { tool, tools } = this;
        view! {
            <Title text=tr("Tool") />
            <Meta name="description" content=tr("A request that an AI agent may make") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=12 /> }
            }>
                {move || {
                    let tool = tool.get();
                    Suspend::new(async move {
                        match tools.await {
                            Ok(tools) => page(tools, tool),
                            Err(error) => cannot_be_shown(tr("These tools cannot be shown"), error),
                        }
                    })
                }}
            </Suspense>
        }
        .into_any()
    }
}

fn page(tools: AgentTools, name: Option<String>) -> AnyView {
    let AgentTools { agent_id: id, agent_name, tools, secrets, .. } = tools;
    let found = name.as_ref().map(|name| {
        let has_form = |settings: &ToolSettings| {
            matches!(settings, ToolSettings::Http(_) | ToolSettings::Mcp(_))
        };
        tools.iter().find(|tool| tool.grant.name == *name && has_form(&tool.grant.settings))
    });
    let (title, form, is_mcp, version) = match found {
        None => (tr("New HTTP tool").to_owned(), ToolForm::blank(), false, String::new()),
        Some(Some(tool)) => {
            let is_mcp = matches!(tool.grant.settings, ToolSettings::Mcp(_));
            let title = tr_with("Tool {tool}", &[("tool", &tool.grant.name)]);
            (title, ToolForm::from(&tool.grant), is_mcp, tool.version.clone())
        }
        Some(None) => {
            return cannot_be_shown(
                tr("These tools cannot be shown"),
                AppError::not_found(key("The agent has no such tool of its own")),
            );
        }
    };
    let form = ToolForm::refused().unwrap_or(form);
    let replaces = name.unwrap_or_default();
    // A refused form goes on from the tool that it was made for.
    let seen = refused_form().text("seen").unwrap_or(version);
    view! {
        <div class="account">
            <PageHead title lead=tr_with("Of the agent {agent_name}", &[("agent_name", &agent_name)])>
                <LinkButton href=paths::tools(id)>{tr("All its tools")}</LinkButton>
            </PageHead>
            <Form id replaces seen form is_mcp secrets />
        </div>
    }
    .into_any()
}

/// The fields that show their own faults.
const FIELDS: &[&str] = &[
    "name",
    "hosts*",
    "settings.description",
    "settings.method",
    "settings.url",
    "settings.query*",
    "settings.headers*",
    "settings.server",
    "settings.body",
    "settings.input_schema",
    "settings.timeout_seconds",
];

#[component]
fn Form(
    id: AgentId,
    replaces: String,
    seen: String,
    form: ToolForm,
    is_mcp: bool,
    secrets: Vec<String>,
) -> impl IntoView {
    let save = ServerAction::<SaveTool>::new();
    let error = action_error(save);
    let is_conflict = is_conflict(error);
    let other = Signal::derive(move || {
        error.try_get().flatten().filter(|_| is_conflict.try_get() != Some(true))
    });
    let theirs = paths::tool(id, &replaces);
    let ToolForm {
        name,
        description,
        method,
        url,
        query,
        headers,
        body,
        input_schema,
        timeout_seconds,
        hosts,
        needs_approval,
    } = form;
    let methods =
        HttpMethod::ALL.map(|method| (method.as_str().to_owned(), method.as_str().to_owned()));
    let address =
        if is_mcp { (tr("Server"), "settings.server") } else { (tr("Address"), "settings.url") };
    let schema = input_schema.clone();
    let request = (!is_mcp).then(|| {
        view! {
            <Select
                label=tr("Method")
                name="tool[method]"
                options=methods.to_vec()
                value=method
                error=field_error(error, "settings.method")
            />
        }
    });
    let rest = (!is_mcp).then(|| {
        view! {
            <TextArea
                label=tr("Query")
                name="tool[query]"
                value=query
                rows=2
                optional=true
                is_code=true
                placeholder="city={{city}}"
                hint=tr("One name=value on each line. A line whose placeholder has no value is left out")
                error=fault_within(error, "settings.query")
            />
        }
    });
    let input = if is_mcp {
        view! {
            <div class="field">
                <span class="field__label">{tr("What it takes, as its server says")}</span>
                <Code text=schema language=tr("JSON schema") />
            </div>
        }
        .into_any()
    } else {
        view! {
            <TextArea
                label=tr("Body")
                name="tool[body]"
                value=body
                rows=4
                optional=true
                is_code=true
                placeholder="{ \"city\": \"{{city}}\" }"
                hint=tr("JSON or text. A text that is one placeholder becomes the value with its type")
                error=field_error(error, "settings.body")
            />
            <TextArea
                label=tr("What it takes")
                name="tool[input_schema]"
                value=input_schema
                rows=8
                is_code=true
                hint=tr("A JSON schema of an object. Each of its properties can be a placeholder above")
                error=field_error(error, "settings.input_schema")
            />
        }
        .into_any()
    };
    let secrets = if secrets.is_empty() {
        view! { {tr("You have no secrets yet: ")} <a href=paths::SECRETS>{tr("keep one")}</a> }
            .into_any()
    } else {
        let names: Vec<_> = secrets.iter().map(|name| format!("{{{{secrets.{name}}}}}")).collect();
        view! { {tr("Your secrets: ")} <code>{names.join(" ")}</code> }.into_any()
    };
    view! {
        <ActionForm action=save>
            <div class="form">
                <FormError error=other fields=FIELDS />
                <ConflictNotice
                    text=tr(
                        "This was changed elsewhere after you opened it. Nothing of yours is lost: it still \
                        stands in the form.",
                    )
                    is_there=is_conflict
                    busy=save.pending()
                    theirs
                />
                <input type="hidden" name="id" value=id.to_string() />
                <input type="hidden" name="replaces" value=replaces />
                <input type="hidden" name="seen" value=seen />
                <Field
                    label=tr("Name")
                    name="tool[name]"
                    value=name
                    required=true
                    maxlength=TOOL_NAME_MAX
                    autocomplete="off"
                    placeholder="weather"
                    hint=tr("What the model calls it: letters, digits, - and _")
                    error=field_error(error, "name")
                />
                <TextArea
                    label=tr("Description")
                    name="tool[description]"
                    value=description
                    rows=2
                    required=true
                    maxlength=TOOL_DESCRIPTION_MAX
                    hint=tr("What it does and when to use it. The model chooses by this")
                    error=field_error(error, "settings.description")
                />
                {request}
                <Field
                    label=address.0
                    name="tool[url]"
                    value=url
                    required=true
                    autocomplete="off"
                    placeholder="https://api.example.org/weather/{{city}}"
                    hint=tr("A public https address. Placeholders may stand behind the host")
                    error=field_error(error, address.1)
                />
                {rest}
                <TextArea
                    label=tr("Headers")
                    name="tool[headers]"
                    value=headers
                    rows=2
                    optional=true
                    is_code=true
                    placeholder="Authorization: Bearer {{secrets.WEATHER_KEY}}"
                    hint=tr("One Name: value on each line")
                    error=fault_within(error, "settings.headers")
                />
                <p class="tools__note">{secrets}</p>
                {input}
                <Field
                    label=tr("Seconds")
                    name="tool[timeout_seconds]"
                    value=timeout_seconds
                    type_="number"
                    hint=tr_with(
                        "How long one call may take, 1 to {most}",
                        &[("most", &REQUEST_SECONDS_MAX)],
                    )
                    error=field_error(error, "settings.timeout_seconds")
                />
                <Field
                    label=tr("Other hosts")
                    name="tool[hosts]"
                    value=hosts
                    optional=true
                    autocomplete="off"
                    hint=tr("Where it may be led by a redirect beside its own host, parted by blanks")
                    error=fault_within(error, "hosts")
                />
                <label class="option">
                    <input
                        type="checkbox"
                        class="option__control"
                        name="tool[needs_approval]"
                        value="true"
                        checked=needs_approval == "true"
                    />
                    <span class="option__title">{tr("Ask before each call")}</span>
                    <span class="option__about">{tr("The session waits until you approve the call.")}</span>
                </label>
                <Button kind=ButtonKind::Primary busy=save.pending()>
                    {tr("Save tool")}
                </Button>
            </div>
        </ActionForm>
    }
}
