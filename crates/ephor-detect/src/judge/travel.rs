//! Sign-ins that nobody can have made one after the other: too far apart for the time between them.
//! Promises that each neighbouring pair is looked at, so that there and back again is seen as well.
//! Never judges an address that is nowhere: what has no place was not kept.

use super::draft::{Draft, Numbers};
use super::{Buckets, window_of};
use crate::geo::Spot;
use crate::hit::{Hit, Place};
use crate::rule::{Rule, Travel};

/// Times between two sign-ins count as at least this: two within one second are as impossible as two within one minute.
const LEAST_MICROS: i64 = 60 * 1_000_000;

const HOUR_MICROS: f64 = 3_600.0 * 1_000_000.0;

/// A journey that cannot have been.
struct Leap {
    window: i64,
    from: Place,
    to: Place,
    km: f64,
    micros: i64,
}

impl Leap {
    fn kmh(&self) -> f64 {
        self.km / (self.micros.max(LEAST_MICROS) as f64 / HOUR_MICROS)
    }
}

pub(super) fn judge(rule: &Rule, buckets: &Buckets, travel: &Travel) -> Vec<Draft> {
    let hits: Vec<&Hit> = buckets.iter().flat_map(|(_, bucket)| bucket.hits()).collect();
    let leaps = hits.windows(2).filter_map(|pair| {
        let [from, to] = pair else { return None };
        let spot = |hit: &Hit| hit.slots.first().copied().and_then(Spot::unpacked);
        let leap = Leap {
            window: window_of(rule, to.place.at),
            from: from.place,
            to: to.place,
            km: spot(from)?.km_to(spot(to)?),
            micros: to.place.at - from.place.at,
        };
        let is_one = leap.micros <= travel.within.micros
            && leap.km >= f64::from(travel.km)
            && leap.kmh() >= f64::from(travel.kmh);
        is_one.then_some(leap)
    });
    let leaps: Vec<Leap> = leaps.collect();
    leaps.chunk_by(|a, b| a.window == b.window).map(draft).collect()
}

/// Leaps of one window are one finding; its numbers are those of the fastest.
fn draft(leaps: &[Leap]) -> Draft {
    let mut places: Vec<Place> = leaps.iter().flat_map(|leap| [leap.from, leap.to]).collect();
    places.sort_unstable();
    places.dedup();
    let fastest = leaps.iter().max_by(|a, b| a.kmh().total_cmp(&b.kmh()));
    let numbers = fastest.map(|leap| {
        Numbers::from([
            ("km", format!("{:.0}", leap.km)),
            ("kmh", format!("{:.0}", leap.kmh())),
            ("minutes", (leap.micros / 60_000_000).to_string()),
        ])
    });
    Draft::on(leaps.first().map_or(0, |leap| leap.window), 0, &places, numbers.unwrap_or_default())
}
