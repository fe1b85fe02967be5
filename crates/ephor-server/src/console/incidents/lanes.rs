//! The timeline as a picture: a lane for each actor, dots where something happened, and a way into each day.
//! Promises what the table beside it says, after everything was taken out of it that this visitor may not see.
//! Never draws more dots than a page can bear: a dot stands for everything within its width.

use std::collections::BTreeMap;

use ephor_reports::timeline::TimelineQuestion;
use ephor_reports::{Cell, Table};
use ephor_wire::timestamp::{DAY_MICROS, Timestamp, UtcDay};
use maud::{Markup, html};

use super::question;
use crate::console::parts;

/// Lanes of one's own; what all others did stands in one more.
const LANES: usize = 8;

/// Widths of a dot along a lane.
const STEPS: i64 = 96;

/// Days that are offered one by one.
const DAYS: usize = 31;

const WIDTH: f64 = 960.0;
const NAMES: f64 = 230.0;
const LANE: f64 = 26.0;
const TOP: f64 = 8.0;
const FOOT: f64 = 22.0;

/// Characters of an actor's name that a lane has room for.
const NAME_CHARACTERS: usize = 27;

/// An event as far as a picture shows it.
struct Seen {
    at_micros: i64,
    actor: String,
}

/// The picture of a timeline's table, if there is anything to see.
pub(super) fn picture(table: &Table, asked: &TimelineQuestion) -> Markup {
    let events = events(table);
    let times = || events.iter().map(|event| event.at_micros);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return html! {} };
    if events.len() < 2 || first == last {
        return html! {};
    }
    let lanes = lanes(&events);
    html! {
        section class="card" {
            header { h2 { "Who did something when" } span class="muted" { (parts::plural(events.len() as u64, "event", "events")) " in lanes by actor; the table below has each" } }
            (drawn(&lanes, (first, last)))
            (days(&events, asked))
        }
    }
}

fn events(table: &Table) -> Vec<Seen> {
    let (Some(at), Some(actor), Some(kind)) = (table.column("at"), table.column("actor"), table.column("kind")) else {
        return Vec::new();
    };
    let read = |row: &Vec<Cell>| {
        let (Cell::Instant(at_micros), Cell::Text(kind)) = (&row[at], &row[kind]) else { return None };
        let actor = if let Cell::Text(actor) = &row[actor] { actor.clone() } else { "nobody named".to_owned() };
        (kind != "gap").then_some(Seen { at_micros: *at_micros, actor })
    };
    table.rows.iter().filter_map(read).collect()
}

/// Each actor's moments, the busiest first, and those of all who have no lane of their own.
fn lanes(events: &[Seen]) -> Vec<(String, Vec<i64>)> {
    let mut by_actor: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for event in events {
        by_actor.entry(&event.actor).or_default().push(event.at_micros);
    }
    let mut lanes: Vec<(String, Vec<i64>)> = by_actor.into_iter().map(|(actor, at)| (actor.to_owned(), at)).collect();
    lanes.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    if lanes.len() > LANES {
        let rest = lanes.split_off(LANES);
        lanes.push((format!("{} others", rest.len()), rest.into_iter().flat_map(|(_, at)| at).collect()));
    }
    lanes
}

fn drawn(lanes: &[(String, Vec<i64>)], (first, last): (i64, i64)) -> Markup {
    let height = TOP + LANE * lanes.len() as f64 + FOOT;
    let step = (WIDTH - NAMES - 16.0) / STEPS as f64;
    let foot = height - 6.0;
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Lanes by actor" {
            svg class="chart lanes" role="img" viewBox=(format!("0 0 {WIDTH} {height}")) {
                title { "Events from " (clock(first)) " to " (clock(last)) " UTC, a lane for each of " (lanes.len()) " actors" }
                @for (place, (actor, moments)) in lanes.iter().enumerate() {
                    @let middle = TOP + LANE * (place as f64 + 0.5);
                    line class="grid" x1=(NAMES) x2=(WIDTH) y1=(middle) y2=(middle) {}
                    text x="0" y=(middle + 4.0) { (cut(actor)) " (" (moments.len()) ")" }
                    @for (dot, count) in dots(moments, (first, last)) {
                        circle class=(format!("dot series-{}", place % 6)) cx=(format!("{:.1}", NAMES + 8.0 + step * dot as f64)) cy=(middle) r=(radius(count)) {
                            title { (actor) ", " (clock(first + (last - first) / STEPS * dot)) ": " (parts::plural(count, "event", "events")) }
                        }
                    }
                }
                text class="axis" x=(NAMES) y=(foot) { (clock(first)) }
                text class="axis" x=(WIDTH) y=(foot) text-anchor="end" { (clock(last)) " UTC" }
            }
        }
    }
}

/// How much happened within each width.
fn dots(moments: &[i64], (first, last): (i64, i64)) -> BTreeMap<i64, u64> {
    let mut dots = BTreeMap::new();
    let width = (last - first).max(1);
    for at in moments {
        let place = i128::from(at - first) * i128::from(STEPS) / i128::from(width);
        *dots.entry(i64::try_from(place).unwrap_or(STEPS)).or_default() += 1;
    }
    dots
}

fn radius(count: u64) -> f64 {
    ((2.6 + (count as f64).log2()) * 10.0).round().min(90.0) / 10.0
}

fn clock(micros: i64) -> String {
    Timestamp::from_micros(micros).as_str().get(..16).unwrap_or_default().replace('T', " ")
}

fn cut(actor: &str) -> String {
    match actor.char_indices().nth(NAME_CHARACTERS) {
        Some((end, _)) => format!("{}…", &actor[..end]),
        None => actor.to_owned(),
    }
}

/// The same question about one day: each day with how much happened on it.
fn days(events: &[Seen], asked: &TimelineQuestion) -> Markup {
    let mut by_day: BTreeMap<UtcDay, u64> = BTreeMap::new();
    for event in events {
        *by_day.entry(UtcDay::from_micros(event.at_micros)).or_default() += 1;
    }
    let of_day = |day: UtcDay| {
        let (from_micros, to_micros) = (Some(day.start_micros()), Some(day.start_micros() + DAY_MICROS));
        question::address(&TimelineQuestion { from_micros, to_micros, ..asked.clone() })
    };
    html! {
        @if by_day.len() > 1 {
            nav class="chips zoom" aria-label="One day of it" {
                @for (day, count) in by_day.iter().rev().take(DAYS) { a class="chip" href=(of_day(*day)) { (day) " " strong { (parts::count(*count)) } } }
                @if by_day.len() > DAYS { span class="muted" { (by_day.len() - DAYS) " earlier days" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(actor: &str, at_micros: i64) -> Seen {
        Seen { at_micros, actor: actor.to_owned() }
    }

    #[test]
    fn the_busiest_have_a_lane_and_all_others_share_one() {
        let mut events: Vec<Seen> = (0..12).map(|number| seen(&format!("actor {number:02}"), number)).collect();
        events.push(seen("actor 11", 100));
        let lanes = lanes(&events);
        assert_eq!((lanes.len(), lanes[0].0.as_str(), lanes[0].1.len()), (LANES + 1, "actor 11", 2));
        assert_eq!((lanes[LANES].0.as_str(), lanes[LANES].1.len()), ("4 others", 4));
        assert_eq!(lanes.iter().map(|(_, at)| at.len()).sum::<usize>(), events.len());
    }

    #[test]
    fn a_dot_stands_for_everything_within_its_width() {
        let dots = dots(&[0, 1, 2, 960_000], (0, 960_000));
        assert_eq!(dots.into_iter().collect::<Vec<_>>(), [(0, 3), (STEPS, 1)]);
        assert!(radius(1) < radius(10) && radius(u64::MAX) <= 9.0);
    }
}
