//! `ephor notify`: who is told of findings, a way tried out, what waits told now.
//! A run does not wait for a group to fill; pace and quiet hours it keeps.
//! Exit code 1 when a receiver did not take a message: nothing of it is lost, and the next run sends the same one.

use std::process::ExitCode;

use ephor_export::{NotifySettings, NotifyStanding, Until, notify, notify_standing, notify_test};
use ephor_wire::timestamp::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::arguments::{Global, NotifyCommand};
use crate::config::Config;
use crate::failure::Failure;
use crate::notify_config::{context, named};
use crate::output;

#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    kind: &'a str,
    severity: String,
    waiting: u64,
    next_at: Option<String>,
    messages: u64,
    findings: u64,
    last_sent_at: Option<String>,
    failures_in_a_row: u64,
    last_error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Told {
    notification: String,
    messages: u64,
    findings: u64,
    error: Option<String>,
}

pub(super) async fn run(global: &Global, config: &Config, action: NotifyCommand) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    let control = super::org::existing_control(&dir).await?;
    let context = context(control.clone(), config, &dir);
    let mut code = ExitCode::SUCCESS;
    match action {
        NotifyCommand::List => {
            let mut rows = Vec::new();
            for settings in &config.notify {
                rows.push(listed(settings, notify_standing(settings, &context).await?));
            }
            output::print(global.format, &rows, |rows| table(rows))?;
        }
        NotifyCommand::Test { name } => {
            for settings in named(std::slice::from_ref(&name), &config.notify)? {
                notify_test(settings, &context).await?;
            }
            output::print(global.format, &json!({ "notification": name, "sent": true }), |_| {
                format!("{name}: its receiver took a test message")
            })?;
        }
        NotifyCommand::Run { names } => {
            let mut told = Vec::new();
            for settings in named(&names, &config.notify)? {
                let done = notify(settings, &context, Until::CaughtUp).await;
                let error = done.as_ref().err().map(ToString::to_string);
                let done = done.unwrap_or_default();
                let notification = settings.name.clone();
                told.push(Told { notification, messages: done.messages, findings: done.findings, error });
            }
            if told.iter().any(|one| one.error.is_some()) {
                code = ExitCode::FAILURE;
            }
            output::print(global.format, &told, |told| told.iter().map(sentence).collect::<Vec<_>>().join("\n"))?;
        }
    }
    control.close().await;
    Ok(code)
}

fn sentence(told: &Told) -> String {
    match &told.error {
        Some(error) => error.clone(),
        None => format!("{}: {} findings told in {} messages", told.notification, told.findings, told.messages),
    }
}

fn listed(settings: &NotifySettings, standing: NotifyStanding) -> Listed<'_> {
    let time = |micros: i64| Timestamp::from_micros(micros).to_string();
    let place = standing.place;
    Listed {
        name: &settings.name,
        kind: settings.kind().unwrap_or_default(),
        severity: settings.severity.to_string(),
        waiting: standing.waiting,
        next_at: standing.next_micros.map(time),
        messages: place.as_ref().map_or(0, |place| place.messages),
        findings: place.as_ref().map_or(0, |place| place.findings),
        last_sent_at: place.as_ref().and_then(|place| place.last_sent_at_micros).map(time),
        failures_in_a_row: place.as_ref().map_or(0, |place| place.failures_in_a_row),
        last_error: place.filter(|place| place.failures_in_a_row > 0).and_then(|place| place.last_error),
    }
}

fn table(listed: &[Listed<'_>]) -> String {
    if listed.is_empty() {
        return "no notifications: a [[notify]] of ephor.toml makes one (docs/notifications.md)".to_owned();
    }
    let heading = ["NAME", "WAY", "FROM", "WAITING", "NEXT", "TOLD", "LAST", "LAST ERROR"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(listed.iter().map(|one| {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        vec![
            one.name.to_owned(),
            one.kind.to_owned(),
            one.severity.clone(),
            one.waiting.to_string(),
            text(&one.next_at),
            one.findings.to_string(),
            text(&one.last_sent_at),
            text(&one.last_error),
        ]
    }));
    output::columns(&rows)
}
