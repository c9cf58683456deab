//! The pictures of a submission beside those that the listing has.

use leptos::prelude::*;
use resonant_domain::image::{ImageKind, Pictures, Screenshot};

use crate::language::tr;
use crate::ui::picture_view;

/// Both sets of pictures, or one where they are alike.
pub(crate) fn compared_pictures(before: &Pictures, after: &Pictures) -> AnyView {
    if before == after {
        let note = if *after == Pictures::default() {
            tr("No pictures.")
        } else {
            tr("The same pictures as in the listing.")
        };
        return view! {
            <p>{note}</p>
            {set(after)}
        }
        .into_any();
    }
    view! {
        <div class="picture-sets">
            <div class="picture-sets__one">
                <h3>{tr("Handed in")}</h3>
                {set(after)}
            </div>
            <div class="picture-sets__one">
                <h3>{tr("In the listing")}</h3>
                {set(before)}
            </div>
        </div>
    }
    .into_any()
}

fn set(pictures: &Pictures) -> AnyView {
    if *pictures == Pictures::default() {
        return view! { <p class="review__about">{tr("None")}</p> }.into_any();
    }
    let avatar = pictures.avatar.as_ref().map(|avatar| {
        let alt = tr("The avatar").to_owned();
        picture_view(avatar, ImageKind::Avatar, "avatar avatar--large", "5rem", alt)
    });
    let shots: Vec<_> = pictures.screenshots.iter().map(figure).collect();
    view! {
        {avatar}
        {shots}
    }
    .into_any()
}

fn figure(shot: &Screenshot) -> AnyView {
    let shown = picture_view(
        &shot.picture,
        ImageKind::Screenshot,
        "picture-list__picture",
        "(max-width: 40rem) 90vw, 24rem",
        shot.alt.clone(),
    );
    view! {
        <figure class="picture-sets__figure">
            {shown}
            <figcaption class="review__about">{shot.alt.clone()}</figcaption>
        </figure>
    }
    .into_any()
}
