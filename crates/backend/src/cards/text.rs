//! Lines of text in the product's own letters.

use ab_glyph::{Font as _, FontRef, GlyphId, InvalidFont, PxScale, ScaleFont as _, point};

use super::canvas::{Canvas, Place, floor};
use super::colour::Colour;

/// The letters of the site (SIL Open Font License 1.1, beside the files).
pub(super) struct Letters(FontRef<'static>);

/// How a text is set.
#[derive(Clone, Copy)]
pub(super) struct Style<'a> {
    pub(super) letters: &'a Letters,
    /// The size of the letters, in points.
    pub(super) size: f32,
    pub(super) colour: Colour,
}

impl Letters {
    pub(super) fn medium() -> Result<Self, InvalidFont> {
        const FILE: &[u8] = include_bytes!("../../content/fonts/instrument-sans-500.ttf");
        FontRef::try_from_slice(FILE).map(Self)
    }

    pub(super) fn bold() -> Result<Self, InvalidFont> {
        const FILE: &[u8] = include_bytes!("../../content/fonts/instrument-sans-700.ttf");
        FontRef::try_from_slice(FILE).map(Self)
    }

    fn has(&self, letter: char) -> bool {
        self.0.glyph_id(letter) != GlyphId(0)
    }

    /// What can be drawn of a text, in one line. `None` where most of it cannot: a few letters of a name
    /// in another script say less than nothing.
    pub(super) fn drawable(&self, text: &str) -> Option<String> {
        let letters = text.chars().filter(|letter| letter.is_alphanumeric());
        let (mut all, mut known) = (0_usize, 0_usize);
        for letter in letters {
            all += 1;
            known += usize::from(self.has(letter));
        }
        if known == 0 || known * 2 < all {
            return None;
        }
        let shown: String =
            text.chars().filter(|letter| letter.is_whitespace() || self.has(*letter)).collect();
        Some(shown.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Style<'_> {
    /// `ab_glyph` scales by the height of a line, style sheets by that of an em.
    fn scale(&self) -> PxScale {
        let font = &self.letters.0;
        PxScale::from(self.size * font.height_unscaled() / font.units_per_em().unwrap_or(1000.0))
    }

    /// Goes over the letters of a line, each with where it begins; answers where the line ends.
    fn walk(&self, text: &str, mut each: impl FnMut(GlyphId, f32)) -> f32 {
        let font = self.letters.0.as_scaled(self.scale());
        let (mut x, mut before) = (0.0, None);
        for letter in text.chars() {
            let glyph = font.glyph_id(letter);
            if let Some(before) = before {
                x += font.kern(before, glyph);
            }
            each(glyph, x);
            x += font.h_advance(glyph);
            before = Some(glyph);
        }
        x
    }

    pub(super) fn width(&self, text: &str) -> f32 {
        self.walk(text, |_, _| {})
    }

    /// Draws a line that stands on `at`; answers where it ends.
    pub(super) fn draw(&self, canvas: &mut Canvas, at: Place, text: &str) -> f32 {
        let (scale, font) = (self.scale(), &self.letters.0);
        let width = self.walk(text, |glyph, x| {
            let glyph = glyph.with_scale_and_position(scale, point(at.x + x, at.y));
            if let Some(outline) = font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                let (left, top) = (floor(corner.x), floor(corner.y));
                outline.draw(|x, y, cover| {
                    let place = |from: i32, to: u32| from + i32::try_from(to).unwrap_or_default();
                    canvas.lay(place(left, x), place(top, y), self.colour, cover);
                });
            }
        });
        at.x + width
    }

    /// The text in at most `most` lines that are no wider than `width`; the last one ends in an ellipsis
    /// where there is more.
    pub(super) fn lines(&self, text: &str, width: f32, most: usize) -> Vec<String> {
        let (mut lines, mut line) = (Vec::new(), String::new());
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if line.is_empty() || self.width(&longer) <= width {
                line = longer;
            } else if lines.len() + 1 == most {
                lines.push(self.cut(&longer, width));
                return lines;
            } else {
                lines.push(self.fitted(&line, width));
                word.clone_into(&mut line);
            }
        }
        if !line.is_empty() {
            lines.push(self.fitted(&line, width));
        }
        lines
    }

    /// A line as it is where there is room for it, else [cut](Self::cut).
    pub(super) fn fitted(&self, text: &str, width: f32) -> String {
        if self.width(text) <= width { text.to_owned() } else { self.cut(text, width) }
    }

    /// As much of a line as there is room for, with an ellipsis behind it.
    fn cut(&self, text: &str, width: f32) -> String {
        let mut kept = text.to_owned();
        loop {
            let shown = format!("{}…", kept.trim_end_matches([' ', ',', '.', ';', ':', '-']));
            if self.width(&shown) <= width || kept.pop().is_none() {
                return shown;
            }
        }
    }
}
