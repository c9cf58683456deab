//! `/studio/agents/{id}/tools`: what an agent may call, one tool after the other, with its schema.

use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_params_map;
use resonant_domain::agent_tools::{AgentTools, DescribedTool, ToolTrial};
use resonant_domain::grant::ToolSettings;
use resonant_domain::ids::AgentId;
use resonant_domain::team::{AgentRight, AgentStanding};
use resonant_domain::tool::built_in;

use super::editor_route::agent_id;
use super::team_panel::{StandingNote, may};
use super::tool_form::pretty;
use super::tools_api::{
    RemoveTool, RemovedTool, SetApproval, SwitchTool, ToolsPage, TryTool, get_tools_page,
    restore_tool,
};
use crate::error::{AppError, action_error, field_error};
use crate::language::{tr, tr_text, tr_with};
use crate::lazy_page::LazyPage;
use crate::state::use_toasts;
use crate::ui::{
    Badge, Button, ButtonKind, Code, FormError, LinkButton, PageHead, Skeleton, TextArea, Tone,
    cannot_be_shown, duration_text, kept,
};
use crate::{browser, paths};

/// The page of an agent's tools.
pub struct ToolsRoute {
    actions: Actions,
    /// How many tools were put back.
    restored: RwSignal<u32>,
    tools: Resource<Result<ToolsPage, AppError>>,
}

/// Everything that the page's forms do.
#[derive(Clone, Copy)]
struct Actions {
    switch: ServerAction<SwitchTool>,
    approval: ServerAction<SetApproval>,
    remove: ServerAction<RemoveTool>,
    try_out: ServerAction<TryTool>,
}

impl LazyPage for ToolsRoute {
    fn data() -> Self {
        let actions = Actions {
            switch: ServerAction::new(),
            approval: ServerAction::new(),
            remove: ServerAction::new(),
            try_out: ServerAction::new(),
        };
        let params = use_params_map();
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let Actions { switch, approval, remove, .. } = actions;
        let restored = RwSignal::new(0);
        let changes = [switch.version(), approval.version(), remove.version()];
        let versions = move || (changes.map(|version| version.get()), restored.get());
        let tools = Resource::new_blocking(
            move || (id.get(), versions()),
            |(id, _)| async move { get_tools_page(agent_id(&id)?).await },
        );
        Self { actions, restored, tools }
    }

    fn view(this: Self) -> AnyView {
        let ToolsRoute { actions, restored, tools } = this;
        let toasts = use_toasts();
        Effect::new(move || {
            let Some(Ok(RemovedTool { agent_id: id, name, grant })) = actions.remove.value().get()
            else {
                return;
            };
            let text = tr_with("The tool {name} is removed", &[("name", &name)]);
            toasts.show_undo(text, move || {
                let grant = grant.clone();
                spawn_local(async move {
                    match restore_tool(id, grant).await {
                        Ok(()) => {
                            // The page may be left by then.
                            let _ = restored.try_update(|count| *count += 1);
                        }
                        Err(error) => toasts.show(Tone::Bad, told(error)),
                    }
                });
            });
        });
        view! {
            <Title text=tr("Tools") />
            <Meta name="description" content=tr("What an AI agent may call") />
            <Transition fallback=|| {
                view! { <Skeleton lines=12 /> }
            }>
                {kept(move || async move {
                    match tools.await {
                        Ok(ToolsPage { tools, standing }) => {
                            view! { <Page tools standing actions /> }.into_any()
                        }
                        Err(error) => cannot_be_shown(tr("These tools cannot be shown"), error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

/// Why a tool could not be put back.
fn told(error: AppError) -> String {
    let reason = error.fields.into_iter().next().map(|fault| tr_text(fault.reason));
    reason.map_or(error.message, |reason| {
        tr_with("The tool is not put back: its name {reason}", &[("reason", &reason)])
    })
}

#[component]
fn Page(tools: AgentTools, standing: Option<AgentStanding>, actions: Actions) -> impl IntoView {
    let may_edit = may(standing.as_ref(), AgentRight::Edit);
    let note = standing.map(|standing| view! { <StandingNote standing=standing /> });
    let AgentTools { agent_id: id, agent_name, tools, .. } = tools;
    let (built_in, own): (Vec<_>, Vec<_>) =
        tools.into_iter().partition(|tool| tool.grant.settings.is_built_in());
    let nothing = own.is_empty().then(|| {
        view! {
            <p>{tr("None yet. Write down a request, read an OpenAPI document, or ask an MCP server.")}</p>
        }
    });
    let row = move |tool: DescribedTool| view! { <ToolRow id tool actions may_edit /> };
    let add = may_edit.then(|| {
        view! {
            <p class="tools__add">
                <LinkButton href=paths::new_tool(id) kind=ButtonKind::Primary>
                    {tr("Add an HTTP tool")}
                </LinkButton>
                <LinkButton href=paths::import_tools(id)>{tr("From OpenAPI or MCP")}</LinkButton>
            </p>
        }
    });
    view! {
        <div class="account">
            <PageHead
                title=tr_with("Tools of {agent_name}", &[("agent_name", &agent_name)])
                lead=tr("What the agent may call. A change counts for the draft, from its next session on.")
            >
                <LinkButton href=paths::agent(id)>{tr("Back to the editor")}</LinkButton>
            </PageHead>
            {note}
            <FormError error=action_error(actions.switch) />
            <FormError error=action_error(actions.approval) />
            <FormError error=action_error(actions.remove) />
            <section class="account__part" aria-labelledby="own-tools">
                <h2 id="own-tools">{tr("Its own tools")}</h2>
                {nothing}
                <ul class="secret-list">{own.into_iter().map(row).collect_view()}</ul>
                {add}
            </section>
            <section class="account__part" aria-labelledby="built-in-tools">
                <h2 id="built-in-tools">{tr("Built-in tools")}</h2>
                <ul class="secret-list">{built_in.into_iter().map(row).collect_view()}</ul>
            </section>
        </div>
    }
}

/// A tool: what it is, whether the agent has it, what it takes, and a try.
#[component]
fn ToolRow(id: AgentId, tool: DescribedTool, actions: Actions, may_edit: bool) -> impl IntoView {
    let schema = pretty(&tool.input_schema);
    let sample = pretty(&tool.sample_arguments());
    let origin = tr(tool.origin());
    let DescribedTool { grant, is_on, description, .. } = tool;
    let title = built_in(&grant.name).map_or(grant.name.as_str(), |tool| tr(tool.title));
    let title = StoredValue::new(title.to_owned());
    let name = StoredValue::new(grant.name.clone());
    // Behind the word on each button, for those who hear it alone.
    let hidden =
        move || view! { <span class="visually-hidden">{format!(": {}", title.get_value())}</span> };
    let is_own = !grant.settings.is_built_in();
    // Other kinds have a form of their own.
    let has_form = matches!(grant.settings, ToolSettings::Http(_) | ToolSettings::Mcp(_));
    let place = if let ToolSettings::Http(tool) = &grant.settings {
        Some(format!("{} {}", tool.method.as_str(), tool.url))
    } else if let ToolSettings::Mcp(tool) = &grant.settings {
        Some(tr_with("{tool} of {server}", &[("tool", &tool.tool), ("server", &tool.server)]))
    } else {
        None
    };
    let needed = grant.needs_approval;
    let state = if is_on {
        let approval = needed
            .then(|| view! { " " <Badge tone=Tone::Warn>{tr("asks before each call")}</Badge> });
        // “On” alone is the word on a button that leads on.
        let on = tr("On ").trim_end();
        view! {
            <Badge tone=Tone::Good>{on}</Badge>
            {approval}
        }
        .into_any()
    } else if is_own {
        view! { <Badge>{tr("Switched off")}</Badge> }.into_any()
    } else {
        ().into_any()
    };
    let edit = (has_form && may_edit).then(|| {
        let href = paths::tool(id, &grant.name);
        view! { <LinkButton href>{tr("Edit")} {hidden()}</LinkButton> }
    });
    let remove = (is_own && may_edit).then(|| {
        view! {
            <ActionForm action=actions.remove>
                <ToolInputs id name=name.get_value() />
                <Button kind=ButtonKind::Danger busy=actions.remove.pending()>
                    {tr("Remove")} {hidden()}
                </Button>
            </ActionForm>
        }
    });
    let switch = may_edit.then(|| {
        view! {
            <ActionForm action=actions.switch>
                <ToolInputs id name=name.get_value() />
                <input type="hidden" name="on" value=(!is_on).to_string() />
                <Button busy=actions.switch.pending()>
                    {if is_on { tr("Switch off") } else { tr("Switch on") }} {hidden()}
                </Button>
            </ActionForm>
        }
    });
    let approval = (is_on && may_edit).then(|| {
        view! {
            <ActionForm action=actions.approval>
                <ToolInputs id name=name.get_value() />
                <input type="hidden" name="needed" value=(!needed).to_string() />
                <Button kind=ButtonKind::Quiet busy=actions.approval.pending()>
                    {if needed {
                        tr("Let it call without asking")
                    } else {
                        tr("Ask before each call")
                    }}
                    {hidden()}
                </Button>
            </ActionForm>
        }
    });
    let trial = (is_on && may_edit).then(|| {
        let (name, title) = (name.get_value(), title.get_value());
        view! { <Trial id name title sample action=actions.try_out /> }
    });
    view! {
        <li class="secret">
            <div class="secret__head">
                <h3 class="secret__name">{title.get_value()}</h3>
                <span class="secret__about">{origin} " · " <code>{name.get_value()}</code></span>
                {state}
            </div>
            <p class="tools__about">{description}</p>
            {place.map(|place| view! { <p class="tools__place"><code>{place}</code></p> })}
            <div class="tools__actions">{edit} {switch} {approval} {remove}</div>
            <details class="tools__details">
                <summary>{tr("What it takes")} {hidden()}</summary>
                <Code text=schema language=tr("JSON schema") />
            </details>
            {trial}
        </li>
    }
}

/// The fields that say which tool a form means.
#[component]
fn ToolInputs(id: AgentId, name: String) -> impl IntoView {
    view! {
        <input type="hidden" name="id" value=id.to_string() />
        <input type="hidden" name="name" value=name />
    }
}

/// Calls the tool once. Needs a script: the answer is shown beside what was asked.
#[component]
fn Trial(
    id: AgentId,
    name: String,
    title: String,
    sample: String,
    action: ServerAction<TryTool>,
) -> impl IntoView {
    let field = format!("try-{name}");
    let own = StoredValue::new(name.clone());
    // The row of a tool that is removed becomes the next one's.
    let (node, of) = (NodeRef::<html::Form>::new(), name.clone());
    Effect::new(move || browser::begin_anew(node, &of));
    // All rows share the action: an answer and an error belong to the row that asked last.
    let asked = RwSignal::new(false);
    Effect::new(move || {
        if let Some(input) = action.input().get() {
            asked.set(own.with_value(|own| input.name == *own));
        }
    });
    let failed = action_error(action);
    let error = Signal::derive(move || {
        failed.try_get().flatten().filter(|_| asked.try_get() == Some(true))
    });
    let answer = move || {
        let trial = action.value().get()?.ok()?;
        own.with_value(|own| trial.name == *own).then(|| view! { <Answer trial /> })
    };
    view! {
        <details class="tools__details with-script">
            <summary>
                {tr("Try it")} <span class="visually-hidden">{format!(": {title}")}</span>
            </summary>
            <p class="tools__note">
                {tr("It is called for real, with your secrets, and not approved by anyone else.")}
            </p>
            <ActionForm action node_ref=node>
                <ToolInputs id name />
                <TextArea
                    label=tr("Arguments")
                    name="arguments"
                    id=field
                    value=sample
                    rows=4
                    is_code=true
                    error=field_error(error, "arguments")
                />
                <FormError error fields=&["arguments"] />
                <Button busy=action.pending()>{tr("Call it")}</Button>
            </ActionForm>
            <div role="status">{answer}</div>
        </details>
    }
}

#[component]
fn Answer(trial: ToolTrial) -> impl IntoView {
    let took = duration_text(trial.duration_ms);
    let (tone, told) = if trial.is_ok {
        (Tone::Good, tr_with("It answered after {took}", &[("took", &took)]))
    } else {
        (Tone::Bad, tr_with("No answer, after {took}", &[("took", &took)]))
    };
    view! {
        <p><Badge tone>{told}</Badge></p>
        <Code text=trial.content language=tr("answer") />
    }
}
