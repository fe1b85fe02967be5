//! Whose turn it is: what of the waiting findings makes up the next message, or until when nothing is sent.
//! Promises that findings are grouped, that no hour has more messages than allowed, and that quiet hours are kept.
//! Never reads a clock, and never loses a finding: what is not told now waits.

use ephor_detect::Severity;

use super::message::Kind;
use super::quiet::Quiet;

const HOUR_MICROS: i64 = 3600 * 1_000_000;

/// When messages may go.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// How long the first of a group waits for others.
    pub(super) group_micros: i64,
    /// Messages in any hour.
    pub(super) most_per_hour: usize,
    pub(super) quiet: Option<Quiet>,
}

/// A finding that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) finding: String,
    pub(super) severity: Severity,
    pub(super) noticed_at: i64,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing before this instant; nothing at all before something new comes, where there is none.
    Wait(Option<i64>),
    /// These, in this order.
    Tell(Kind, Vec<Waiting>),
}

/// What is to be done now. `sent` is when messages went within the last hour, the oldest first.
pub(super) fn next(pace: &Pace, waiting: &[Waiting], sent: &[i64], now: i64) -> Turn {
    let quiet = pace.quiet.as_ref().filter(|quiet| quiet.covers(now));
    let passes = |one: &&Waiting| quiet.is_none_or(|quiet| quiet.lets_pass(one.severity));
    let mut group: Vec<Waiting> = waiting.iter().filter(passes).cloned().collect();
    let Some(oldest) = group.iter().map(|one| one.noticed_at).min() else {
        return Turn::Wait(quiet.filter(|_| !waiting.is_empty()).and_then(|quiet| quiet.end(now)));
    };
    let was_held_back = |one: &Waiting| {
        pace.quiet.as_ref().is_some_and(|quiet| quiet.covers(one.noticed_at) && !quiet.lets_pass(one.severity))
    };
    let kind = if group.iter().any(was_held_back) { Kind::Digest } else { Kind::New };
    let mut due = match kind {
        Kind::Digest => now,
        _ => oldest.saturating_add(pace.group_micros),
    };
    let recent: Vec<i64> = sent.iter().copied().filter(|at| at.saturating_add(HOUR_MICROS) > now).collect();
    if recent.len() >= pace.most_per_hour {
        let leaves = recent[recent.len() - pace.most_per_hour].saturating_add(HOUR_MICROS);
        due = due.max(leaves);
    }
    if due > now {
        return Turn::Wait(Some(due));
    }
    group.sort_by(|a, b| (b.severity, a.noticed_at, &a.finding).cmp(&(a.severity, b.noticed_at, &b.finding)));
    Turn::Tell(kind, group)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::quiet::QuietSettings;
    use super::*;

    const SECOND: i64 = 1_000_000;
    /// 2026-11-23, a Monday, at noon.
    const NOON: i64 = 1_795_435_200 * SECOND;

    fn pace(quiet: Option<&str>) -> Pace {
        let quiet = quiet.map(|text| toml::from_str::<QuietSettings>(text).unwrap().read().unwrap());
        Pace { group_micros: 60 * SECOND, most_per_hour: 2, quiet }
    }

    fn waiting(finding: &str, severity: Severity, noticed_at: i64) -> Waiting {
        Waiting { finding: finding.to_owned(), severity, noticed_at }
    }

    fn told(turn: Turn) -> (Kind, Vec<String>) {
        match turn {
            Turn::Tell(kind, group) => (kind, group.into_iter().map(|one| one.finding).collect()),
            Turn::Wait(until) => panic!("nothing is told before {until:?}"),
        }
    }

    #[test]
    fn findings_wait_for_each_other_and_go_together_the_most_urgent_first() {
        let pace = pace(None);
        let both = [waiting("a", Severity::Medium, NOON), waiting("b", Severity::Critical, NOON + 30 * SECOND)];
        assert_eq!(next(&pace, &both, &[], NOON + 59 * SECOND), Turn::Wait(Some(NOON + 60 * SECOND)));
        let (kind, group) = told(next(&pace, &both, &[], NOON + 60 * SECOND));
        assert_eq!((kind, group), (Kind::New, vec!["b".to_owned(), "a".to_owned()]));
        assert_eq!(next(&pace, &[], &[], NOON), Turn::Wait(None));
    }

    #[test]
    fn an_hour_has_so_many_messages_and_no_more() {
        let one = [waiting("a", Severity::High, NOON)];
        let sent = [NOON - 50 * 60 * SECOND, NOON - 10 * 60 * SECOND];
        let now = NOON + 60 * SECOND;
        assert_eq!(next(&pace(None), &one, &sent, now), Turn::Wait(Some(NOON + 10 * 60 * SECOND)));
        let (_, group) = told(next(&pace(None), &one, &sent, NOON + 10 * 60 * SECOND));
        assert_eq!(group, ["a"]);
    }

    #[test]
    fn quiet_hours_hold_back_what_is_not_urgent_and_give_it_as_one_digest_afterwards() {
        let pace = pace(Some("from = \"11:00\"\nto = \"13:00\"\npasses = \"critical\""));
        let held = [waiting("a", Severity::High, NOON), waiting("b", Severity::Low, NOON + 5 * SECOND)];
        let end = NOON + 3600 * SECOND;
        assert_eq!(next(&pace, &held, &[], NOON + 600 * SECOND), Turn::Wait(Some(end)));
        let mut all = held.to_vec();
        all.push(waiting("c", Severity::Critical, NOON + 10 * SECOND));
        let (kind, group) = told(next(&pace, &all, &[], NOON + 70 * SECOND));
        assert_eq!((kind, group), (Kind::New, vec!["c".to_owned()]));
        let (kind, group) = told(next(&pace, &held, &[], end));
        assert_eq!((kind, group), (Kind::Digest, vec!["a".to_owned(), "b".to_owned()]));
    }

    proptest! {
        /// Whatever waits is told once its time has come, and whoever waits until the named instant finds something to do.
        #[test]
        fn waiting_has_an_end(noticed in prop::collection::vec((0..7_200_i64, 0..5_usize), 1..20), sent in prop::collection::vec(0..3_600_i64, 0..6), at in 0..90_000_i64) {
            let pace = pace(Some("from = \"13:00\"\nto = \"15:00\"\npasses = \"high\""));
            let all: Vec<Waiting> = noticed.iter().enumerate()
                .map(|(n, (after, level))| waiting(&n.to_string(), Severity::ALL[*level], NOON + after * SECOND)).collect();
            let mut sent: Vec<i64> = sent.iter().map(|before| NOON - before * SECOND).collect();
            sent.sort_unstable();
            let mut now = NOON + at * SECOND;
            for _ in 0..8 {
                match next(&pace, &all, &sent, now) {
                    Turn::Tell(_, group) => { prop_assert!(!group.is_empty()); return Ok(()); }
                    Turn::Wait(until) => { let until = until.unwrap(); prop_assert!(until > now); now = until; }
                }
            }
            prop_assert!(false, "it never ends");
        }
    }
}
