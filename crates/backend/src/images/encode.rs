//! From the points of a picture to the files that pages show: WebP for almost all browsers, JPEG for the
//! rest, PNG in its place where the picture is see-through.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::imageops::FilterType;
use image::{DynamicImage, Rgba, RgbaImage};
use resonant_domain::ImageId;
use resonant_domain::image::{Fallback, ImageKind, Picture, Refusal, widths};

use super::placeholder;
use super::read::decode;
use crate::store::images::{Rendition, StoredImage};

/// How much of a picture JPEG keeps, in percent.
const JPEG_QUALITY: u8 = 82;
/// The same for WebP; letters in screenshots stay sharp.
const WEBP_QUALITY: f32 = 82.0;

/// Makes all files of a picture.
pub(super) fn make(
    id: ImageId,
    kind: ImageKind,
    file: &[u8],
) -> Result<(StoredImage, Vec<Rendition>), Refusal> {
    let picture = decode(kind, file)?;
    let picture = match kind {
        ImageKind::Avatar => square(&picture),
        ImageKind::Screenshot => picture,
    };
    let widths = widths(kind, picture.width());
    let largest = widths.last().copied().unwrap_or_else(|| picture.width());
    let largest = resized(picture.into_rgba8(), largest);
    let fallback = if is_opaque(&largest) { Fallback::Jpg } else { Fallback::Png };
    let (thumbhash, placeholder) = placeholder::make(kind, &largest);

    let mut renditions = Vec::with_capacity(widths.len() * 2);
    for width in widths {
        let points = resized(largest.clone(), width);
        renditions.push(Rendition { width, format: "webp", bytes: webp(&points)? });
        let bytes = match fallback {
            Fallback::Jpg => jpeg(points)?,
            Fallback::Png => png(&points)?,
        };
        renditions.push(Rendition { width, format: fallback.as_str(), bytes });
    }
    let (width, height) = largest.dimensions();
    let picture = Picture { id, width, height, fallback, placeholder };
    Ok((StoredImage { kind, picture, thumbhash }, renditions))
}

/// The middle of a picture, as large as it goes.
fn square(picture: &DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let side = width.min(height);
    picture.crop_imm((width - side) / 2, (height - side) / 2, side, side)
}

/// A picture at this width, its sides in proportion.
fn resized(mut points: RgbaImage, width: u32) -> RgbaImage {
    let (own, height) = points.dimensions();
    if own == width {
        return points;
    }
    // The colour of what cannot be seen must not run into what can.
    if !is_opaque(&points) {
        for Rgba([red, green, blue, alpha]) in points.pixels_mut() {
            for colour in [red, green, blue] {
                *colour = times(*colour, *alpha);
            }
        }
        let mut small = scaled(&points, width, height);
        for Rgba([red, green, blue, alpha]) in small.pixels_mut() {
            for colour in [red, green, blue] {
                *colour = over(*colour, *alpha);
            }
        }
        return small;
    }
    scaled(&points, width, height)
}

/// A part of 255.
fn times(colour: u8, alpha: u8) -> u8 {
    let part = (u16::from(colour) * u16::from(alpha) + 127) / 255;
    u8::try_from(part).unwrap_or(u8::MAX)
}

/// The colour of which this is a part.
fn over(part: u8, alpha: u8) -> u8 {
    if alpha == 0 {
        return 0;
    }
    let colour = (u16::from(part) * 255 + u16::from(alpha) / 2) / u16::from(alpha);
    u8::try_from(colour).unwrap_or(u8::MAX)
}

fn scaled(points: &RgbaImage, width: u32, height: u32) -> RgbaImage {
    let own = points.width();
    let height = (u64::from(height) * u64::from(width) + u64::from(own) / 2) / u64::from(own);
    let height = u32::try_from(height).unwrap_or(1).max(1);
    image::imageops::resize(points, width, height, FilterType::CatmullRom)
}

fn is_opaque(points: &RgbaImage) -> bool {
    points.pixels().all(|Rgba([_, _, _, alpha])| *alpha == u8::MAX)
}

fn webp(points: &RgbaImage) -> Result<Vec<u8>, Refusal> {
    let (width, height) = points.dimensions();
    let encoder = webp::Encoder::from_rgba(points, width, height);
    let file = encoder.encode_simple(false, WEBP_QUALITY).map_err(|_| Refusal::Damaged)?;
    Ok(file.to_vec())
}

fn jpeg(points: RgbaImage) -> Result<Vec<u8>, Refusal> {
    let points = DynamicImage::ImageRgba8(points).into_rgb8();
    let mut file = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY);
    points.write_with_encoder(encoder).map_err(|_| Refusal::Damaged)?;
    Ok(file)
}

fn png(points: &RgbaImage) -> Result<Vec<u8>, Refusal> {
    let mut file = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut file, CompressionType::Default, PngFilter::Adaptive);
    points.write_with_encoder(encoder).map_err(|_| Refusal::Damaged)?;
    Ok(file)
}
