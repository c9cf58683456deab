//! Colours as the style sheet writes them, for points of eight bits.

/// A colour of sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour(pub(super) [u8; 3]);

/// The colour `oklch(lightness chroma hue)` (CSS Color 4, section 10).
#[expect(clippy::many_single_char_names, reason = "the names of the colour space")]
pub(super) fn oklch(lightness: f32, chroma: f32, hue: f32) -> Colour {
    let (sin, cos) = hue.to_radians().sin_cos();
    let (a, b) = (chroma * cos, chroma * sin);
    let l = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    Colour([
        encoded(4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s),
        encoded(-1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s),
        encoded(-0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s),
    ])
}

/// A part of the light as eight bits of sRGB.
fn encoded(light: f32) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let value =
        if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    part(value)
}

/// A part of one as a number of 255.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it lies between 0 and 255"
)]
pub(super) fn part(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_the_style_sheet() {
        assert_eq!(oklch(1.0, 0.0, 0.0), Colour([255, 255, 255]));
        assert_eq!(oklch(0.0, 0.0, 0.0), Colour([0, 0, 0]));
        // `red`, as CSS Color 4 converts it.
        let Colour([red, green, blue]) = oklch(0.627_955, 0.257_683, 29.233_88);
        assert!(red >= 254 && green <= 2 && blue <= 2, "{red} {green} {blue}");
    }
}
