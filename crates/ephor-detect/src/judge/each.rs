//! Each hit counts: those of one window are one finding that grows.
//! Promises that of more hits than are kept, all are counted.
//! Never leaves a hit out.

use super::draft::{Draft, Numbers};
use super::{Buckets, window_of};
use crate::hit::Place;
use crate::rule::Rule;

pub(super) fn judge(rule: &Rule, buckets: &Buckets) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut open: Vec<Place> = Vec::new();
    let mut window = None;
    let mut beyond = (0_u64, i64::MIN);
    let mut close = |window: Option<i64>, places: &mut Vec<Place>, beyond: &mut (u64, i64)| {
        if let Some(from) = window.filter(|_| !places.is_empty()) {
            let mut draft = Draft::on(from, 0, places, Numbers::new());
            draft.count += beyond.0;
            draft.last_at = draft.last_at.max(beyond.1);
            drafts.push(draft);
        }
        places.clear();
        *beyond = (0, i64::MIN);
    };
    for (_, bucket) in buckets {
        for hit in bucket.hits() {
            let own = window_of(rule, hit.place.at);
            if window != Some(own) {
                close(window, &mut open, &mut beyond);
                window = Some(own);
            }
            // An activity may be there for several elements of an array; it is one activity.
            if open.last() != Some(&hit.place) {
                open.push(hit.place);
            }
        }
        // A bucket is shorter than a window, so that what is only counted of it belongs to the window of its last hit.
        beyond.0 += bucket.beyond();
        beyond.1 = beyond.1.max(bucket.last_at());
    }
    close(window, &mut open, &mut beyond);
    drafts
}
