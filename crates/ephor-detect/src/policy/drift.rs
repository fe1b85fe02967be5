//! Differences between a policy and the settings as they are, and the finding that each comes to.
//! Promises one finding a setting and organization, whose id stays while the difference lasts.
//! Never says who changed a setting unless an activity says so.

use ephor_wire::timestamp::Timestamp;
use serde_json::Value;

use super::POLICY_RULE;
use super::changes::SettingChange;
use super::file::Policy;
use super::present::{SettingsNow, same};
use crate::finding::{Entity, Evidence, Finding, FindingId, Window};
use crate::severity::Severity;
use crate::use_case::UseCase;

/// A setting that is not as it is meant to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Whose.
    pub organization: String,
    /// Which.
    pub setting: String,
    /// What it is meant to be.
    pub wanted: Value,
    /// What it is.
    pub present: Value,
    /// Who made it so, and when, where an activity tells.
    pub change: Option<SettingChange>,
}

impl Policy {
    /// Every difference, by organization and setting.
    #[must_use]
    pub fn drift(&self, now: &SettingsNow) -> Vec<Drift> {
        let differs = |((organization, setting), known): (&(String, String), &super::SettingNow)| {
            let wanted = self.wanted(organization, setting)?;
            (!same(wanted, &known.value)).then(|| Drift {
                organization: organization.clone(),
                setting: setting.clone(),
                wanted: wanted.clone(),
                present: known.value.clone(),
                change: known.change.clone(),
            })
        };
        now.all.iter().filter_map(differs).collect()
    }

    /// What the policy wants and no source knows: organization (`*` for every one) and setting.
    #[must_use]
    pub fn unknown(&self, now: &SettingsNow) -> Vec<(String, String)> {
        let nowhere = |setting: &str| !now.all.keys().any(|(_, known)| known == setting);
        let common = self.settings.keys().filter(|name| nowhere(name)).map(|name| ("*".to_owned(), name.clone()));
        let own = self
            .organizations
            .iter()
            .flat_map(|(organization, settings)| settings.keys().map(move |name| (organization.clone(), name.clone())));
        common.chain(own.filter(|(organization, name)| now.get(organization, name).is_none())).collect()
    }

    /// How many settings of how many organizations are looked at.
    #[must_use]
    pub fn compared(&self, now: &SettingsNow) -> usize {
        now.all.keys().filter(|(organization, setting)| self.wanted(organization, setting).is_some()).count()
    }
}

impl Drift {
    /// What happened, in words.
    #[must_use]
    pub fn explanation(&self) -> String {
        let Self { organization, setting, wanted, present, .. } = self;
        let since = match &self.change {
            Some(change) => {
                let from = change.from.as_ref().map_or_else(String::new, |from| format!(" from {}", said(from)));
                // To the second: nobody reads further.
                let at = Timestamp::from_micros(change.at_micros);
                let at = at.as_str().get(..19).unwrap_or_default();
                format!("{} changed it{from} at {at}Z.", change.by)
            }
            None => "No activity tells who changed it.".to_owned(),
        };
        format!("{setting} of {organization} is {}, and the policy wants {}. {since}", said(present), said(wanted))
    }

    /// How it is set right.
    #[must_use]
    pub fn way_back(&self) -> String {
        let ask = self.change.as_ref().map_or_else(String::new, |change| format!("Ask {} why. ", change.by));
        format!(
            "{ask}Set {} of {} back to {} in the organization's settings, or change the policy if this value is agreed.",
            self.setting,
            self.organization,
            said(&self.wanted)
        )
    }

    pub(crate) fn finding(&self, severity: Severity, now_micros: i64) -> Finding {
        let subject = vec![Entity::new("organization", &self.organization), Entity::new("setting", &self.setting)];
        let at = self.change.as_ref().map_or(now_micros, |change| change.at_micros);
        let evidence = self.change.iter().map(|change| Evidence {
            at_micros: change.at_micros,
            activity: change.activity.clone(),
            seq: change.seq,
        });
        Finding {
            id: FindingId::of(POLICY_RULE, &subject, 0),
            rule: POLICY_RULE.to_owned(),
            use_case: UseCase::ConfigurationDrift,
            severity,
            title: "Setting Differs From The Policy".to_owned(),
            explanation: self.explanation(),
            next_step: self.way_back(),
            controls: vec!["soc2:CC7.1".to_owned(), "iso27001:A.8.9".to_owned()],
            subject,
            others: self.change.iter().filter_map(|change| change.entity.clone()).collect(),
            // It stands as long as it is so.
            window: Window { from_micros: 0, to_micros: i64::MAX },
            first_seen_micros: at,
            last_seen_micros: at,
            count: 1,
            evidence: evidence.collect(),
        }
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
