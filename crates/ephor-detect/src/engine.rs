//! The engine: activities in, in whatever order; what has to be told or taken back out.
//! Promises that the same activities leave the same findings standing, however they came.
//! Never reads the lake and never waits: its shell does.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::facts::Facts;
use crate::finding::FindingId;
use crate::hit::Key;
use crate::judge::{self, Draft, DraftDigest, Peers, Reach};
use crate::matcher::{Kept, Matcher};
use crate::rule::RuleSet;
use crate::series::Keeps;
use crate::state::Memory;

/// Rules at work.
#[derive(Debug)]
pub(crate) struct Engine {
    set: Arc<RuleSet>,
    matcher: Matcher,
    memory: Memory,
    standing: HashMap<(usize, Key), Vec<Stands>>,
    kept: Vec<Kept>,
    /// Days that were judged by what peers did before: what changes with them changes the judgement.
    by_peers: BTreeSet<(usize, i64, Key)>,
    /// By series.
    reaches: Vec<Reach>,
    /// Windows that nothing from here on changes are settled: what was found in them stands, and is known no more.
    settled_to: i64,
}

/// Which windows a judgement is about.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// All that are not settled.
    Open,
    /// Of these, the ones that a moment settles.
    SettledBy(i64),
}

impl Asked {
    /// Whether the window that begins then is meant.
    fn windows(self, reach: Reach, settled_to: i64) -> impl Fn(i64) -> bool + Copy {
        move |window_from| {
            let by_now = match self {
                Self::Open => true,
                Self::SettledBy(to) => reach.is_settled(window_from, to),
            };
            by_now && !reach.is_settled(window_from, settled_to)
        }
    }
}

/// A draft that stands, with the finding that it was told as.
#[derive(Debug, Clone)]
struct Stands {
    window_from: i64,
    subject: u64,
    digest: DraftDigest,
    finding: Option<FindingId>,
}

/// A draft that has to be told.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) series: usize,
    pub(crate) key: Key,
    pub(crate) draft: Draft,
}

/// What a judgement changes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) tell: Vec<Pending>,
    pub(crate) gone: Vec<FindingId>,
}

impl Engine {
    /// An engine that has seen nothing, for these series of a set.
    pub(crate) fn new(set: Arc<RuleSet>, wanted: &[usize]) -> Self {
        let matcher = Matcher::new(Arc::clone(&set), wanted);
        let reaches = set.series.iter().map(|series| Reach::of(series, &set.rules[series.rule])).collect();
        Self {
            set,
            matcher,
            memory: Memory::default(),
            standing: HashMap::new(),
            kept: Vec::new(),
            by_peers: BTreeSet::new(),
            reaches,
            settled_to: i64::MIN,
        }
    }

    /// Takes one activity; tells when it happened, if it is one.
    pub(crate) fn take(&mut self, raw: &[u8], seq: u64, facts: &Facts) -> Option<i64> {
        self.kept.clear();
        let at_micros = self.matcher.hits(raw, seq, facts, &mut self.kept);
        for Kept { series, key, hit } in self.kept.drain(..) {
            self.memory.add(series, &self.set.series[series], key, hit);
        }
        at_micros
    }

    /// Judges what changed since the last time, and what has become due.
    pub(crate) fn judge(&mut self, as_of_micros: i64) -> Changes {
        let spots = self.spots(as_of_micros);
        self.judge_spots(spots, as_of_micros, Asked::Open)
    }

    /// Judges for the last time what nothing from a moment on can change, and forgets what no later judgement looks at.
    /// Nothing older may be taken afterwards.
    pub(crate) fn settle(&mut self, to_micros: i64, as_of_micros: i64) -> Changes {
        let (reaches, before) = (&self.reaches, self.settled_to);
        let spots = self.memory.waiting(|series| reaches[series].is_open_from(before)..to_micros);
        let changes = self.judge_spots(spots, as_of_micros, Asked::SettledBy(to_micros));
        let reaches = &self.reaches;
        self.settled_to = to_micros;
        self.memory.forget(to_micros, |series| reaches[series].forgets_before(to_micros));
        self.by_peers.retain(|(series, day, _)| !reaches[*series].is_settled(*day, to_micros));
        self.standing.retain(|(series, _), all| {
            all.retain(|stands| !reaches[*series].is_settled(stands.window_from, to_micros));
            !all.is_empty()
        });
        changes
    }

    /// How many hits and spans of values are in memory.
    pub(crate) fn held(&self) -> usize {
        self.memory.held()
    }

    fn judge_spots(
        &mut self,
        spots: impl IntoIterator<Item = (usize, Key)>,
        as_of_micros: i64,
        asked: Asked,
    ) -> Changes {
        let mut changes = Changes::default();
        let set = Arc::clone(&self.set);
        // Spots come by series: what is counted of its peers is counted once.
        let memory = std::mem::take(&mut self.memory);
        let mut peers: Option<(usize, Peers<'_>)> = None;
        for spot in spots {
            let series = &set.series[spot.0];
            let rule = &set.rules[series.rule];
            let is_asked = asked.windows(self.reaches[spot.0], self.settled_to);
            let drafts = match series.program.keeps() {
                Keeps::Days => {
                    let theirs = if series.program.asks_peers() {
                        let known = peers.take().filter(|(of, _)| *of == spot.0);
                        Some(&mut peers.insert(known.unwrap_or_else(|| (spot.0, Peers::of(&memory, spot.0)))).1)
                    } else {
                        None
                    };
                    if matches!(asked, Asked::Open) {
                        self.note_by_peers(spot, judge::days_for_peers(series, memory.days(spot)));
                    }
                    judge::days(series, rule, memory.days(spot), theirs, is_asked)
                }
                Keeps::Hits => judge::hits(series, rule, memory.hits(spot), as_of_micros),
                Keeps::Sightings { .. } => {
                    let seen = memory.sightings(spot);
                    seen.map(|seen| judge::sightings(series, rule, seen)).unwrap_or_default()
                }
            };
            self.compare(spot, drafts, is_asked, &mut changes);
        }
        drop(peers);
        self.memory = memory;
        changes
    }

    /// What changed or is due, and what was judged by days of peers that changed.
    fn spots(&mut self, as_of_micros: i64) -> BTreeSet<(usize, Key)> {
        let mut spots = self.memory.take_dirty(as_of_micros);
        for (series, day) in self.memory.take_moved() {
            let later = self.by_peers.range((series, day.saturating_add(1), 0)..(series + 1, i64::MIN, 0));
            spots.extend(later.map(|(series, _, key)| (*series, *key)));
        }
        spots
    }

    fn note_by_peers(&mut self, spot: (usize, Key), days: Vec<i64>) {
        // A day that has got a history of its own stays noted: judging it once more changes nothing.
        let (reach, settled_to) = (self.reaches[spot.0], self.settled_to);
        let open = days.into_iter().filter(|day| !reach.is_settled(*day, settled_to));
        self.by_peers.extend(open.map(|day| (spot.0, day, spot.1)));
    }

    /// Notes which finding a draft was told as.
    pub(crate) fn told(&mut self, pending: &Pending, id: &FindingId) {
        // What is settled is known no more.
        let Some(all) = self.standing.get_mut(&(pending.series, pending.key)) else { return };
        let own =
            all.iter_mut().find(|s| (s.window_from, s.subject) == (pending.draft.window_from, pending.draft.subject));
        if let Some(own) = own {
            own.finding = Some(id.clone());
        }
    }

    fn compare(
        &mut self,
        spot: (usize, Key),
        drafts: Vec<Draft>,
        is_asked: impl Fn(i64) -> bool,
        changes: &mut Changes,
    ) {
        let all = self.standing.remove(&spot).unwrap_or_default().into_iter();
        let (mut before, mut now): (Vec<_>, Vec<_>) = all.partition(|stands| is_asked(stands.window_from));
        for draft in drafts.into_iter().filter(|draft| is_asked(draft.window_from)) {
            let digest = draft.digest();
            let known = before.iter().position(|s| (s.window_from, s.subject) == (draft.window_from, draft.subject));
            let known = known.map(|at| before.swap_remove(at));
            let finding = known.as_ref().and_then(|known| known.finding.clone());
            now.push(Stands { window_from: draft.window_from, subject: draft.subject, digest, finding });
            if known.is_none_or(|known| known.digest != digest || known.finding.is_none()) {
                changes.tell.push(Pending { series: spot.0, key: spot.1, draft });
            }
        }
        changes.gone.extend(before.into_iter().filter_map(|stands| stands.finding));
        if !now.is_empty() {
            self.standing.insert(spot, now);
        }
    }
}
