//! Where the viewer writes or changes a review, or reads what they need to do first.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::ReviewId;
use resonant_domain::review::{Removal, STARS_MAX, Standing, TEXT_MAX};

use super::reviews_panel::ReviewActions;
use crate::error::{action_error, field_error};
use crate::language::{tr, tr_count, tr_with};
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{Button, ButtonKind, ChoiceError, FormError, Notice, TextArea, Tone};

/// The form for a review, where the viewer may write one.
#[component]
pub(super) fn ReviewForm(
    /// The listing.
    slug: String,
    /// Whether nobody can run it for now.
    is_paused: bool,
    /// How the viewer stands to it.
    standing: Standing,
    /// What can be done.
    actions: ReviewActions,
) -> impl IntoView {
    let (own, version) = match standing {
        Standing::HasWritten(review) => {
            let version = review.version;
            (Some(review), version)
        }
        Standing::MayWrite(version) => (None, version),
        Standing::Publisher => {
            return view! {
                <p class="listing__note">{tr("This is your listing: you may answer each review.")}</p>
            }
            .into_any();
        }
        Standing::HasNotRun => {
            // The page of a paused listing has no place to try it.
            let way = (!is_paused).then(|| view! { <a href="#try">{tr("Try it now")}</a> });
            return view! {
                <p class="listing__note">
                    {tr("Run it to the end once, and you may review it. ")}
                    {way}
                </p>
            }
            .into_any();
        }
        Standing::Anonymous | Standing::Guest => {
            let next = paths::listing(&slug);
            return view! {
                <p class="listing__note">
                    {tr("Members who ran it may review it. ")}
                    <a href=paths::sign_up(&next)>{tr("Create an account")}</a> {tr(" or ")}
                    <a href=paths::sign_in(&next)>{tr("sign in")}</a>
                </p>
            }
            .into_any();
        }
    };
    let refused = refused_form();
    let save = actions.save;
    let error = action_error(save);
    let chosen = refused
        .text("stars")
        .and_then(|stars| stars.parse().ok())
        .or_else(|| own.as_ref().map(|review| review.stars));
    let text = refused
        .text("text")
        .or_else(|| own.as_ref().map(|review| review.text.clone()))
        .unwrap_or_default();
    let choices = (1..=STARS_MAX)
        .map(|stars| {
            view! {
                <label class="star-choice__one">
                    <input
                        type="radio"
                        name="stars"
                        value=stars.to_string()
                        required=true
                        checked=chosen == Some(stars)
                    />
                    {tr_count("{n} star", "{n} stars", u64::from(stars))}
                </label>
            }
        })
        .collect_view();
    let title = if own.is_some() { tr("Your review") } else { tr("Write a review") };
    let removed = own.as_ref().and_then(|review| review.removal.clone()).map(removed_note);
    // Of one that was removed and deleted nothing is left to delete.
    let delete = own
        .filter(|review| !review.text.is_empty())
        .map(|review| delete_form(slug.clone(), review.id, actions));
    view! {
        <div class="review-form">
            <h3>{title}</h3>
            {removed}
            <ActionForm action=save attr:class="try__form">
                <FormError error fields=&["stars", "text"] />
                <input type="hidden" name="slug" value=slug />
                <fieldset class="star-choice" aria-describedby="stars-error">
                    <legend>{tr("Stars")}</legend>
                    {choices}
                </fieldset>
                <ChoiceError id="stars-error" error=field_error(error, "stars") />
                <TextArea
                    label=tr("What you think of it")
                    name="text"
                    value=text
                    rows=4
                    hint=tr_with(
                        "You ran version {version}. Your name stands beside it.",
                        &[("version", &version)],
                    )
                    error=field_error(error, "text")
                    required=true
                    maxlength=TEXT_MAX
                />
                <Button kind=ButtonKind::Primary busy=save.pending()>{tr("Save review")}</Button>
            </ActionForm>
            {delete}
        </div>
    }
    .into_any()
}

/// Says that moderators removed the viewer's review, and why.
fn removed_note(Removal { reason, is_waiting }: Removal) -> AnyView {
    let next = if is_waiting {
        tr("You have changed it since: it stands again when they put it back.")
    } else {
        tr("Change it, and they look at it once more.")
    };
    view! {
        <Notice tone=Tone::Warn>
            <p>{tr_with("Moderators removed your review: {reason}", &[("reason", &reason)])}</p>
            <p>{next}</p>
        </Notice>
    }
    .into_any()
}

/// The button that deletes the viewer's review.
pub(super) fn delete_form(slug: String, id: ReviewId, actions: ReviewActions) -> AnyView {
    view! {
        <ActionForm action=actions.delete>
            <input type="hidden" name="slug" value=slug />
            <input type="hidden" name="id" value=id.to_string() />
            <Button kind=ButtonKind::Danger busy=actions.delete.pending()>
                {tr("Delete my review")}
            </Button>
        </ActionForm>
    }
    .into_any()
}
