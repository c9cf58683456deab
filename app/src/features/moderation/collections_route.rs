//! `/admin/collections`: the shelves of the marketplace, for moderators.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::collection::{Collection, DESCRIPTION_MAX, LISTINGS_MAX, TITLE_MAX};
use resonant_domain::page::Page;

use super::api::{Curated, DeleteCollection, SaveCollection, get_collections};
use super::queue_route::Refused;
use crate::error::{AppError, action_error, field_error, successes};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{
    Badge, Button, ButtonKind, Field, FormError, LinkButton, PageHead, PageLinks, Skeleton,
    TextArea, Time, Tone, kept,
};

/// The moderators' shelves.
pub struct CollectionsRoute {
    save: ServerAction<SaveCollection>,
    delete: ServerAction<DeleteCollection>,
    /// Changes with each collection that was saved.
    saved: Memo<usize>,
    /// Whether it is a later page, and what the server answered.
    curated: Resource<(bool, Result<Curated, AppError>)>,
}

impl LazyPage for CollectionsRoute {
    fn data() -> Self {
        let query = use_query_map();
        let asked = Memo::new(move |_| {
            let query = query.read();
            (query.get("edit"), query.get("cursor"))
        });
        let (save, delete) = (ServerAction::new(), ServerAction::new());
        let saved = successes(save);
        let changes = [saved, successes(delete)];
        let curated = Resource::new_blocking(
            move || (asked.get(), changes.map(|change| change.get())),
            |((edit, cursor), _)| async move { (cursor.is_some(), get_collections(edit, cursor).await) },
        );
        Self { save, delete, saved, curated }
    }

    fn view(this: Self) -> AnyView {
        let CollectionsRoute { save, delete, saved, curated } = this;
        view! {
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {kept(move || async move {
                    let (is_later, curated) = curated.await;
                    match curated {
                        Ok(curated) => {
                            view! { <Shelves curated is_later save delete saved /> }.into_any()
                        }
                        Err(error) => {
                            view! { <Refused error path=paths::COLLECTIONS /> }.into_any()
                        }
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn Shelves(
    curated: Curated,
    is_later: bool,
    save: ServerAction<SaveCollection>,
    delete: ServerAction<DeleteCollection>,
    saved: Memo<usize>,
) -> impl IntoView {
    let Curated { collections, edited } = curated;
    let Page { items, next_cursor } = collections;
    let rows: Vec<_> = items.into_iter().map(|shelf| row(shelf, delete)).collect();
    let list = (is_later || !rows.is_empty()).then(|| {
        view! {
            <section class="account__part" aria-labelledby="shelves-title">
                <h2 id="shelves-title">{tr("Collections")}</h2>
                <FormError error=action_error(delete) />
                <ol class="reviews">{rows}</ol>
                <PageLinks
                    next=next_cursor.as_deref().map(paths::collections_page)
                    more=tr("Older collections")
                    first=is_later.then(|| paths::COLLECTIONS.to_owned())
                    back=tr("Back to the newest")
                />
            </section>
        }
    });
    // What was typed for one collection is not said of the next.
    let which = (edited.as_ref().map(|shelf| shelf.slug.clone()), saved.get_untracked());
    let each = move || [which.clone()];
    view! {
        <Title text=tr("Collections") />
        <Meta name="description" content=tr("Shelves of the marketplace") />
        <div class="publish-page">
            <PageHead
                title=tr("Collections")
                lead=tr("Shelves of the marketplace. Featured ones stand at its front.")
            >
                <LinkButton href=paths::MODERATION>{tr("Review queue")}</LinkButton>
            </PageHead>
            <For each key=Clone::clone children=move |_| form(edited.clone(), save) />
            {list}
        </div>
    }
}

fn form(edited: Option<Collection>, save: ServerAction<SaveCollection>) -> AnyView {
    let is_new = edited.is_none();
    let slug = edited.as_ref().map(|shelf| shelf.slug.clone()).unwrap_or_default();
    let listings = edited.as_ref().map(|shelf| {
        let slugs = shelf.listings.iter().map(|listing| listing.slug.as_str());
        slugs.collect::<Vec<_>>().join("\n")
    });
    let is_featured = edited.as_ref().is_some_and(|shelf| shelf.is_featured);
    let (title, description) =
        edited.map(|shelf| (shelf.title, shelf.description)).unwrap_or_default();
    let error = action_error(save);
    let refused = refused_form();
    let or = |field: &str, text: String| refused.text(field).unwrap_or(text);
    let (title, description) = (or("title", title), or("description", description));
    let listings = or("listings", listings.unwrap_or_default());
    view! {
        <section class="account__part" aria-labelledby="shelf-form-title">
            <h2 id="shelf-form-title">
                {if is_new { tr("New collection") } else { tr("Change the collection") }}
            </h2>
            <ActionForm action=save>
                <div class="form">
                    <FormError error fields=&["title", "description", "listings"] />
                    <input type="hidden" name="slug" value=slug />
                    <Field
                        label=tr("Title")
                        name="title"
                        value=title
                        required=true
                        maxlength=TITLE_MAX
                        autocomplete="off"
                        error=field_error(error, "title")
                    />
                    <TextArea
                        label=tr("Description")
                        name="description"
                        value=description
                        rows=3
                        optional=true
                        maxlength=DESCRIPTION_MAX
                        error=field_error(error, "description")
                    />
                    <TextArea
                        label=tr("Listings")
                        name="listings"
                        value=listings
                        rows=8
                        optional=true
                        hint=tr_with(
                            "Their addresses or the last part of them, a line each, at most {max}",
                            &[("max", &LISTINGS_MAX)],
                        )
                        error=field_error(error, "listings")
                    />
                    <label class="star-choice__one">
                        <input
                            type="checkbox"
                            name="is_featured"
                            value="true"
                            checked=is_featured
                        />
                        <span>{tr("Featured at the front of the marketplace")}</span>
                    </label>
                    <Button kind=ButtonKind::Primary busy=save.pending()>{tr("Save collection")}</Button>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

fn row(shelf: Collection, delete: ServerAction<DeleteCollection>) -> AnyView {
    let about = format!(": {}", shelf.title);
    let also = about.clone();
    let featured =
        shelf.is_featured.then(|| view! { <Badge tone=Tone::Good>{tr("Featured")}</Badge> });
    view! {
        <li class="review">
            <p class="review__head">
                <a href=paths::collection(&shelf.slug)>{shelf.title}</a>
                {featured}
                <span class="review__about">
                    {tr("changed ")} <Time at=shelf.updated_at />
                </span>
            </p>
            <div class="publish__buttons">
                <LinkButton href=paths::edit_collection(&shelf.slug)>
                    {tr("Change")} <span class="visually-hidden">{also}</span>
                </LinkButton>
                <ActionForm action=delete>
                    <input type="hidden" name="slug" value=shelf.slug />
                    <Button kind=ButtonKind::Danger busy=delete.pending()>
                        {tr("Delete")} <span class="visually-hidden">{about}</span>
                    </Button>
                </ActionForm>
            </div>
        </li>
    }
    .into_any()
}
