//! A without B: something that is not followed, in time, by what has to follow it.
//! Promises that a follower which comes late takes the finding back.
//! Never fires before the time is up.

use super::draft::{Draft, Numbers};
use super::{Buckets, window_of};
use crate::hit::Hit;
use crate::limits::SETTLE_MICROS;
use crate::rule::{Rule, in_words};

/// What happens, and what has to follow.
const HAPPENS: u8 = 0;

/// When something that happened can be judged: what has to follow may be on its way a little longer.
pub(crate) fn due_micros(at_micros: i64, within_micros: i64) -> i64 {
    at_micros.saturating_add(within_micros).saturating_add(SETTLE_MICROS)
}

pub(super) fn judge(rule: &Rule, buckets: &Buckets, within_micros: i64, as_of_micros: i64) -> Vec<Draft> {
    let hits: Vec<&Hit> = buckets.iter().flat_map(|(_, bucket)| bucket.hits()).collect();
    let mut missing: Vec<&Hit> = Vec::new();
    for (at, hit) in hits.iter().enumerate().filter(|(_, hit)| hit.input == HAPPENS) {
        let until = hit.place.at.saturating_add(within_micros);
        // At the same instant, what follows may stand before.
        let mut near = hits[..at].iter().rev().take_while(|other| other.place.at == hit.place.at);
        let mut later = hits[at + 1..].iter().take_while(|other| other.place.at <= until);
        let followed = near.any(|other| other.input != HAPPENS) || later.any(|other| other.input != HAPPENS);
        if !followed && due_micros(hit.place.at, within_micros) <= as_of_micros {
            missing.push(hit);
        }
    }
    let mut drafts: Vec<Draft> = Vec::new();
    let groups = {
        let mut groups: std::collections::BTreeMap<(i64, u64), Vec<_>> = std::collections::BTreeMap::new();
        for hit in missing {
            groups.entry((window_of(rule, hit.place.at), hit.subject)).or_default().push(hit.place);
        }
        groups
    };
    for ((window, subject), mut places) in groups {
        places.dedup();
        drafts.push(Draft::on(window, subject, &places, Numbers::from([("within", in_words(within_micros))])));
    }
    drafts
}
