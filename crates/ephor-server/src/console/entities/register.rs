//! What activities tell of things, kept up with every arrival: how often each was named, by whom, when it was made and ended.
//! Promises the same answer in whatever order activities arrive; after retention it is made again from what is left.
//! Never holds an activity: of the latest ones their place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ephor_lake::{ActivityFilter, Census, FeedQuery, Lake, LakeError, MicrosRange, Order, PageFrom, RowPredicate};
use ephor_wire::actor::Actor;
use ephor_wire::catalogue::catalogue;
use ephor_wire::timestamp::{UtcDay, parse_micros};
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::kind::Kind;
use crate::console::activity::Shown;

/// Things of one kind that are remembered: more than any organization has, and not more than memory bears.
const THINGS: usize = 50_000;

/// Actors of one thing that are counted one by one.
const ACTORS: usize = 1_000;

/// The latest activities of a thing whose place is remembered: what its page shows.
pub(super) const LATEST: usize = 20;

/// The register of a node, made by the first who needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registered {
    inner: Arc<Mutex<Register>>,
}

/// Everything that activities told of things up to a place in the lake.
#[derive(Debug, Default)]
pub(super) struct Register {
    next_seq: u64,
    /// The days that it was made from.
    days: BTreeSet<UtcDay>,
    things: BTreeMap<&'static str, BTreeMap<String, Told>>,
}

/// What activities told of one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Its newest name and when it bore it.
    name: Option<(i64, String)>,
    pub(super) count: u64,
    pub(super) first_micros: i64,
    pub(super) last_micros: i64,
    by_type: BTreeMap<String, u64>,
    pub(super) by_actor: BTreeMap<String, u64>,
    by_day: BTreeMap<UtcDay, u64>,
    latest: BTreeSet<(i64, String)>,
    /// When it was made, and by whom.
    pub(super) made: Option<(i64, Option<String>)>,
    ended: Option<i64>,
}

impl Registered {
    /// The register, with everything that has arrived by now.
    pub(super) async fn caught_up(&self, lake: &Lake) -> Result<OwnedMutexGuard<Register>, LakeError> {
        let mut register = Arc::clone(&self.inner).lock_owned().await;
        register.follow(lake).await?;
        Ok(register)
    }
}

impl Register {
    async fn follow(&mut self, lake: &Lake) -> Result<(), LakeError> {
        let (days, end) = (lake.days().into_iter().collect::<BTreeSet<_>>(), lake.next_seq());
        // What an expired day told cannot be taken back out.
        if !self.days.is_subset(&days) {
            *self = Self::default();
        }
        self.days = days;
        if self.next_seq >= end {
            return Ok(());
        }
        let names_one = RowPredicate::parse(&condition())?;
        while self.next_seq < end {
            let arrivals = lake.arrivals_where(self.next_seq..end, Some(&names_one)).await?;
            arrivals.rows.iter().for_each(|arrival| self.take(&arrival.raw));
            self.next_seq = arrivals.next_seq;
        }
        Ok(())
    }

    /// Takes in what one activity tells.
    pub(super) fn take(&mut self, raw: &str) {
        let Ok(activity) = serde_json::from_str::<Value>(raw) else { return };
        let Some(at) = activity["created_at"].as_str().and_then(parse_micros) else { return };
        for kind in Kind::ALL {
            let spec = kind.spec();
            let of_kind = self.things.entry(spec.path).or_default();
            let mut ids: Vec<&str> = spec.ids.iter().filter_map(|field| activity[*field].as_str()).collect();
            ids.retain(|id| !id.is_empty());
            ids.dedup();
            for id in ids {
                if of_kind.len() < THINGS || of_kind.contains_key(id) {
                    of_kind.entry(id.to_owned()).or_default().take(kind, at, &activity);
                }
            }
        }
    }

    /// Every thing of a kind.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = (&String, &Told)> {
        self.things.get(kind.spec().path).into_iter().flatten()
    }

    /// One of them.
    pub(super) fn one(&self, kind: Kind, id: &str) -> Option<&Told> {
        self.things.get(kind.spec().path)?.get(id)
    }
}

impl Told {
    fn take(&mut self, kind: Kind, at: i64, activity: &Value) {
        let spec = kind.spec();
        (self.first_micros, self.last_micros) = match self.count {
            0 => (at, at),
            _ => (self.first_micros.min(at), self.last_micros.max(at)),
        };
        self.count += 1;
        *self.by_day.entry(UtcDay::from_micros(at)).or_default() += 1;
        let name = spec.names.iter().find_map(|field| activity[*field].as_str()).filter(|name| !name.is_empty());
        if let Some(name) = name {
            self.name = self.name.take().max(Some((at, name.to_owned())));
        }
        let actor = serde_json::from_value::<Actor>(activity["actor"].clone()).ok();
        let actor = actor.as_ref().and_then(Actor::id);
        if let Some(actor) = actor
            && (self.by_actor.len() < ACTORS || self.by_actor.contains_key(actor))
        {
            *self.by_actor.entry(actor.to_owned()).or_default() += 1;
        }
        let what = activity["type"].as_str().unwrap_or_default();
        *self.by_type.entry(what.to_owned()).or_default() += 1;
        if spec.made.contains(&what) {
            let here = (at, actor.map(str::to_owned));
            self.made = Some(self.made.take().map_or(here.clone(), |before| before.min(here)));
        }
        if spec.ended.contains(&what) {
            self.ended = self.ended.max(Some(at));
        }
        self.latest.insert((at, activity["id"].as_str().unwrap_or_default().to_owned()));
        if self.latest.len() > LATEST {
            self.latest.pop_first();
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_ref().map(|(_, name)| name.as_str())
    }

    /// When it ended, if nothing was heard since of its being made anew.
    pub(super) fn ended(&self) -> Option<i64> {
        self.ended
    }

    /// Counts by type and by day, as a census of the feed would have them.
    pub(super) fn census(&self) -> Census {
        Census {
            total: self.count,
            by_day: self.by_day.clone(),
            by_value: self.by_type.clone().into_iter().collect(),
            first_micros: Some(self.first_micros),
            last_micros: Some(self.last_micros),
        }
    }

    /// Its latest activities, the newest first.
    pub(super) async fn latest(&self, lake: &Lake) -> Result<Vec<Shown>, LakeError> {
        let mut rows = Vec::new();
        for (at, id) in self.latest.iter().rev() {
            let created_at = MicrosRange { from: Some(*at), to: Some(at.saturating_add(1)) };
            let filter = ActivityFilter { created_at, ..ActivityFilter::default() };
            let query = FeedQuery { filter, order: Order::Descending, from: PageFrom::Start, limit: SAME_INSTANT };
            let found = lake.page(&query).await?.rows.into_iter().find(|row| row.id == *id);
            rows.extend(found.and_then(|row| Shown::read(row.created_at_micros, &row.raw)));
        }
        Ok(rows)
    }
}

/// Activities of one microsecond that are looked through for an id.
const SAME_INSTANT: usize = 100;

/// Rows whose type has a field that names a thing, and rows of types that nobody knows yet.
fn condition() -> String {
    let quoted =
        |names: &mut dyn Iterator<Item = &str>| names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let is_id = |name: &str| Kind::of_field(name).is_some();
    let telling =
        catalogue().iter().filter(|kind| kind.fields.iter().any(|field| is_id(&field.name)) || !kind.fields_complete);
    let telling = quoted(&mut telling.map(|kind| kind.name.as_str()));
    let known = quoted(&mut catalogue().iter().map(|kind| kind.name.as_str()));
    format!("type in ({telling}) or type not in ({known})")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn activity(second: u8, kind: &str, actor: &str, more: &[(&str, &str)]) -> String {
        let mut activity = json!({
            "id": format!("activity_{second}"), "type": kind, "created_at": format!("2026-11-23T12:00:{second:02}Z"),
            "actor": { "type": "user_actor", "user_id": actor, "email_address": format!("{actor}@example.com") },
        });
        more.iter().for_each(|(name, value)| activity[*name] = json!(value));
        activity.to_string()
    }

    #[test]
    fn what_is_told_of_a_thing_does_not_depend_on_the_order_of_arrival() {
        let rows = [
            activity(1, "mcp_server_created", "user_bob", &[("mcp_server_id", "m1"), ("mcp_server_name", "Old")]),
            activity(2, "mcp_server_updated", "user_eve", &[("mcp_server_id", "m1"), ("mcp_server_name", "New")]),
            activity(3, "mcp_server_deleted", "user_bob", &[("mcp_server_id", "m1")]),
            activity(4, "robot_hired", "user_bob", &[("claude_project_id", "claude_proj_1"), ("skill_id", "")]),
        ];
        let read = |order: &mut dyn Iterator<Item = &String>| {
            let mut register = Register::default();
            order.for_each(|raw| register.take(raw));
            register
        };
        let (forth, back) = (read(&mut rows.iter()), read(&mut rows.iter().rev()));
        assert_eq!(forth.things, back.things);
        let told = forth.one(Kind::Connector, "m1").unwrap();
        assert_eq!((told.name(), told.count, told.by_actor.len()), (Some("New"), 3, 2));
        assert_eq!(told.made.as_ref().unwrap().1.as_deref(), Some("user_bob"));
        assert_eq!(told.ended(), Some(told.last_micros));
        assert!(forth.one(Kind::Project, "claude_proj_1").is_some(), "a type of next year tells too");
        assert_eq!(forth.of(Kind::Skill).count(), 0);
    }

    #[test]
    fn the_condition_is_one_that_the_lake_takes() {
        RowPredicate::parse(&condition()).unwrap();
    }
}
