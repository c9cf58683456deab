//! From a file that anybody sent to the points of a picture.
//!
//! What a file says of its size is checked before anything is unpacked, and decoders get no more memory
//! than a picture of the largest size takes.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use resonant_domain::image::{ImageKind, PIXELS_MAX, Refusal, SIDE_MAX, check_size};

/// The memory of a decoder: the largest picture with 16 bits for each of four colours.
const MEMORY_MAX: u64 = PIXELS_MAX * 8;

/// Reads a picture, upright. Of one that moves, the first frame.
pub(crate) fn decode(kind: ImageKind, file: &[u8]) -> Result<DynamicImage, Refusal> {
    // By how the file begins: what it is called and what its sender says of it count for nothing.
    let format = image::guess_format(file).map_err(|_| Refusal::Format)?;
    if !is_taken(format) {
        return Err(Refusal::Format);
    }
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| refusal(&error))?;
    let (width, height) = decoder.dimensions();
    check_size(kind, width, height)?;
    if decoder.total_bytes() > MEMORY_MAX {
        return Err(Refusal::Large);
    }
    // A camera held sideways says so beside the picture; what cannot be read there says nothing.
    let orientation = decoder.orientation();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| refusal(&error))?;
    if let Ok(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    check_size(kind, picture.width(), picture.height())?;
    Ok(picture)
}

const fn is_taken(format: ImageFormat) -> bool {
    matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP | ImageFormat::Gif)
}

fn refusal(error: &ImageError) -> Refusal {
    match error {
        ImageError::Limits(_) => Refusal::Large,
        _ => Refusal::Damaged,
    }
}
