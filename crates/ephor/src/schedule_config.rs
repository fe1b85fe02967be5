//! `[[schedule]]` of ephor.toml: which report is made when, in which form, and where it goes.
//! A mistake is told with the schedule's name before anything is made.
//! Never holds a secret itself.

use std::path::PathBuf;

use ephor_export::{DocumentReceiver, MailSettings, MailToSettings, WebhookSettings};
use ephor_reports::Timing;
use serde::Deserialize;

use crate::arguments::Form;
use crate::export_config::sink_secret;
use crate::failure::Failure;
use crate::node::now_micros;

/// One schedule as it is configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleConfig {
    /// Its name: where what became of it is kept, and how its files are called.
    pub(crate) name: String,
    /// The report.
    pub(crate) report: String,
    /// When: five fields.
    pub(crate) cron: String,
    /// On whose clocks.
    #[serde(default = "utc")]
    pub(crate) time_zone: String,
    /// How it is written.
    #[serde(default = "html", rename = "form")]
    pub(crate) form_name: String,
    /// Only this table, for CSV.
    #[serde(default)]
    pub(crate) section: Option<String>,
    /// Show people by pseudonyms.
    #[serde(default)]
    pub(crate) pseudonymise: bool,
    /// Keep each, so that the next one says what has changed.
    #[serde(default)]
    pub(crate) keep: bool,
    /// Hand over nothing while the main table is empty.
    #[serde(default)]
    pub(crate) only_with_rows: bool,
    /// Into this folder.
    #[serde(default)]
    pub(crate) folder: Option<PathBuf>,
    /// To this receiver of HTTPS posts.
    #[serde(default)]
    pub(crate) webhook: Option<WebhookSettings>,
    /// To people: `mail:ada@example.com, ben@example.com`.
    #[serde(default)]
    pub(crate) to: Option<String>,
    /// Whether the receiver may have an address of a private network.
    #[serde(default)]
    pub(crate) allow_private: bool,
}

/// Where a report goes.
#[derive(Debug, Clone)]
pub(crate) enum Destination<'a> {
    Folder(&'a PathBuf),
    Webhook(DocumentReceiver<'a>),
    Mail(MailToSettings),
}

fn utc() -> String {
    "UTC".to_owned()
}
fn html() -> String {
    "html".to_owned()
}

/// What is wrong with the schedules, if anything is.
pub(crate) fn check(schedules: &[ScheduleConfig], mail: Option<&MailSettings>) -> Result<(), Failure> {
    for (index, schedule) in schedules.iter().enumerate() {
        if schedules[..index].iter().any(|other| other.name == schedule.name) {
            let words = format!("two schedules are called `{}`; the name is how its files are called", schedule.name);
            return Err(Failure::usage(words).hint("docs/configuration.md lists every key"));
        }
        schedule.check(mail)?;
    }
    Ok(())
}

/// The schedule of that name.
pub(crate) fn named<'a>(name: &str, schedules: &'a [ScheduleConfig]) -> Result<&'a ScheduleConfig, Failure> {
    schedules.iter().find(|schedule| schedule.name == name).ok_or_else(|| {
        let known: Vec<&str> = schedules.iter().map(|schedule| schedule.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Failure::usage(format!("there is no schedule `{name}`; ephor.toml names {known}"))
    })
}

impl ScheduleConfig {
    fn check(&self, mail: Option<&MailSettings>) -> Result<(), Failure> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(self.wrong("a name has letters, digits, `-` and `_`, since files are called by it"));
        }
        if !ephor_reports::catalogue().iter().any(|info| info.name == self.report) {
            return Err(self
                .wrong(&format!("there is no report `{}`", self.report))
                .hint("`ephor report list` names them"));
        }
        self.timing()?;
        self.form()?;
        match self.destination()? {
            Destination::Folder(_) => Ok(()),
            // A secret that is not there yet is told when the schedule runs; what is written wrong is told now.
            Destination::Webhook(receiver) => receiver.check_address().map_err(|why| self.wrong(&why)),
            Destination::Mail(to) => match mail {
                Some(_) => to.check().map_err(|why| self.wrong(&why)),
                None => Err(self.wrong("mail needs a [mail] section that names the server")),
            },
        }
    }

    /// When it is due.
    pub(crate) fn timing(&self) -> Result<Timing, Failure> {
        Timing::parse(&self.cron, &self.time_zone).map_err(|why| self.wrong(&why))
    }

    /// How it is written.
    pub(crate) fn form(&self) -> Result<Form, Failure> {
        let form = <Form as clap::ValueEnum>::from_str(&self.form_name, false)
            .map_err(|_| self.wrong("form is one of table, json, csv, xlsx, html and focus"))?;
        if form == Form::Focus && self.report != "cost-attribution" {
            return Err(self.wrong("focus is a form of the report cost-attribution only"));
        }
        Ok(form)
    }

    /// Where it goes: one folder, one receiver or people by mail.
    pub(crate) fn destination(&self) -> Result<Destination<'_>, Failure> {
        match (&self.folder, &self.webhook, self.to.as_deref().map(|to| to.split_once(':'))) {
            (Some(folder), None, None) => Ok(Destination::Folder(folder)),
            (None, Some(webhook), None) => Ok(Destination::Webhook(DocumentReceiver {
                webhook,
                allow_private: self.allow_private,
                secrets: sink_secret,
                clock: now_micros,
            })),
            (None, None, Some(Some(("mail", to)))) => {
                let to = to.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect();
                Ok(Destination::Mail(MailToSettings { to }))
            }
            _ => Err(self.wrong("say either `folder = \"…\"`, `webhook = { url = \"…\" }` or `to = \"mail:…\"`")),
        }
    }

    fn wrong(&self, what: &str) -> Failure {
        Failure::usage(format!("schedule `{}`: {what}", self.name))
    }
}
