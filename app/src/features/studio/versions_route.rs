//! `/studio/agents/{id}/versions`: the published versions of an agent, and what differs between any two.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::AgentId;
use resonant_domain::agent_version::{Edition, VersionSummary};
use resonant_domain::team::AgentRight;
use server_fn::ServerFn as _;

use super::diff_view::DiffView;
use super::edition_field::EditionField;
use super::editor_route::agent_id;
use super::saving::saves;
use super::team_panel::{StandingNote, may};
use super::version_api::{
    Comparison, RestoreVersion, VersionsPage, compare_editions, list_versions,
};
use crate::error::{AppError, last_error};
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Badge, Button, Confirm, EmptyState, ErrorPanel, FormError, Icon, IconName, LinkButton,
    PageHead, Skeleton, Time, Tone, cannot_be_shown, kept,
};

/// So many versions can be chosen from a list.
const LISTED: u32 = 500;

/// The page of an agent's versions.
#[derive(Debug)]
pub struct VersionsRoute {
    page: Resource<Result<VersionsPage, AppError>>,
    comparison: Resource<Option<Result<Comparison, AppError>>>,
    /// How often a draft had been saved in this tab when this was asked for.
    saved: u32,
}

impl LazyPage for VersionsRoute {
    fn data() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let cursor = Memo::new(move |_| query.read().get("cursor"));
        let sides = Memo::new(move |_| {
            let query = query.read();
            Some((query.get("before")?, query.get("after")?))
        });
        Self {
            saved: saves().get_untracked(),
            page: Resource::new_blocking(
                move || (id.get(), cursor.get()),
                |(id, cursor)| async move { list_versions(agent_id(&id)?, cursor).await },
            ),
            comparison: Resource::new_blocking(
                move || (id.get(), sides.get()),
                |(id, sides)| async move {
                    let (before, after) = sides?;
                    let compared = async {
                        let (before, after) = (edition(&before)?, edition(&after)?);
                        compare_editions(agent_id(&id)?, before, after).await
                    };
                    Some(compared.await)
                },
            ),
        }
    }

    fn view(this: Self) -> AnyView {
        let VersionsRoute { page, comparison, saved } = this;
        // Whoever comes from the editor may be here before what they wrote last has arrived.
        Effect::new(move |before: Option<u32>| {
            let now = saves().get();
            if before.unwrap_or(saved) != now {
                page.refetch();
                comparison.refetch();
            }
            now
        });
        view! {
            <Title text=tr("Versions") />
            <Meta name="description" content=tr("The published versions of an AI agent") />
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {kept(move || async move {
                    let comparison = comparison.await;
                    match page.await {
                        Ok(page) => view! { <Versions page=page comparison=comparison /> }.into_any(),
                        Err(error) => cannot_be_shown(tr("These versions cannot be shown"), error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

/// What is no edition names no version. Where versions are named by their numbers, nothing is the draft.
fn edition(text: &str) -> Result<Edition, AppError> {
    match text.trim() {
        "" => Ok(Edition::Draft),
        text => text.parse().map_err(|_| AppError::not_found(key("There is no such version"))),
    }
}

#[component]
fn Versions(page: VersionsPage, comparison: Option<Result<Comparison, AppError>>) -> impl IntoView {
    let VersionsPage {
        agent_id,
        agent_name,
        revision,
        is_kept,
        published,
        newest,
        versions,
        standing,
    } = page;
    let may_edit = may(standing.as_ref(), AgentRight::Edit);
    let note = standing.map(|standing| view! { <StandingNote standing=standing /> });
    let head = view! {
        <PageHead
            title=tr_with("Versions of {agent_name}", &[("agent_name", &agent_name)])
            lead=tr("What was published, and what changed")
        >
            <LinkButton href=paths::agent(agent_id)>{tr("Back to the editor")}</LinkButton>
        </PageHead>
        {note}
    };
    if versions.items.is_empty() {
        return view! {
            {head}
            <EmptyState
                icon=IconName::History
                title=tr("Nothing published yet")
                text=tr("Sessions run the draft as it stands. Publish it, and they run that version until you publish the next.")
            >
                <LinkButton href=paths::agent(agent_id)>{tr("Open the editor")}</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    let restore = ServerAction::<RestoreVersion>::new();
    let row = move |summary: VersionSummary| {
        let VersionSummary { version, notes, created_at } = summary;
        let is_published = published == Some(version);
        let back = may_edit.then(|| {
            view! { <Restore agent_id version revision is_kept restore /> }
        });
        view! {
            <li class="version">
                <div class="version__text">
                    <h2 class="version__name">
                        {tr_with("Version {version} ", &[("version", &version)])}
                        {is_published.then(|| view! { <Badge tone=Tone::Good>{tr("Runs")}</Badge> })}
                    </h2>
                    {(!notes.is_empty()).then(|| view! { <p class="version__notes">{notes}</p> })}
                    <p class="version__about">{tr("Published ")} <Time at=created_at /></p>
                </div>
                <div class="version__actions">
                    <LinkButton href=paths::compare_versions(
                        agent_id,
                        Edition::Version(version),
                        Edition::Draft,
                    )>
                        {tr("Compare with the draft")}
                        <span class="visually-hidden">{tr_with(" version {version}", &[("version", &version)])}</span>
                    </LinkButton>
                    {back}
                </div>
            </li>
        }
    };
    let next = versions.next_cursor.clone().map(|cursor| {
        view! {
            <p>
                <a class="button" rel="next" href=paths::versions_page(agent_id, &cursor)>
                    {tr("Older versions")}
                </a>
            </p>
        }
    });
    let shown = match comparison {
        None => ().into_any(),
        Some(Ok(comparison)) => view! { <Compared comparison=comparison /> }.into_any(),
        Some(Err(error)) => view! { <ErrorPanel error=error /> }.into_any(),
    };
    view! {
        {head}
        <CompareForm id=agent_id newest=newest.unwrap_or_default() />
        {shown}
        <FormError error=last_error(restore) />
        <ol class="versions">
            {versions.items.into_iter().map(row).collect_view()}
        </ol>
        {next}
    }
    .into_any()
}

/// Makes the draft what a version was; asks once more where no version holds what the draft is now.
#[component]
fn Restore(
    agent_id: AgentId,
    version: u32,
    revision: i64,
    /// Whether the draft is as the version that sessions run.
    is_kept: bool,
    restore: ServerAction<RestoreVersion>,
) -> impl IntoView {
    let about = tr_with(" version {version}", &[("version", &version)]);
    if !is_kept {
        return view! {
            <Confirm
                label=tr("Restore as the draft")
                about=about.trim().to_owned()
                question=tr_with(
                    "Make the draft what version {version} was?",
                    &[("version", &version)],
                )
                text=tr(
                    "The draft is another one than the version that sessions run. What stands in it now is \
                    gone then: publish it first to keep it.",
                )
                yes=tr("Yes, restore the version")
                url=RestoreVersion::url()
                fields=vec![
                    ("id", agent_id.to_string()),
                    ("version", version.to_string()),
                    ("revision", revision.to_string()),
                ]
                busy=restore.pending()
                on_yes=move |()| {
                    restore.dispatch(RestoreVersion { id: agent_id, version, revision });
                }
            />
        }
        .into_any();
    }
    view! {
        <ActionForm action=restore>
            <input type="hidden" name="id" value=agent_id.to_string() />
            <input type="hidden" name="version" value=version.to_string() />
            <input type="hidden" name="revision" value=revision.to_string() />
            <Button busy=restore.pending()>
                <Icon name=IconName::History />
                {tr("Restore as the draft")}
                <span class="visually-hidden">{about}</span>
            </Button>
        </ActionForm>
    }
    .into_any()
}

/// Which two are compared. A plain form: the address is the state.
#[component]
fn CompareForm(id: AgentId, newest: u32) -> impl IntoView {
    let query = use_query_map();
    let chosen = move |name: &'static str, otherwise: String| {
        Signal::derive(move || query.read().get(name).unwrap_or_else(|| otherwise.clone()))
    };
    view! {
        <form class="compare-form" method="get" action=paths::versions(id)>
            <EditionField
                label=tr("Before")
                name="before"
                draft="draft"
                newest
                most=LISTED
                value=chosen("before", newest.to_string())
            />
            <EditionField
                label=tr("After")
                name="after"
                draft="draft"
                newest
                most=LISTED
                value=chosen("after", "draft".to_owned())
            />
            <Button>{tr("Compare")}</Button>
        </form>
    }
}

#[component]
fn Compared(comparison: Comparison) -> impl IntoView {
    let title = match (comparison.before, comparison.after) {
        (Edition::Draft, Edition::Draft) => tr("From the draft to the draft").to_owned(),
        (Edition::Draft, Edition::Version(after)) => {
            tr_with("From the draft to version {after}", &[("after", &after)])
        }
        (Edition::Version(before), Edition::Draft) => {
            tr_with("From version {before} to the draft", &[("before", &before)])
        }
        (Edition::Version(before), Edition::Version(after)) => tr_with(
            "From version {before} to version {after}",
            &[("before", &before), ("after", &after)],
        ),
    };
    view! {
        <section class="versions__compared" aria-labelledby="compared-title">
            <h2 id="compared-title">{title}</h2>
            <DiffView diff=comparison.diff />
        </section>
    }
}
