//! Where a visitor reports a listing to the moderators, or one of its reviews.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use resonant_domain::ReviewId;
use resonant_domain::publication::{REPORT_MAX, ReportReason};
use resonant_domain::review::ReviewFilter;

use super::review_api::{ReportListing, SeenReviews};
use crate::error::{AppError, action_error, field_error};
use crate::language::{tr, tr_with};
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::use_viewer;
use crate::ui::{Button, FormError, Notice, Select, TextArea, Tone, kept};

/// A fold with the form; without a sign-in a way to one. The address says whether a review is meant.
#[component]
pub(super) fn ReportForm(
    /// The listing.
    slug: String,
    /// Its reviews, of which one may be meant.
    reviews: Resource<Result<SeenReviews, AppError>>,
    /// Whether a report was just taken.
    is_sent: Signal<bool>,
) -> impl IntoView {
    let viewer = use_viewer();
    let report = ServerAction::<ReportListing>::new();
    let slug = StoredValue::new(slug);
    let was_refused = refused_form().text("report").is_some();
    let query = use_query_map();
    let review = Memo::new(move |_| {
        let id = query.with(|query| query.get("report"))?;
        id.parse::<ReviewId>().ok()
    });
    let title = move || {
        if review.get().is_some() { tr("Report this review") } else { tr("Report this listing") }
    };
    view! {
        <section class="listing__section" id="report" aria-label=tr("Report")>
            <Show when=move || is_sent.get()>
                <Notice tone=Tone::Good>
                    <p>{tr("Thank you. Moderators will look at it.")}</p>
                </Notice>
            </Show>
            <details class="report" open=move || was_refused || review.get().is_some()>
                <summary>{title}</summary>
                <Transition>
                    {kept(move || {
                        let review = review.get();
                        async move {
                            let slug = slug.get_value();
                            if viewer.load().await.is_none() {
                                return sign_in(&slug, review);
                            }
                            let Some(id) = review else {
                                return view! { <Form slug review=None report /> }.into_any();
                            };
                            let quoted = reviews.await.ok().and_then(|seen| quoted(seen, id));
                            view! {
                                {quoted}
                                <Form slug=slug.clone() review=Some(id) report />
                                <p class="listing__note">
                                    <a href=paths::listing(&slug) data-noscroll="true">
                                        {tr("Report the listing instead")}
                                    </a>
                                </p>
                            }
                            .into_any()
                        }
                    })}
                </Transition>
            </details>
        </section>
    }
}

/// The way to a sign-in, and from there back to the form.
fn sign_in(slug: &str, review: Option<ReviewId>) -> AnyView {
    let back = match review {
        Some(id) => paths::report_review(slug, ReviewFilter::default(), None, id),
        None => paths::listing(slug),
    };
    view! {
        <p class="listing__note">
            <a href=paths::sign_in(&back)>{tr("Sign in")}</a> {tr(" to report it.")}
        </p>
    }
    .into_any()
}

/// The review that is meant, where it is on the page.
fn quoted(seen: SeenReviews, id: ReviewId) -> Option<AnyView> {
    let review = seen.page.items.into_iter().find(|review| review.id == id)?;
    let by = tr_with("The review by {author}:", &[("author", &review.author)]);
    Some(
        view! {
            <p class="listing__note">{by}</p>
            <blockquote class="review__text">{review.text}</blockquote>
        }
        .into_any(),
    )
}

#[component]
fn Form(
    slug: String,
    review: Option<ReviewId>,
    report: ServerAction<ReportListing>,
) -> impl IntoView {
    let error = action_error(report);
    let reasons = ReportReason::ALL
        .map(|reason| (reason.as_str().to_owned(), tr(reason.title()).to_owned()))
        .to_vec();
    let refused = refused_form();
    let hint = if review.is_some() {
        tr("Moderators read this, its author does not")
    } else {
        tr("Moderators read this, the publisher does not")
    };
    let review = review.map(|id| {
        view! { <input type="hidden" name="review" value=id.to_string() /> }
    });
    view! {
        <ActionForm action=report attr:class="try__form">
            <FormError error fields=&["report"] />
            <input type="hidden" name="slug" value=slug />
            {review}
            <Select
                label=tr("Reason")
                name="reason"
                options=reasons
                value=refused.text("reason").unwrap_or_default()
            />
            <TextArea
                label=tr("What is wrong with it")
                name="report"
                value=refused.text("report").unwrap_or_default()
                rows=3
                required=true
                maxlength=REPORT_MAX
                hint=hint
                error=field_error(error, "report")
            />
            <Button busy=report.pending()>{tr("Send report")}</Button>
        </ActionForm>
    }
}
