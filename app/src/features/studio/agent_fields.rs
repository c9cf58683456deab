//! The fields of an agent, the same for a new one and one that is changed.

use leptos::prelude::*;
use resonant_domain::agent::{
    AVATAR_ICONS, Avatar as Picture, DESCRIPTION_MAX, MODEL_NAME_MAX, NAME_MAX,
};
use resonant_domain::draft_weight::DraftWeight;
use resonant_domain::ids::AgentId;
use resonant_domain::tool::{BUILT_IN_TOOLS, BuiltInTool};

use super::agent_form::{AgentForm, field_fault, tools_fault};
use super::agent_picker::AgentPicker;
use super::api::Callable;
use super::planner_notice::PlannerNotice;
use super::prompt_field::{LikelyCost, PromptField, Weighing};
use super::variables_editor::VariablesEditor;
use crate::error::AppError;
use crate::language::{decimal, tr, tr_with};
use crate::ui::{
    Avatar, AvatarSize, Badge, ChoiceError, Field, Icon, IconName, NumberField, TextArea, Tone,
};

/// Every field of an agent. Belongs into a form.
#[component]
pub(super) fn AgentFields(
    /// What the fields start with.
    form: AgentForm,
    /// What was wrong with them when they were sent last.
    #[prop(into)]
    error: Signal<Option<AppError>>,
    /// The language model that `Auto` means.
    language_model: Option<String>,
    /// The agents that it may be let call.
    callable: Vec<Callable>,
    /// The agent; `None` before it is made.
    agent: Option<AgentId>,
    /// What the draft weighs as it was loaded.
    weight: Option<DraftWeight>,
) -> impl IntoView {
    let AgentForm {
        name,
        description,
        icon,
        hue,
        system_prompt,
        model,
        model_name,
        tools,
        agents,
        max_steps,
        max_tokens,
        timeout_seconds,
        max_cost,
        has_max_cost: _,
        variables,
    } = form;
    let weighing = Weighing::new(agent, system_prompt, model.clone(), model_name, weight);
    let limit = |text: &str| text.parse::<i64>().unwrap_or(1);
    view! {
        <section class="agent-form__part">
            <h2 class="agent-form__title">{tr("What it is")}</h2>
            <Field
                label=tr("Name")
                name="form[name]"
                value=name
                required=true
                maxlength=NAME_MAX
                autocomplete="off"
                error=field_fault(error, "name")
            />
            <TextArea
                label=tr("Description")
                name="form[description]"
                value=description
                rows=2
                optional=true
                maxlength=DESCRIPTION_MAX
                hint=tr("What it is for, in a sentence or two")
                error=field_fault(error, "description")
            />
            <AvatarPicker icon=icon hue=hue error=error />
        </section>
        <section class="agent-form__part">
            <h2 class="agent-form__title">{tr("What it is told")}</h2>
            <PromptField weighing=weighing error=error />
            <VariablesEditor rows=variables error=error />
            <ModelPicker
                model=model
                weighing=weighing
                error=error
                language_model=language_model
            />
        </section>
        <section class="agent-form__part">
            <ToolPicker chosen=tools error=error />
            <AgentPicker callable=callable chosen=agents />
        </section>
        <section class="agent-form__part">
            <h2 class="agent-form__title">{tr("How far it may go")}</h2>
            <p class="agent-form__lead">
                {tr("Each session stops at whichever of these it reaches first.")}
            </p>
            <LikelyCost weighing=weighing />
            <div class="agent-form__limits">
                <NumberField
                    label=tr("Steps")
                    name="form[max_steps]"
                    value=limit(&max_steps)
                    min=1
                    max=50
                    hint=tr("1 to 50")
                    error=field_fault(error, "limits.max_steps")
                />
                <NumberField
                    label=tr("Output tokens")
                    name="form[max_tokens]"
                    value=limit(&max_tokens)
                    min=1
                    max=1_000_000
                    hint=tr("1 to 1,000,000")
                    error=field_fault(error, "limits.max_tokens")
                />
                <NumberField
                    label=tr("Seconds")
                    name="form[timeout_seconds]"
                    value=limit(&timeout_seconds)
                    min=1
                    max=3_600
                    hint=tr("1 to 3,600")
                    error=field_fault(error, "limits.timeout_seconds")
                />
                <input type="hidden" name="form[has_max_cost]" value="true" />
                <Field
                    label=tr("Dollars")
                    name="form[max_cost]"
                    value=decimal(max_cost)
                    autocomplete="off"
                    hint=tr("Such as 0.50; empty for no limit")
                    error=field_fault(error, "limits.max_cost_micro_usd")
                />
            </div>
        </section>
    }
}

/// Icon and hue, with the picture that they make.
#[component]
fn AvatarPicker(icon: String, hue: String, error: Signal<Option<AppError>>) -> impl IntoView {
    let base = Picture::default();
    let icon = RwSignal::new(if icon.is_empty() { base.icon } else { icon });
    let first_hue = hue.parse::<u16>().unwrap_or(base.hue);
    let hue = RwSignal::new(first_hue);
    let fault = field_fault(error, "avatar.icon");
    let choices = AVATAR_ICONS
        .into_iter()
        .map(|name| {
            view! {
                <label class="avatar-picker__icon" title=tr(name)>
                    <input
                        type="radio"
                        name="form[icon]"
                        value=name
                        checked=icon.get_untracked() == name
                        aria-label=tr(name)
                        on:change=move |_| icon.set(name.to_owned())
                    />
                    <Icon name=IconName::of_avatar(name) />
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="avatar-picker" aria-describedby="picture-error">
            <legend class="field__label">{tr("Picture")}</legend>
            <div class="avatar-picker__shown">
                {move || {
                    let picture = Picture { icon: icon.get(), hue: hue.get() };
                    view! { <Avatar avatar=picture size=AvatarSize::Large /> }
                }}
                <label class="avatar-picker__hue">
                    <span class="field__label">{tr("Colour")}</span>
                    <input
                        type="range"
                        name="form[hue]"
                        min="0"
                        max="359"
                        value=first_hue.to_string()
                        on:input=move |event| {
                            if let Ok(degrees) = event_target_value(&event).parse() {
                                hue.set(degrees);
                            }
                        }
                    />
                </label>
            </div>
            <div class="avatar-picker__icons">{choices}</div>
            <ChoiceError id="picture-error" error=fault />
        </fieldset>
    }
}

/// Which model answers.
#[component]
fn ModelPicker(
    model: String,
    weighing: Weighing,
    error: Signal<Option<AppError>>,
    language_model: Option<String>,
) -> impl IntoView {
    let model = if model.is_empty() { "auto".to_owned() } else { model };
    let auto = language_model.as_ref().map_or_else(
        || tr("The built-in planner, because no language model is configured here").to_owned(),
        |name| tr_with("The language model of this installation: {name}", &[("name", name)]),
    );
    let has_language_model = language_model.is_some();
    let named = if has_language_model {
        tr("Another model of the same provider")
    } else {
        tr("A model of the provider, once one is configured here")
    };
    let choices = [
        ("auto", tr("Automatic"), auto),
        (
            "builtin",
            tr("Built-in planner"),
            tr("Rules instead of a language model. Same input, same answer").to_owned(),
        ),
        ("named", tr("Named model"), named.to_owned()),
    ]
    .into_iter()
    .map(|(value, title, about)| {
        view! {
            <label class="option">
                <input
                    type="radio"
                    class="option__control"
                    name="form[model]"
                    value=value
                    checked=model == value
                    on:change=move |_| weighing.model.set(value.to_owned())
                />
                <span class="option__title">{title}</span>
                <span class="option__about">{about}</span>
            </label>
        }
    })
    .collect_view();
    view! {
        <fieldset class="model-picker">
            <legend class="field__label">{tr("Who answers")}</legend>
            <div class="options">{choices}</div>
            <div class="model-picker__name">
                <Field
                    label=tr("Name of the model")
                    name="form[model_name]"
                    value=weighing.model_name
                    on_input=Callback::new(move |name| weighing.model_name.set(name))
                    maxlength=MODEL_NAME_MAX
                    autocomplete="off"
                    hint=tr("As the provider knows it")
                    error=field_fault(error, "model_policy.model")
                />
            </div>
            {(!has_language_model).then(|| view! { <PlannerNotice /> })}
        </fieldset>
    }
}

/// Which tools it may call.
#[component]
fn ToolPicker(chosen: Vec<String>, error: Signal<Option<AppError>>) -> impl IntoView {
    let fault = tools_fault(error);
    let card = move |tool: BuiltInTool| {
        let id = format!("tool-{}", tool.name);
        let about = format!("{id}-about");
        view! {
            <label class="option option--tool">
                <input
                    type="checkbox"
                    class="option__control"
                    name="form[tools][]"
                    value=tool.name
                    checked=chosen.iter().any(|name| name == tool.name)
                    aria-labelledby=id.clone()
                    aria-describedby=about.clone()
                />
                <span class="option__title" id=id>
                    <Icon name=IconName::of_tool(tool.name) />
                    {tr(tool.title)}
                </span>
                <span class="option__about" id=about>
                    {tr(tool.summary)}
                    {tool
                        .reaches_out
                        .then(|| {
                            view! {
                                " "
                                <Badge tone=Tone::Warn>{tr("reaches other hosts")}</Badge>
                            }
                        })}
                </span>
            </label>
        }
    };
    view! {
        <fieldset class="tool-picker" aria-describedby="tools-error">
            <legend class="agent-form__title">{tr("What it may use")}</legend>
            <p class="agent-form__lead">
                {tr("It can call the tools that you tick and no others.")}
            </p>
            <div class="options options--tools">
                {BUILT_IN_TOOLS.into_iter().map(card).collect_view()}
            </div>
            <ChoiceError id="tools-error" error=fault />
        </fieldset>
    }
}
