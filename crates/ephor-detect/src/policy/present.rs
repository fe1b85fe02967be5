//! Settings as they are: what the directory lists, unless an activity tells of a later change.
//! Promises that of two sources the later one counts, and that what is told says since when it has been so.
//! Never fills in a setting that neither lists.

use std::collections::BTreeMap;

use ephor_lake::directory::{Directory, DirectoryKind};
use serde_json::Value;

use super::changes::{Changes, SettingChange, Spot};
use crate::error::DetectError;

/// A setting as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingNow {
    /// Its value.
    pub value: Value,
    /// The last change that an activity tells of, if one tells of this value.
    pub change: Option<SettingChange>,
}

/// Every setting of every organization that is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SettingsNow {
    pub(super) all: BTreeMap<Spot, SettingNow>,
}

/// A setting that the directory lists: its value, and when it was observed to change last.
pub(crate) type Listed = (Spot, Value, i64);

/// Every setting that a directory lists.
pub(crate) async fn listed(directory: &Directory) -> Result<Vec<Listed>, DetectError> {
    let mut observed: BTreeMap<Spot, i64> = BTreeMap::new();
    for change in directory.changes(DirectoryKind::Settings).await? {
        let at = observed.entry((change.scope, change.key)).or_insert(i64::MIN);
        *at = (*at).max(change.observed_at_micros);
    }
    let mut listed = Vec::new();
    for scope in directory.scopes(DirectoryKind::Settings) {
        for row in directory.current(DirectoryKind::Settings, &scope) {
            let (Some(name), Some(value)) = (row["name"].as_str(), row.get("value")) else { continue };
            let spot = (scope.clone(), name.to_owned());
            let at = observed.get(&spot).copied().unwrap_or(i64::MIN);
            listed.push((spot, value.clone(), at));
        }
    }
    Ok(listed)
}

impl SettingsNow {
    /// What a directory lists and what activities tell of.
    pub(crate) fn merged(listed: Vec<Listed>, changes: &Changes) -> Self {
        let mut all: BTreeMap<Spot, SettingNow> = BTreeMap::new();
        for (spot, value, observed_at) in listed {
            let told = changes.last(&spot);
            let now = match told {
                Some(change) if change.at_micros > observed_at => {
                    SettingNow { value: plain(&change.to), change: Some(change.clone()) }
                }
                // An earlier change that led to what is listed says who and when.
                Some(change) if same(&change.to, &value) => SettingNow { value, change: Some(change.clone()) },
                _ => SettingNow { value, change: None },
            };
            all.insert(spot, now);
        }
        for (spot, change) in changes.all() {
            let now = || SettingNow { value: plain(&change.to), change: Some(change.clone()) };
            all.entry(spot.clone()).or_insert_with(now);
        }
        Self { all }
    }

    /// The organizations of which settings are known.
    pub fn organizations(&self) -> impl Iterator<Item = &str> {
        let mut last = None;
        self.all.keys().map(|(organization, _)| organization.as_str()).filter(move |organization| {
            let is_new = last != Some(*organization);
            last = Some(*organization);
            is_new
        })
    }

    /// The settings of an organization, by name.
    pub fn of_organization<'s>(&'s self, organization: &'s str) -> impl Iterator<Item = (&'s str, &'s SettingNow)> {
        let own = self.all.iter().filter(move |((own, _), _)| own == organization);
        own.map(|((_, name), now)| (name.as_str(), now))
    }

    /// One setting.
    #[must_use]
    pub fn get(&self, organization: &str, setting: &str) -> Option<&SettingNow> {
        self.all.get(&(organization.to_owned(), setting.to_owned()))
    }
}

/// Whether two values mean the same: activities write truths and numbers as text, and the order of a list means nothing.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    ordered(plain(one)) == ordered(plain(other))
}

/// A truth or a number that was written as text, as what it is.
pub(super) fn plain(value: &Value) -> Value {
    let Value::String(text) = value else { return value.clone() };
    match text.as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        // A list or an object is written as its JSON.
        _ if text.starts_with(['[', '{']) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        _ => text.parse::<i64>().map_or_else(|_| value.clone(), Value::from),
    }
}

fn ordered(value: Value) -> Value {
    match value {
        Value::Array(mut all) => {
            all.sort_by_key(ToString::to_string);
            Value::Array(all)
        }
        other => other,
    }
}
