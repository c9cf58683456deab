//! The form that starts a session: a goal and an agent. It is a plain form without JavaScript.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use resonant_domain::session::{CONTEXT_MAX, GOAL_MAX};

use super::api::{Start, Template};
use crate::error::{action_error, field_error};
use crate::features::marketplace::api::InstallAndRun;
use crate::intent::{Intent, IntentField};
use crate::language::tr;
use crate::refused_form::refused_form;
use crate::ui::{Avatar, AvatarSize, Button, ButtonKind, FormError, TextArea};

/// A goal, a choice among the templates, and the button that starts.
#[component]
pub fn GoalBox(
    /// What there is to choose.
    start: StoredValue<Start>,
) -> impl IntoView {
    // `/?agent=…` is an example's link: the chosen template and its goal.
    let query = use_query_map();
    let asked = Memo::new(move |_| query.read().get("agent").unwrap_or_default());
    let example = move || {
        let slug = asked.get();
        if slug.is_empty() {
            return None;
        }
        start.with_value(|start| start.choose(&slug)?.example.clone())
    };
    let refused = refused_form();
    let first = example();
    let first_goal = first.as_ref().map(|first| first.goal.clone());
    let goal = RwSignal::new(refused.text("goal").or(first_goal).unwrap_or_default());
    let first_context = first.and_then(|first| first.context);
    let context = RwSignal::new(refused.text("context").or(first_context).unwrap_or_default());
    let chosen = RwSignal::new(start.with_value(|start| {
        let wanted = refused.text("slug").unwrap_or_else(|| asked.get_untracked());
        let template = start.choose(&wanted);
        template.map(|template| template.summary.slug.clone()).unwrap_or_default()
    }));

    Effect::new(move |seen: Option<String>| {
        let slug = asked.get();
        if seen.is_some_and(|seen| seen != slug)
            && let Some(example) = example()
        {
            goal.set(example.goal);
            context.set(example.context.unwrap_or_default());
            chosen.set(slug.clone());
        }
        slug
    });

    let action = ServerAction::<InstallAndRun>::new();
    let intent = Intent::of(action);
    let error = action_error(action);
    let placeholder = start.with_value(|start| {
        let example = start.templates.first().and_then(|template| template.example.clone());
        example.map(|example| example.goal)
    });
    let has_context = !context.read_untracked().is_empty();
    view! {
        <ActionForm action>
            <div class="goal-box">
                <FormError error fields=&["goal", "context"] />
                <IntentField intent />
                <TextArea
                    label=tr("What should it do?")
                    name="goal"
                    value=goal
                    on_input=Callback::new(move |text| goal.set(text))
                    rows=4
                    required=true
                    maxlength=GOAL_MAX
                    placeholder=placeholder.unwrap_or_default()
                    error=field_error(error, "goal")
                />
                <details class="goal-box__more" open=has_context>
                    <summary>{tr("Add text, data or notes to work on")}</summary>
                    <TextArea
                        label=tr("Material")
                        name="context"
                        value=context
                        on_input=Callback::new(move |text| context.set(text))
                        rows=5
                        maxlength=CONTEXT_MAX
                        error=field_error(error, "context")
                    />
                </details>
                <fieldset class="goal-box__agents">
                    <legend class="goal-box__legend">{tr("Who should do it?")}</legend>
                    <div class="goal-box__choices">
                        {start
                            .with_value(|start| {
                                start
                                    .templates
                                    .iter()
                                    .map(|template| choice(template, chosen))
                                    .collect_view()
                            })}
                    </div>
                </fieldset>
                <div class="goal-box__end">
                    <Button kind=ButtonKind::Primary busy=action.pending()>
                        {tr("Start and watch")}
                    </Button>
                    <p class="goal-box__note">{tr("Makes you a guest, without a form.")}</p>
                </div>
            </div>
        </ActionForm>
    }
}

fn choice(template: &Template, chosen: RwSignal<String>) -> impl IntoView + use<> {
    let slug = template.summary.slug.clone();
    let own = slug.clone();
    let is_first = chosen.read_untracked() == slug;
    let value = slug.clone();
    view! {
        <label class="goal-choice" title=template.summary.tagline.clone()>
            <input
                class="goal-choice__control"
                type="radio"
                name="slug"
                value=value
                required=true
                checked=is_first
                prop:checked=move || *chosen.read() == own
                on:change=move |_| chosen.set(slug.clone())
            />
            <Avatar avatar=template.summary.avatar.clone() size=AvatarSize::Small />
            <span class="goal-choice__name">{template.summary.name.clone()}</span>
        </label>
    }
}
