//! Which class and activity an activity type becomes, read from `data/ocsf.toml`.
//! Promises a class for every type, listed or not.
//! Never knows how a class is filled.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, RwLock};

use glob::Pattern;
use serde::Deserialize;

use super::OcsfVersion;
use crate::meaning::{Deed, Meaning, patterns};

/// What a class cannot be without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Need {
    /// Somebody or something that did it.
    Actor,
    /// The person or workload that signs in.
    User,
    /// The person or workload that it was done to.
    Subject,
    Privileges,
    Group,
    Object,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Class {
    pub(super) uid: i64,
    pub(super) name: String,
    pub(super) category: (i64, String),
    #[serde(default)]
    pub(super) host_profile: bool,
    #[serde(default)]
    pub(super) needs: Vec<Need>,
    successor: Option<String>,
    #[serde(default)]
    activities: BTreeMap<Deed, (i64, String)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default, deserialize_with = "patterns")]
    types: Vec<Pattern>,
    #[serde(default)]
    categories: Vec<String>,
    class: String,
    activity: Option<(i64, String)>,
    otherwise: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    class: HashMap<String, Class>,
    rule: Vec<Rule>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    toml::from_str(include_str!("../../../data/ocsf.toml")).expect("data/ocsf.toml is valid")
});

/// The activity of a class that was not foreseen: it goes by its own name.
pub(super) const OTHER: i64 = 99;

/// What a type becomes, in order of preference; the last one needs nothing.
#[derive(Debug)]
pub(super) struct Choices(Vec<Choice>);

/// A class and the activity of it.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) class: &'static Class,
    pub(super) activity: (i64, String),
}

impl Choices {
    /// The first class that has what it needs.
    pub(super) fn first(&self, is_there: impl Fn(Need) -> bool) -> &Choice {
        let fits = |choice: &&Choice| choice.class.needs.iter().all(|need| is_there(*need));
        let last = self.0.len() - 1;
        self.0.iter().find(fits).unwrap_or(&self.0[last])
    }
}

/// By type, and whether it is for the newest version.
type ByType = HashMap<(String, bool), Arc<Choices>>;

/// Types that were asked for. An unlisted type is worked out each time, so that inventing types fills no memory.
static CHOSEN: LazyLock<RwLock<ByType>> = LazyLock::new(RwLock::default);

/// The classes that a type can become.
pub(super) fn choices(kind: &str, known: &Meaning, version: OcsfVersion) -> Arc<Choices> {
    let newest = version >= OcsfVersion::V1_9;
    let key = (kind.to_owned(), newest);
    if let Ok(chosen) = CHOSEN.read()
        && let Some(found) = chosen.get(&key)
    {
        return Arc::clone(found);
    }
    let found = Arc::new(choose(kind, known, newest));
    if known.known
        && let Ok(mut chosen) = CHOSEN.write()
    {
        chosen.insert(key, Arc::clone(&found));
    }
    found
}

fn choose(kind: &str, known: &Meaning, newest: bool) -> Choices {
    let about = |rule: &&Rule| rule.types.iter().any(|p| p.matches(kind)) || rule.categories.contains(&known.category);
    let rule = TABLE.rule.iter().find(about);
    let mut choices = Vec::new();
    if let Some(rule) = rule {
        choices.push(choice(&rule.class, kind, known.deed, rule.activity.as_ref(), newest));
        choices.extend(rule.otherwise.as_ref().map(|class| choice(class, kind, known.deed, None, newest)));
    }
    choices.push(choice("base_event", kind, known.deed, None, newest));
    Choices(choices)
}

fn choice(name: &str, kind: &str, deed: Deed, activity: Option<&(i64, String)>, newest: bool) -> Choice {
    let mut class = &TABLE.class[name];
    let mut activity = activity;
    if newest && let Some(successor) = &class.successor {
        (class, activity) = (&TABLE.class[successor.as_str()], None);
    }
    let own_name = || match deed {
        Deed::Other => kind.to_owned(),
        _ => deed.as_str().to_owned(),
    };
    let activity = activity.or_else(|| class.activities.get(&deed)).cloned().unwrap_or_else(|| (OTHER, own_name()));
    Choice { class, activity }
}

#[cfg(test)]
mod tests {
    use ephor_wire::catalogue::catalogue;

    use super::*;
    use crate::meaning::meaning;

    /// The class of a type when a row has all that it needs.
    fn usual(kind: &str) -> String {
        let choices = choices(kind, &meaning(kind), OcsfVersion::default());
        let Choice { class, activity } = &choices.0[0];
        format!("{kind}: {} {}: {}", class.uid, class.name, activity.1)
    }

    #[test]
    fn every_listed_type_has_a_class_of_its_own() {
        for known in catalogue().iter() {
            assert!(!usual(&known.name).contains(": 0 "), "{} would be a base event", known.name);
        }
    }

    #[test]
    fn every_name_in_the_table_is_there() {
        for rule in &TABLE.rule {
            assert!(TABLE.class.contains_key(&rule.class), "{}", rule.class);
            assert!(rule.otherwise.as_ref().is_none_or(|name| TABLE.class.contains_key(name)));
            for pattern in &rule.types {
                assert!(catalogue().iter().any(|known| pattern.matches(&known.name)), "{pattern} names nothing");
            }
        }
        assert!(TABLE.class.values().all(|c| c.successor.as_ref().is_none_or(|name| TABLE.class.contains_key(name))));
    }

    #[test]
    fn types_go_where_people_look_for_them() {
        let said = [
            "sso_login_failed",
            "user_logged_out",
            "org_user_deleted",
            "rbac_role_assigned",
            "group_member_added",
            "platform_workspace_member_removed",
            "api_key_created",
            "claude_file_exported",
            "claude_chat_viewed",
            "compliance_api_accessed",
            "org_data_export_started",
            "org_sso_toggled",
            "mcp_server_created",
            "type_of_next_year",
        ]
        .map(usual);
        insta::assert_snapshot!(said.join("\n"), @r"
        sso_login_failed: 3002 Authentication: Logon
        user_logged_out: 3002 Authentication: Logoff
        org_user_deleted: 3001 Account Change: Delete
        rbac_role_assigned: 3005 User Access Management: Assign Privileges
        group_member_added: 3006 Group Management: Add User
        platform_workspace_member_removed: 3006 Group Management: Remove User
        api_key_created: 3004 Entity Management: Create
        claude_file_exported: 6006 File Hosting Activity: Download
        claude_chat_viewed: 6001 Web Resources Activity: Read
        compliance_api_accessed: 6003 API Activity: Read
        org_data_export_started: 6001 Web Resources Activity: Export
        org_sso_toggled: 3004 Entity Management: Update
        mcp_server_created: 3004 Entity Management: Create
        type_of_next_year: 0 Base Event: type_of_next_year
        ");
    }
}
