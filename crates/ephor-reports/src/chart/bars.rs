//! Lying bars over names, the number at the end of each; several series stand behind one another.

use maud::{Markup, html};

use super::Chart;
use super::lines::round;
use super::scale::{Scale, short};

const WIDTH: f64 = 720.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 70.0;
const BAR: f64 = 16.0;
const STEP: f64 = 22.0;
/// Room for the names of the series above the bars.
const HEAD: f64 = 22.0;
/// Characters of a name that fit beside its bar.
const NAME_CHARACTERS: usize = 28;

pub(super) fn draw(chart: &Chart) -> Markup {
    let total = |place: usize| -> f64 {
        chart.series.iter().filter_map(|series| series.values.get(place).copied().flatten()).sum()
    };
    let largest = (0..chart.labels.len()).map(total).fold(0.0, f64::max);
    let scale = Scale::to(largest);
    let width = |value: f64| (value / scale.top) * (WIDTH - LEFT - RIGHT);
    let head = if chart.series.len() > 1 { HEAD } else { 4.0 };
    let height = head + STEP * chart.labels.len() as f64 + 4.0;
    html! {
        svg class="chart" role="img" viewBox=(format!("0 0 {WIDTH} {}", round(height))) xmlns="http://www.w3.org/2000/svg" {
            title { (chart.title) " (" (chart.unit) ")" }
            @if chart.series.len() > 1 {
                @for (number, series) in chart.series.iter().enumerate() {
                    @let at = LEFT + 130.0 * number as f64;
                    rect class=(format!("bar series-{}", number % 6)) x=(at) y="3" width="12" height="12" {}
                    text class="name" x=(at + 17.0) y="13" { (series.name) }
                }
            }
            @for (place, label) in chart.labels.iter().enumerate() {
                @let y = head + STEP * place as f64;
                text class="label" text-anchor="end" x=(LEFT - 8.0) y=(round(y + 12.5)) { (cut(label)) }
                @for (number, start, value) in parts(chart, place) {
                    rect class=(format!("bar series-{}", number % 6)) x=(round(LEFT + width(start))) y=(round(y)) width=(round(width(value).max(0.5))) height=(BAR) {}
                }
                @if chart.series.iter().any(|series| series.values.get(place).is_some_and(Option::is_some)) {
                    text class="value" x=(round(LEFT + width(total(place)) + 6.0)) y=(round(y + 12.5)) { (short(total(place))) }
                }
            }
        }
    }
}

/// The parts of one bar: number of the series, where it begins, how long it is.
fn parts(chart: &Chart, place: usize) -> Vec<(usize, f64, f64)> {
    let mut start = 0.0;
    let mut parts = Vec::new();
    for (number, series) in chart.series.iter().enumerate() {
        if let Some(Some(value)) = series.values.get(place) {
            parts.push((number, start, *value));
            start += value;
        }
    }
    parts
}

fn cut(label: &str) -> String {
    match label.char_indices().nth(NAME_CHARACTERS) {
        Some((end, _)) => format!("{}…", &label[..end]),
        None => label.to_owned(),
    }
}
