//! Where a visitor reports a listing to the moderators.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::publication::{REPORT_MAX, ReportReason};

use super::review_api::ReportListing;
use crate::error::{action_error, field_error};
use crate::language::tr;
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::use_viewer;
use crate::ui::{Button, FormError, Notice, Select, TextArea, Tone, kept};

/// A fold with the form; without a sign-in a way to one.
#[component]
pub(super) fn ReportForm(
    /// The listing.
    slug: String,
    /// Whether a report was just taken.
    is_sent: Signal<bool>,
) -> impl IntoView {
    let viewer = use_viewer();
    let report = ServerAction::<ReportListing>::new();
    let slug = StoredValue::new(slug);
    let was_refused = refused_form().text("report").is_some();
    view! {
        <section class="listing__section" id="report" aria-label=tr("Report")>
            <Show when=move || is_sent.get()>
                <Notice tone=Tone::Good>
                    <p>{tr("Thank you. Moderators will look at it.")}</p>
                </Notice>
            </Show>
            <details class="report" open=was_refused>
                <summary>{tr("Report this listing")}</summary>
                <Transition>
                    {kept(move || async move {
                        if viewer.load().await.is_some() {
                            return view! { <Form slug=slug.get_value() report /> }.into_any();
                        }
                        let back = paths::listing(&slug.get_value());
                        view! {
                            <p class="listing__note">
                                <a href=paths::sign_in(&back)>{tr("Sign in")}</a> {tr(" to report it.")}
                            </p>
                        }
                        .into_any()
                    })}
                </Transition>
            </details>
        </section>
    }
}

#[component]
fn Form(slug: String, report: ServerAction<ReportListing>) -> impl IntoView {
    let error = action_error(report);
    let reasons = ReportReason::ALL
        .map(|reason| (reason.as_str().to_owned(), tr(reason.title()).to_owned()))
        .to_vec();
    let refused = refused_form();
    view! {
        <ActionForm action=report attr:class="try__form">
            <FormError error fields=&["report"] />
            <input type="hidden" name="slug" value=slug />
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
                hint=tr("Moderators read this, the publisher does not")
                error=field_error(error, "report")
            />
            <Button busy=report.pending()>{tr("Send report")}</Button>
        </ActionForm>
    }
}
