//! What was counted: values ranked with a bar each, and days as bars.

use ephor_lake::Census;
use ephor_wire::timestamp::UtcDay;
use maud::{Markup, html};

use super::number::count;

/// Values that a ranking shows.
const RANKED: usize = 8;

/// The longest span whose days are drawn one by one.
const DAYS_DRAWN: i32 = 120;

/// Values by how often they were counted, the most frequent first.
pub(crate) fn ranking(census: &Census, link: impl Fn(&str) -> Option<String>) -> Markup {
    let mut values: Vec<(&String, &u64)> = census.by_value.iter().collect();
    values.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let most = values.first().map_or(1, |(_, count)| **count).max(1);
    let rest: u64 = values.iter().skip(RANKED).map(|(_, count)| **count).sum();
    html! {
        @if values.is_empty() { p class="muted" { "None" } }
        @else { table {
            caption class="hidden" { "How often" }
            thead class="hidden" { tr { th { "Value" } th { "Share" } th { "Count" } } }
            tbody {
                @for (value, number) in values.iter().take(RANKED) { tr {
                    td class="wrap" { @match link(value) { Some(link) => a href=(link) { (value) }, None => (value) } }
                    td { (bar(**number as f64 / most as f64)) }
                    td class="n" { (count(**number)) }
                } }
                @if values.len() > RANKED { tr { td class="muted" { (values.len() - RANKED) " more" } td {} td class="n muted" { (count(rest)) } } }
            }
        } }
    }
}

/// A share of the largest, as a bar.
pub(crate) fn bar(share: f64) -> Markup {
    html! {
        svg class="bar-cell" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect class="rail" width="100" height="10" rx="1" {}
            rect class="fill" width=(format!("{:.1}", (share * 100.0).clamp(0.8, 100.0))) height="10" rx="1" {}
        }
    }
}

/// Days as bars.
pub(crate) fn days_of(census: &Census) -> Markup {
    const HEIGHT: f64 = 50.0;
    const STEP: f64 = 10.0;
    let (Some((first, _)), Some((last, _))) = (census.by_day.first_key_value(), census.by_day.last_key_value()) else {
        return html! { p class="muted" { "Never" } };
    };
    let first = (*first).max(last.plus_days(1 - DAYS_DRAWN));
    let days: Vec<UtcDay> = (first.0..=last.0).map(UtcDay).collect();
    let most = days.iter().filter_map(|day| census.by_day.get(day)).max().copied().unwrap_or(1).max(1);
    html! {
        svg class="spark" role="img" viewBox=(format!("0 0 {} {HEIGHT}", days.len() as f64 * STEP)) preserveAspectRatio="none" {
            title { "Activities a day from " (first) " to " (last) ", " (count(most)) " at the most" }
            @for (place, day) in days.iter().enumerate() {
                @let number = census.by_day.get(day).copied().unwrap_or(0);
                @if number > 0 {
                    @let height = (number as f64 / most as f64 * HEIGHT).max(1.0);
                    rect x=(place as f64 * STEP) y=(format!("{:.1}", HEIGHT - height)) width=(STEP - 2.0) height=(format!("{height:.1}")) { title { (day) ": " (count(number)) } }
                }
            }
        }
        p class="ends muted" { span { (first) } span { "at the most " (count(most)) } span { (last) } }
        p { (super::plural(census.total, "activity", "activities")) " on " (super::plural(census.by_day.len() as u64, "day", "days")) }
    }
}
