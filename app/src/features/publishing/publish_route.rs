//! `/studio/agents/{id}/publish`: from an agent's published version to a listing in the marketplace.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::AgentId;
use resonant_domain::publication::{Submission, SubmissionState};
use resonant_domain::purchase::Earning;

use super::api::{
    ChangePicture, DeleteListingVersion, DeprecateListing, PublishPage, SaveSubmission,
    SetListingState, ShowSession, SubmitListing, WithdrawListing, get_publication,
};
use super::examples::shown_examples;
use super::findings::Findings;
use super::pictures::PictureForms;
use super::publish_form::PublishForm;
use super::show_form::ShowForm;
use super::standing::{History, ListingStanding};
use super::unsaved::Unsaved;
use crate::error::{AppError, action_error, successes};
use crate::features::marketplace::price_text;
use crate::language::{key, money, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Badge, Button, ButtonKind, EmptyState, FormError, IconName, LinkButton, Notice, PageHead,
    Skeleton, Tone, cannot_be_shown, kept,
};

/// The page that publishes an agent.
pub struct PublishRoute {
    actions: Actions,
    /// Whether it is a later page of what was handed in, and what the server answered.
    page: Resource<(bool, Result<PublishPage, AppError>)>,
}

/// Everything that the page's forms do.
#[derive(Clone, Copy)]
struct Actions {
    save: ServerAction<SaveSubmission>,
    submit: ServerAction<SubmitListing>,
    withdraw: ServerAction<WithdrawListing>,
    set: ServerAction<SetListingState>,
    deprecate: ServerAction<DeprecateListing>,
    delete: ServerAction<DeleteListingVersion>,
    show: ServerAction<ShowSession>,
    picture: ServerAction<ChangePicture>,
}

impl LazyPage for PublishRoute {
    fn data() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let cursor = Memo::new(move |_| query.read().get("submissions"));
        let actions = Actions {
            save: ServerAction::new(),
            submit: ServerAction::new(),
            withdraw: ServerAction::new(),
            set: ServerAction::new(),
            deprecate: ServerAction::new(),
            delete: ServerAction::new(),
            show: ServerAction::new(),
            picture: ServerAction::new(),
        };
        let changes = [
            successes(actions.save),
            successes(actions.submit),
            successes(actions.withdraw),
            successes(actions.set),
            successes(actions.deprecate),
            successes(actions.delete),
            successes(actions.show),
            successes(actions.picture),
        ];
        let page = Resource::new_blocking(
            move || (id.get(), cursor.get(), changes.map(|change| change.get())),
            |(id, cursor, _)| async move {
                let is_later = cursor.is_some();
                let page = match id.parse() {
                    Ok(id) => get_publication(id, cursor).await,
                    Err(_) => Err(AppError::not_found(key("There is no such agent"))),
                };
                (is_later, page)
            },
        );
        Self { actions, page }
    }

    fn view(this: Self) -> AnyView {
        let PublishRoute { actions, page } = this;
        let unsaved = Unsaved::follow(actions.save);
        view! {
            <Title text=tr("Publish to the marketplace") />
            <Meta name="description" content=tr("Hand an AI agent in as a listing of the marketplace") />
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {kept(move || async move {
                    let (is_later, page) = page.await;
                    match page {
                        Ok(page) => view! { <Page page is_later actions unsaved /> }.into_any(),
                        Err(error) => cannot_be_shown(tr("This agent cannot be published"), error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn Page(page: PublishPage, is_later: bool, actions: Actions, unsaved: Unsaved) -> impl IntoView {
    let PublishPage {
        agent_id,
        is_guest,
        publication,
        history,
        seen,
        preview,
        sessions,
        shown,
        earnings,
    } = page;
    let head = view! {
        <PageHead
            title=tr_with("Publish {name}", &[("name", &publication.agent_name)])
            lead=tr("Moderators read what you hand in. Once they approve it, anyone finds it in the marketplace.")
        >
            <LinkButton href=paths::agent(agent_id)>{tr("Back to the editor")}</LinkButton>
        </PageHead>
    };
    if is_guest {
        return view! {
            {head}
            <EmptyState
                icon=IconName::User
                title=tr("Listings stand under a name")
                text=tr("Create an account first: it keeps everything that you have here.")
            >
                <LinkButton href=paths::SIGN_UP kind=ButtonKind::Primary>
                    {tr("Create an account")}
                </LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    let listing = publication.listing.clone().map(|listing| {
        let Actions { set, deprecate, delete, show, .. } = actions;
        view! {
            <ListingStanding agent_id listing set deprecate delete>
                <ShowForm agent_id sessions shown show />
                {view_earnings(earnings)}
            </ListingStanding>
        }
        .into_any()
    });
    let Some(version) = publication.agent_version else {
        // The agent was deleted; its listing is left.
        if listing.is_some() {
            return view! {
                <div class="publish-page">
                    {head}
                    {listing}
                </div>
            }
            .into_any();
        }
        return view! {
            {head}
            <EmptyState
                icon=IconName::Store
                title=tr("No version is published yet")
                text=tr("A listing gives others a published version, never your draft. Publish one in the editor and come back.")
            >
                <LinkButton href=paths::agent(agent_id) kind=ButtonKind::Primary>
                    {tr("Open the editor")}
                </LinkButton>
            </EmptyState>
        }
        .into_any();
    };
    let nobody = (!publication.has_moderators).then(|| {
        view! {
            <Notice tone=Tone::Warn>
                <p>
                    {tr("Nobody reviews listings here yet. Whoever operates this installation appoints \
                     a moderator by ")} <code>"server admin create NAME@EXAMPLE.ORG"</code> "."
                </p>
            </Notice>
        }
    });
    let open = publication.submissions.first().filter(|newest| newest.decided_at.is_none());
    let is_in_review = open.is_some_and(|open| open.state == SubmissionState::InReview);
    let pictures = open.filter(|_| !is_in_review).map(|open| {
        let (pictures, change) = (open.pictures.clone(), actions.picture);
        view! { <PictureForms agent_id pictures change /> }.into_any()
    });
    let shown = open.cloned().map(|open| {
        let (findings, html) = (publication.findings.clone(), preview.unwrap_or_default());
        view! { <Preview agent_id version open findings html actions unsaved /> }.into_any()
    });
    let history = view! { <History agent_id page=history is_later /> }.into_any();
    let form = (!is_in_review).then(|| {
        view! {
            <section class="account__part" aria-labelledby="form-title">
                <h2 id="form-title">{tr_with("Hand version {version} in", &[("version", &version)])}</h2>
                <PublishForm agent_id publication seen save=actions.save unsaved />
            </section>
        }
        .into_any()
    });
    view! {
        <div class="publish-page">
            {head}
            {nobody}
            {listing}
            {form}
            {pictures}
            {shown}
            {history}
        </div>
    }
    .into_any()
}

/// What the listing earned so far; nothing where it earned nothing.
fn view_earnings(earnings: Vec<Earning>) -> AnyView {
    let sums: Vec<_> =
        earnings.iter().map(|earning| money(earning.currency.text(earning.amount))).collect();
    if sums.is_empty() {
        return ().into_any();
    }
    view! {
        <p>
            {tr_with("It earned {sums}. ", &[("sums", &sums.join(", "))])}
            <a href=paths::PURCHASES>{tr("All that your listings earned")}</a>
        </p>
    }
    .into_any()
}

/// How the listing would look, what the scan found, and the button that hands it in or takes it back.
#[component]
fn Preview(
    agent_id: AgentId,
    /// The agent's published version as it is now.
    version: u32,
    open: Submission,
    findings: Vec<resonant_domain::scan::Finding>,
    html: String,
    actions: Actions,
    unsaved: Unsaved,
) -> impl IntoView {
    let is_in_review = open.state == SubmissionState::InReview;
    let is_blocked = findings.iter().any(resonant_domain::scan::Finding::is_blocking);
    let texts = open.texts;
    let older = (!is_in_review && open.agent_version != version).then(|| {
        view! {
            <Notice tone=Tone::Warn>
                <p>
                    {tr_with(
                        "This is version {older} of the agent. Save the form once more to hand version {version} in.",
                        &[("older", &open.agent_version), ("version", &version)],
                    )}
                </p>
            </Notice>
        }
    });
    let tags = (!texts.tags.is_empty()).then(|| {
        let tags = texts.tags.iter().map(|tag| view! { <li class="chip">{tag.clone()}</li> });
        view! { <ul class="chips" aria-label=tr("Tags")>{tags.collect_view()}</ul> }
    });
    let news = (!texts.change_log.is_empty()).then(|| {
        view! {
            <h4>{tr("What is new")}</h4>
            <p class="review__text">{texts.change_log.clone()}</p>
        }
    });
    let act = if is_in_review {
        let withdraw = actions.withdraw;
        view! {
            <p>{tr("It waits for a moderator. The answer stands on this page.")}</p>
            <FormError error=action_error(withdraw) />
            <ActionForm action=withdraw>
                <input type="hidden" name="id" value=agent_id.to_string() />
                <Button busy=withdraw.pending()>{tr("Take it back")}</Button>
            </ActionForm>
        }
        .into_any()
    } else if is_blocked {
        view! {
            <Notice tone=Tone::Bad>
                <p>{tr("It cannot be handed in while there is a secret in it. Secrets in the agent itself go in the editor: publish a version without them, then save here once more.")}</p>
            </Notice>
        }
        .into_any()
    } else {
        let submit = actions.submit;
        let is_changed = Signal::derive(move || unsaved.is_changed());
        view! {
            {move || {
                unsaved
                    .is_changed()
                    .then(|| {
                        view! {
                            <Notice tone=Tone::Warn>
                                <p>{tr("The form has changed since this preview was made. Save it before you hand it in.")}</p>
                            </Notice>
                        }
                    })
            }}
            <FormError error=action_error(submit) />
            <ActionForm action=submit>
                <input type="hidden" name="id" value=agent_id.to_string() />
                <Button kind=ButtonKind::Primary disabled=is_changed busy=submit.pending()>
                    {tr("Submit for review")}
                </Button>
            </ActionForm>
        }
        .into_any()
    };
    view! {
        <section class="account__part" id="preview" aria-labelledby="preview-title">
            <h2 id="preview-title">
                {if is_in_review { tr("In review") } else { tr("Preview") }} " "
                <Badge tone=Tone::Info>{tr(open.state.title())}</Badge>
            </h2>
            {older}
            <article class="publish__preview">
                <h3>{texts.name.clone()}</h3>
                <p class="listing__tagline">{texts.tagline.clone()}</p>
                <p class="review__about">
                    {tr(texts.category.title())} ", " {price_text(&texts.price)}
                </p>
                {tags}
                <div class="prose" inner_html=html></div>
                {shown_examples(texts.examples.clone())}
                {news}
            </article>
            <p>
                <a href=paths::preview(agent_id)>{tr("See the whole page as it will look")}</a>
            </p>
            <h3>{tr("Scan")}</h3>
            <Findings findings />
            {act}
        </section>
    }
}
