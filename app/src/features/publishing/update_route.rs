//! `/studio/agents/{id}/update`: a newer version of the listing that an agent was copied from.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_params_map;
use resonant_domain::AgentId;
use resonant_domain::spec_diff::SpecDiff;
use resonant_domain::upstream::{Conflict, ListingUpdate, Widening};

use super::api::{TakeUpdate, get_update};
use super::conflicts::conflict_fields;
use crate::error::{AppError, action_error, field_error};
use crate::features::studio::DiffView;
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Button, ButtonKind, ChoiceError, EmptyState, FormError, IconName, LinkButton, Notice, PageHead,
    Skeleton, Time, Tone, cannot_be_shown, kept,
};

/// The page of an update.
pub struct UpdateRoute {
    id: Memo<String>,
    update: Resource<Result<Option<ListingUpdate>, AppError>>,
}

fn agent_id(text: &str) -> Result<AgentId, AppError> {
    text.parse().map_err(|_| AppError::not_found(key("There is no such agent")))
}

impl LazyPage for UpdateRoute {
    fn data() -> Self {
        let params = use_params_map();
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let update = Resource::new_blocking(
            move || id.get(),
            |id| async move { get_update(agent_id(&id)?).await },
        );
        Self { id, update }
    }

    fn view(this: Self) -> AnyView {
        let UpdateRoute { id, update } = this;
        view! {
            <Title text=tr("Update from the marketplace") />
            <Meta name="description" content=tr("A newer version of the listing that an agent came from") />
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {kept(move || async move {
                    let id = id.get_untracked();
                    match (update.await, agent_id(&id)) {
                        (Ok(update), Ok(id)) => view! { <Page id update /> }.into_any(),
                        (Err(error), _) | (_, Err(error)) => cannot_be_shown(tr("This agent cannot be updated"), error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn Page(id: AgentId, update: Option<ListingUpdate>) -> impl IntoView {
    let Some(update) = update else {
        return view! {
            <h1 class="visually-hidden">{tr("Update from the marketplace")}</h1>
            <EmptyState
                icon=IconName::CheckCircle
                title=tr("Nothing to update")
                text=tr("It has the newest version of its listing, or is not from the marketplace. When there is a newer one, the editor says so.")
            >
                <LinkButton href=paths::agent(id)>{tr("Back to the editor")}</LinkButton>
            </EmptyState>
        }
        .into_any();
    };
    let ListingUpdate {
        slug,
        name,
        from,
        to,
        revision,
        news,
        diff,
        conflicts,
        widened,
        widened_by_choice,
    } = update;
    let news = news
        .into_iter()
        .map(|version| {
            view! {
                <li class="change-log__version">
                    <p>
                        <b>{tr_with("Version {version}", &[("version", &version.version)])}</b>
                        " "
                        <span class="review__about">
                            <Time at=version.created_at />
                        </span>
                    </p>
                    <p class="review__text">{version.change_log}</p>
                </li>
            }
        })
        .collect_view();
    view! {
        <div class="publish-page">
            <PageHead
                title=tr_with("Version {to} of {name}", &[("to", &to), ("name", &name)])
                lead=tr_with(
                    "Your agent is a copy of version {from}. What you changed yourself stays.",
                    &[("from", &from)],
                )
            >
                <LinkButton href=paths::listing(&slug)>{tr("Open the listing")}</LinkButton>
                <LinkButton href=paths::agent(id)>{tr("Back to the editor")}</LinkButton>
            </PageHead>
            <section class="account__part" aria-labelledby="news-title">
                <h2 id="news-title">{tr("What is new")}</h2>
                <ol class="change-log">{news}</ol>
            </section>
            <section class="account__part" aria-labelledby="diff-title">
                <h2 id="diff-title">{tr("What would change in your agent")}</h2>
                <DiffView diff />
                <TakeForm id revision to conflicts widened widened_by_choice />
            </section>
        </div>
    }
    .into_any()
}

#[component]
fn TakeForm(
    id: AgentId,
    revision: i64,
    to: i32,
    conflicts: Vec<Conflict>,
    widened: Widening,
    widened_by_choice: Widening,
) -> impl IntoView {
    let take = ServerAction::<TakeUpdate>::new();
    let error = action_error(take);
    let fault = field_error(error, "consent");
    let is_needed = !widened.is_empty();
    let consent = (is_needed || !widened_by_choice.is_empty()).then(|| {
        let always = wider(
            widened,
            key("It asks for more than it has, by these tools: {tools}."),
            tr("It may spend more than it does:"),
        );
        let by_choice = wider(
            widened_by_choice,
            key("Where you take the publisher’s, it asks for more by these tools: {tools}."),
            tr("Where you take the publisher’s, it may spend more than it does:"),
        );
        view! {
            <Notice tone=Tone::Warn>
                {always}
                {by_choice}
                <label class="star-choice__one">
                    <input
                        type="checkbox"
                        name="consent"
                        value="true"
                        required=is_needed
                        aria-invalid=move || fault.with(Option::is_some).then_some("true")
                        aria-describedby="consent-error"
                    />
                    {tr("I agree to that")}
                </label>
                <ChoiceError id="consent-error" error=fault />
            </Notice>
        }
        .into_any()
    });
    view! {
        <ActionForm action=take>
            <div class="form">
                <FormError error fields=&["consent"] />
                <input type="hidden" name="id" value=id.to_string() />
                <input type="hidden" name="revision" value=revision.to_string() />
                <input type="hidden" name="to" value=to.to_string() />
                {conflict_fields(conflicts)}
                {consent}
                <Button kind=ButtonKind::Primary busy=take.pending()>{tr("Update my agent")}</Button>
            </div>
        </ActionForm>
    }
}

/// Of what the agent would get more: the tools in a sentence, and what lets it spend more, before and after.
fn wider(widening: Widening, tools: &'static str, spend: &'static str) -> AnyView {
    let Widening { tools: names, spend: fields } = widening;
    let tools = (!names.is_empty())
        .then(|| view! { <p>{tr_with(tools, &[("tools", &names.join(", "))])}</p> });
    let spend = (!fields.is_empty()).then(|| {
        let diff = SpecDiff { fields, prompt: Vec::new() };
        view! {
            <p>{spend}</p>
            <DiffView diff label=tr("What it may spend") />
        }
    });
    view! {
        {tools}
        {spend}
    }
    .into_any()
}
