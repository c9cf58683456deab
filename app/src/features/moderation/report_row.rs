//! What somebody reports, and what a moderator may do about it.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::listing::ListingState;
use resonant_domain::publication::{REMOVAL_MAX, Report, Reported, ReportedReview};

use super::api::CloseReport;
use crate::language::{tr, tr_count, tr_with};
use crate::paths;
use crate::ui::{Badge, Button, ButtonKind, TextArea, Time, Tone};

/// What stands on the buttons and fields of a report.
struct Words {
    dismiss: &'static str,
    open: &'static str,
    remove: &'static str,
    to_whom: &'static str,
    hint: &'static str,
}

impl Words {
    fn of(about: &Reported) -> Self {
        match about {
            Reported::Listing => Self {
                dismiss: tr("Dismiss the report"),
                open: tr("Remove the listing…"),
                remove: tr("Remove the listing"),
                to_whom: tr("Word to the publisher"),
                hint: tr("Why it goes. They are told, and may hand in another version."),
            },
            Reported::Review(_) => Self {
                dismiss: tr("Dismiss the report"),
                open: tr("Remove the review…"),
                remove: tr("Remove the review"),
                to_whom: tr("Word to its author"),
                hint: tr("Why it goes. They are told, and may change it and ask for it back."),
            },
            Reported::ChangedReview(_) => Self {
                dismiss: tr("Put the review back"),
                open: tr("Leave it removed…"),
                remove: tr("Leave the review removed"),
                to_whom: tr("Word to its author"),
                hint: tr("Why it stays removed. They are told."),
            },
        }
    }
}

/// A report with its forms. Without scripts they are plain ones.
#[component]
pub(super) fn ReportRow(
    /// The report.
    report: Report,
    /// What closes it.
    close: ServerAction<CloseReport>,
) -> impl IntoView {
    let id = report.id;
    let is_of_listing = report.about == Reported::Listing;
    let is_gone = is_of_listing && report.state == ListingState::Removed;
    let is_seen = matches!(report.state, ListingState::Published | ListingState::Paused);
    let name = if is_seen {
        view! { <a href=paths::listing(&report.slug)>{report.listing.clone()}</a> }.into_any()
    } else {
        view! { <b>{report.listing.clone()}</b> }.into_any()
    };
    let about = format!(": {}", report.listing);
    let button = |is_removed: bool, kind: ButtonKind, text: &'static str| {
        let about = about.clone();
        view! {
            <input type="hidden" name="id" value=id.to_string() />
            <input type="hidden" name="is_removed" value=is_removed.to_string() />
            <Button kind busy=close.pending()>
                {text}
                <span class="visually-hidden">{about}</span>
            </Button>
        }
    };
    let words = Words::of(&report.about);
    let dismiss = button(false, ButtonKind::Secondary, words.dismiss);
    let remove = (!is_gone).then(|| {
        let field = format!("comment-{id}");
        let press = button(true, ButtonKind::Danger, words.remove);
        view! {
            <details>
                <summary>
                    {words.open}
                    <span class="visually-hidden">{about.clone()}</span>
                </summary>
                <ActionForm action=close>
                    <div class="form">
                        <TextArea
                            label=words.to_whom
                            name="comment"
                            id=field
                            rows=3
                            required=true
                            maxlength=REMOVAL_MAX
                            hint=words.hint
                        />
                        {press}
                    </div>
                </ActionForm>
            </details>
        }
    });
    let (review, said) = match report.about {
        Reported::Listing => (None, report.text),
        Reported::Review(review) => (Some(quoted(review)), report.text),
        Reported::ChangedReview(review) => {
            let why = tr_with("It was removed: {reason}", &[("reason", &report.text)]);
            (Some(quoted(review)), why)
        }
    };
    let reason = match report.reason {
        Some(reason) => tr(reason.title()),
        None => tr("Changed since it was removed"),
    };
    let state = is_of_listing.then(|| view! { <Badge>{tr(report.state.title())}</Badge> });
    let by = if report.reason.is_some() {
        tr_with("reported by {reporter}, ", &[("reporter", &report.reporter)])
    } else {
        tr_with("by {publisher}, ", &[("publisher", &report.reporter)])
    };
    view! {
        <li class="review">
            <p class="review__head">
                {name}
                <Badge tone=Tone::Warn>{reason}</Badge>
                {state}
                <span class="review__about">
                    {by} <Time at=report.created_at />
                </span>
            </p>
            {review}
            <p class="review__text">{said}</p>
            <ActionForm action=close>
                <div class="publish__buttons">{dismiss}</div>
            </ActionForm>
            {remove}
        </li>
    }
}

/// The review that is reported, in its author's words.
fn quoted(ReportedReview { author, stars, text }: ReportedReview) -> AnyView {
    let stars = tr_count("{n} star", "{n} stars", u64::from(stars));
    view! {
        <blockquote class="review__answer">
            <p class="review__about">
                {tr_with("The review by {author}:", &[("author", &author)])} " " {stars}
            </p>
            <p class="review__text">{text}</p>
        </blockquote>
    }
    .into_any()
}
