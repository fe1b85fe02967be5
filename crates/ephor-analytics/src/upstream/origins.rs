//! Who answers: for each organization and surface Ephor's own aggregates, or a collected upstream.
//! The most exact rule counts: an organization's before everybody's, then a surface's before all surfaces'; of two alike
//! the later one. Without a rule Ephor computes.
//! Never two origins for one cell.

use std::collections::{BTreeMap, BTreeSet};

use ephor_wire::usage::Surface;

use crate::query::Reach;

/// Where a number comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// From Ephor's own usage events.
    Computed,
    /// From the upstream of this name, as it was collected.
    Upstream(String),
}

/// `[[analytics.origin]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRule {
    /// `org_…`, a UUID, or nothing for every organization.
    pub organization: Option<String>,
    /// Nothing for what belongs to no surface of its own, and for every surface without a rule.
    pub surface: Option<Surface>,
    /// Who answers.
    pub origin: Origin,
}

/// The origins of one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    all: Origin,
    surfaces: BTreeMap<Surface, Origin>,
}

impl Origins {
    /// What the rules say for a reach. The parent is answered by the rules for every organization: an upstream's key
    /// reads one organization, and a rule for one of several says nothing about all.
    ///
    /// ```
    /// use ephor_analytics::query::Reach;
    /// use ephor_analytics::upstream::{Origin, OriginRule, Origins};
    /// use ephor_wire::usage::Surface;
    ///
    /// let claude = || Origin::Upstream("claude".to_owned());
    /// let rules = [OriginRule { organization: None, surface: Some(Surface::Chat), origin: claude() }];
    /// let origins = Origins::of(&rules, &Reach::Parent);
    /// assert_eq!((origins.surface(Surface::Chat), origins.whole()), (&claude(), &Origin::Computed));
    /// ```
    #[must_use]
    pub fn of(rules: &[OriginRule], reach: &Reach) -> Self {
        let weight = |rule: &OriginRule| match (&rule.organization, reach) {
            (None, _) => Some(0),
            (Some(named), Reach::Organization { id, uuid }) if named == id || named == uuid => Some(2),
            _ => None,
        };
        let best = |surface: Option<Surface>| {
            let rules = rules.iter().filter(|rule| rule.surface.is_none() || rule.surface == surface);
            let weighed = rules.filter_map(|rule| Some((weight(rule)? + u8::from(rule.surface.is_some()), rule)));
            // Of several maxima the last: the later rule.
            weighed.max_by_key(|(weight, _)| *weight).map_or(Origin::Computed, |(_, rule)| rule.origin.clone())
        };
        Self {
            all: best(None),
            surfaces: Surface::ALL.iter().map(|surface| (*surface, best(Some(*surface)))).collect(),
        }
    }

    /// Who answers what belongs to one surface.
    #[must_use]
    pub fn surface(&self, surface: Surface) -> &Origin {
        self.surfaces.get(&surface).unwrap_or(&self.all)
    }

    /// Who answers what goes over surfaces.
    #[must_use]
    pub fn whole(&self) -> &Origin {
        &self.all
    }

    /// Who answers a field.
    #[must_use]
    pub fn field(&self, surface: Option<Surface>) -> &Origin {
        surface.map_or(&self.all, |surface| self.surface(surface))
    }

    /// Every origin that has a say.
    #[must_use]
    pub fn all(&self) -> BTreeSet<&Origin> {
        self.surfaces.values().chain([&self.all]).collect()
    }

    /// The one origin of everything, if there is one.
    #[must_use]
    pub fn only(&self) -> Option<&Origin> {
        (self.all().len() == 1).then_some(&self.all)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_most_exact_rule_counts_and_of_two_alike_the_later() {
        let rule = |organization: Option<&str>, surface: Option<Surface>, origin: &str| OriginRule {
            organization: organization.map(str::to_owned),
            surface,
            origin: if origin == "computed" { Origin::Computed } else { Origin::Upstream(origin.to_owned()) },
        };
        let rules = [
            rule(Some("org_1"), Some(Surface::Chat), "one-chat"),
            rule(None, None, "earlier"),
            rule(None, None, "everyone"),
            rule(None, Some(Surface::Cowork), "cowork"),
            rule(None, Some(Surface::Chat), "chat"),
            rule(Some("11111111-0000-0000-0000-000000000000"), None, "computed"),
            rule(Some("org_2"), None, "two"),
        ];
        let reach = |n: u8| Reach::Organization {
            id: format!("org_{n}"),
            uuid: format!("{n}{n}{n}{n}{n}{n}{n}{n}-0000-0000-0000-000000000000"),
        };
        let told = |reach: &Reach| {
            let origins = Origins::of(&rules, reach);
            let name = |origin: &Origin| match origin {
                Origin::Computed => "computed".to_owned(),
                Origin::Upstream(name) => name.clone(),
            };
            [
                origins.whole(),
                origins.surface(Surface::Chat),
                origins.surface(Surface::Cowork),
                origins.surface(Surface::Office),
            ]
            .map(name)
        };
        assert_eq!(told(&Reach::Parent), ["everyone", "chat", "cowork", "everyone"]);
        assert_eq!(told(&reach(1)), ["computed", "one-chat", "computed", "computed"]);
        assert_eq!(told(&reach(2)), ["two", "two", "two", "two"]);
        assert_eq!(told(&reach(3)), ["everyone", "chat", "cowork", "everyone"]);
        assert_eq!(Origins::of(&[], &reach(1)).only(), Some(&Origin::Computed));
        assert_eq!(Origins::of(&rules, &reach(1)).only(), None);
    }
}
