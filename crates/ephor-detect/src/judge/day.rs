//! Days against days: what is more than usual, what happens at unusual hours.
//! Promises that a history which is too short says nothing instead of something wrong.
//! Never judges a day by what came after it.

use super::draft::{Draft, Numbers, PEERS_SAY, Weight};
use super::peers::{Circle, Peers, Usual};
use super::{Days, measured, window_of};
use crate::limits::EVIDENCE_LIMIT;
use crate::rule::{Baseline, OffHours, Rule, Whose, in_words};
use crate::state::DayCell;

const DAY_MICROS: i64 = 86_400_000_000;
const HOURS_OF_A_WEEK: usize = 7 * 24;

/// Days on which an hour of the week has to have been used to be a usual one, as peers.md §2.1 has it for 90 days.
const USUAL_DAYS: u32 = 3;

pub(super) fn baseline(
    rule: &Rule,
    days: &Days,
    baseline: &Baseline,
    slot: Option<usize>,
    mut peers: Option<&mut Peers<'_>>,
    is_asked: impl Fn(i64) -> bool,
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (at, (day, cell)) in days.iter().enumerate() {
        let today = measured(cell, slot);
        if today < baseline.at_least || !is_asked(*day) {
            continue;
        }
        let own = own_history(days, at, baseline, slot);
        let own = (own.len() >= baseline.warm_up_days as usize).then(|| own_usual(&own));
        let of_peers = || peers.as_mut().and_then(|peers| peers.usual(cell, *day, baseline, slot));
        let verdict = match baseline.peers {
            Some(Whose::Beyond) => beyond_peers(today, own, of_peers, baseline),
            Some(Whose::Group) | None => above_own(today, own, of_peers, baseline),
        };
        let Some(Verdict { usual, against, peers, weight }) = verdict else { continue };
        let numbers = Numbers::from([
            ("today", today.to_string()),
            ("usual", format!("{:.0}", usual.median)),
            ("times", format!("{:.1}", usual.deviations(today))),
            ("days", usual.days.to_string()),
            ("over", in_words(baseline.over.micros)),
            ("against", against),
            (PEERS_SAY, peers),
        ]);
        let mut draft = of_hours(rule, *day, cell, &(0..24).collect::<Vec<_>>(), numbers);
        draft.weight = weight;
        drafts.push(draft);
    }
    merged(drafts)
}

/// A day that is too much, against what, and what the other history says of it.
struct Verdict {
    usual: Usual,
    against: String,
    peers: String,
    weight: Weight,
}

/// More than on their own days; without enough of those, more than on their peers'. Peers have a second opinion of the
/// first: what is usual among them weighs less.
fn above_own(
    today: u64,
    own: Option<Usual>,
    of_peers: impl FnOnce() -> Option<Usual>,
    baseline: &Baseline,
) -> Option<Verdict> {
    let too_much = |usual: &Usual| usual.deviations(today) > baseline.z;
    let Some(usual) = own else {
        let usual = of_peers().filter(too_much)?;
        return Some(Verdict { usual, against: named(&usual), peers: String::new(), weight: Weight::Full });
    };
    if !too_much(&usual) {
        return None;
    }
    let against = "their own days".to_owned();
    let Some(theirs) = of_peers() else {
        return Some(Verdict { usual, against, peers: String::new(), weight: Weight::Full });
    };
    let (says, weight) = match too_much(&theirs) {
        true => ("which makes this much there too", Weight::Full),
        false => ("which makes this nothing unusual there", Weight::Lowered),
    };
    let peers = format!("Among {} {:.0} on a day is usual, {says}.", named(&theirs), theirs.median);
    Some(Verdict { usual, against, peers, weight })
}

/// No more than on their own days, and far more than on their peers'.
fn beyond_peers(
    today: u64,
    own: Option<Usual>,
    of_peers: impl FnOnce() -> Option<Usual>,
    baseline: &Baseline,
) -> Option<Verdict> {
    let too_much = |usual: &Usual| usual.deviations(today) > baseline.z;
    let own = own.filter(|own| !too_much(own))?;
    let usual = of_peers().filter(too_much)?;
    let peers = format!("On their own days {:.0} is usual.", own.median);
    Some(Verdict { usual, against: named(&usual), peers, weight: Weight::Full })
}

/// Days with enough for a finding whose judgement rests on what peers did before.
pub(super) fn asking_peers(days: &Days, baseline: &Baseline, slot: Option<usize>) -> Vec<i64> {
    let asks = |(at, (_, cell)): &(usize, &(i64, DayCell))| {
        let today = measured(cell, slot);
        if today < baseline.at_least {
            return false;
        }
        let own = own_history(days, *at, baseline, slot);
        if own.len() < baseline.warm_up_days as usize {
            return baseline.peers == Some(Whose::Group);
        }
        let is_much = own_usual(&own).deviations(today) > baseline.z;
        is_much == (baseline.peers == Some(Whose::Group))
    };
    days.iter().enumerate().filter(asks).map(|(_, (day, _))| *day).collect()
}

/// What the subject did on days before, in order of size.
fn own_history(days: &Days, at: usize, baseline: &Baseline, slot: Option<usize>) -> Vec<u64> {
    let from = days[at].0 - baseline.over.micros;
    let earlier = days[..at].iter().filter(|(earlier, _)| *earlier >= from);
    let mut measures: Vec<u64> = earlier.map(|(_, cell)| measured(cell, slot)).collect();
    measures.sort_unstable();
    measures
}

fn own_usual(sorted: &[u64]) -> Usual {
    let (median, spread) = median_and_spread(sorted);
    Usual { median, spread, days: sorted.len(), members: 1, circle: Circle::Group }
}

fn named(usual: &Usual) -> String {
    match usual.circle {
        Circle::Group => format!("the {} people of their group", usual.members),
        Circle::Everybody => format!("{} people of the organization", usual.members),
    }
}

/// The median, and the robust standard deviation: 1.4826 × MAD, and never below what counting alone scatters.
pub(super) fn median_and_spread(sorted: &[u64]) -> (f64, f64) {
    let middle = |numbers: &[f64]| match numbers.len() {
        0 => 0.0,
        n if n % 2 == 1 => numbers[n / 2],
        n => f64::midpoint(numbers[n / 2 - 1], numbers[n / 2]),
    };
    let numbers: Vec<f64> = sorted.iter().map(|n| *n as f64).collect();
    let median = middle(&numbers);
    let mut deviations: Vec<f64> = numbers.iter().map(|n| (n - median).abs()).collect();
    deviations.sort_by(f64::total_cmp);
    (median, (1.4826 * middle(&deviations)).max(median.sqrt()).max(1.0))
}

pub(super) fn off_hours(rule: &Rule, days: &Days, off_hours: &OffHours, is_asked: impl Fn(i64) -> bool) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (at, (day, cell)) in days.iter().enumerate().filter(|(_, (day, _))| is_asked(*day)) {
        let from = day - off_hours.over.micros;
        let history: Vec<&(i64, DayCell)> = days[..at].iter().filter(|(earlier, _)| *earlier >= from).collect();
        if history.len() < off_hours.warm_up_days as usize {
            continue;
        }
        let used = used_hours(&history);
        let unusual: Vec<usize> = cell.hours().filter(|hour| !is_usual(&used, slot_of(*day, *hour))).collect();
        let count: u64 = unusual.iter().map(|hour| cell.in_hour(*hour)).sum();
        if count < off_hours.at_least {
            continue;
        }
        let numbers = Numbers::from([
            ("hits", count.to_string()),
            ("hours", unusual.iter().map(|hour| format!("{hour:02}:00")).collect::<Vec<_>>().join(", ")),
            ("days", history.len().to_string()),
            ("over", in_words(off_hours.over.micros)),
        ]);
        let mut draft = of_hours(rule, *day, cell, &unusual, numbers);
        draft.count = count;
        drafts.push(draft);
    }
    merged(drafts)
}

/// On how many days each hour of the day was used. People keep the same hours on most days of a week, and four weeks
/// are too few to learn each of the 168 alone; a weekend is told apart from working days.
fn used_hours(history: &[&(i64, DayCell)]) -> [u32; HOURS_OF_A_WEEK] {
    let mut used = [0; HOURS_OF_A_WEEK];
    for (day, cell) in history {
        for hour in cell.hours() {
            used[slot_of(*day, hour)] += 1;
        }
    }
    used
}

/// 1970-01-01 was a Thursday; Monday is day 0 here.
fn slot_of(day_micros: i64, hour: usize) -> usize {
    let weekday = (day_micros.div_euclid(DAY_MICROS) + 3).rem_euclid(7) as usize;
    weekday * 24 + hour
}

fn is_usual(used: &[u32; HOURS_OF_A_WEEK], slot: usize) -> bool {
    let (weekday, hour) = (slot / 24, slot % 24);
    let alike = if weekday < 5 { 0..5 } else { 5..7 };
    // An hour before and one after: nobody begins on the dot.
    let near = [(hour + 23) % 24, hour, (hour + 1) % 24];
    let days: u32 = alike.flat_map(|day| near.map(|hour| used[day * 24 + hour])).sum();
    days >= USUAL_DAYS
}

/// A draft on some hours of a day.
fn of_hours(rule: &Rule, day: i64, cell: &DayCell, hours: &[usize], numbers: Numbers) -> Draft {
    let mut draft = Draft::on(window_of(rule, day), 0, &cell.places(|hour| hours.contains(&hour)), numbers);
    draft.count = cell.count();
    draft
}

/// Days of one window are one finding; its numbers are those of the latest.
fn merged(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut merged: Vec<Draft> = Vec::new();
    for draft in drafts {
        match merged.last_mut().filter(|last| last.window_from == draft.window_from) {
            Some(last) => {
                last.last_at = draft.last_at;
                last.count += draft.count;
                last.numbers = draft.numbers;
                last.weight = last.weight.max(draft.weight);
                last.places.extend(draft.places);
                last.places.truncate(EVIDENCE_LIMIT);
            }
            None => merged.push(draft),
        }
    }
    merged
}
