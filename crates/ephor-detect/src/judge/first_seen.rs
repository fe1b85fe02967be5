//! Values that were not seen in the time before.
//! Promises that a history which is too short says nothing: before the learning is over, everything is new.
//! Never fires twice for a value that is seen again and again.

use super::draft::{Draft, Numbers};
use super::window_of;
use crate::hit::Place;
use crate::rule::{Rule, in_words};
use crate::state::Sightings;

pub(super) fn judge(rule: &Rule, sightings: &Sightings, within_micros: i64, learning_micros: i64) -> Vec<Draft> {
    let is_learned = |at: i64| at.saturating_sub(sightings.earliest()) >= learning_micros;
    let firsts = sightings.runs().iter().filter(|run| is_learned(run.first.at));
    let mut firings: Vec<(i64, u64, Place)> =
        firsts.map(|run| (window_of(rule, run.first.at), run.subject, run.first)).collect();
    firings.sort_unstable();
    let same = |a: &(i64, u64, Place), b: &(i64, u64, Place)| (a.0, a.1) == (b.0, b.1);
    let numbers = || Numbers::from([("within", in_words(within_micros))]);
    let draft = |group: &[(i64, u64, Place)]| {
        let mut places: Vec<Place> = group.iter().map(|(.., place)| *place).collect();
        places.dedup();
        Draft::on(group[0].0, group[0].1, &places, numbers())
    };
    firings.chunk_by(same).map(draft).collect()
}
