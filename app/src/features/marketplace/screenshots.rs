//! The screenshots of a listing: a row to scroll through, each of which opens large.

use leptos::prelude::*;
use resonant_domain::image::{ImageKind, Screenshot};

use crate::language::tr;
use crate::ui::picture_view;

/// The screenshots; nothing without any.
pub(super) fn screenshots(shots: Vec<Screenshot>) -> Option<AnyView> {
    if shots.is_empty() {
        return None;
    }
    let items: Vec<_> = (1..).zip(shots).map(|(number, shot)| item(number, shot)).collect();
    Some(
        view! {
            <section class="listing__section" aria-labelledby="shots-title">
                <h2 id="shots-title">{tr("Screenshots")}</h2>
                <ul class="shots">{items}</ul>
            </section>
        }
        .into_any(),
    )
}

/// One screenshot. The browser opens and closes the large one by itself, without a script.
fn item(number: usize, shot: Screenshot) -> AnyView {
    let id = format!("shot-{number}");
    let Screenshot { picture, alt } = shot;
    let small = picture_view(
        &picture,
        ImageKind::Screenshot,
        "shots__picture",
        "(max-width: 40rem) 85vw, 24rem",
        alt.clone(),
    );
    let (target, close, label) = (id.clone(), id.clone(), alt.clone());
    let large = picture_view(&picture, ImageKind::Screenshot, "shots__whole", "94vw", alt.clone());
    view! {
        <li class="shots__item">
            <button class="shots__open" type="button" popovertarget=target aria-haspopup="dialog">
                {small}
            </button>
            <dialog class="shots__large" id=id popover="" aria-label=label>
                {large}
                <p class="shots__text">{alt}</p>
                <button
                    class="button"
                    type="button"
                    popovertarget=close
                    popovertargetaction="hide"
                >
                    {tr("Close")}
                </button>
            </dialog>
        </li>
    }
    .into_any()
}
