//! `[[notify]]` of ephor.toml: which findings are told, by which way, how often, and when not.
//! A mistake is told with the notification's name before anything is sent; secrets are only ever references.
//! Never holds a secret itself.

use std::time::Duration;

use ephor_detect::{FindingRecord, Severity, UseCase};
use serde::Deserialize;

use super::channel::{Channel, Form, IncomingSettings, MailToSettings, Opening, no_secret};
use super::message::Detail;
use super::quiet::QuietSettings;
use super::turn::Pace;
use crate::guard::Reach;
use crate::limits;
use crate::mail::MailSettings;
use crate::settings::Start;
use crate::sink::WebhookSettings;

/// Messages in an hour, unless the settings say otherwise: one in five minutes.
const MOST_PER_HOUR: usize = 12;

/// How long the first finding of a group waits for others.
const GROUP: Duration = Duration::from_secs(60);

/// One notification as it is configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifySettings {
    /// Its name: where what it has told is kept.
    pub name: String,
    /// Findings that are at least so urgent.
    #[serde(default = "high")]
    pub severity: Severity,
    /// Of these use cases only.
    #[serde(default)]
    pub use_cases: Vec<UseCase>,
    /// Of these rules only.
    #[serde(default)]
    pub rules: Vec<String>,
    /// How much is told.
    #[serde(default)]
    pub detail: Detail,
    /// Whether a new notification begins with what is found from now on, or with everything.
    #[serde(default = "now")]
    pub start: Start,
    /// How long the first of a group waits for others.
    #[serde(default)]
    pub group_seconds: Option<u64>,
    /// Messages in any hour.
    #[serde(default)]
    pub most_per_hour: Option<usize>,
    /// When nobody is to be disturbed.
    #[serde(default)]
    pub quiet: Option<QuietSettings>,
    /// The longest pause between two tries.
    #[serde(default)]
    pub retry_max_seconds: Option<u64>,
    /// Whether the receiver may have an address of a private network.
    #[serde(default)]
    pub allow_private: bool,
    /// To a receiver of HTTPS posts.
    #[serde(default)]
    pub webhook: Option<WebhookSettings>,
    /// To Slack.
    #[serde(default)]
    pub slack: Option<IncomingSettings>,
    /// To Microsoft Teams.
    #[serde(default)]
    pub teams: Option<IncomingSettings>,
    /// By mail.
    #[serde(default)]
    pub mail: Option<MailToSettings>,
}

fn high() -> Severity {
    Severity::High
}
fn now() -> Start {
    Start::Now
}

impl NotifySettings {
    /// What it speaks, if it names exactly one way.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        let ways = [
            self.webhook.as_ref().map(|_| "webhook"),
            self.slack.as_ref().map(|_| "slack"),
            self.teams.as_ref().map(|_| "teams"),
            self.mail.as_ref().map(|_| "mail"),
        ];
        let named: Vec<&'static str> = ways.into_iter().flatten().collect();
        if let [kind] = named[..] { Some(kind) } else { None }
    }

    /// What is wrong with it, if anything is that can be seen without its secrets.
    pub fn check(&self, mail: Option<&MailSettings>) -> Result<(), String> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err("a name has letters, digits, `-` and `_`".to_owned());
        }
        if self.kind().is_none() {
            return Err("say one of `webhook = { url = \"…\" }`, `slack = { url = \"env:…\" }`, `teams = { url = \"env:…\" }` and `mail = { to = [\"…\"] }`".to_owned());
        }
        self.pace()?;
        match &self.mail {
            Some(to) => {
                to.check()?;
                mail.ok_or("mail needs a [mail] section that names the server")?.check()
            }
            None => self.open(Opening { secrets: no_secret, clock: || 0, reach: self.reach(), mail }).map(drop),
        }
    }

    pub(super) fn open(&self, opening: Opening<'_>) -> Result<Channel, String> {
        let opening = Opening { reach: self.reach(), ..opening };
        match (&self.webhook, &self.slack, &self.teams, &self.mail) {
            (Some(webhook), None, None, None) => Channel::post(webhook, opening),
            (None, Some(slack), None, None) => Channel::incoming(slack, Form::Slack, opening),
            (None, None, Some(teams), None) => Channel::incoming(teams, Form::Teams, opening),
            (None, None, None, Some(to)) => Channel::mail(to, opening),
            _ => Err("it has one way".to_owned()),
        }
    }

    pub(super) fn pace(&self) -> Result<Pace, String> {
        let most_per_hour = self.most_per_hour.unwrap_or(MOST_PER_HOUR);
        if most_per_hour == 0 {
            return Err("most_per_hour = 0 would never send anything".to_owned());
        }
        let group = self.group_seconds.map_or(GROUP, Duration::from_secs);
        Ok(Pace {
            group_micros: i64::try_from(group.as_micros()).unwrap_or(i64::MAX),
            most_per_hour,
            quiet: self.quiet.as_ref().map(QuietSettings::read).transpose()?,
        })
    }

    pub(super) fn retry_longest(&self) -> Duration {
        self.retry_max_seconds.map_or(limits::RETRY_LONGEST, Duration::from_secs)
    }

    /// Whether it tells of such findings.
    pub(super) fn is_about(&self, record: &FindingRecord) -> bool {
        let finding = &record.finding;
        finding.severity >= self.severity
            && (self.use_cases.is_empty() || self.use_cases.contains(&finding.use_case))
            && (self.rules.is_empty() || self.rules.contains(&finding.rule))
    }

    pub(super) fn reach(&self) -> Reach {
        if self.allow_private { Reach::Private } else { Reach::Public }
    }
}
