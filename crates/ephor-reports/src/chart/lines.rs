//! Lines over time: each with its own dash and its name at its end, so that black and white tells them apart.

use maud::{Markup, html};

use super::Chart;
use super::scale::{Scale, short};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 132.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 28.0;

/// Labels below the axis: more would run into each other.
const LABELS: usize = 6;

/// Two names at the right stand at least this far apart.
const LINE_OF_TEXT: f64 = 13.0;

pub(super) fn draw(chart: &Chart) -> Markup {
    let values = chart.series.iter().flat_map(|series| series.values.iter().flatten());
    let scale = Scale::to(values.fold(0.0, |largest: f64, value| largest.max(*value)));
    let y = |value: f64| HEIGHT - BOTTOM - (value / scale.top) * (HEIGHT - TOP - BOTTOM);
    let last = (chart.labels.len().max(2) - 1) as f64;
    let x = |place: usize| LEFT + (place as f64 / last) * (WIDTH - LEFT - RIGHT);
    let every = chart.labels.len().div_ceil(LABELS).max(1);
    html! {
        svg class="chart" role="img" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) xmlns="http://www.w3.org/2000/svg" {
            title { (chart.title) " (" (chart.unit) ")" }
            @for step in &scale.steps {
                line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(round(y(*step))) y2=(round(y(*step))) {}
                text class="axis" text-anchor="end" x=(LEFT - 6.0) y=(round(y(*step) + 4.0)) { (short(*step)) }
            }
            @for (place, label) in chart.labels.iter().enumerate().filter(|(place, _)| place % every == 0) {
                text class="axis" text-anchor="middle" x=(round(x(place))) y=(HEIGHT - 8.0) { (short_day(label)) }
            }
            @for (number, series) in chart.series.iter().enumerate() {
                @for run in runs(&series.values) {
                    @match run.as_slice() {
                        [(place, value)] => {
                            circle class=(format!("dot series-{}", number % 6)) cx=(round(x(*place))) cy=(round(y(*value))) r="2.5" {}
                        }
                        many => {
                            polyline class=(format!("line series-{}", number % 6)) points=(points(many, x, y)) {}
                        }
                    }
                }
            }
            @for (number, name, at) in names(chart, y) {
                line class=(format!("line series-{}", number % 6)) x1=(WIDTH - RIGHT + 6.0) x2=(WIDTH - RIGHT + 26.0) y1=(round(at)) y2=(round(at)) {}
                text class="name" x=(WIDTH - RIGHT + 31.0) y=(round(at + 4.0)) { (name) }
            }
        }
    }
}

/// Values without a gap between them, each with its place.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut open = false;
    for (place, value) in values.iter().enumerate() {
        match value {
            Some(value) if open => runs.last_mut().into_iter().for_each(|run| run.push((place, *value))),
            Some(value) => runs.push(vec![(place, *value)]),
            None => {}
        }
        open = value.is_some();
    }
    runs
}

fn points(run: &[(usize, f64)], x: impl Fn(usize) -> f64, y: impl Fn(f64) -> f64) -> String {
    run.iter().map(|(place, value)| format!("{},{}", round(x(*place)), round(y(*value)))).collect::<Vec<_>>().join(" ")
}

/// Where each series' name stands: at the height of its last value, pushed apart where two would meet.
fn names(chart: &Chart, y: impl Fn(f64) -> f64) -> Vec<(usize, &str, f64)> {
    let mut names: Vec<(usize, &str, f64)> = Vec::new();
    for (number, series) in chart.series.iter().enumerate() {
        if let Some(value) = series.values.iter().rev().flatten().next() {
            names.push((number, series.name.as_str(), y(*value)));
        }
    }
    names.sort_by(|a, b| a.2.total_cmp(&b.2));
    let mut lowest = TOP;
    for name in &mut names {
        name.2 = name.2.max(lowest);
        lowest = name.2 + LINE_OF_TEXT;
    }
    names
}

/// A day without its year; anything else as it is.
fn short_day(label: &str) -> &str {
    match label.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..] if label.len() == 10 => &label[5..],
        _ => label,
    }
}

pub(super) fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
