//! Where things stand on a card.

use image::RgbaImage;
use image::imageops::FilterType;

use super::canvas::{Arc, Canvas, Place, Tile};
use super::colour::{Colour, oklch};
use super::text::{Letters, Style};
use super::{Card, Mark};
use crate::error::Source;

/// What Open Graph asks for: 1.91 to 1.
pub(super) const WIDTH: u32 = 1200;
pub(super) const HEIGHT: u32 = 630;
/// The room between what stands on the card and its edge.
const MARGIN: f32 = 76.0;
/// The room for lines of text.
const MEASURE: f32 = 1200.0 - 2.0 * MARGIN;
/// The side of the picture beside the title.
const SIDE: f32 = 116.0;
/// The same for pictures.
const SIDE_POINTS: u32 = 116;

/// The colours of the dark theme.
struct Palette {
    ground: Colour,
    text: Colour,
    soft: Colour,
    accent: Colour,
    star: Colour,
}

/// Draws a card; `picture` is what its mark shows.
pub(super) fn draw(card: &Card, picture: Option<&RgbaImage>) -> Result<Vec<u8>, Source> {
    let palette = Palette {
        ground: oklch(0.185, 0.006, 230.0),
        text: oklch(0.945, 0.006, 200.0),
        soft: oklch(0.785, 0.012, 215.0),
        accent: oklch(0.8, 0.105, 195.0),
        star: oklch(0.84, 0.115, 80.0),
    };
    let (medium, bold) = (Letters::medium()?, Letters::bold()?);
    let mut canvas = Canvas::new(WIDTH, HEIGHT, palette.ground);
    rings(&mut canvas, &palette);

    let title = bold.drawable(&card.title);
    let title = title.unwrap_or_else(|| card.instead.clone());
    head(&mut canvas, card, &title, picture, (&medium, &bold), &palette);

    let set = |letters, size, colour| Style { letters, size, colour };
    let large = set(&bold, 72.0, palette.text);
    let mut lines = large.lines(&title, MEASURE, 2);
    let mut style = large;
    if lines.last().is_some_and(|line| line.ends_with('…')) {
        style = set(&bold, 58.0, palette.text);
        lines = style.lines(&title, MEASURE, 2);
    }
    let mut y = 296.0;
    for line in &lines {
        style.draw(&mut canvas, Place { x: MARGIN, y }, line);
        y += style.size * 1.14;
    }
    if let Some(text) = medium.drawable(&card.text) {
        let style = set(&medium, 34.0, palette.soft);
        y += 2.0;
        for line in style.lines(&text, MEASURE, if lines.len() > 1 { 2 } else { 3 }) {
            style.draw(&mut canvas, Place { x: MARGIN, y }, &line);
            y += style.size * 1.32;
        }
    }
    foot(&mut canvas, card, (&medium, &bold), &palette);
    Ok(canvas.into_png()?)
}

/// The rings of the mark, large and faint.
fn rings(canvas: &mut Canvas, palette: &Palette) {
    let centre = Place { x: 1120.0, y: 40.0 };
    for (radius, strength) in [(120.0, 0.1), (230.0, 0.075), (340.0, 0.05), (450.0, 0.03)] {
        let ring = Arc { centre, radius, stroke: 26.0, from: 0.0, extent: 360.0 };
        canvas.arc(&ring, palette.accent, strength);
    }
}

/// The mark, and beside it what the card is of and who made it.
fn head(
    canvas: &mut Canvas,
    card: &Card,
    title: &str,
    picture: Option<&RgbaImage>,
    (medium, bold): (&Letters, &Letters),
    palette: &Palette,
) {
    let at = Place { x: MARGIN, y: 72.0 };
    let frame = Tile { at, side: SIDE, corner: SIDE * 0.27 };
    match (&card.mark, picture) {
        (Mark::Picture(_), Some(picture)) => {
            let picture =
                image::imageops::resize(picture, SIDE_POINTS, SIDE_POINTS, FilterType::CatmullRom);
            canvas.picture(&frame, &picture);
        }
        (Mark::Letters(hue), _) => {
            canvas.tile(&frame, oklch(0.52, 0.13, f32::from(*hue % 360)));
            letters(canvas, &frame, title, bold);
        }
        (Mark::Picture(_) | Mark::Logo, _) => {
            canvas.tile(&frame, oklch(0.25, 0.008, 230.0));
            let centre = Place { x: at.x + SIDE / 2.0, y: at.y + SIDE / 2.0 };
            logo(canvas, centre, 80.0, palette);
        }
    }
    let x = MARGIN + SIDE + 28.0;
    let width = MEASURE - SIDE - 28.0;
    let kicker = Style { letters: bold, size: 30.0, colour: palette.accent };
    let by = card.by.as_deref().and_then(|by| medium.drawable(by));
    let y = if by.is_some() { 120.0 } else { 141.0 };
    kicker.draw(canvas, Place { x, y }, &kicker.fitted(&card.kicker, width));
    if let Some(by) = by {
        let style = Style { letters: medium, size: 30.0, colour: palette.soft };
        let by = if by.starts_with('@') { by } else { format!("by {by}") };
        style.draw(canvas, Place { x, y: y + 44.0 }, &style.fitted(&by, width));
    }
}

/// The first letters of the first two words of a title.
fn letters(canvas: &mut Canvas, frame: &Tile, title: &str, bold: &Letters) {
    let first = |word: &str| word.chars().find(|letter| letter.is_alphanumeric());
    let text: String = title.split(' ').filter_map(first).take(2).collect();
    let text = text.to_uppercase();
    let style = Style { letters: bold, size: 52.0, colour: Colour([255, 255, 255]) };
    let x = frame.at.x + (frame.side - style.width(&text)) / 2.0;
    style.draw(canvas, Place { x, y: frame.at.y + frame.side / 2.0 + 18.5 }, &text);
}

/// Rating and numbers on the left, the name of the site on the right.
fn foot(canvas: &mut Canvas, card: &Card, (medium, bold): (&Letters, &Letters), palette: &Palette) {
    const LINE: f32 = 560.0;

    let name = Style { letters: bold, size: 34.0, colour: palette.text };
    let x = MARGIN + MEASURE - name.width("Resonant");
    name.draw(canvas, Place { x, y: LINE }, "Resonant");
    logo(canvas, Place { x: x - 36.0, y: LINE - 12.0 }, 46.0, palette);

    let mut at = Place { x: MARGIN, y: LINE };
    if let Some(stars) = &card.stars {
        canvas.star(Place { x: at.x + 15.0, y: LINE - 11.5 }, 17.0, palette.star);
        let style = Style { letters: bold, size: 32.0, colour: palette.text };
        at.x = style.draw(canvas, Place { x: at.x + 42.0, y: LINE }, stars) + 22.0;
    }
    let style = Style { letters: medium, size: 32.0, colour: palette.soft };
    style.draw(canvas, at, &card.figures.join("  ·  "));
}

/// The mark of the site, this wide: a source and the rings that swing with it.
fn logo(canvas: &mut Canvas, centre: Place, width: f32, palette: &Palette) {
    let unit = width / 32.0;
    canvas.disc(centre, 2.6 * unit, palette.accent);
    for (radius, from, extent, strength) in
        [(5.6, 160.0, 280.0, 1.0), (10.0, 300.0, 210.0, 1.0), (14.3, 125.0, 160.0, 0.5)]
    {
        let arc = Arc { centre, radius: radius * unit, stroke: 2.5 * unit, from, extent };
        canvas.arc(&arc, palette.text, strength);
    }
}
