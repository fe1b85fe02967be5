//! What a key may do: the published scopes, the founding document's names for them, and Ephor's own.
//! A set of scopes prints and serialises in one order, whatever order it was given in.
//! Never grants: a scope is a name until the server asks for it.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One permission of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `read:analytics`: the Analytics API.
    ReadAnalytics,
    /// `read:compliance_activities` (in the founding document `read:security`): the activity feed.
    ReadComplianceActivities,
    /// `read:compliance_org_data`: organizations, roles, groups, effective settings.
    ReadComplianceOrgData,
    /// `read:compliance_user_data`: people, group members, projects. In Ephor this opens no content.
    ReadComplianceUserData,
    /// `write:activities`: pushing activities.
    WriteActivities,
    /// `write:usage`: pushing usage and telemetry.
    WriteUsage,
    /// `read:findings`: findings and reports.
    ReadFindings,
    /// `read:evidence`: evidence and checkpoints.
    ReadEvidence,
    /// `admin`: everything, and keys, roles and recording besides.
    Admin,
}

/// Text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scope; there are {list}", list = Scope::ALL.map(Scope::as_str).join(", "))]
pub struct UnknownScope(pub String);

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 9] = [
        Self::ReadAnalytics,
        Self::ReadComplianceActivities,
        Self::ReadComplianceOrgData,
        Self::ReadComplianceUserData,
        Self::WriteActivities,
        Self::WriteUsage,
        Self::ReadFindings,
        Self::ReadEvidence,
        Self::Admin,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadAnalytics => "read:analytics",
            Self::ReadComplianceActivities => "read:compliance_activities",
            Self::ReadComplianceOrgData => "read:compliance_org_data",
            Self::ReadComplianceUserData => "read:compliance_user_data",
            Self::WriteActivities => "write:activities",
            Self::WriteUsage => "write:usage",
            Self::ReadFindings => "read:findings",
            Self::ReadEvidence => "read:evidence",
            Self::Admin => "admin",
        }
    }
}

/// By name, so that a set is sorted on the wire.
impl Ord for Scope {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Scope {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        if text == "read:security" {
            return Ok(Self::ReadComplianceActivities);
        }
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The scopes of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    /// Whether the set allows what `scope` names; `admin` allows everything.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        self.contains(scope) || self.contains(Scope::Admin)
    }

    /// Whether the set names the scope itself.
    #[must_use]
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// The scopes in order.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    /// How many scopes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_scope_is_read_by_its_own_name() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>().unwrap(), scope);
        }
    }

    #[test]
    fn the_founding_documents_name_for_the_feed_is_read_and_not_written() {
        let scope: Scope = serde_json::from_str("\"read:security\"").unwrap();
        assert_eq!(scope, Scope::ReadComplianceActivities);
        assert_eq!(serde_json::to_string(&scope).unwrap(), "\"read:compliance_activities\"");
    }

    #[test]
    fn an_unknown_scope_is_named_beside_those_there_are() {
        let error = "delete:compliance_user_data".parse::<Scope>().unwrap_err().to_string();
        assert!(
            error.starts_with("`delete:compliance_user_data` is not a scope; there are read:analytics, "),
            "{error}"
        );
    }

    #[test]
    fn a_set_is_sorted_by_name_and_has_each_scope_once() {
        let text =
            r#"["write:usage","read:security","admin","read:findings","read:compliance_activities","read:analytics"]"#;
        let set: ScopeSet = serde_json::from_str(text).unwrap();
        let sorted = r#"["admin","read:analytics","read:compliance_activities","read:findings","write:usage"]"#;
        assert_eq!(serde_json::to_string(&set).unwrap(), sorted);
        assert_eq!(set.to_string(), "admin read:analytics read:compliance_activities read:findings write:usage");
        assert_eq!((set.len(), set.is_empty(), ScopeSet::default().is_empty()), (5, false, true));
    }

    #[test]
    fn admin_allows_everything_and_contains_only_itself() {
        let admin: ScopeSet = [Scope::Admin].into_iter().collect();
        let reader: ScopeSet = [Scope::ReadAnalytics].into_iter().collect();
        for scope in Scope::ALL {
            assert!(admin.allows(scope));
            assert_eq!(admin.contains(scope), scope == Scope::Admin);
            assert_eq!(reader.allows(scope), scope == Scope::ReadAnalytics);
        }
    }
}
