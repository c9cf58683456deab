//! `/studio/trash`: deleted agents, which can be brought back for a while.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::agent_list::{TRASH_DAYS, TrashedAgent};
use resonant_domain::page::Page;
use server_fn::ServerFn as _;

use super::api::{ChangeAgents, DeleteForGood, list_trash};
use crate::error::{AppError, last_error, removal_error, removals};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Avatar, Button, Confirm, EmptyState, ErrorPanel, FormError, Icon, IconName, LinkButton,
    PageHead, Skeleton, Time, kept,
};

/// The page of deleted agents.
#[derive(Debug)]
pub struct TrashRoute {
    page: Resource<Result<Page<TrashedAgent>, AppError>>,
}

impl LazyPage for TrashRoute {
    fn data() -> Self {
        let query = use_query_map();
        Self { page: Resource::new_blocking(move || query.read().get("cursor"), list_trash) }
    }

    fn view(this: Self) -> AnyView {
        let page = this.page;
        let restore = ServerAction::<ChangeAgents>::new();
        let delete = ServerAction::<DeleteForGood>::new();
        Effect::new(move || {
            if matches!(restore.value().get(), Some(Ok(_))) {
                page.refetch();
            }
        });
        let deleted = removals(delete);
        Effect::new(move |seen: Option<()>| {
            deleted.track();
            if seen.is_some() {
                page.refetch();
            }
        });
        let lead =
            tr_with("Deleted agents can be restored for {days} days", &[("days", &TRASH_DAYS)]);
        view! {
            <Title text=tr("Trash") />
            <Meta name="description" content=tr("Restore deleted agents") />
            <PageHead title=tr("Trash") lead=lead>
                <LinkButton href=paths::STUDIO.to_owned()>{tr("Back to the studio")}</LinkButton>
            </PageHead>
            <FormError error=last_error(restore) />
            <FormError error=removal_error(delete) />
            <Transition fallback=|| {
                view! { <Skeleton lines=6 /> }
            }>
                {kept(move || async move {
                    match page.await {
                        Ok(page) => {
                            view! { <Trashed page=page restore=restore delete=delete /> }.into_any()
                        }
                        Err(error) => view! { <ErrorPanel error=error /> }.into_any(),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn Trashed(
    page: Page<TrashedAgent>,
    restore: ServerAction<ChangeAgents>,
    delete: ServerAction<DeleteForGood>,
) -> impl IntoView {
    if page.items.is_empty() {
        return view! {
            <EmptyState
                icon=IconName::Trash
                title=tr("The trash is empty")
                text=tr("What you delete in the studio waits here until it goes for good.")
            >
                <LinkButton href=paths::STUDIO.to_owned()>{tr("Back to the studio")}</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    let row = |trashed: TrashedAgent| {
        let TrashedAgent { summary: agent, deleted_at } = trashed;
        let id = agent.id;
        let (name, same_name) = (agent.name.clone(), agent.name.clone());
        let question = tr_with("Delete “{name}” for good?", &[("name", &name)]);
        view! {
            <li class="trash__agent">
                <Avatar avatar=agent.avatar />
                <div class="trash__text">
                    <h2 class="trash__name">{agent.name}</h2>
                    <p class="trash__about">{tr("Deleted ")} <Time at=deleted_at /></p>
                </div>
                <div class="trash__actions">
                    <ActionForm action=restore>
                        <input type="hidden" name="ids[]" value=id.to_string() />
                        <input type="hidden" name="action" value="restore" />
                        <Button busy=restore.pending()>
                            <Icon name=IconName::Refresh />
                            {tr("Restore")}
                            <span class="visually-hidden">" " {same_name}</span>
                        </Button>
                    </ActionForm>
                    <Confirm
                        label=tr("Delete for good")
                        about=name
                        question
                        text=tr(
                            "Nobody can bring it back then, nor its versions, knowledge and test sets. Its \
                            sessions stay in your history.",
                        )
                        url=DeleteForGood::url()
                        fields=vec![("id", id.to_string())]
                        busy=delete.pending()
                        on_yes=move |()| {
                            delete.dispatch(DeleteForGood { id });
                        }
                    />
                </div>
            </li>
        }
    };
    let next = page.next_cursor.map(|cursor| {
        view! {
            <p>
                <a class="button" rel="next" href=paths::trash_page(&cursor)>
                    {tr("Next page")}
                </a>
            </p>
        }
    });
    view! {
        <ul class="trash">{page.items.into_iter().map(row).collect_view()}</ul>
        {next}
    }
    .into_any()
}
