//! One record as an RFC 5424 message: header, structured data with id, place and type, and the record as the text.
//! Promises a message of valid UTF-8 within the limit; a cut never falls into a character.
//! Never counts before it has cut.

use syslog_fmt::v5424::{Config, Formatter, Msg, Timestamp as SyslogTime};
use syslog_fmt::{Facility, Severity};

use ephor_wire::timestamp::Timestamp;

use super::SyslogSettings;
use crate::meaning::Level;
use crate::record::{Place, Record};

/// Whose structured data it is. There is no enterprise number of Ephor's own; this one is set aside for documentation
/// (RFC 5612), so it can be nobody else's.
const STRUCTURED_DATA_ID: &str = "ephor@32473";

/// Characters of MSGID at the most.
const MESSAGE_ID_CHARACTERS: usize = 32;

pub(super) struct Messages {
    formatter: Formatter,
    bom: bool,
    limit: usize,
}

impl Messages {
    pub(super) fn new(settings: &SyslogSettings, limit: usize) -> Result<Self, String> {
        let facility = Facility::try_from(settings.facility)
            .map_err(|_| format!("syslog.facility = {} is none of 0 to 11 and 16 to 23", settings.facility))?;
        let hostname = settings.hostname.clone().or_else(machine_name);
        let name = |what: &str, text: Option<&str>, longest: usize| match text {
            Some(text) if text.is_empty() || text.len() > longest || !text.chars().all(|c| c.is_ascii_graphic()) => {
                Err(format!("syslog.{what} = \"{text}\" is not 1 to {longest} printable ASCII characters"))
            }
            _ => Ok(()),
        };
        name("hostname", hostname.as_deref(), 255)?;
        name("app_name", Some(&settings.app_name), 48)?;
        let config =
            Config { facility, hostname: hostname.as_deref(), app_name: Some(&settings.app_name), proc_id: None };
        Ok(Self { formatter: config.into_formatter(), bom: settings.bom, limit })
    }

    pub(super) fn message(&self, record: &Record) -> Vec<u8> {
        let time = Timestamp::from_micros(record.at_micros);
        let place = record.place.number().to_string();
        let stream = match record.place {
            Place::Activity { .. } => "seq",
            Place::Finding { .. } => "revision",
            Place::Gap { .. } => "number",
        };
        let parameters = [("id", record.id.as_str()), (stream, place.as_str()), ("type", record.kind.as_str())];
        let text = String::from_utf8_lossy(&record.bytes);
        let message = if self.bom { Msg::Utf8Str(&text) } else { Msg::NonUnicodeBytes(text.as_bytes()) };
        let mut out = Vec::with_capacity(record.bytes.len() + 256);
        let written = self.formatter.write_with_data(
            &mut out,
            severity(record.level),
            SyslogTime::PreformattedStr(time.as_str()),
            message,
            Some(&message_id(&record.kind)),
            [(STRUCTURED_DATA_ID, parameters)],
        );
        // A vector takes every byte.
        debug_assert!(written.is_ok(), "{written:?}");
        cut(&mut out, self.limit);
        out
    }
}

/// Cuts to whole characters.
fn cut(message: &mut Vec<u8>, limit: usize) {
    if message.len() > limit {
        let mut end = limit;
        while end > 0 && message[end] & 0b1100_0000 == 0b1000_0000 {
            end -= 1;
        }
        message.truncate(end);
    }
}

/// MSGID takes 32 characters: the beginning of the type, whose whole name stands in the structured data.
fn message_id(kind: &str) -> String {
    let id: String = kind.chars().filter(char::is_ascii_graphic).take(MESSAGE_ID_CHARACTERS).collect();
    if id.is_empty() { "-".to_owned() } else { id }
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Informational => Severity::Info,
        Level::Low => Severity::Notice,
        Level::Medium => Severity::Warning,
        Level::High => Severity::Err,
        Level::Critical => Severity::Crit,
    }
}

fn machine_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn settings() -> SyslogSettings {
        toml::from_str("address = \"127.0.0.1:6514\"\nhostname = \"here\"").unwrap()
    }

    fn record(text: &str) -> Record {
        Record {
            place: Place::Activity { seq: 7 },
            id: "activity_\"1\"]".to_owned(),
            kind: "claude_project_document_bulk_deletion_audit_truncated".to_owned(),
            at_micros: 1_795_435_200_000_000,
            level: Level::High,
            organization: None,
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_message_says_when_what_and_which() {
        let messages = Messages::new(&settings(), 8_192).unwrap();
        let said = String::from_utf8(messages.message(&record("{\"a\":1}"))).unwrap();
        insta::assert_snapshot!(said, @r#"<83>1 2026-11-23T12:00:00.000000Z here ephor - claude_project_document_bulk_del [ephor@32473 id="activity_\"1\"\]" seq="7" type="claude_project_document_bulk_deletion_audit_truncated"] {"a":1}"#);
    }

    #[test]
    fn names_that_the_standard_forbids_are_refused() {
        let wrong = |change: fn(&mut SyslogSettings)| {
            let mut settings = settings();
            change(&mut settings);
            Messages::new(&settings, 8_192).err().unwrap()
        };
        insta::assert_snapshot!(wrong(|s| s.facility = 24), @"syslog.facility = 24 is none of 0 to 11 and 16 to 23");
        insta::assert_snapshot!(wrong(|s| s.app_name = "two words".to_owned()), @r#"syslog.app_name = "two words" is not 1 to 48 printable ASCII characters"#);
    }

    proptest! {
        #[test]
        fn a_message_is_whole_characters_within_the_limit(text in "\\PC{0,400}", limit in 480_usize..600) {
            let messages = Messages::new(&settings(), limit).unwrap();
            let message = messages.message(&record(&text));
            prop_assert!(message.len() <= limit);
            prop_assert!(std::str::from_utf8(&message).is_ok());
        }
    }
}
