//! Where the rows of a grid lie, as numbers alone. Lengths are pixels, places are counted from the
//! grid's upper edge.
//!
//! Whoever is somewhere in the list has come past all that is above, so the height of every row is
//! kept once it was measured: one number for each row, however few are drawn.

use std::ops::Range;

/// The drawn rows move along in steps of so many, so that most frames change none.
const STRIDE: usize = 2;
/// At least so many rows are drawn above and below what is seen.
const SPARE_ROWS: usize = 3;
/// So many items are drawn at least, where there are as many.
pub(super) const DRAWN_MIN: usize = 48;
/// So many items are drawn at most.
pub(super) const DRAWN_MAX: usize = 120;

/// The rows of a grid.
#[derive(Debug, Clone)]
pub(super) struct Geometry {
    count: usize,
    columns: usize,
    gap: f64,
    estimate: f64,
    /// The heights of the rows as far as they were measured; 0 for those that were not.
    heights: Vec<f64>,
}

impl Geometry {
    /// A grid of so many items in one column.
    pub(super) fn new(count: usize) -> Self {
        Self { count, columns: 1, gap: 0.0, estimate: 1.0, heights: vec![0.0; count] }
    }

    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn rows(&self) -> usize {
        self.count.div_ceil(self.columns)
    }

    /// The row of an item.
    pub(super) const fn row(&self, rank: usize) -> usize {
        rank / self.columns
    }

    /// Takes over how the items are laid out. Rows that hold other items than before are measured
    /// anew. Answers whether they do.
    pub(super) fn lay_out(&mut self, columns: usize, gap: f64) -> bool {
        let columns = columns.max(1);
        self.gap = gap.max(0.0);
        let is_other = columns != self.columns;
        if is_other {
            self.columns = columns;
            self.forget_heights();
        }
        is_other
    }

    /// The width has changed: texts wrap elsewhere.
    pub(super) fn forget_heights(&mut self) {
        self.heights = vec![0.0; self.rows()];
    }

    /// The list has grown, or has become shorter.
    pub(super) fn set_count(&mut self, count: usize) {
        self.count = count;
        self.heights.resize(self.rows(), 0.0);
    }

    /// Takes over the measured height of a row.
    pub(super) fn set_height(&mut self, row: usize, height: f64) {
        if let Some(known) = self.heights.get_mut(row)
            && height > 0.0
        {
            *known = height;
        }
    }

    /// What is not measured is as tall as the measured rows are on average.
    pub(super) fn guess(&mut self) -> f64 {
        let (mut sum, mut measured) = (0.0, 0.0);
        for height in self.heights.iter().filter(|height| **height > 0.0) {
            sum += height;
            measured += 1.0;
        }
        if measured > 0.0 {
            self.estimate = f64::max(sum / measured, 1.0);
        }
        self.estimate
    }

    fn height(&self, row: usize) -> f64 {
        let known = self.heights.get(row).copied().unwrap_or_default();
        if known > 0.0 { known } else { self.estimate }
    }

    /// Where a row begins.
    pub(super) fn offset(&self, row: usize) -> f64 {
        (0..row.min(self.rows())).map(|row| self.height(row) + self.gap).sum()
    }

    /// The height of all rows from one on, with the gap before it.
    pub(super) fn after(&self, row: usize) -> f64 {
        (row..self.rows()).map(|row| self.height(row) + self.gap).sum()
    }

    /// The row at a place, and how far into it that is.
    pub(super) fn row_at(&self, place: f64) -> (usize, f64) {
        let mut left = place;
        for row in 0..self.rows() {
            let height = self.height(row) + self.gap;
            if left < height {
                return (row, left);
            }
            left -= height;
        }
        (self.rows().saturating_sub(1), left.max(0.0))
    }

    /// The first item of the row at a place, and how far into it that is.
    pub(super) fn anchor(&self, place: f64) -> (usize, f64) {
        let (row, past) = self.row_at(place);
        (row * self.columns, past)
    }

    /// Which items to draw when those from `top` to `top + view` are seen. Stays at what is drawn now
    /// as long as that will do.
    pub(super) fn window(&self, top: f64, view: f64, drawn: &Range<usize>) -> Range<usize> {
        let (first_seen, _) = self.row_at(top.max(0.0));
        let (last_seen, _) = self.row_at((top + view).max(0.0));
        let seen = last_seen + 1 - first_seen;
        let least = DRAWN_MIN.div_ceil(self.columns);
        let most = (DRAWN_MAX / self.columns).max(1);
        let rows = (seen + 2 * SPARE_ROWS).max(least).min(most);
        let last_first = self.rows().saturating_sub(rows);
        let spare = rows.saturating_sub(seen) / 2;
        let mut first = first_seen.saturating_sub(spare).min(last_first);
        let drawn_first = drawn.start / self.columns;
        let is_edge = first == 0 || first == last_first;
        if drawn.start.is_multiple_of(self.columns)
            && drawn_first <= last_first
            && first.abs_diff(drawn_first) < STRIDE
            && !is_edge
        {
            first = drawn_first;
        }
        first * self.columns..((first + rows) * self.columns).min(self.count)
    }

    /// Whether the end of the list is nearer than `ahead` to what is seen.
    pub(super) fn is_near_end(&self, top: f64, view: f64, ahead: f64) -> bool {
        top + view + ahead > self.offset(self.rows())
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use super::*;

    fn grid(count: usize, columns: usize) -> Geometry {
        let mut grid = Geometry::new(count);
        grid.lay_out(columns, 16.0);
        grid.set_height(0, 184.0);
        grid.guess();
        grid
    }

    #[test]
    fn a_short_list_is_drawn_whole() {
        for (count, columns) in [(0, 3), (1, 3), (29, 3), (48, 2), (47, 1)] {
            let grid = grid(count, columns);
            assert_eq!(grid.window(0.0, 800.0, &(0..0)), 0..count);
            assert_eq!(grid.window(9_000.0, 800.0, &(0..0)), 0..count);
        }
    }

    #[test]
    fn what_is_drawn_is_bounded_and_covers_what_is_seen() {
        for columns in 1..=4 {
            let grid = grid(2_400, columns);
            let mut drawn = 0..48;
            let mut top = 0.0;
            while top < grid.offset(grid.rows()) {
                drawn = grid.window(top, 900.0, &drawn);
                assert!(drawn.len() <= DRAWN_MIN + columns, "{columns}: {drawn:?}");
                assert!(drawn.start.is_multiple_of(columns));
                let first_seen = grid.row_at(top).0 * columns;
                let last_seen = grid.row_at(top + 900.0).0 * columns;
                assert!(drawn.contains(&first_seen) && drawn.contains(&last_seen));
                top += 130.0;
            }
            assert_eq!(drawn.end, 2_400);
        }
    }

    #[test]
    fn a_tall_view_draws_more_and_never_too_many() {
        let grid = grid(2_400, 3);
        assert!(grid.window(20_000.0, 4_000.0, &(0..48)).len() > 60);
        assert_eq!(grid.window(20_000.0, 90_000.0, &(0..48)).len(), DRAWN_MAX);
    }

    #[test]
    fn a_small_move_changes_nothing() {
        let grid = grid(2_400, 3);
        let drawn = grid.window(20_000.0, 900.0, &(0..48));
        assert_eq!(grid.window(20_190.0, 900.0, &drawn), drawn);
        assert_ne!(grid.window(20_600.0, 900.0, &drawn), drawn);
    }

    #[test]
    fn places_follow_from_what_was_measured() {
        let mut grid = grid(10, 3);
        grid.set_height(1, 284.0);
        assert_eq!(grid.offset(2), 500.0);
        assert_eq!(grid.row_at(499.0), (1, 299.0));
        assert_eq!(grid.anchor(501.0), (6, 1.0));
        assert_eq!(grid.offset(2) + grid.after(2), grid.offset(4));
        assert_eq!(grid.row_at(-30.0), (0, -30.0), "its edge is still below");
        grid.set_count(40);
        assert_eq!(grid.rows(), 14);
        assert_eq!(grid.offset(2), 500.0, "what was measured stays");
        assert!(grid.lay_out(2, 16.0));
        assert_eq!(grid.offset(1), 200.0, "other rows, other heights");
    }

    #[test]
    fn the_end_is_near_before_it_is_seen() {
        let grid = grid(60, 3);
        assert!(!grid.is_near_end(0.0, 900.0, 1_350.0));
        assert!(grid.is_near_end(2_000.0, 900.0, 1_350.0));
    }
}
