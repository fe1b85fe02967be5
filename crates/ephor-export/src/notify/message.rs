//! A message: some findings, told together, as every receiver gets it before it is put into its own form.
//! The same findings in the same state have the same id, so that sending it again does no harm.
//! Never holds more findings than people read: of many, the most urgent are told and the rest counted.

use std::collections::BTreeMap;

use ephor_detect::{Entity, FindingRecord, Severity, UseCase};
use ephor_wire::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::turn::Waiting;

/// Findings told one by one; Slack takes fifty blocks, and nobody reads more.
pub(super) const SHOWN: usize = 20;

/// Why a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Something was found, or opened again.
    New,
    /// What quiet hours held back.
    Digest,
    /// Somebody tries the way.
    Test,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Digest => "digest",
            Self::Test => "test",
        }
    }
}

/// How much is told of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// What happened, to whom, and what to do.
    #[default]
    Full,
    /// Its title, severity and id only: for ways on which names should not travel.
    Brief,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) notification: String,
    pub(super) kind: Kind,
    pub(super) at: String,
    /// In one line.
    pub(super) summary: String,
    pub(super) count: usize,
    pub(super) by_severity: BTreeMap<String, usize>,
    /// Told one by one.
    pub(super) findings: Vec<Told>,
    /// The console's page of findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) console: Option<String>,
}

/// A finding in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) id: String,
    pub(super) rule: String,
    pub(super) use_case: UseCase,
    pub(super) severity: Severity,
    pub(super) title: String,
    pub(super) first_seen: String,
    pub(super) last_seen: String,
    pub(super) count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<ToldDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
}

/// What [`Detail::Full`] adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToldDetail {
    pub(super) explanation: String,
    pub(super) next_step: String,
    pub(super) entities: Vec<Entity>,
    pub(super) controls: Vec<String>,
}

impl Told {
    pub(super) fn of(record: &FindingRecord, detail: Detail, console: Option<&str>) -> Self {
        let finding = &record.finding;
        let time = |micros: i64| Timestamp::from_micros(micros).to_string();
        Self {
            id: finding.id.0.clone(),
            rule: finding.rule.clone(),
            use_case: finding.use_case,
            severity: finding.severity,
            title: finding.title.clone(),
            first_seen: time(finding.first_seen_micros),
            last_seen: time(finding.last_seen_micros),
            count: finding.count,
            detail: (detail == Detail::Full).then(|| ToldDetail {
                explanation: finding.explanation.clone(),
                next_step: finding.next_step.clone(),
                entities: finding.entities().cloned().collect(),
                controls: finding.controls.clone(),
            }),
            link: console.map(|console| format!("{console}/findings/{}", finding.id)),
        }
    }
}

impl Message {
    pub(super) fn of(
        notification: &str,
        kind: Kind,
        group: &[Waiting],
        told: Vec<Told>,
        console: Option<&str>,
        now_micros: i64,
    ) -> Self {
        let mut by_severity: BTreeMap<String, usize> = BTreeMap::new();
        group.iter().for_each(|one| *by_severity.entry(one.severity.to_string()).or_default() += 1);
        Self {
            id: id(notification, kind, group, now_micros),
            notification: notification.to_owned(),
            kind,
            at: Timestamp::from_micros(now_micros).to_string(),
            summary: summary(notification, kind, group.len(), &by_severity),
            count: group.len(),
            by_severity,
            findings: told,
            console: console.map(|console| format!("{console}/findings")),
        }
    }

    /// How many are counted only.
    pub(super) fn untold(&self) -> usize {
        self.count.saturating_sub(self.findings.len())
    }

    /// In words, for mail.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![self.summary.clone(), String::new()];
        for one in &self.findings {
            lines.push(format!("{}: {}", one.severity.as_str().to_uppercase(), one.title));
            if let Some(detail) = &one.detail {
                lines.push(detail.explanation.clone());
                lines.push(format!("Next step: {}", detail.next_step));
            }
            lines.push(format!(
                "{} ({}), {} activities, {} to {}",
                one.rule, one.use_case, one.count, one.first_seen, one.last_seen
            ));
            lines.push(one.link.clone().unwrap_or_else(|| format!("ephor findings show {}", one.id)));
            lines.push(String::new());
        }
        if self.untold() > 0 {
            lines.push(format!("And {} more: ephor findings list", self.untold()));
        }
        lines.extend(self.console.iter().map(|console| format!("All findings: {console}")));
        lines.push(format!("Sent by Ephor as the notification `{}`, {}.", self.notification, self.id));
        lines.join("\n")
    }
}

/// What is sent again under way is the same message; the same finding opened again is another.
fn id(notification: &str, kind: Kind, group: &[Waiting], now_micros: i64) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    part(notification);
    part(kind.as_str());
    for one in group {
        part(&one.finding);
        part(&one.noticed_at.to_string());
    }
    if group.is_empty() {
        part(&now_micros.to_string());
    }
    let digits: String = hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("notice_{digits}")
}

fn summary(notification: &str, kind: Kind, count: usize, by_severity: &BTreeMap<String, usize>) -> String {
    let urgent_first = Severity::ALL
        .iter()
        .rev()
        .filter_map(|level| by_severity.get(level.as_str()).map(|count| format!("{count} {level}")));
    let levels = urgent_first.collect::<Vec<_>>().join(", ");
    let findings = if count == 1 { "finding" } else { "findings" };
    match kind {
        Kind::New => format!("Ephor: {count} {findings} ({levels})"),
        Kind::Digest => format!("Ephor: {count} {findings} held back by quiet hours ({levels})"),
        Kind::Test => format!("Ephor: a test of the notification `{notification}`"),
    }
}
