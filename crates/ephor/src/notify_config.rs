//! `[[notify]]` and `[mail]` of ephor.toml: what is told to whom, and the mail server.
//! Promises that two notifications never share a name, which is where what was told is kept.
//! Never reads a secret before a message is sent.

use std::path::Path;

use ephor_export::{MailSettings, NotifyContext, NotifySettings};
use ephor_lake::control::Control;

use crate::config::Config;
use crate::export_config::sink_secret;
use crate::failure::Failure;
use crate::node::now_micros;

/// What is wrong with the notifications, if anything is.
pub(crate) fn check(notifications: &[NotifySettings], mail: Option<&MailSettings>) -> Result<(), Failure> {
    let wrong = |words: String| Failure::usage(words).hint("docs/notifications.md lists every key");
    if let Some(mail) = mail {
        mail.check().map_err(wrong)?;
    }
    for (index, one) in notifications.iter().enumerate() {
        if notifications[..index].iter().any(|other| other.name == one.name) {
            return Err(wrong(format!("two notifications are called `{}`", one.name)));
        }
        one.check(mail).map_err(|why| wrong(format!("notification `{}`: {why}", one.name)))?;
    }
    Ok(())
}

/// What notifications work on.
pub(crate) fn context(control: Control, config: &Config, dir: &Path) -> NotifyContext {
    NotifyContext {
        control,
        data_dir: dir.to_owned(),
        clock: now_micros,
        secrets: sink_secret,
        mail: config.mail.clone(),
        console: config.console.url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
    }
}

/// Those of these names; all of them where none is named.
pub(crate) fn named<'a>(
    names: &[String],
    notifications: &'a [NotifySettings],
) -> Result<Vec<&'a NotifySettings>, Failure> {
    if names.is_empty() {
        return Ok(notifications.iter().collect());
    }
    let find = |name: &String| {
        notifications.iter().find(|one| one.name == *name).ok_or_else(|| {
            let known: Vec<&str> = notifications.iter().map(|one| one.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Failure::usage(format!("there is no notification `{name}`; ephor.toml names {known}"))
        })
    };
    names.iter().map(find).collect()
}
