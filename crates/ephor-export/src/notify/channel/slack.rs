//! A message as Slack's incoming webhooks take it: a text for notifications, and blocks.
//! Promises Slack's limits: fifty blocks, 150 characters of a header, 3,000 of a section.
//! Never lets a name become markup or a mention: `&`, `<` and `>` are written as Slack asks.

use ephor_detect::Severity;
use serde_json::{Value, json};

use super::cut;
use crate::notify::message::{Message, Told};

const HEADER_CHARACTERS: usize = 150;
const SECTION_CHARACTERS: usize = 3_000;

pub(super) fn body(message: &Message) -> Value {
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": cut(&message.summary, HEADER_CHARACTERS) },
    })];
    blocks.extend(message.findings.iter().map(section));
    let mut last = Vec::new();
    if message.untold() > 0 {
        last.push(format!("And {} more.", message.untold()));
    }
    last.extend(message.console.iter().map(|console| format!("<{}|All findings>", escaped(console))));
    last.push(format!("Ephor, {} `{}`", escaped(&message.notification), message.id));
    blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": last.join("  ") }] }));
    json!({ "text": escaped(&message.summary), "blocks": blocks })
}

fn section(one: &Told) -> Value {
    let title = match &one.link {
        Some(link) => format!("<{}|{}>", escaped(link), escaped(&one.title)),
        None => escaped(&one.title),
    };
    let mut lines = vec![format!("{} *{title}* ({})", mark(one.severity), one.severity)];
    if let Some(detail) = &one.detail {
        lines.push(escaped(&detail.explanation));
        lines.push(format!("_Next step:_ {}", escaped(&detail.next_step)));
    }
    lines.push(format!("`{}`, {} activities, {} to {}", escaped(&one.rule), one.count, one.first_seen, one.last_seen));
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": cut(&lines.join("\n"), SECTION_CHARACTERS) } })
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => ":red_circle:",
        Severity::Medium => ":large_orange_circle:",
        Severity::Low | Severity::Informational => ":white_circle:",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
