//! Whom to remind of a review before it is due, and whom to tell when it is late: the reviewer, then the reviewer's manager.
//! Promises one notice a person, review and moment; what was missed while nothing ran is made up for by the newest moment.
//! Never names a right or its holder: a notice says how many decisions wait, and where.

use std::collections::BTreeMap;

use ephor_wire::timestamp::DAY_MICROS;
use serde::Serialize;

use super::store::{Campaign, Item, is_decided};

/// When people hear of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeDays {
    /// So many days before it is due its reviewers are reminded.
    pub remind_before: Vec<u32>,
    /// So many days after it was due the managers of its reviewers are told.
    pub escalate_after: Vec<u32>,
}

impl Default for NoticeDays {
    fn default() -> Self {
        Self { remind_before: vec![7, 1], escalate_after: vec![0, 7] }
    }
}

/// What somebody should hear about a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Which.
    pub review: String,
    /// What it is called.
    pub name: String,
    /// Who should hear it: an address.
    pub recipient: String,
    /// Why they.
    pub about: About,
    /// How many decisions wait for each reviewer that this is about.
    pub open: BTreeMap<String, u64>,
    /// When it is due.
    #[serde(rename = "due_at", serialize_with = "crate::render::instants::serialize")]
    pub due_micros: i64,
    /// The moment from which on this was owed.
    #[serde(rename = "owed_from", serialize_with = "crate::render::instants::serialize")]
    pub moment_micros: i64,
}

/// Why somebody hears of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Decisions wait for them.
    Reminder,
    /// Decisions that they owe are late.
    Overdue,
    /// Somebody who reports to them is late.
    Escalation,
}

impl About {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reminder => "reminder",
            Self::Overdue => "overdue",
            Self::Escalation => "escalation",
        }
    }
}

/// Who should have heard of a campaign by now. `manager_of` names to whom a reviewer reports; who opened the review
/// hears what nobody else can be told.
pub(super) fn notices(
    campaign: &Campaign,
    items: &[Item],
    days: &NoticeDays,
    manager_of: impl Fn(&str) -> Option<String>,
    now_micros: i64,
) -> Vec<Notice> {
    let mut open: BTreeMap<String, u64> = BTreeMap::new();
    for item in items.iter().filter(|item| !is_decided(item)) {
        *open.entry(item.reviewer.to_lowercase()).or_default() += 1;
    }
    let Some((moment_micros, is_late)) = newest_moment(campaign, days, now_micros) else { return Vec::new() };
    let mut owed: BTreeMap<(String, About), BTreeMap<String, u64>> = BTreeMap::new();
    for (reviewer, waiting) in open {
        let about = if is_late { About::Overdue } else { About::Reminder };
        owed.entry((reviewer.clone(), about)).or_default().insert(reviewer.clone(), waiting);
        if is_late {
            let above = manager_of(&reviewer).unwrap_or_else(|| campaign.opened_by.clone()).to_lowercase();
            if above != reviewer {
                owed.entry((above, About::Escalation)).or_default().insert(reviewer, waiting);
            }
        }
    }
    let notice = |((recipient, about), open)| Notice {
        review: campaign.id.clone(),
        name: campaign.name.clone(),
        recipient,
        about,
        open,
        due_micros: campaign.due_micros,
        moment_micros,
    };
    owed.into_iter().map(notice).collect()
}

/// The newest moment that has come, and whether the review was due by then. A moment before the review was opened is
/// nobody's.
fn newest_moment(campaign: &Campaign, days: &NoticeDays, now_micros: i64) -> Option<(i64, bool)> {
    let at = |days: i64| campaign.due_micros + days * DAY_MICROS;
    let before = days.remind_before.iter().map(|days| (at(-i64::from(*days)), false));
    let after = days.escalate_after.iter().map(|days| (at(i64::from(*days)), true));
    before.chain(after).filter(|(moment, _)| (campaign.opened_micros..=now_micros).contains(moment)).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::{Decision, Entitlement, EntitlementKind, Verdict};

    fn campaign() -> Campaign {
        Campaign {
            id: "review_1".to_owned(),
            name: "Q4".to_owned(),
            opened_micros: 0,
            opened_by: "Opener@example.com".to_owned(),
            due_micros: 20 * DAY_MICROS,
            snapshot_sha256: String::new(),
            closed_micros: None,
            signed: None,
            items: 3,
            decided: 1,
        }
    }

    fn item(number: u64, reviewer: &str, verdict: Option<Verdict>) -> Item {
        let entitlement = Entitlement {
            person: "user_1".to_owned(),
            email: None,
            kind: EntitlementKind::Group,
            object: "group_1".to_owned(),
            object_name: None,
            role: None,
            granted_micros: None,
            granted_by: None,
            last_seen_micros: None,
            flags: Vec::new(),
        };
        let decision =
            verdict.map(|verdict| Decision { verdict, reason: String::new(), by: String::new(), at_micros: 0 });
        Item { number, entitlement, reviewer: reviewer.to_owned(), decision, second: None }
    }

    fn told(day: i64) -> Vec<String> {
        let items = [
            item(1, "Ada@example.com", None),
            item(2, "ada@example.com", Some(Verdict::Defer)),
            item(3, "ben@example.com", None),
            item(4, "cy@example.com", Some(Verdict::Keep)),
        ];
        let manager_of = |reviewer: &str| (reviewer == "ada@example.com").then(|| "boss@example.com".to_owned());
        let notices = notices(&campaign(), &items, &NoticeDays::default(), manager_of, day * DAY_MICROS);
        let words = |one: &Notice| {
            let open: Vec<String> = one.open.iter().map(|(who, waiting)| format!("{who} {waiting}")).collect();
            format!("{} {}: {}", one.about.as_str(), one.recipient, open.join(", "))
        };
        notices.iter().map(words).collect()
    }

    #[test]
    fn reviewers_are_reminded_and_the_late_ones_managers_are_told() {
        assert_eq!(told(12), [""; 0], "it is early");
        let reminded = ["reminder ada@example.com: ada@example.com 2", "reminder ben@example.com: ben@example.com 1"];
        assert_eq!(told(13), reminded);
        assert_eq!(told(19), reminded);
        assert_eq!(
            told(20),
            [
                "overdue ada@example.com: ada@example.com 2",
                "overdue ben@example.com: ben@example.com 1",
                "escalation boss@example.com: ada@example.com 2",
                "escalation opener@example.com: ben@example.com 1",
            ]
        );
    }
}
