//! What to ask next: the days that people look at now, what the vendor may have revised, and the past before it is gone.
//! A pure function of the place, the clock and what this run was told; asked again after each answer.
//! Never a day that is stored and settled, and never one that was refused a moment ago.
//!
//! The past is read from its oldest day on. An upstream forgets a day each night at its far end, so a walk towards the past
//! races against forgetting and loses a day of it each day that it takes; a walk from the far end loses nothing as long as
//! it reads more than a day a day. The newest days come first all the same: they are few, and they are what people look at.

use std::collections::{BTreeMap, BTreeSet};

use ephor_wire::timestamp::{DAY_MICROS, UtcDay};

use super::listings::{Family, LISTINGS, Listing};
use super::state::{AnalyticsState, Progress};

/// The first day that any upstream has: 2026-01-01 (analytics_api.md §1.3).
pub(super) const FIRST_DAY: UtcDay = UtcDay(20_454);

/// Cost and usage can be asked for this many days back (analytics_api.md §1.3), and one less is never on the edge.
const COST_DAYS: i32 = 364;

/// A day is aggregated at 10:00 UTC of the next (analytics_api.md §1.3); an hour later its revision is there as well.
const AGGREGATED_MICROS: i64 = 11 * 3_600_000_000;

/// Ages in days at which a day is read again: when it is aggregated (it may have been read before), daily for a week, then
/// weekly.
const REVISED_AT: [i32; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 30];

/// What is not there is asked for again after a week.
const MISSING_MICROS: i64 = 7 * DAY_MICROS;

/// What the configuration says about days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizons {
    /// Nothing older than this.
    pub backfill_from: Option<UtcDay>,
    /// For how many days engagement may still change.
    pub engagement_revised_days: u32,
    /// For how many days cost and usage may still change.
    pub cost_revised_days: u32,
}

/// What this run was told so far.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The newest day of a listing, where it is not yesterday.
    pub(super) newest: BTreeMap<String, UtcDay>,
    /// Questions that failed, to be asked again by the next run.
    pub(super) put_off: BTreeSet<(String, UtcDay)>,
    /// Listings that failed so often that the next run is soon enough for all of them.
    pub(super) listings_put_off: BTreeSet<String>,
    /// Why the oldest day could not be found.
    pub(super) no_horizon: Option<String>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Read the days from `first` to before `end`.
    Read { listing: &'static Listing, first: UtcDay, end: UtcDay },
    /// Find the oldest day of the engagement endpoints, which is not after this one.
    FindHorizon(UtcDay),
}

/// A plan for one moment.
pub(super) struct Plan<'a> {
    state: &'a AnalyticsState,
    told: &'a Told,
    horizons: &'a Horizons,
    /// Now, by the upstream's clock.
    now_micros: i64,
    /// Listings that are there, as far as is known, and that have not failed too often in this run.
    scopes: Vec<Scope<'a>>,
}

/// What there is of one listing.
struct Scope<'a> {
    listing: &'static Listing,
    progress: Option<&'a Progress>,
    /// The first and the last day that it can have.
    oldest: UtcDay,
    newest: UtcDay,
    /// Days that failed in this run.
    put_off: BTreeSet<UtcDay>,
    revised_days: i32,
}

impl<'a> Plan<'a> {
    pub(super) fn new(state: &'a AnalyticsState, told: &'a Told, horizons: &'a Horizons, now_micros: i64) -> Self {
        let mut plan = Self { state, told, horizons, now_micros, scopes: Vec::new() };
        plan.scopes = LISTINGS.iter().filter_map(|listing| plan.scope(listing)).collect();
        plan
    }

    /// The next step; none when all there is has been read.
    pub(super) fn next(&self) -> Option<Step> {
        self.recent().or_else(|| self.unsettled()).or_else(|| self.horizon()).or_else(|| self.past())
    }

    /// The last day that a listing can have.
    pub(super) fn newest(&self, listing: &Listing) -> UtcDay {
        let yesterday = UtcDay::from_micros(self.now_micros).plus_days(-1);
        self.told.newest.get(&listing.name()).copied().unwrap_or(yesterday).min(yesterday)
    }

    /// Whether a day that is read now will not be revised any more.
    pub(super) fn settles(&self, listing: &Listing, day: UtcDay) -> bool {
        revisions(self.revised_days(listing.family()), day).all(|at| at <= self.now_micros)
    }

    fn scope(&self, listing: &'static Listing) -> Option<Scope<'a>> {
        let name = listing.name();
        let progress = self.state.listings.get(&name);
        let missing = progress.and_then(|progress| progress.missing_since);
        let asked_lately = missing.is_some_and(|since| self.now_micros - since < MISSING_MICROS);
        if asked_lately || self.told.listings_put_off.contains(&name) {
            return None;
        }
        let family = match listing.family() {
            Family::Engagement => self.state.horizon,
            Family::Cost => Some(UtcDay::from_micros(self.now_micros).plus_days(-COST_DAYS)),
        };
        let told = progress.and_then(|progress| progress.horizon);
        let bounds = [told, family, self.horizons.backfill_from];
        let failed = self.told.put_off.iter().filter(|(failed, _)| *failed == name);
        Some(Scope {
            listing,
            progress,
            oldest: bounds.into_iter().flatten().fold(FIRST_DAY, UtcDay::max),
            newest: self.newest(listing),
            put_off: failed.map(|(_, day)| *day).collect(),
            revised_days: self.revised_days(listing.family()),
        })
    }

    /// The last days of every listing, day by day from the newest.
    fn recent(&self) -> Option<Step> {
        let longest = self.scopes.iter().map(|scope| scope.revised_days).max()?;
        (0..longest.max(1)).find_map(|age| {
            let young = self.scopes.iter().filter(|scope| age < scope.revised_days.max(1));
            young
                .map(|scope| (scope, scope.newest.plus_days(-age)))
                .find_map(|(scope, day)| scope.is_due(day, self.now_micros).then(|| scope.span_down_from(day)))
        })
    }

    /// Days that were last read before the vendor had settled them, however long ago: the node may have been off.
    fn unsettled(&self) -> Option<Step> {
        self.scopes.iter().find_map(|scope| {
            let mut unsettled = scope.progress?.unsettled.keys().copied();
            unsettled.find(|day| scope.is_due(*day, self.now_micros)).map(|day| scope.span_up_from(day))
        })
    }

    fn horizon(&self) -> Option<Step> {
        let engagement = LISTINGS.iter().filter(|listing| listing.family() == Family::Engagement);
        let known_good = engagement.filter_map(|listing| self.state.progress(listing)?.read.last()).max()?;
        let wanted = self.state.horizon.is_none() && self.told.no_horizon.is_none();
        wanted.then_some(Step::FindHorizon(known_good))
    }

    /// The oldest day that is not stored, of whichever listing lacks it.
    fn past(&self) -> Option<Step> {
        let bounded = |scope: &&Scope<'_>| scope.listing.family() == Family::Cost || self.state.horizon.is_some();
        let missing = self.scopes.iter().filter(bounded).filter_map(|scope| Some((scope.first_missing()?, scope)));
        missing.min_by_key(|(day, _)| *day).map(|(day, scope)| scope.span_up_from(day))
    }

    fn revised_days(&self, family: Family) -> i32 {
        let days = match family {
            Family::Engagement => self.horizons.engagement_revised_days,
            Family::Cost => self.horizons.cost_revised_days,
        };
        i32::try_from(days).unwrap_or(i32::MAX)
    }
}

/// When the vendor may have revised a day, if it goes on for so many days.
fn revisions(revised_days: i32, day: UtcDay) -> impl Iterator<Item = i64> {
    let ages = REVISED_AT.into_iter().filter(move |age| *age < revised_days).chain([revised_days]);
    ages.map(move |age| day.plus_days(age).end_micros() + AGGREGATED_MICROS)
}

impl Scope<'_> {
    /// Whether a day is to be read: for the first time, or because the vendor may have revised it.
    fn is_due(&self, day: UtcDay, now_micros: i64) -> bool {
        if day < self.oldest || day > self.newest || self.put_off.contains(&day) {
            return false;
        }
        let Some(progress) = self.progress.filter(|progress| progress.read.contains(day)) else { return true };
        let revised_since =
            |read_at: &i64| revisions(self.revised_days, day).any(|at| *read_at < at && at <= now_micros);
        progress.unsettled.get(&day).is_some_and(revised_since)
    }

    /// The oldest day that is not stored and has not failed.
    fn first_missing(&self) -> Option<UtcDay> {
        let mut from = self.oldest;
        loop {
            let day = match self.progress {
                Some(progress) => progress.read.first_missing(from, self.newest)?,
                None => (from <= self.newest).then_some(from)?,
            };
            if !self.put_off.contains(&day) {
                return Some(day);
            }
            from = day.plus_days(1);
        }
    }

    /// The last span that ends with this day. A span costs one request however long it is, so the days before it come
    /// along, stored or not.
    fn span_down_from(&self, day: UtcDay) -> Step {
        let first = day.plus_days(1 - self.listing.span_days()).max(self.oldest).min(day);
        let clear = (first.0..=day.0).rev().map(UtcDay).take_while(|day| !self.put_off.contains(day)).last();
        Step::Read { listing: self.listing, first: clear.unwrap_or(day), end: day.plus_days(1) }
    }

    /// The span that begins with this day, as far as there are days, and not into those that are stored.
    fn span_up_from(&self, day: UtcDay) -> Step {
        let end = day.plus_days(self.listing.span_days()).min(self.newest.plus_days(1)).max(day.plus_days(1));
        let stored = |day: &UtcDay| self.progress.is_some_and(|progress| progress.read.contains(*day));
        let stop = (day.0 + 1..end.0).map(UtcDay).find(|day| stored(day) || self.put_off.contains(day));
        Step::Read { listing: self.listing, first: day, end: stop.unwrap_or(end) }
    }
}

impl Progress {
    /// Notes a day that was read, and whether it may still change.
    pub(super) fn note_read(&mut self, day: UtcDay, at_micros: i64, settled: bool) {
        self.read.insert(day);
        match settled {
            true => drop(self.unsettled.remove(&day)),
            false => drop(self.unsettled.insert(day, at_micros)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ephor_wire::analytics::AnalyticsEndpoint as E;

    use super::*;

    const HORIZONS: Horizons = Horizons { backfill_from: None, engagement_revised_days: 7, cost_revised_days: 30 };

    /// 2026-11-23T12:00:00Z.
    const NOON: i64 = 1_795_435_200_000_000;
    const TODAY: UtcDay = UtcDay(20_780);

    /// Does what the plan says until it says nothing, from `now` on; what was done, in order.
    fn follow(state: &mut AnalyticsState, told: &Told, now_micros: i64) -> Vec<(String, UtcDay, UtcDay)> {
        let mut done = Vec::new();
        for _ in 0..20_000 {
            let plan = Plan::new(state, told, &HORIZONS, now_micros);
            match plan.next() {
                None => return done,
                Some(Step::FindHorizon(known_good)) => {
                    assert!(known_good >= FIRST_DAY);
                    state.horizon = Some(FIRST_DAY);
                }
                Some(Step::Read { listing, first, end }) => {
                    let settled: Vec<bool> = (first.0..end.0).map(|day| plan.settles(listing, UtcDay(day))).collect();
                    assert!(end > first && end.0 - first.0 <= listing.span_days());
                    for (day, settled) in (first.0..end.0).map(UtcDay).zip(settled) {
                        state.progress_mut(listing).note_read(day, now_micros, settled);
                    }
                    done.push((listing.name(), first, end.plus_days(-1)));
                }
            }
        }
        panic!("the plan never ends");
    }

    #[test]
    fn the_newest_days_come_first_then_the_past_from_its_oldest_day() {
        let mut state = AnalyticsState::default();
        let done = follow(&mut state, &Told::default(), NOON);
        let users: Vec<UtcDay> = done.iter().filter(|(name, ..)| name == "users day").map(|(_, day, _)| *day).collect();
        let newest: Vec<UtcDay> = (1..=7).map(|age| TODAY.plus_days(-age)).collect();
        assert_eq!(users[..7], newest);
        let past: Vec<UtcDay> = (FIRST_DAY.0..TODAY.0 - 7).map(UtcDay).collect();
        assert_eq!(users[7..], past);
        // Every listing has every day, and asking again asks nothing.
        for listing in LISTINGS {
            assert_eq!(state.progress(listing).unwrap().read.first_missing(FIRST_DAY, TODAY.plus_days(-1)), None);
        }
        assert_eq!(follow(&mut state, &Told::default(), NOON + 3_600_000_000), []);
        // Spans are as long as they may be.
        let spans = done.iter().filter(|(name, ..)| name == "cost_report day").count();
        assert_eq!(spans, 326_usize.div_ceil(31));
    }

    #[test]
    fn a_day_is_read_again_while_it_may_change_and_once_more_when_it_is_settled() {
        let mut state = AnalyticsState::default();
        follow(&mut state, &Told::default(), NOON);
        let day = TODAY.plus_days(-1);
        let mut again = Vec::new();
        for hour in (5..=24 * 45).step_by(6) {
            for (name, first, last) in follow(&mut state, &Told::default(), NOON + hour * 3_600_000_000) {
                if (first..=last).contains(&day) && ["users day", "user_cost_report day"].contains(&name.as_str()) {
                    again.push((name, hour / 24 + 1));
                }
            }
        }
        let ages = |listing: &str| -> Vec<i64> {
            again.iter().filter(|(name, _)| name == listing).map(|(_, age)| *age).collect()
        };
        assert_eq!(ages("users day"), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(ages("user_cost_report day"), [1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 30]);
        assert!(state.listings.values().all(|progress| progress.unsettled.len() <= 31));
    }

    #[test]
    fn what_was_not_settled_when_the_node_went_off_is_read_once_more() {
        let mut state = AnalyticsState::default();
        follow(&mut state, &Told::default(), NOON);
        let done = follow(&mut state, &Told::default(), NOON + 60 * DAY_MICROS);
        let users = |from: i32, to: i32| {
            let days = done.iter().filter(|(name, first, _)| name == "users day" && (from..to).contains(&first.0));
            days.count()
        };
        assert_eq!(users(TODAY.0 - 30, TODAY.0 - 7), 0);
        assert_eq!(users(TODAY.0 - 7, TODAY.0), 7);
        assert_eq!(users(TODAY.0, TODAY.0 + 60), 60);
        assert!(state.listings["users day"].unsettled.keys().all(|day| day.0 >= TODAY.0 + 52));
    }

    #[test]
    fn what_is_not_there_is_left_alone_for_a_week_and_what_failed_until_the_next_run() {
        let mut state = AnalyticsState::default();
        let plugins = LISTINGS.iter().find(|listing| listing.endpoint == E::Plugins).unwrap();
        state.progress_mut(plugins).missing_since = Some(NOON);
        let mut told = Told::default();
        told.put_off.insert(("users day".to_owned(), TODAY.plus_days(-3)));
        told.put_off.insert(("users day".to_owned(), TODAY.plus_days(-100)));
        told.listings_put_off.insert("skills day".to_owned());
        told.newest.insert("artifacts day".to_owned(), TODAY.plus_days(-3));
        follow(&mut state, &told, NOON);
        let read = |state: &AnalyticsState, name: &str, age: i32| {
            state.listings.get(name).is_some_and(|progress| progress.read.contains(TODAY.plus_days(-age)))
        };
        assert!(!read(&state, "plugins day", 1) && !read(&state, "skills day", 1) && !read(&state, "artifacts day", 2));
        assert!(!read(&state, "users day", 3) && !read(&state, "users day", 100));
        assert!(read(&state, "users day", 4) && read(&state, "users day", 101) && read(&state, "artifacts day", 3));
        follow(&mut state, &Told::default(), NOON);
        assert!(read(&state, "users day", 3) && read(&state, "users day", 100) && read(&state, "artifacts day", 1));
        assert!(!read(&state, "plugins day", 1));
        follow(&mut state, &Told::default(), NOON + MISSING_MICROS);
        assert!(read(&state, "plugins day", 1));
    }
}
