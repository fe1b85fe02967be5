//! What is known beside the feed, at each moment: roles, groups, owners and ages of people, keys and workspaces, and what
//! stands on lists.
//! Promises the state as it was observed by then; what comes later tells nothing else of what was before.
//! Never looks anything up: who makes facts knows them all.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use rsigma_eval::EventValue;

use crate::geo::Geo;
use crate::lists::Lists;

/// Facts of everything that has an id, and lists.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    by_id: HashMap<String, History>,
    pub(crate) lists: Lists,
    /// Where network addresses are.
    pub(crate) geo: Arc<Geo>,
}

/// What was known of one object, the oldest first.
#[derive(Debug, Default, PartialEq)]
struct History {
    versions: Vec<Version>,
}

#[derive(Debug, PartialEq)]
struct Version {
    /// Known from here on.
    from_micros: i64,
    facts: Arc<[Fact]>,
}

/// One thing known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) value: FactValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FactValue {
    Text(Arc<str>),
    /// A moment; the fact `age_days` is counted from the one called `created_at`.
    Moment(i64),
}

const DAY_MICROS: i64 = 86_400_000_000;

impl Facts {
    /// The same with what places network addresses.
    pub(crate) fn placed_by(mut self, geo: Arc<Geo>) -> Self {
        self.geo = geo;
        self
    }

    /// Adds what is known of an object from a moment on. A moment before the last one of the object counts as that one.
    pub(crate) fn learn(&mut self, id: &str, from_micros: i64, facts: Vec<Fact>) {
        let versions = &mut self.by_id.entry(id.to_owned()).or_default().versions;
        match versions.last_mut() {
            Some(last) if *last.facts == *facts => {}
            Some(last) if from_micros <= last.from_micros => last.facts = facts.into(),
            _ => versions.push(Version { from_micros, facts: facts.into() }),
        }
    }

    /// The earliest moment at which these facts and others tell different things; nothing if they never do.
    pub(crate) fn differ_from(&self, others: &Self) -> Option<i64> {
        let new_ids = others.by_id.keys().filter(|id| !self.by_id.contains_key(*id));
        let of_id = |id: &String| first_difference(self.versions(id), others.versions(id));
        self.by_id.keys().chain(new_ids).filter_map(of_id).chain(self.lists.differ_from(&others.lists)).min()
    }

    fn versions(&self, id: &str) -> &[Version] {
        self.by_id.get(id).map(|history| history.versions.as_slice()).unwrap_or_default()
    }

    /// The values of one fact of an object at a moment.
    pub(crate) fn of<'f>(&'f self, id: &str, name: &str, at_micros: i64, known: &mut Vec<EventValue<'f>>) {
        let Some(history) = self.by_id.get(id) else { return };
        let known_by_then = history.versions.iter().rev().find(|version| version.from_micros <= at_micros);
        let Some(version) = known_by_then else { return };
        let days = |created: i64| at_micros.saturating_sub(created).max(0) / DAY_MICROS;
        known.extend(version.facts.iter().filter_map(|fact| match &fact.value {
            FactValue::Text(text) if fact.name == name => Some(EventValue::Str(Cow::Borrowed(text))),
            FactValue::Moment(at) if fact.name == "created_at" && name == "age_days" => {
                Some(EventValue::Int(days(*at)))
            }
            _ => None,
        }));
    }
}

/// From when on the versions of one object are others.
fn first_difference(before: &[Version], after: &[Version]) -> Option<i64> {
    let same = before.iter().zip(after).take_while(|(before, after)| before == after).count();
    let from = |versions: &[Version]| versions.get(same).map(|version| version.from_micros);
    from(before).into_iter().chain(from(after)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> Vec<Fact> {
        vec![Fact { name: "role", value: FactValue::Text(Arc::from(name)) }]
    }

    fn role_at(facts: &Facts, at: i64) -> String {
        let mut known = Vec::new();
        facts.of("user_1", "role", at, &mut known);
        known.iter().filter_map(|value| value.as_str().map(Cow::into_owned)).collect()
    }

    #[test]
    fn what_is_learned_later_tells_nothing_else_of_what_was_before() {
        let mut before = Facts::default();
        before.learn("user_1", i64::MIN, role("member"));
        before.learn("user_1", 50, role("member"));
        let mut after = Facts::default();
        for (from, name) in [(i64::MIN, "member"), (100, "owner"), (90, "admin")] {
            after.learn("user_1", from, role(name));
        }
        assert_eq!([0, 99, 100].map(|at| role_at(&after, at)), ["member", "member", "admin"]);
        assert_eq!(
            (before.differ_from(&before), before.differ_from(&after), after.differ_from(&before)),
            (None, Some(100), Some(100))
        );
        after.learn("user_2", 70, role("member"));
        assert_eq!((before.differ_from(&after), after.differ_from(&before)), (Some(70), Some(70)));
    }
}
