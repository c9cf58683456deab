//! A small curve of a metric, drawn on the server as SVG.

use std::fmt::Write as _;

use leptos::prelude::*;

use super::figures::figure_text;
use crate::language::{tr, tr_with};

/// The drawing's size, in its own units.
const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 32.0;

/// The values over a period, from the left to the right, and the target as a line.
#[component]
pub(super) fn Sparkline(
    /// The values; none where nothing was measured.
    points: Vec<Option<f64>>,
    /// The value that shall not be passed.
    target: f64,
    /// What the values are told in.
    unit: String,
) -> impl IntoView {
    let known: Vec<f64> = points.iter().copied().flatten().collect();
    let (Some(least), Some(most)) =
        (known.iter().copied().reduce(f64::min), known.iter().copied().reduce(f64::max))
    else {
        return view! { <span class="sparkline__none">{tr("Nothing measured")}</span> }.into_any();
    };
    let label = tr_with(
        "From {least} to {most}",
        &[("least", &figure_text(Some(least), &unit)), ("most", &figure_text(Some(most), &unit))],
    );
    let top = most.max(target);
    let line = format!("{:.1}", depth_of(target, top, HEIGHT));
    view! {
        <svg
            class="sparkline"
            viewBox=format!("0 0 {WIDTH} {HEIGHT}")
            width=WIDTH.to_string()
            height=HEIGHT.to_string()
            role="img"
            aria-label=label
        >
            <line class="sparkline__target" x1="0" x2=WIDTH.to_string() y1=line.clone() y2=line></line>
            <path class="sparkline__curve" d=outline(&points, top, (WIDTH, HEIGHT))></path>
        </svg>
    }
    .into_any()
}

/// How far below the upper edge a value lies; a line's own width is left free.
fn depth_of(value: f64, top: f64, height: f64) -> f64 {
    let share = if top > 0.0 { value / top } else { 0.0 };
    (height - 2.0).mul_add(1.0 - share, 1.0)
}

/// A curve within a width and a height, as the `d` of an SVG path. It is broken where nothing was
/// measured; a value alone is a dot.
pub(super) fn outline(points: &[Option<f64>], top: f64, (width, height): (f64, f64)) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a curve has some sixty points")]
    let step = width / points.len().saturating_sub(1).max(1) as f64;
    let mut text = String::new();
    let mut before = false;
    let mut x = 0.0;
    for (index, point) in points.iter().enumerate() {
        if let Some(value) = point {
            let y = depth_of(*value, top, height);
            let order = if before { 'L' } else { 'M' };
            // Writing to a String cannot fail.
            let _ = write!(text, "{order}{x:.1} {y:.1}");
            if !before && points.get(index + 1).is_none_or(Option::is_none) {
                text.push_str("h.1");
            }
        }
        before = point.is_some();
        x += step;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_broken_where_nothing_was_measured() {
        let points = [Some(0.0), Some(10.0), None, Some(5.0), None];
        let size = (WIDTH, HEIGHT);
        assert_eq!(outline(&points, 10.0, size), "M0.0 31.0L40.0 1.0M120.0 16.0h.1");
        assert_eq!(outline(&[], 10.0, size), "");
        assert_eq!(outline(&[Some(0.0)], 0.0, size), "M0.0 31.0h.1");
    }
}
