//! The picture of an agent: its icon on a ground of its hue.

use leptos::attr::AttributeValue;
use leptos::prelude::*;
use resonant_domain::agent;

use super::icon::IconName;

/// How large an avatar is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AvatarSize {
    /// Beside a line of text.
    Small,
    /// In a card or a list.
    #[default]
    Medium,
    /// At the head of a page.
    Large,
}

impl AvatarSize {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Small => "avatar avatar--small",
            Self::Medium => "avatar",
            Self::Large => "avatar avatar--large",
        }
    }
}

/// Draws an agent's picture. It says nothing to assistive technology: the agent's name stands
/// beside it.
#[component]
pub fn Avatar(
    /// The picture.
    #[prop(into)]
    avatar: agent::Avatar,
    /// How large.
    #[prop(optional)]
    size: AvatarSize,
) -> impl IntoView {
    let icon = IconName::of_avatar(&avatar.icon);
    drawn(size, colours(avatar.hue), pattern(&avatar), icon.path())
}

/// As [`Avatar`], of one agent after the other: of a picture that is the same nothing is drawn anew.
#[component]
pub fn LiveAvatar(
    /// The picture.
    avatar: Memo<agent::Avatar>,
) -> impl IntoView {
    // What is drawn by it may be due still when it is gone.
    let colour = move |at: usize| move || avatar.try_with(|avatar| colours(avatar.hue)[at].clone());
    let shapes = move || avatar.try_with(pattern);
    let icon = move || avatar.try_with(|avatar| IconName::of_avatar(&avatar.icon).path());
    drawn(AvatarSize::default(), [colour(0), colour(1)], shapes, icon)
}

fn drawn<C, S, I>(size: AvatarSize, [ground, veil]: [C; 2], shapes: S, icon: I) -> impl IntoView
where
    C: AttributeValue,
    S: AttributeValue,
    I: AttributeValue,
{
    // Presentation attributes instead of a style attribute: a strict content security policy
    // refuses the latter.
    view! {
        <svg class=size.class() viewBox="0 0 48 48" aria-hidden="true" focusable="false">
            <path fill=ground d="M0 0h48v48H0z"></path>
            <path fill=veil d=shapes></path>
            <path class="avatar__icon" transform="translate(8.4 8.4) scale(1.3)" d=icon></path>
        </svg>
    }
}

/// The ground and the shapes on it. White lines stand out from both by more than 4.5 to 1 at every
/// hue, and both stand out from a light and from a dark page.
fn colours(hue: u16) -> [String; 2] {
    let hue = hue % 360;
    [format!("oklch(0.52 0.13 {hue})"), format!("oklch(0.48 0.13 {})", (hue + 14) % 360)]
}

/// The shapes behind the icon: four kinds, so that neighbours of one hue differ too.
fn pattern(avatar: &agent::Avatar) -> &'static str {
    let kind =
        avatar.icon.bytes().fold(usize::from(avatar.hue), |sum, byte| sum + usize::from(byte));
    [
        // A quarter disc in the corner, a ring around it.
        "M48 48H12a36 36 0 0 1 36-36zM48 6A42 42 0 0 0 6 48H0A48 48 0 0 1 48 0z",
        // Diagonal bands.
        "M0 30L30 0h18L0 48zM18 48L48 18v18L36 48z",
        // A half disc and a dot.
        "M0 24a24 24 0 0 0 48 0zM33 9a5 5 0 1 0 10 0a5 5 0 1 0-10 0",
        // A chessboard of four.
        "M0 0h24v24H0zM24 24h24v24H24z",
    ][kind % 4]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of an oklch colour (CSS Color 4, section 10; WCAG 2.2).
    fn luminance(lightness: f64, chroma: f64, hue: f64) -> f64 {
        let (a, b) = (chroma * hue.to_radians().cos(), chroma * hue.to_radians().sin());
        let long = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
        let medium = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
        let short = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
        let red = 4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short;
        let green = -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short;
        let blue = -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701_0 * short;
        0.2126 * red.clamp(0.0, 1.0)
            + 0.7152 * green.clamp(0.0, 1.0)
            + 0.0722 * blue.clamp(0.0, 1.0)
    }

    #[test]
    fn white_stands_out_at_every_hue() {
        for hue in 0..360 {
            let colours = colours(hue);
            for colour in colours {
                let numbers: Vec<f64> = colour
                    .trim_start_matches("oklch(")
                    .trim_end_matches(')')
                    .split(' ')
                    .map(|part| part.parse().unwrap())
                    .collect();
                let contrast = 1.05 / (luminance(numbers[0], numbers[1], numbers[2]) + 0.05);
                assert!(contrast >= 4.5, "{colour}: {contrast:.2}");
            }
        }
    }
}
