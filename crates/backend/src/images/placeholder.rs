//! The blurred likeness that stands where a picture is not there yet.
//!
//! A `ThumbHash` is some 25 bytes, and whoever reads it needs a decoder. Pages get what comes of it
//! instead: a picture of a few points as a `data:` address, which the browser draws large and soft.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::imageops::FilterType;
use image::{DynamicImage, RgbaImage};
use resonant_domain::image::ImageKind;

/// The longer side of what is hashed, in points.
const HASHED: u32 = 100;

/// The hash of a picture, and its likeness; empty where it cannot be drawn.
pub(super) fn make(kind: ImageKind, points: &RgbaImage) -> (Vec<u8>, String) {
    let small = fitted(points, HASHED);
    let (width, height) = (small.width() as usize, small.height() as usize);
    let hash = thumbhash::rgba_to_thumb_hash(width, height, small.as_raw());
    let likeness = likeness(kind, &hash).unwrap_or_default();
    (hash, likeness)
}

fn likeness(kind: ImageKind, hash: &[u8]) -> Option<String> {
    let (width, height, points) = thumbhash::thumb_hash_to_rgba(hash).ok()?;
    let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    let longer = match kind {
        ImageKind::Avatar => 4,
        ImageKind::Screenshot => 8,
    };
    let small = fitted(&RgbaImage::from_raw(width, height, points)?, longer);
    let small = DynamicImage::ImageRgba8(small).into_rgb8();
    let mut file = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut file, CompressionType::Best, PngFilter::NoFilter);
    small.write_with_encoder(encoder).ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(file)))
}

/// A picture whose longer side has this many points.
fn fitted(points: &RgbaImage, longer: u32) -> RgbaImage {
    let (width, height) = points.dimensions();
    let most = u64::from(width.max(height));
    let side = |own: u32| {
        let side = (u64::from(own) * u64::from(longer) + most / 2) / most;
        u32::try_from(side).unwrap_or(longer).clamp(1, longer)
    };
    image::imageops::resize(points, side(width), side(height), FilterType::Triangle)
}
