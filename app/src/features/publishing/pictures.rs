//! The pictures of what is handed in: forms that add them, order them, describe them and take them away.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use resonant_domain::AgentId;
use resonant_domain::image::{ALT_MAX, ImageKind, Pictures, Refusal, SCREENSHOTS_MAX, Screenshot};

use super::api::ChangePicture;
use crate::error::action_error;
use crate::language::{tr, tr_text, tr_with};
use crate::paths;
use crate::ui::{Button, ButtonKind, Field, FormError, Notice, Tone, picture_view};

/// The kinds of files that a browser offers to choose.
const KINDS: &str = "image/png,image/jpeg,image/webp,image/gif";

/// The forms for the pictures of a draft.
#[component]
pub(super) fn PictureForms(
    /// The agent.
    agent_id: AgentId,
    /// The pictures of its draft.
    pictures: Pictures,
    /// What changes one.
    change: ServerAction<ChangePicture>,
) -> impl IntoView {
    let query = use_query_map();
    let refused = move || {
        let refusal =
            query.with(|query| query.get("refused").and_then(|text| Refusal::parse(&text)));
        refusal.map(|refusal| {
            let reason = tr_text(refusal.to_string());
            view! {
                <Notice tone=Tone::Bad>
                    <p role="alert">{tr_with("The picture {reason}.", &[("reason", &reason)])}</p>
                </Notice>
            }
        })
    };
    let avatar = match &pictures.avatar {
        None => {
            view! { <p>{tr("The drawing of the agent stands for the listing.")}</p> }.into_any()
        }
        Some(avatar) => {
            let shown = picture_view(
                avatar,
                ImageKind::Avatar,
                "avatar avatar--large",
                "5rem",
                tr("The avatar of the listing").to_owned(),
            );
            let image = avatar.id.to_string();
            view! {
                <div class="picture-form__shown">
                    {shown}
                    <ActionForm action=change>
                        <input type="hidden" name="id" value=agent_id.to_string() />
                        <input type="hidden" name="image" value=image />
                        <Button name="act" value="remove" kind=ButtonKind::Quiet busy=change.pending()>
                            {tr("Remove the avatar")}
                        </Button>
                    </ActionForm>
                </div>
            }
            .into_any()
        }
    };
    let count = pictures.screenshots.len();
    let shots: Vec<_> = (1..)
        .zip(pictures.screenshots)
        .map(|(number, shot)| shot_forms(agent_id, shot, (number, count), change))
        .collect();
    let shots = (count > 0).then(|| view! { <ol class="picture-list">{shots}</ol> });
    let more = (count < SCREENSHOTS_MAX).then(|| {
        view! {
            <Upload agent_id kind=ImageKind::Screenshot label=tr("Screenshot") button=tr("Add screenshot")>
                <Field
                    label=tr("What it shows")
                    name="alt"
                    id="new-alt"
                    required=true
                    maxlength=ALT_MAX
                    autocomplete="off"
                    hint=tr("Read out to people who do not see it")
                />
            </Upload>
        }
    });
    view! {
        <section class="account__part" id="pictures" aria-labelledby="pictures-title">
            <h2 id="pictures-title">{tr("Pictures")}</h2>
            <p>
                {tr("PNG, JPEG, WebP or GIF of at most 8 MB. They are cut to size and kept without anything else that the file holds, such as the place where it was taken.")}
            </p>
            {refused}
            <FormError error=action_error(change) />
            <h3>{tr("Avatar")}</h3>
            {avatar}
            <Upload agent_id kind=ImageKind::Avatar label=tr("Avatar file") button=tr("Upload avatar") />
            <h3>{tr("Screenshots")}</h3>
            {shots}
            {more}
        </section>
    }
}

/// A form that a browser sends by itself, with its file.
#[component]
fn Upload(
    agent_id: AgentId,
    kind: ImageKind,
    label: &'static str,
    button: &'static str,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let id = format!("new-{}", kind.as_str());
    view! {
        <form
            class="form picture-form"
            method="post"
            enctype="multipart/form-data"
            action=paths::pictures(agent_id)
        >
            <input type="hidden" name="kind" value=kind.as_str() />
            <div class="field">
                <label class="field__label" for=id.clone()>{label}</label>
                <input class="field__control" id=id type="file" name="image" accept=KINDS required />
            </div>
            {children.map(|children| children())}
            <Button>{button}</Button>
        </form>
    }
}

/// A screenshot with what can be done to it.
fn shot_forms(
    agent_id: AgentId,
    shot: Screenshot,
    (number, count): (usize, usize),
    change: ServerAction<ChangePicture>,
) -> AnyView {
    let Screenshot { picture, alt } = shot;
    let shown = picture_view(
        &picture,
        ImageKind::Screenshot,
        "picture-list__picture",
        "(max-width: 40rem) 90vw, 18rem",
        alt.clone(),
    );
    let image = picture.id.to_string();
    let own = image.clone();
    let act = move |act: &'static str, text: &'static str| {
        let label = tr_with("{act}: screenshot {number}", &[("act", &text), ("number", &number)]);
        view! {
            <Button name="act" value=act label=label kind=ButtonKind::Quiet busy=change.pending()>
                {text}
            </Button>
        }
    };
    view! {
        <li class="picture-list__item">
            {shown}
            <div class="picture-list__forms">
                <ActionForm action=change>
                    <div class="form">
                        <input type="hidden" name="id" value=agent_id.to_string() />
                        <input type="hidden" name="image" value=own />
                        <Field
                            label=tr_with("What screenshot {number} shows", &[("number", &number)])
                            name="alt"
                            id=format!("alt-{number}")
                            value=alt
                            required=true
                            maxlength=ALT_MAX
                            autocomplete="off"
                        />
                        {act("describe", tr("Save text"))}
                    </div>
                </ActionForm>
                <ActionForm action=change>
                    <div class="publish__buttons">
                        <input type="hidden" name="id" value=agent_id.to_string() />
                        <input type="hidden" name="image" value=image />
                        {(number > 1).then(|| act("earlier", tr("Move earlier")))}
                        {(number < count).then(|| act("later", tr("Move later")))}
                        {act("remove", tr("Remove"))}
                    </div>
                </ActionForm>
            </div>
        </li>
    }
    .into_any()
}
