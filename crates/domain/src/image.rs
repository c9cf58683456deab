//! Pictures that publishers upload: what is taken, in which sizes it is kept, and what a listing shows.

use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::ids::ImageId;
#[cfg(feature = "schema")]
use crate::text::LINE_PATTERN;
use crate::text::check_line;

/// The largest file, in bytes.
pub const UPLOAD_MAX: usize = 8 * 1024 * 1024;
/// The longest side of a picture, in pixels.
pub const SIDE_MAX: u32 = 8192;
/// The largest picture, in pixels.
pub const PIXELS_MAX: u64 = 16 * 1024 * 1024;
/// How many pictures an account keeps at most.
pub const IMAGES_MAX: i64 = 100;
/// How many screenshots a listing shows at most.
pub const SCREENSHOTS_MAX: usize = 6;
/// The longest text that stands for a screenshot, in characters.
pub const ALT_MAX: usize = 200;

/// What a picture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImageKind {
    /// Stands for a listing; cut to a square.
    Avatar,
    /// Shows an agent at work.
    Screenshot,
}

impl ImageKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Avatar, Self::Screenshot];

    /// The kind as it stands in JSON, forms and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Avatar => "avatar",
            Self::Screenshot => "screenshot",
        }
    }

    /// Reads a kind from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The widths in which it is kept, as far as the picture is as wide.
    #[must_use]
    pub const fn steps(self) -> [u32; 3] {
        match self {
            Self::Avatar => [64, 128, 256],
            Self::Screenshot => [480, 960, 1440],
        }
    }

    /// The least width and height.
    #[must_use]
    pub const fn least(self) -> (u32, u32) {
        match self {
            Self::Avatar => (64, 64),
            Self::Screenshot => (320, 180),
        }
    }
}

/// What a browser without WebP gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// JPEG.
    Jpg,
    /// PNG, where some of the picture is see-through.
    Png,
}

impl Fallback {
    /// The ending of its files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpg => "jpg",
            Self::Png => "png",
        }
    }

    /// Reads it from its ending.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Jpg, Self::Png].into_iter().find(|one| one.as_str() == text)
    }
}

/// A picture as pages and callers show it: `/images/{id}/{width}.webp`, and the same with the ending of
/// its fallback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Picture {
    /// Its identity: follows from who uploaded what.
    pub id: ImageId,
    /// The width of its largest file, in pixels.
    pub width: u32,
    /// The height of its largest file.
    pub height: u32,
    /// What browsers without WebP get.
    pub fallback: Fallback,
    /// A blurred likeness as a `data:` address, for the time until it is there.
    pub placeholder: String,
}

impl Picture {
    /// The widths in which it is there, the smallest first.
    #[must_use]
    pub fn widths(&self, kind: ImageKind) -> Vec<u32> {
        widths(kind, self.width)
    }
}

/// The widths in which a picture is kept that is this wide: never more than it has.
#[must_use]
pub fn widths(kind: ImageKind, width: u32) -> Vec<u32> {
    let steps = kind.steps();
    let most = width.min(steps[2]);
    let smaller = steps.into_iter().filter(|step| *step < most);
    smaller.chain([most]).collect()
}

/// A picture that an account has uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Image {
    /// How it is shown.
    #[serde(flatten)]
    pub picture: Picture,
    /// What it is for.
    pub kind: ImageKind,
    /// The widths in which it is there.
    pub widths: Vec<u32>,
    /// Its [ThumbHash](https://evanw.github.io/thumbhash/), in base64.
    pub thumbhash: String,
}

/// A picture of an agent at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Screenshot {
    /// The picture.
    #[serde(flatten)]
    pub picture: Picture,
    /// What it shows, for who does not see it.
    pub alt: String,
}

/// The pictures of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pictures {
    /// Stands for the listing in place of its agent's drawing.
    pub avatar: Option<Picture>,
    /// In the order in which they are shown.
    pub screenshots: Vec<Screenshot>,
}

/// The pictures that a listing is to have, by what was uploaded before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PictureChoice {
    /// Stands for the listing; absent for the agent's drawing.
    #[serde(default)]
    pub avatar: Option<ImageId>,
    /// At most [`SCREENSHOTS_MAX`], in their order.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = SCREENSHOTS_MAX)))]
    pub screenshots: Vec<ChosenScreenshot>,
}

/// A screenshot that a listing is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChosenScreenshot {
    /// The picture.
    pub image: ImageId,
    /// What it shows, 1 to [`ALT_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = ALT_MAX), regex(pattern = LINE_PATTERN)))]
    pub alt: String,
}

impl From<&Pictures> for PictureChoice {
    fn from(pictures: &Pictures) -> Self {
        let chosen =
            |shot: &Screenshot| ChosenScreenshot { image: shot.picture.id, alt: shot.alt.clone() };
        Self {
            avatar: pictures.avatar.as_ref().map(|avatar| avatar.id),
            screenshots: pictures.screenshots.iter().map(chosen).collect(),
        }
    }
}

impl PictureChoice {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        if self.screenshots.len() > SCREENSHOTS_MAX {
            let reason = format!("must be at most {SCREENSHOTS_MAX}");
            faults.push(FieldFault::new("screenshots", reason));
        }
        for (place, shot) in self.screenshots.iter().take(SCREENSHOTS_MAX).enumerate() {
            let field = format!("screenshots[{place}]");
            check_alt(&mut faults, &format!("{field}.alt"), &shot.alt);
            if self.screenshots[..place].iter().any(|before| before.image == shot.image) {
                faults.push(FieldFault::new(format!("{field}.image"), "must be shown once"));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// Checks what stands for a screenshot.
pub fn check_alt(faults: &mut Vec<FieldFault>, field: &str, alt: &str) {
    check_line(faults, field, alt, 1, ALT_MAX);
}

/// Why a picture is not taken, as what is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is none of the formats, whatever it says of itself.
    #[error("must be a PNG, JPEG, WebP or GIF picture")]
    Format,
    /// The file is too large.
    #[error("must be at most 8 MB")]
    Bytes,
    /// The picture is too large.
    #[error("must be at most 8192 pixels on each side and 16 megapixels in all")]
    Large,
    /// The picture is too small.
    #[error("must be at least 64 × 64 pixels for an avatar, 320 × 180 for a screenshot")]
    Small,
    /// It is far longer than wide, or the other way round.
    #[error("must be at most four times as long on one side as on the other")]
    Shape,
    /// It ends too soon or holds what cannot be read.
    #[error("cannot be read: the file is cut off or damaged")]
    Damaged,
    /// Nothing stands for the screenshot.
    #[error("must come with a text of 1 to 200 characters that says what it shows")]
    Alt,
    /// The listing has its screenshots already.
    #[error("must be one of at most 6 screenshots: remove one first")]
    Count,
    /// The account has its pictures already.
    #[error(
        "must wait: an account keeps at most 100, and those that no listing shows go after a day"
    )]
    Full,
    /// Others are being read.
    #[error("must wait: others are being read at this moment")]
    Busy,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 10] = [
        Self::Format,
        Self::Bytes,
        Self::Large,
        Self::Small,
        Self::Shape,
        Self::Damaged,
        Self::Alt,
        Self::Count,
        Self::Full,
        Self::Busy,
    ];

    /// The refusal as it stands in addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Bytes => "bytes",
            Self::Large => "large",
            Self::Small => "small",
            Self::Shape => "shape",
            Self::Damaged => "damaged",
            Self::Alt => "alt",
            Self::Count => "count",
            Self::Full => "full",
            Self::Busy => "busy",
        }
    }

    /// Reads a refusal from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.as_str() == text)
    }
}

/// Checks how large a picture is, as it says of itself or as it turned out.
pub fn check_size(kind: ImageKind, width: u32, height: u32) -> Result<(), Refusal> {
    let (least_width, least_height) = kind.least();
    let pixels = u64::from(width) * u64::from(height);
    if width > SIDE_MAX || height > SIDE_MAX || pixels > PIXELS_MAX {
        Err(Refusal::Large)
    } else if width < least_width || height < least_height {
        Err(Refusal::Small)
    } else if width / 4 > height || height / 4 > width {
        Err(Refusal::Shape)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_never_made_larger() {
        for (kind, width, expected) in [
            (ImageKind::Screenshot, 320, &[320][..]),
            (ImageKind::Screenshot, 480, &[480]),
            (ImageKind::Screenshot, 700, &[480, 700]),
            (ImageKind::Screenshot, 3000, &[480, 960, 1440]),
            (ImageKind::Avatar, 64, &[64]),
            (ImageKind::Avatar, 100, &[64, 100]),
            (ImageKind::Avatar, 900, &[64, 128, 256]),
        ] {
            assert_eq!(widths(kind, width), expected, "{kind:?} {width}");
        }
    }

    #[test]
    fn what_is_too_large_or_too_small_is_told() {
        for (kind, width, height, expected) in [
            (ImageKind::Avatar, 64, 64, Ok(())),
            (ImageKind::Avatar, 63, 64, Err(Refusal::Small)),
            (ImageKind::Screenshot, 5120, 2880, Ok(())),
            (ImageKind::Screenshot, 8193, 400, Err(Refusal::Large)),
            (ImageKind::Screenshot, 8000, 8000, Err(Refusal::Large)),
            (ImageKind::Screenshot, 2000, 300, Err(Refusal::Shape)),
            (ImageKind::Screenshot, 320, 2000, Err(Refusal::Shape)),
            (ImageKind::Screenshot, u32::MAX, u32::MAX, Err(Refusal::Large)),
        ] {
            assert_eq!(check_size(kind, width, height), expected, "{width} × {height}");
        }
    }

    #[test]
    fn each_choice_that_breaks_a_rule_is_named() {
        let shot = |id: &str, alt: &str| ChosenScreenshot {
            image: format!("01900000-0000-7000-8000-00000000000{id}").parse().unwrap(),
            alt: alt.to_owned(),
        };
        let fields = |screenshots: Vec<_>| {
            let choice = PictureChoice { avatar: None, screenshots };
            let faults = choice.check().err().unwrap_or_default();
            faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
        };
        assert!(fields(vec![shot("1", "A table"), shot("2", "A chart")]).is_empty());
        assert_eq!(
            fields(vec![shot("1", " "), shot("1", "two\nlines"), shot("2", &"x".repeat(201))]),
            [
                "screenshots[0].alt",
                "screenshots[1].alt",
                "screenshots[1].image",
                "screenshots[2].alt"
            ]
        );
        assert_eq!(fields((0..7).map(|id| shot(&id.to_string(), "x")).collect()), ["screenshots"]);
    }
}
