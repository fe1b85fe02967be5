//! Who is in which group on which day, and what people and groups are called, as the directory tells it.
//! A member counts for a day if they were in the group at any moment of it; before the first listing, that listing holds.
//! Whoever has left keeps their id and address: what they did stays theirs. Never reads a directory that has not changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ephor_lake::directory::{Directory, DirectoryChange, DirectoryKind};
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};
use serde_json::Value;

use crate::query::Reach;
use crate::upstream::Group;

/// The directory as questions see it, read anew when it has changed and not before.
#[derive(Debug, Default)]
pub(crate) struct DirectoryViews {
    people: Mutex<HashMap<Reach, (Revisions, Arc<People>)>>,
    groups: Mutex<Option<(Revisions, Arc<Groups>)>>,
}

/// The state of two kinds of the directory.
type Revisions = (i64, i64);

impl DirectoryViews {
    pub(crate) fn people(&self, directory: &Directory, reach: &Reach) -> Arc<People> {
        // Taken before the reading: what changes meanwhile is read by the next question.
        let now = (directory.revision(DirectoryKind::Users), directory.revision(DirectoryKind::Invites));
        if let Some((_, people)) = locked(&self.people).get(reach).filter(|(read, _)| *read == now) {
            return Arc::clone(people);
        }
        let people = Arc::new(People::read(directory, reach));
        locked(&self.people).insert(reach.clone(), (now, Arc::clone(&people)));
        people
    }

    pub(crate) async fn groups(&self, directory: &Directory) -> Result<Arc<Groups>, ephor_lake::LakeError> {
        let now = (directory.revision(DirectoryKind::Groups), directory.revision(DirectoryKind::GroupMembers));
        if let Some((_, groups)) = locked(&self.groups).as_ref().filter(|(read, _)| *read == now) {
            return Ok(Arc::clone(groups));
        }
        let groups = Arc::new(Groups::read(directory).await?);
        *locked(&self.groups) = Some((now, Arc::clone(&groups)));
        Ok(groups)
    }
}

/// What is kept is replaced whole, so a panic leaves it as it was.
fn locked<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// People and groups for one question.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// Id by address in lower case; of those who have left, too.
    pub(crate) id_by_email: HashMap<String, String>,
    /// Of those who have left, too.
    pub(crate) email_by_id: HashMap<String, String>,
    pub(crate) name_by_id: HashMap<String, String>,
    /// One number for which address is whose; another one when that changes.
    pub(crate) fingerprint: u64,
    /// Those who are listed now.
    pub(crate) here: HashSet<String>,
    /// People with a seat, within the reach.
    pub(crate) seats: usize,
    /// Invitations that nobody has accepted yet, within the reach.
    pub(crate) pending_invites: usize,
}

impl People {
    fn read(directory: &Directory, reach: &Reach) -> Self {
        let mut people = Self::default();
        // First those who have left: an address that was given to somebody else since is theirs now.
        for user in directory.gone(DirectoryKind::Users) {
            people.know(&user);
        }
        let mut seated = HashSet::new();
        for scope in directory.scopes(DirectoryKind::Users) {
            for user in directory.current(DirectoryKind::Users, &scope) {
                let Some(id) = people.know(&user) else { continue };
                if let Some(name) = text(&user, "full_name").or_else(|| text(&user, "name")) {
                    people.name_by_id.insert(id.clone(), name);
                }
                if reaches(reach, &scope) {
                    seated.insert(id.clone());
                }
                people.here.insert(id);
            }
        }
        people.fingerprint = people.fingerprint();
        people.seats = seated.len();
        people.pending_invites = pending_invites(directory, reach);
        people
    }

    /// Notes who it is; their id.
    fn know(&mut self, user: &Value) -> Option<String> {
        let id = text(user, "id")?;
        if let Some(email) = text(user, "email").or_else(|| text(user, "email_address")) {
            self.id_by_email.insert(email.to_lowercase(), id.clone());
            self.email_by_id.insert(id.clone(), email);
        }
        Some(id)
    }

    fn fingerprint(&self) -> u64 {
        let pairs = self.id_by_email.iter().chain(&self.email_by_id);
        // Added up, since a map has no order.
        pairs.fold(0, |sum: u64, pair| {
            let mut hasher = twox_hash::XxHash3_64::default();
            pair.hash(&mut hasher);
            sum.wrapping_add(hasher.finish())
        })
    }

    /// Whether somebody is listed no more; where nobody is listed at all, nobody can tell.
    pub(crate) fn has_left(&self, id: &str) -> bool {
        !self.here.is_empty() && !self.here.contains(id)
    }
}

fn text(row: &Value, field: &str) -> Option<String> {
    row.get(field).and_then(Value::as_str).map(str::to_owned)
}

/// Listings without a scope are the parent's own.
fn reaches(reach: &Reach, scope: &str) -> bool {
    match reach {
        Reach::Parent => true,
        Reach::Organization { id, uuid } => scope == uuid || scope == id,
    }
}

fn pending_invites(directory: &Directory, reach: &Reach) -> usize {
    let scopes = directory.scopes(DirectoryKind::Invites);
    let within = scopes.iter().filter(|scope| scope.is_empty() || reaches(reach, scope));
    let invites = within.flat_map(|scope| directory.current(DirectoryKind::Invites, scope));
    invites
        .filter(|invite| invite.get("status").and_then(Value::as_str).is_none_or(|status| status == "pending"))
        .count()
}

/// Groups and their members over time.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    names: BTreeMap<String, String>,
    /// Group, then person, to the spans in which they were in it.
    members: HashMap<String, HashMap<String, Vec<Stay>>>,
}

/// From when to when somebody was in a group, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stay {
    from: i64,
    /// Exclusive.
    to: i64,
}

impl Groups {
    async fn read(directory: &Directory) -> Result<Self, ephor_lake::LakeError> {
        let mut groups = Self::default();
        for scope in directory.scopes(DirectoryKind::Groups) {
            for group in directory.current(DirectoryKind::Groups, &scope) {
                let text = |field: &str| group.get(field).and_then(Value::as_str);
                if let (Some(id), Some(name)) = (text("id"), text("name")) {
                    groups.names.insert(id.to_owned(), name.to_owned());
                }
            }
        }
        groups.replay(&directory.changes(DirectoryKind::GroupMembers).await?);
        Ok(groups)
    }

    fn replay(&mut self, changes: &[DirectoryChange]) {
        let mut first_listing: HashMap<&str, i64> = HashMap::new();
        for change in changes {
            let first = first_listing.entry(&change.scope).or_insert(change.observed_at_micros);
            *first = change.observed_at_micros.min(*first);
        }
        for change in changes {
            let stays = self.members.entry(change.scope.clone()).or_default().entry(change.key.clone()).or_default();
            let at = change.observed_at_micros;
            let open = stays.last().is_some_and(|stay| stay.to == i64::MAX);
            match (change.removed, open) {
                (false, false) => {
                    // Nobody knows how long the first listing had been true.
                    let from = if first_listing.get(change.scope.as_str()) == Some(&at) { i64::MIN } else { at };
                    stays.push(Stay { from, to: i64::MAX });
                }
                (true, true) => {
                    if let Some(stay) = stays.last_mut() {
                        stay.to = at;
                    }
                }
                _ => {}
            }
        }
    }

    /// A group's id in full, given in full or as a bare UUID.
    pub(crate) fn resolve<'g>(&'g self, asked: &'g str) -> &'g str {
        let ends = |id: &&String| id.strip_prefix("rbac_group_").is_some_and(|rest| rest == asked);
        self.members.keys().find(ends).map_or(asked, String::as_str)
    }

    pub(crate) fn name(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// Every group that ever had a member, in the order of ids.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.members.keys().map(String::as_str).collect();
        ids.sort_unstable();
        ids
    }

    /// The groups that somebody was in at any moment of a day, in the order of ids.
    pub(crate) fn of_person(&self, person: &str, day: UtcDay) -> Vec<Group> {
        let within = |id: &&str| self.members_on(id, day).any(|member| member == person);
        let group = |id: &str| Group { id: id.to_owned(), name: self.name(id).map(str::to_owned) };
        self.ids().into_iter().filter(within).map(group).collect()
    }

    /// Who was in a group at any moment of a day.
    pub(crate) fn members_on(&self, group: &str, day: UtcDay) -> impl Iterator<Item = &str> {
        let (start, end) = (day.start_micros(), day.start_micros() + DAY_MICROS);
        let members = self.members.get(group).into_iter().flatten();
        members
            .filter(move |(_, stays)| stays.iter().any(|stay| stay.from < end && stay.to > start))
            .map(|(person, _)| person.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn change(at_day: i64, key: &str, removed: bool) -> DirectoryChange {
        DirectoryChange {
            observed_at_micros: at_day * DAY_MICROS + 1,
            scope: "rbac_group_1".to_owned(),
            key: key.to_owned(),
            removed,
        }
    }

    #[test]
    fn a_member_counts_for_every_day_that_they_touched() {
        let mut groups = Groups::default();
        groups.replay(&[
            change(10, "ada", false),
            change(12, "bo", false),
            change(14, "ada", true),
            change(16, "ada", false),
        ]);
        let on = |day: i64| {
            let mut who: Vec<&str> = groups.members_on("rbac_group_1", UtcDay::from_micros(day * DAY_MICROS)).collect();
            who.sort_unstable();
            who
        };
        assert_eq!(on(3), ["ada"], "the first listing holds for the time before it");
        assert_eq!(on(12), ["ada", "bo"]);
        assert_eq!(on(14), ["ada", "bo"], "left that day");
        assert_eq!(on(15), ["bo"]);
        assert_eq!(on(20), ["ada", "bo"]);
        assert_eq!(groups.resolve("1"), "rbac_group_1");
    }
}
