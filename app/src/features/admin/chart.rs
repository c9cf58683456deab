//! Curves over a period, drawn on the server as SVG, with their values as a table beside them.

use jiff::Timestamp;
use leptos::prelude::*;
use resonant_domain::operations::{Chart, Curve, figure_text};

use super::sparkline::outline;
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
    let told = chart.told();
    let Some(highest) = chart.highest() else {
        return view! {
            <figure class="chart">
                <figcaption class="chart__title">{chart.title}</figcaption>
                <p class="admin-note">"Nothing measured in this period."</p>
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
    let label = format!("{title}: values");
    view! {
        <details class="chart__values">
            <summary>"Values"</summary>
            <div class="admin-table" tabindex="0" role="region" aria-label=label>
                <table class="admin-table__table">
                    <thead>
                        <tr>
                            <th scope="col">"From"</th>
                            {heads}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
}
