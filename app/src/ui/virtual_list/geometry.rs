//! Where the rows of a virtual list lie, as numbers alone.
//!
//! The list holds on to one row, the anchor: the one at the upper edge of what is seen. Rows are
//! placed from it by the heights that were measured, so nothing jumps when a row turns out taller
//! than was thought. Where the scrollbar stands follows from the anchor's rank and is put right
//! whenever that cannot be seen: at both ends of the list and when scrolling pauses. So only the
//! heights of the rows that are drawn are kept, however long the list is.

use std::collections::VecDeque;

/// The tallest content, in pixels. Browsers stop near 17 million; in a longer list a pixel of the
/// scrollbar stands for more than a pixel of rows.
const SPACE_MAX: f64 = 12_000_000.0;
/// A scroll by more than so many views is a jump: its place counts, not its length.
const JUMP_VIEWS: f64 = 3.0;
/// The drawn rows move along in steps of so many, so that most frames change no row at all.
const STRIDE: usize = 4;
/// At least so many rows are drawn beyond either edge of the view: what a fast fling passes in a frame.
const BEYOND_MIN: usize = 6;

/// How the drawn rows change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shift {
    /// They stay.
    None,
    /// So many rows go at the beginning and come at the end, or the other way round below zero.
    By(isize),
    /// All of them are others.
    Anew,
}

/// What is drawn and where. Lengths are pixels.
#[derive(Debug, Clone)]
pub(super) struct Geometry {
    count: usize,
    slots: usize,
    estimate: f64,
    view: f64,
    top: f64,
    first: usize,
    /// The row at the upper edge of the view, and how much of it is scrolled past.
    anchor: (usize, f64),
    /// The heights of the drawn rows, from the first one on.
    heights: VecDeque<f64>,
}

impl Geometry {
    /// A list of `count` rows that draws at most `slots` of them.
    pub(super) fn new(count: usize, slots: usize) -> Self {
        let heights = VecDeque::from(vec![1.0; slots]);
        let (estimate, view) = (1.0, 1.0);
        Self { count, slots, estimate, view, top: 0.0, first: 0, anchor: (0, 0.0), heights }
    }

    /// Whether there are more rows than are drawn.
    pub(super) const fn is_virtual(&self) -> bool {
        self.count > self.slots
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    pub(super) const fn first(&self) -> usize {
        self.first
    }

    pub(super) const fn estimate(&self) -> f64 {
        self.estimate
    }

    /// The row at the upper edge and how much of it is scrolled past.
    pub(super) const fn anchor(&self) -> (usize, f64) {
        self.anchor
    }

    /// Takes over the height of the view and what a row measures on average.
    pub(super) fn measure(&mut self, view: f64, estimate: f64) {
        self.view = view.max(1.0);
        self.estimate = estimate.max(1.0);
    }

    /// Takes over the measured height of a drawn row.
    pub(super) fn set_height(&mut self, rank: usize, height: f64) {
        let at = rank.checked_sub(self.first).and_then(|at| self.heights.get_mut(at));
        if let Some(known) = at {
            *known = height;
        }
    }

    /// The list has become longer or shorter.
    pub(super) fn set_count(&mut self, count: usize) {
        self.count = count;
        if self.anchor.0 >= count {
            self.anchor = (count.saturating_sub(1), 0.0);
        }
    }

    /// The list is another one by now: so many rows, and those that are drawn stand `way` further on. What
    /// is seen stays where it is. Answers how many of the uppermost rows are there no more; their elements
    /// come below the others.
    pub(super) fn renew(&mut self, count: usize, way: isize) -> usize {
        let before = if way < 0 { way.unsigned_abs() } else { 0 };
        let lost = before.saturating_sub(self.first).min(self.heights.len());
        self.heights.rotate_left(lost);
        self.first = self.first.saturating_add_signed(way);
        self.anchor.0 = self.anchor.0.saturating_add_signed(way);
        self.set_count(count);
        lost
    }

    /// The height of the content.
    #[expect(clippy::cast_precision_loss, reason = "no list has 2^52 rows")]
    pub(super) fn space(&self) -> f64 {
        (self.count as f64 * self.estimate).min(SPACE_MAX).max(self.view)
    }

    /// How many rows are seen at once.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a view holds a few dozen rows"
    )]
    pub(super) fn seen(&self) -> usize {
        ((self.view / self.estimate).ceil() as usize).max(1)
    }

    /// How many of so many row elements the view wants: all of them for a list that they hold whole,
    /// else what is seen and half as much beyond either edge. The fewer there are, the less there is
    /// to lay out.
    pub(super) fn wanted(&self, elements: usize) -> usize {
        if self.count <= elements {
            return elements;
        }
        let seen = self.seen();
        elements.min(seen + 1 + 2 * BEYOND_MIN.max(seen.div_ceil(2)) + STRIDE)
    }

    /// So many rows are drawn from now on. Of those that go, what stood far above the view goes first:
    /// answers how many.
    pub(super) fn draw(&mut self, slots: usize) -> usize {
        let spare = slots.saturating_sub(self.seen() + 1) / 2;
        let going = self.slots.saturating_sub(slots);
        let above = self.anchor.0.saturating_sub(spare + self.first).min(going);
        self.heights.drain(..above.min(self.heights.len()));
        self.first += above;
        self.slots = slots;
        self.heights.resize(slots, self.estimate);
        above
    }

    fn height(&self, rank: usize) -> f64 {
        let at = rank.checked_sub(self.first).and_then(|at| self.heights.get(at));
        at.copied().unwrap_or(self.estimate)
    }

    /// The pixels from the first drawn row to the anchor.
    fn above(&self) -> f64 {
        (self.first..self.anchor.0).map(|rank| self.height(rank)).sum()
    }

    /// The rows that lie beyond the view's height, as a number of rows.
    #[expect(clippy::cast_precision_loss, reason = "no list has 2^52 rows")]
    fn hidden(&self) -> f64 {
        (self.count as f64 - self.view / self.estimate).max(1.0)
    }

    fn reach(&self) -> f64 {
        (self.space() - self.view).max(1.0)
    }

    /// The window was scrolled to `top`.
    pub(super) fn scroll(&mut self, top: f64) {
        let way = top - self.top;
        self.top = top;
        if !self.is_virtual() {
            self.anchor = (0, top);
        } else if top <= 0.0 {
            // An end of the scrollbar is an end of the list, whatever the heights in between.
            self.anchor = (0, 0.0);
        } else if top >= self.reach() - 1.0 {
            let last = self.count.saturating_sub(1);
            self.anchor = (last, self.height(last));
        } else if way.abs() <= self.view * JUMP_VIEWS {
            self.anchor.1 += way;
        } else {
            let rows = (top / self.reach()).clamp(0.0, 1.0) * self.hidden();
            let rank = floor(rows).min(self.count.saturating_sub(1));
            #[expect(clippy::cast_precision_loss, reason = "no list has 2^52 rows")]
            let part = rows - rank as f64;
            self.anchor = (rank, part.clamp(0.0, 1.0) * self.estimate);
        }
        self.normalise();
    }

    /// Holds on to the row that really is at the upper edge.
    fn normalise(&mut self) {
        let (mut rank, mut past) = self.anchor;
        while past < 0.0 && rank > 0 {
            rank -= 1;
            past += self.height(rank);
        }
        while rank + 1 < self.count && past >= self.height(rank) {
            past -= self.height(rank);
            rank += 1;
        }
        self.anchor = (rank, past.max(0.0));
    }

    /// Moves the drawn rows along with the anchor.
    pub(super) fn follow(&mut self) -> Shift {
        let spare = self.slots.saturating_sub(self.seen() + 1) / 2;
        let last_first = self.count.saturating_sub(self.slots);
        let wanted = self.anchor.0.saturating_sub(spare).min(last_first);
        let is_edge = wanted == 0 || wanted == last_first;
        let distance = wanted.abs_diff(self.first);
        if distance == 0 || (distance < STRIDE && !is_edge) {
            return Shift::None;
        }
        let is_forward = wanted > self.first;
        self.first = wanted;
        if distance >= self.slots {
            self.heights = VecDeque::from(vec![self.estimate; self.slots]);
            return Shift::Anew;
        }
        for _ in 0..distance {
            if is_forward {
                self.heights.pop_front();
                self.heights.push_back(self.estimate);
            } else {
                self.heights.pop_back();
                self.heights.push_front(self.estimate);
            }
        }
        let distance = distance.cast_signed();
        Shift::By(if is_forward { distance } else { -distance })
    }

    /// Where the first drawn row begins within the content.
    pub(super) fn rows_top(&self) -> f64 {
        if self.is_virtual() { self.top - self.anchor.1 - self.above() } else { 0.0 }
    }

    /// The scroll place that fits the rows exactly, where an end of the list is drawn and it is off.
    pub(super) fn settle(&mut self) -> Option<f64> {
        let fitting = if self.first == 0 {
            self.above() + self.anchor.1
        } else if self.first + self.slots >= self.count {
            let below: f64 = (self.anchor.0..self.count).map(|rank| self.height(rank)).sum();
            let rest = below - self.anchor.1 - self.view;
            if rest < 0.0 {
                // No gap behind the last row.
                self.anchor.1 += rest;
                self.normalise();
            }
            self.reach() - rest.max(0.0)
        } else {
            return None;
        };
        self.move_to(fitting)
    }

    /// The scroll place that tells the anchor's rank, when it is off. For moments in which nobody
    /// holds the scrollbar.
    #[expect(clippy::cast_precision_loss, reason = "no list has 2^52 rows")]
    pub(super) fn rest(&mut self) -> Option<f64> {
        if let Some(top) = self.settle() {
            return Some(top);
        }
        if !self.is_virtual() || self.first == 0 || self.first + self.slots >= self.count {
            return None;
        }
        let (rank, past) = self.anchor;
        let rows = rank as f64 + past / self.height(rank);
        self.move_to((rows / self.hidden()).min(1.0) * self.reach())
    }

    fn move_to(&mut self, top: f64) -> Option<f64> {
        let is_off = (top - self.top).abs() > 1.0;
        if is_off {
            self.top = top;
        }
        is_off.then_some(top)
    }

    /// The browser put the scroll place elsewhere than it was told: at whole pixels, or less far.
    pub(super) fn correct(&mut self, top: f64) {
        self.top = top;
    }

    /// The rows from `first` on are the ones that are drawn.
    pub(super) const fn begin_at(&mut self, first: usize) {
        self.first = first;
    }

    /// Goes to a place that was left earlier.
    pub(super) fn go_to(&mut self, rank: usize, past: f64) {
        self.anchor = (rank.min(self.count.saturating_sub(1)), past.max(0.0));
    }

    /// Scrolls no further than needed for a row to be seen whole. Answers whether it moved.
    pub(super) fn reveal(&mut self, rank: usize) -> bool {
        let rank = rank.min(self.count.saturating_sub(1));
        let (edge, past) = self.anchor;
        if rank < edge || (rank == edge && past > 0.0) {
            self.anchor = (rank, 0.0);
            return true;
        }
        let is_near = rank <= edge + self.slots;
        let depth: f64 =
            if is_near { (edge..=rank).map(|rank| self.height(rank)).sum() } else { f64::MAX };
        if depth - past <= self.view {
            return false;
        }
        // Counted upwards from the row, which stands at the lower edge.
        let (mut edge, mut room) = (rank, self.view - self.height(rank));
        while edge > 0 && room > 0.0 {
            edge -= 1;
            room -= self.height(edge);
        }
        self.anchor = (edge, (-room).max(0.0));
        true
    }
}

/// The whole number below; zero for what is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ranks are far below 2^52 and not negative"
)]
fn floor(number: f64) -> usize {
    number.max(0.0).floor() as usize
}

#[cfg(test)]
mod tests;
