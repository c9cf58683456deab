//! Pictures that publishers uploaded: the browser takes the file that fits, and shows a blurred likeness
//! until it is there.

use leptos::prelude::*;
use resonant_domain::agent;
use resonant_domain::image::{Fallback, ImageKind, Picture};

use super::avatar::{Avatar, AvatarSize};
use crate::paths;

/// When a browser fetches a picture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fetched {
    /// Before others: it stands at the head of a page.
    First,
    /// Once it comes near to what is seen.
    Near,
}

/// Draws a picture. `sizes` says how wide it is drawn; an empty `alt` that something beside it says what it
/// shows.
pub fn picture_view(
    picture: &Picture,
    kind: ImageKind,
    class: &'static str,
    sizes: &'static str,
    alt: String,
) -> AnyView {
    view_fetched(picture, kind, (class, sizes), alt, Fetched::Near)
}

fn view_fetched(
    picture: &Picture,
    kind: ImageKind,
    (class, sizes): (&'static str, &'static str),
    alt: String,
    fetched: Fetched,
) -> AnyView {
    let (loading, priority) = match fetched {
        Fetched::First => ("eager", Some("high")),
        Fetched::Near => ("lazy", None),
    };
    let widths = picture.widths(kind);
    let files = |ending: &str| {
        let files = widths
            .iter()
            .map(|width| format!("{} {width}w", paths::image(picture.id, *width, ending)));
        files.collect::<Vec<_>>().join(", ")
    };
    let ending = picture.fallback.as_str();
    let smallest = widths.first().copied().unwrap_or(picture.width);
    // Through a picture that is see-through its likeness would show for good.
    let is_blurred = picture.fallback == Fallback::Jpg && !picture.placeholder.is_empty();
    let likeness = is_blurred.then(|| format!("background-image: url('{}')", picture.placeholder));
    view! {
        <picture class=class>
            <source type="image/webp" srcset=files("webp") sizes=sizes />
            <img
                class="picture__image"
                src=paths::image(picture.id, smallest, ending)
                srcset=files(ending)
                sizes=sizes
                width=picture.width.to_string()
                height=picture.height.to_string()
                alt=alt
                loading=loading
                fetchpriority=priority
                decoding="async"
                style=likeness
            />
        </picture>
    }
    .into_any()
}

/// The picture of a listing: the one that its publisher gave it, else how its agent is drawn.
pub fn listing_avatar(
    avatar: agent::Avatar,
    picture: Option<Picture>,
    size: AvatarSize,
) -> AnyView {
    let Some(picture) = picture else {
        return view! { <Avatar avatar size /> }.into_any();
    };
    let sizes = match size {
        AvatarSize::Small => "2rem",
        AvatarSize::Medium => "3rem",
        AvatarSize::Large => "5rem",
    };
    // The large one stands at the head of a page, where it may be all that is waited for.
    let fetched = if size == AvatarSize::Large { Fetched::First } else { Fetched::Near };
    view_fetched(&picture, ImageKind::Avatar, (size.class(), sizes), String::new(), fetched)
}
