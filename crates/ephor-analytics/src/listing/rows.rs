//! Which rows a question is about, and into which groups they fall.
//! A row whose person is in several groups falls into each of them.
//! Never reads a row's numbers: that is for the tally.

use std::collections::{HashMap, HashSet};

use ephor_wire::timestamp::{DAY_MICROS, UtcDay};
use ephor_wire::usage::UsageKind;

use super::spec::{ARTIFACT_TYPES, Entity};
use crate::connector_name::ConnectorNames;
use crate::facts::codes::{Place, word};
use crate::facts::names::{NONE, Name};
use crate::facts::{Column, Facts};
use crate::groups::Groups;
use crate::query::{Filters, GroupBy};

/// What a group of rows has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The entity's name, or for artifacts the place of type and sharing.
    pub(crate) entity: Name,
    pub(crate) surface: u8,
    /// The place of a group among those of [`Membership`].
    pub(crate) rbac_group: u32,
    pub(crate) user: Name,
}

/// Rows by what they have in common: the rows of group `g` are `rows[starts[g]..starts[g + 1]]`.
#[derive(Debug, Default)]
pub(crate) struct Grouped {
    pub(crate) keys: Vec<Key>,
    pub(crate) starts: Vec<u32>,
    pub(crate) rows: Vec<u32>,
}

/// Groups of each person on each day of the question.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    /// Ids of the groups.
    pub(crate) groups: Vec<String>,
    of: HashMap<(u16, Name), Vec<u32>>,
}

impl Membership {
    /// The memberships of the people in `facts`, in all groups or the named ones.
    pub(crate) fn of(facts: &Facts, groups: &Groups, named: &[String], first_day: UtcDay) -> Self {
        let named: Vec<&str> = named.iter().map(|group| groups.resolve(group)).collect();
        let ids: Vec<&str> = if named.is_empty() { groups.ids() } else { named };
        let mut membership = Self { groups: ids.iter().map(|id| (*id).to_owned()).collect(), of: HashMap::new() };
        let days: HashSet<u16> = facts.day.iter().copied().collect();
        for day in days {
            let date = UtcDay::from_micros(first_day.start_micros() + i64::from(day) * DAY_MICROS);
            for (place, id) in (0u32..).zip(&ids) {
                for person in groups.members_on(id, date).filter_map(|person| facts.names.find(person)) {
                    membership.of.entry((day, person)).or_default().push(place);
                }
            }
        }
        membership
    }

    pub(crate) fn groups_of(&self, day: u16, user: Name) -> &[u32] {
        self.of.get(&(day, user)).map_or(&[], Vec::as_slice)
    }
}

/// The rows that pass the filters. `membership` is that of the groups that the filter names.
pub(crate) fn filtered(
    facts: &Facts,
    filters: &Filters,
    membership: Option<&Membership>,
    connectors: &ConnectorNames,
) -> Vec<u32> {
    let all = 0..u32::try_from(facts.len()).unwrap_or(u32::MAX);
    if filters.is_empty() {
        return all.collect();
    }
    let exactly = |texts: &[String]| -> Option<HashSet<Name>> {
        (!texts.is_empty()).then(|| texts.iter().filter_map(|text| facts.names.find(text)).collect())
    };
    let projects = exactly(&filters.project_ids);
    let users = exactly(&filters.user_ids);
    let skills = (!filters.skill_names.is_empty()).then(|| without_case(facts, Column::Skill, &filters.skill_names));
    let plugins =
        (!filters.plugin_names.is_empty()).then(|| without_case(facts, Column::Plugin, &filters.plugin_names));
    let connectors = (!filters.connector_names.is_empty()).then(|| connectors_named(facts, filters, connectors));
    let passes = |row: usize| {
        let within = |set: &Option<HashSet<Name>>, column: Column| {
            set.as_ref().is_none_or(|set| set.contains(&facts.name(column, row)))
        };
        within(&users, Column::User)
            && within(&projects, Column::Project)
            // A project narrows to chat: other surfaces know no chat projects.
            && (projects.is_none() || facts.place(row) == Place::Chat)
            && within(&skills, Column::Skill)
            && within(&plugins, Column::Plugin)
            && within(&connectors, Column::Connector)
            && (filters.surfaces.is_empty()
                || facts.place(row).surface().is_some_and(|surface| filters.surfaces.contains(&surface)))
            && membership.is_none_or(|m| !m.groups_of(facts.day[row], facts.name(Column::User, row)).is_empty())
    };
    all.filter(|row| passes(*row as usize)).collect()
}

/// Names of a column that are, without case, one of these.
fn without_case(facts: &Facts, column: Column, wanted: &[String]) -> HashSet<Name> {
    let wanted: HashSet<String> = wanted.iter().map(|text| text.to_lowercase()).collect();
    let names: HashSet<Name> = facts.column(column).iter().copied().collect();
    names.into_iter().filter(|name| wanted.contains(&facts.names.text(*name).to_lowercase())).collect()
}

/// Connectors by published name, by any spelling of it, or by the name shown for an opaque id.
fn connectors_named(facts: &Facts, filters: &Filters, connectors: &ConnectorNames) -> HashSet<Name> {
    let asked = &filters.connector_names;
    let spelled: Vec<String> =
        asked.iter().map(|name| connectors.published(name)).chain(asked.iter().cloned()).collect();
    let mut named = without_case(facts, Column::Connector, &spelled);
    let shown = without_case(facts, Column::DisplayName, asked);
    let rows = (0..facts.len()).filter(|row| shown.contains(&facts.name(Column::DisplayName, *row)));
    named.extend(rows.map(|row| facts.name(Column::Connector, row)));
    named.remove(&NONE);
    named
}

/// Puts rows into groups. Rows without the entity fall away.
pub(crate) fn grouped(
    facts: &Facts,
    rows: &[u32],
    entity: Option<Entity>,
    group_by: &[GroupBy],
    membership: Option<&Membership>,
) -> Grouped {
    let mut keys: Vec<Key> = Vec::new();
    let mut group_of: HashMap<Key, u32> = HashMap::new();
    // Without cuts an entity's name is its group: a look-up in a list instead of a map.
    let mut by_name: Vec<u32> = vec![u32::MAX; facts.names.len().max(ARTIFACT_TYPES.len() * 2 + 2)];
    let mut placed: Vec<(u32, u32)> = Vec::with_capacity(rows.len());
    let by_user = group_by.contains(&GroupBy::User);
    let by_product = group_by.contains(&GroupBy::Product);
    let by_group = group_by.contains(&GroupBy::RbacGroup);
    for row in rows {
        let place = *row as usize;
        let Some(name) = entity_of(facts, entity, place) else { continue };
        let user = if by_user { facts.name(Column::User, place) } else { NONE };
        if by_user && user == NONE {
            continue;
        }
        let surface = match facts.place(place).surface() {
            Some(surface) if by_product => surface as u8,
            None if by_product => u8::MAX,
            _ => 0,
        };
        let mut put = |key: Key| {
            let slot =
                if group_by.is_empty() { &mut by_name[name as usize] } else { group_of.entry(key).or_insert(u32::MAX) };
            if *slot == u32::MAX {
                *slot = u32::try_from(keys.len()).unwrap_or(u32::MAX);
                keys.push(key);
            }
            placed.push((*slot, *row));
        };
        match membership.filter(|_| by_group) {
            None => put(Key { entity: name, surface, rbac_group: 0, user }),
            Some(membership) => {
                for group in membership.groups_of(facts.day[place], facts.name(Column::User, place)) {
                    put(Key { entity: name, surface, rbac_group: *group, user });
                }
            }
        }
    }
    sorted_into_groups(keys, &placed)
}

/// A counting sort: groups are numbered without gaps.
fn sorted_into_groups(keys: Vec<Key>, placed: &[(u32, u32)]) -> Grouped {
    let mut starts = vec![0u32; keys.len() + 1];
    for (group, _) in placed {
        starts[*group as usize + 1] += 1;
    }
    for group in 1..starts.len() {
        starts[group] += starts[group - 1];
    }
    let mut next = starts.clone();
    let mut rows = vec![0u32; placed.len()];
    for (group, row) in placed {
        let place = &mut next[*group as usize];
        rows[*place as usize] = *row;
        *place += 1;
    }
    Grouped { keys, starts, rows }
}

/// The entity of a row; with no entity asked for, all rows are of one.
fn entity_of(facts: &Facts, entity: Option<Entity>, row: usize) -> Option<Name> {
    match entity {
        None => Some(NONE),
        Some(Entity::Each(column)) => Some(facts.name(column, row)).filter(|name| *name != NONE),
        Some(Entity::Artifacts) => {
            (facts.kind[row] == UsageKind::ArtifactCreated as u8).then(|| artifact_kind(facts, row))
        }
    }
}

/// Type and sharing of an artifact as one number.
fn artifact_kind(facts: &Facts, row: usize) -> Name {
    let media_type = match facts.place(row) {
        // Published under this type whatever they hold.
        Place::ClaudeCode | Place::Cowork => "text/html",
        _ => facts.names.text(facts.name(Column::ArtifactType, row)),
    };
    let place = ARTIFACT_TYPES.iter().position(|known| *known == media_type).unwrap_or(ARTIFACT_TYPES.len());
    let shared = [word("shared"), word("published")].contains(&facts.detail[row]);
    u32::try_from(place * 2).unwrap_or(u32::MAX) + u32::from(shared)
}

/// The media type and sharing of an artifact's number.
pub(crate) fn artifact_of(kind: Name) -> (&'static str, bool) {
    (ARTIFACT_TYPES.get(kind as usize / 2).copied().unwrap_or("other"), kind % 2 == 1)
}

/// The surface of a key's code.
pub(crate) fn product_of(code: u8) -> &'static str {
    let surface = ephor_wire::usage::Surface::ALL.get(usize::from(code));
    surface.map_or("other", |surface| crate::facts::codes::product_of(*surface))
}
