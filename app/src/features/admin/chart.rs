//! Curves over a period, drawn on the server as SVG, with their values as a table beside them.

use jiff::Timestamp;
use leptos::prelude::*;
use resonant_domain::operations::{Chart, Curve};

use super::figures::figure_text;
use super::sparkline::outline;
use crate::language::{tr, tr_text, tr_with};
use crate::ui::time_text;

/// The drawing's size, in its own units.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 96.0;

/// All charts of a page, over the same times.
#[component]
pub(super) fn Charts(
    /// The charts.
    charts: Vec<Chart>,
    /// Where the parts of the period begin, a part for each point of a curve.
    times: Vec<Timestamp>,
) -> impl IntoView {
    let times: Vec<String> = times.into_iter().map(|at| time_text(at, false)).collect();
    let charts = charts.into_iter().map(|chart| figure(chart, &times)).collect_view();
    view! { <div class="admin-charts">{charts}</div> }
}

fn figure(chart: Chart, times: &[String]) -> AnyView {
    let chart = translated(chart);
    let told = told(&chart);
    let Some(highest) = chart.highest() else {
        return view! {
            <figure class="chart">
                <figcaption class="chart__title">{chart.title}</figcaption>
                <p class="admin-note">{tr("Nothing measured in this period.")}</p>
            </figure>
        }
        .into_any();
    };
    let Chart { title, unit, curves } = chart;
    let top = if highest > 0.0 { highest } else { 1.0 };
    let paths = curves
        .iter()
        .enumerate()
        .map(|(index, curve)| {
            let class =
                if index == 0 { "chart__curve" } else { "chart__curve chart__curve--second" };
            let line = outline(&curve.points, top, (WIDTH, HEIGHT));
            view! { <path class=class d=line vector-effect="non-scaling-stroke"></path> }
        })
        .collect_view();
    let legend = curves.iter().enumerate().map(|(index, curve)| legend(index, curve, &unit));
    let legend = legend.collect_view();
    let table = table(&title, &curves, &unit, times);
    let middle = (HEIGHT / 2.0).to_string();
    view! {
        <figure class="chart">
            <figcaption class="chart__title">{title}</figcaption>
            <p class="chart__top" aria-hidden="true">{figure_text(Some(top), &unit)}</p>
            <svg
                class="chart__drawing"
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                preserveAspectRatio="none"
                role="img"
                aria-label=told
            >
                <line class="chart__line" x1="0" x2=WIDTH.to_string() y1="1" y2="1"></line>
                <line class="chart__line" x1="0" x2=WIDTH.to_string() y1=middle.clone() y2=middle></line>
                <line
                    class="chart__line"
                    x1="0"
                    x2=WIDTH.to_string()
                    y1=(HEIGHT - 1.0).to_string()
                    y2=(HEIGHT - 1.0).to_string()
                ></line>
                {paths}
            </svg>
            <ul class="chart__legend">{legend}</ul>
            {table}
        </figure>
    }
    .into_any()
}

/// The chart with its titles in the language that is spoken.
fn translated(chart: Chart) -> Chart {
    let curve = |curve: Curve| Curve { title: tr_text(curve.title), points: curve.points };
    Chart {
        title: tr_text(chart.title),
        unit: chart.unit,
        curves: chart.curves.into_iter().map(curve).collect(),
    }
}

/// What the drawing shows, in words: each curve's least, greatest and newest value. In English the same as
/// [`Chart::told`].
fn told(chart: &Chart) -> String {
    let part = |curve: &Curve| {
        let known = || curve.points.iter().copied().flatten();
        let text = |value: f64| figure_text(Some(value), &chart.unit);
        match (known().reduce(f64::min), known().reduce(f64::max), known().next_back()) {
            (Some(least), Some(most), Some(newest)) => tr_with(
                "{title}: from {least} to {most}, {newest} at last",
                &[
                    ("title", &curve.title),
                    ("least", &text(least)),
                    ("most", &text(most)),
                    ("newest", &text(newest)),
                ],
            ),
            _ => tr_with("{title}: nothing measured", &[("title", &curve.title)]),
        }
    };
    let parts: Vec<_> = chart.curves.iter().map(part).collect();
    format!("{}. {}", chart.title, parts.join("; "))
}

/// What a curve is, with its newest value.
fn legend(index: usize, curve: &Curve, unit: &str) -> impl IntoView + use<> {
    let class = if index == 0 { "chart__key" } else { "chart__key chart__key--second" };
    let newest = curve.points.iter().rev().copied().flatten().next();
    let text = format!("{}: {}", curve.title, figure_text(newest, unit));
    view! { <li class=class>{text}</li> }
}

/// The values as a table, which opens.
fn table(title: &str, curves: &[Curve], unit: &str, times: &[String]) -> impl IntoView + use<> {
    let heads = curves.iter().map(|curve| view! { <th scope="col">{curve.title.clone()}</th> });
    let heads = heads.collect_view();
    let rows = times
        .iter()
        .enumerate()
        .map(|(part, time)| {
            let value =
                |curve: &Curve| figure_text(curve.points.get(part).copied().flatten(), unit);
            let cells = curves.iter().map(|curve| view! { <td>{value(curve)}</td> }).collect_view();
            view! {
                <tr>
                    <th scope="row">{time.clone()}</th>
                    {cells}
                </tr>
            }
        })
        .collect_view();
    let label = tr_with("{title}: values", &[("title", &title)]);
    view! {
        <details class="chart__values">
            <summary>{tr("Values")}</summary>
            <div class="admin-table" tabindex="0" role="region" aria-label=label>
                <table class="admin-table__table">
                    <thead>
                        <tr>
                            <th scope="col">{tr("From")}</th>
                            {heads}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_reads_in_english_as_it_does_elsewhere() {
        let curve = |title: &str, points: &[Option<f64>]| Curve {
            title: title.to_owned(),
            points: points.to_vec(),
        };
        let chart = Chart {
            title: "Longest wait".to_owned(),
            unit: "ms".to_owned(),
            curves: vec![
                curve("On average", &[Some(2_000.5), None, Some(1.0)]),
                curve("At most", &[None]),
            ],
        };
        assert_eq!(told(&translated(chart.clone())), chart.told());
    }
}
