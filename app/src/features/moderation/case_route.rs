//! `/admin/reviews/{id}`: one submission, what differs from what was approved last, and the decision.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_params_map;
use resonant_domain::listing::ListingState;
use resonant_domain::publication::{COMMENT_MAX, Case, SubmissionState};
use resonant_domain::spec_diff::{FieldChange, PieceKind, SpecDiff};

use super::api::{DecideCase, OpenedCase, get_case};
use super::queue_route::Refused;
use crate::error::{AppError, action_error, field_error};
use crate::features::marketplace::forked_line;
use crate::features::publishing::{Findings, compared_pictures, shown_examples};
use crate::features::studio::DiffView;
use crate::language::{key, tr, tr_text, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{
    Badge, Button, ButtonKind, FormError, LinkButton, PageHead, Skeleton, TextArea, Time, Tone,
    kept,
};

/// One submission.
pub struct CaseRoute {
    case: Resource<Result<OpenedCase, AppError>>,
}

impl LazyPage for CaseRoute {
    fn data() -> Self {
        let params = use_params_map();
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let case = Resource::new_blocking(
            move || id.get(),
            |id| async move {
                let missing = |_| AppError::not_found(key("There is no such submission"));
                get_case(id.parse().map_err(missing)?).await
            },
        );
        Self { case }
    }

    fn view(this: Self) -> AnyView {
        let CaseRoute { case } = this;
        view! {
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {kept(move || async move {
                    match case.await {
                        Ok(opened) => view! { <CasePage opened /> }.into_any(),
                        Err(error) => view! { <Refused error path=paths::MODERATION /> }.into_any(),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn CasePage(opened: OpenedCase) -> impl IntoView {
    let OpenedCase { case, description: html } = opened;
    let Case {
        submission,
        seen,
        publisher,
        forked_from,
        listing,
        findings,
        agent,
        texts,
        description,
        pictures,
    } = case;
    let pictures = compared_pictures(&pictures, &submission.pictures);
    let is_first = listing.is_none();
    let against = match &listing {
        None => tr("This is its first version: everything is new.").to_owned(),
        Some(listing) => tr_with(
            "Compared with version {version} of the listing.",
            &[("version", &listing.version)],
        ),
    };
    // What was taken off has no page for anyone but its publisher.
    let is_seen = |state| matches!(state, ListingState::Published | ListingState::Paused);
    let link = listing.filter(|listing| is_seen(listing.state)).map(|listing| {
        view! { <LinkButton href=paths::listing(&listing.slug)>{tr("Open the listing")}</LinkButton> }
    });
    let news = Some(submission.texts.change_log.clone()).filter(|news| !news.is_empty());
    let written = (!is_first && !description.is_empty()).then(|| {
        let pieces = description
            .into_iter()
            .map(|piece| match piece.kind {
                PieceKind::Same => view! { <span>{piece.text}</span> }.into_any(),
                PieceKind::Removed => {
                    view! { <del class="diff__removed">{piece.text}</del> }.into_any()
                }
                PieceKind::Added => {
                    view! { <ins class="diff__added">{piece.text}</ins> }.into_any()
                }
            })
            .collect_view();
        view! {
            <h3>{tr("Description, word by word")}</h3>
            <p class="diff__text" tabindex="0">
                {pieces}
            </p>
        }
    });
    // The short texts are settings as those of the agent are.
    let fields = texts.into_iter().map(spoken).collect();
    let texts = SpecDiff { fields, prompt: Vec::new() };
    let at = submission.submitted_at;
    let is_waiting = submission.state == SubmissionState::InReview;
    let decision = if is_waiting {
        view! { <Decision id=submission.id.to_string() seen /> }.into_any()
    } else {
        view! {
            <p>
                {tr("It has been decided. ")} {submission.comment.clone()}
            </p>
        }
        .into_any()
    };
    view! {
        <Title text=tr_with("Review of {name}", &[("name", &submission.texts.name)]) />
        <Meta name="description" content=tr("A listing that waits for a moderator") />
        <div class="publish-page">
            <PageHead title=submission.texts.name.clone() lead=submission.texts.tagline.clone()>
                <LinkButton href=paths::MODERATION>{tr("Back to the queue")}</LinkButton>
                {link}
            </PageHead>
            <p class="review__head">
                <Badge tone=Tone::Info>{tr(submission.state.title())}</Badge>
                <span class="review__about">
                    {tr_with("by {publisher}, ", &[("publisher", &publisher)])} {at.map(|at| view! { <Time at /> })}
                </span>
            </p>
            <section class="account__part" aria-labelledby="scan-title">
                <h2 id="scan-title">{tr("Scan")}</h2>
                <Findings findings />
            </section>
            <section class="account__part" aria-labelledby="texts-title">
                <h2 id="texts-title">{tr("What it says")}</h2>
                <p>{against}</p>
                {news
                    .map(|news| {
                        view! {
                            <h3>{tr("What is new")}</h3>
                            <p class="review__text">{news}</p>
                        }
                    })}
                <DiffView diff=texts label=tr("Texts that differ") />
                {written}
                <h3>{tr("Description")}</h3>
                <div class="prose" inner_html=html></div>
                {shown_examples(submission.texts.examples.clone())}
            </section>
            <section class="account__part" aria-labelledby="pictures-title">
                <h2 id="pictures-title">{tr("What it shows")}</h2>
                {pictures}
            </section>
            <section class="account__part" aria-labelledby="agent-title">
                <h2 id="agent-title">{tr("What differs in the agent")}</h2>
                {forked_from.map(forked_line)}
                <DiffView diff=agent />
            </section>
            <section class="account__part" aria-labelledby="decision-title">
                <h2 id="decision-title">{tr("Decision")}</h2>
                {decision}
            </section>
        </div>
    }
}

/// A change of a short text. What was chosen from a list is told in the language of whoever reads it.
fn spoken(change: FieldChange) -> FieldChange {
    if !matches!(change.field.as_str(), "category" | "price") {
        return change;
    }
    let FieldChange { field, before, after } = change;
    FieldChange { field, before: before.map(tr_text), after: after.map(tr_text) }
}

#[component]
fn Decision(
    id: String,
    /// Names what the page shows.
    seen: String,
) -> impl IntoView {
    let decide = ServerAction::<DecideCase>::new();
    let error = action_error(decide);
    view! {
        <ActionForm action=decide>
            <div class="form">
                <FormError error fields=&["comment"] />
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="seen" value=seen />
                <TextArea
                    label=tr("Word to the publisher")
                    name="comment"
                    value=refused_form().text("comment").unwrap_or_default()
                    rows=4
                    maxlength=COMMENT_MAX
                    hint=tr("Needed when you ask for changes")
                    error=field_error(error, "comment")
                />
                <div class="publish__buttons">
                    <Button
                        kind=ButtonKind::Primary
                        name="verdict"
                        value="approve"
                        busy=decide.pending()
                    >
                        {tr("Approve")}
                    </Button>
                    <Button name="verdict" value="request_changes" busy=decide.pending()>
                        {tr("Request changes")}
                    </Button>
                </div>
            </div>
        </ActionForm>
    }
}
