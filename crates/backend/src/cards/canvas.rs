//! A ground of points, and shapes with soft edges on it.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageResult, Rgb, RgbImage, RgbaImage};

use super::colour::Colour;

/// Where something is, in points from the upper left corner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) x: f32,
    pub(super) y: f32,
}

/// A part of a ring, in degrees clockwise from the right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arc {
    pub(super) centre: Place,
    pub(super) radius: f32,
    pub(super) stroke: f32,
    pub(super) from: f32,
    pub(super) extent: f32,
}

/// A square with round corners.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    pub(super) at: Place,
    pub(super) side: f32,
    pub(super) corner: f32,
}

pub(super) struct Canvas {
    points: RgbImage,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32, ground: Colour) -> Self {
        Self { points: RgbImage::from_pixel(width, height, Rgb(ground.0)) }
    }

    pub(super) fn into_png(self) -> ImageResult<Vec<u8>> {
        let mut file = Vec::new();
        let encoder =
            PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Adaptive);
        self.points.write_with_encoder(encoder)?;
        Ok(file)
    }

    /// Lays a colour over a point, as much of it as `cover` says.
    pub(super) fn lay(&mut self, x: i32, y: i32, colour: Colour, cover: f32) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return;
        };
        if cover <= 0.0 {
            return;
        }
        let cover = cover.min(1.0);
        if let Some(Rgb(point)) = self.points.get_pixel_mut_checked(x, y) {
            for (own, new) in point.iter_mut().zip(colour.0) {
                let mixed = f32::from(*own) * (1.0 - cover) + f32::from(new) * cover;
                *own = super::colour::part(mixed / 255.0);
            }
        }
    }

    /// Lays a colour over every point within a box, as much as the shape covers of each: `distance` is how
    /// far outside of the shape a place lies.
    fn shape(
        &mut self,
        (from, to): (Place, Place),
        colour: Colour,
        strength: f32,
        distance: impl Fn(Place) -> f32,
    ) {
        for y in floor(from.y)..=floor(to.y) {
            for x in floor(from.x)..=floor(to.x) {
                let centre = Place { x: wide(x) + 0.5, y: wide(y) + 0.5 };
                let cover = (0.5 - distance(centre)).clamp(0.0, 1.0);
                self.lay(x, y, colour, cover * strength);
            }
        }
    }

    pub(super) fn disc(&mut self, centre: Place, radius: f32, colour: Colour) {
        let bounds = around(centre, radius + 1.0);
        self.shape(bounds, colour, 1.0, |at| length(at, centre) - radius);
    }

    pub(super) fn arc(&mut self, arc: &Arc, colour: Colour, strength: f32) {
        let Arc { centre, radius, stroke, from, extent } = *arc;
        let end = |degrees: f32| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            Place { x: centre.x + radius * cos, y: centre.y + radius * sin }
        };
        let (first, last) = (end(from), end(from + extent));
        let distance = |at: Place| {
            let angle = (at.y - centre.y).atan2(at.x - centre.x).to_degrees();
            let away = if (angle - from).rem_euclid(360.0) <= extent {
                (length(at, centre) - radius).abs()
            } else {
                length(at, first).min(length(at, last))
            };
            away - stroke / 2.0
        };
        self.shape(around(centre, radius + stroke), colour, strength, distance);
    }

    pub(super) fn tile(&mut self, tile: &Tile, colour: Colour) {
        let Tile { at, side, .. } = *tile;
        let bounds = (at, Place { x: at.x + side, y: at.y + side });
        self.shape(bounds, colour, 1.0, |place| outside(tile, place));
    }

    /// Draws a square picture within a tile, in the picture's own size.
    pub(super) fn picture(&mut self, tile: &Tile, picture: &RgbaImage) {
        for (x, y, point) in picture.enumerate_pixels() {
            let [red, green, blue, alpha] = point.0;
            let (x, y) = (floor(tile.at.x) + narrow(x), floor(tile.at.y) + narrow(y));
            let centre = Place { x: wide(x) + 0.5, y: wide(y) + 0.5 };
            let cover = (0.5 - outside(tile, centre)).clamp(0.0, 1.0);
            self.lay(x, y, Colour([red, green, blue]), cover * f32::from(alpha) / 255.0);
        }
    }

    /// Draws a star of five points.
    pub(super) fn star(&mut self, centre: Place, radius: f32, colour: Colour) {
        let corners: Vec<_> = (0_u8..10)
            .map(|corner| {
                let angle = (f32::from(corner) * 36.0 - 90.0).to_radians();
                let reach = if corner % 2 == 0 { radius } else { radius * 0.46 };
                Place { x: centre.x + reach * angle.cos(), y: centre.y + reach * angle.sin() }
            })
            .collect();
        self.shape(around(centre, radius + 1.0), colour, 1.0, |at| distance_to(&corners, at));
    }
}

/// How far a place lies outside of a polygon; below nothing within.
fn distance_to(corners: &[Place], at: Place) -> f32 {
    let mut nearest = f32::MAX;
    let mut is_within = false;
    let followers = corners.iter().cycle().skip(1);
    for (one, two) in corners.iter().zip(followers) {
        let (along_x, along_y) = (two.x - one.x, two.y - one.y);
        let (x, y) = (at.x - one.x, at.y - one.y);
        let share =
            ((x * along_x + y * along_y) / (along_x * along_x + along_y * along_y)).clamp(0.0, 1.0);
        nearest = nearest.min((x - along_x * share).hypot(y - along_y * share));
        if (one.y > at.y) != (two.y > at.y) && x < along_x * y / along_y {
            is_within = !is_within;
        }
    }
    if is_within { -nearest } else { nearest }
}

/// How far a place lies outside of a tile.
fn outside(tile: &Tile, place: Place) -> f32 {
    let half = tile.side / 2.0;
    let straight = half - tile.corner;
    let x = ((place.x - tile.at.x - half).abs() - straight).max(0.0);
    let y = ((place.y - tile.at.y - half).abs() - straight).max(0.0);
    x.hypot(y) - tile.corner
}

fn length(one: Place, two: Place) -> f32 {
    (one.x - two.x).hypot(one.y - two.y)
}

fn around(centre: Place, reach: f32) -> (Place, Place) {
    let Place { x, y } = centre;
    (Place { x: x - reach, y: y - reach }, Place { x: x + reach, y: y + reach })
}

/// The point in which a place lies.
#[expect(clippy::cast_possible_truncation, reason = "a canvas has a few thousand points a side")]
pub(super) fn floor(place: f32) -> i32 {
    place.floor() as i32
}

#[expect(clippy::cast_precision_loss, reason = "a canvas has a few thousand points a side")]
fn wide(point: i32) -> f32 {
    point as f32
}

fn narrow(point: u32) -> i32 {
    i32::try_from(point).unwrap_or(i32::MAX)
}
