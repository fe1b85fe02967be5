//! What is known of people, keys, workspaces and groups beside the feed: roles, groups, owners, ages, at each moment.
//! Promises the state as it was observed by then; before the first listing ever, the first one counts.
//! Never changes: a listing that comes later makes new facts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use rsigma_eval::EventValue;

/// Facts of everything that has an id.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    by_id: HashMap<String, History>,
}

/// What was known of one object, the oldest first.
#[derive(Debug, Default)]
struct History {
    versions: Vec<Version>,
}

#[derive(Debug)]
struct Version {
    /// Known from here on; the first listing is known for ever before.
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
    /// Adds what is known of an object from a moment on. Moments of one object come in their order.
    pub(crate) fn learn(&mut self, id: &str, from_micros: i64, facts: Vec<Fact>) {
        let history = self.by_id.entry(id.to_owned()).or_default();
        history.versions.push(Version { from_micros, facts: facts.into() });
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
