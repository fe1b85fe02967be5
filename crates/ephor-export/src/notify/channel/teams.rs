//! A message as Teams takes it from an incoming webhook (Workflows): an Adaptive Card, version 1.4.
//! Promises at most 28 KB, which is all that Teams takes: what does not fit is counted.
//! Never lets a name become markup: Markdown's own signs are escaped.

use ephor_detect::Severity;
use serde_json::{Value, json};

use super::cut;
use crate::notify::message::{Message, Told};

/// Teams refuses more than 28 KB; the envelope has its share.
const CARD_BYTES: usize = 26_000;
const TEXT_CHARACTERS: usize = 1_500;

pub(super) fn body(message: &Message) -> Value {
    let mut elements = vec![
        json!({ "type": "TextBlock", "text": plain(&message.summary), "size": "Large", "weight": "Bolder", "wrap": true }),
    ];
    let (mut bytes, mut shown) = (0, 0);
    for one in &message.findings {
        let container = container(one);
        bytes += container.to_string().len();
        if bytes > CARD_BYTES {
            break;
        }
        elements.push(container);
        shown += 1;
    }
    if message.count > shown {
        elements.push(text(&format!("And {} more.", message.count - shown)));
    }
    elements.push(json!({ "type": "TextBlock", "text": plain(&format!("{} {}", message.notification, message.id)), "isSubtle": true, "size": "Small", "wrap": true }));
    let actions: Vec<Value> = message
        .console
        .iter()
        .map(|url| json!({ "type": "Action.OpenUrl", "title": "All findings", "url": url }))
        .collect();
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": elements,
        "actions": actions,
    });
    json!({
        "type": "message",
        "attachments": [{ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card }],
    })
}

fn container(one: &Told) -> Value {
    let title = match &one.link {
        Some(link) => format!("[{}]({link})", plain(&one.title)),
        None => plain(&one.title),
    };
    let mut items = vec![json!({ "type": "TextBlock", "text": title, "weight": "Bolder", "wrap": true })];
    if let Some(detail) = &one.detail {
        items.push(text(&detail.explanation));
        items.push(text(&format!("Next step: {}", detail.next_step)));
    }
    let fact = |title: &str, value: String| json!({ "title": title, "value": value });
    items.push(json!({ "type": "FactSet", "facts": [
        fact("Severity", one.severity.to_string()),
        fact("Rule", plain(&one.rule)),
        fact("Activities", one.count.to_string()),
        fact("First seen", one.first_seen.clone()),
        fact("Last seen", one.last_seen.clone()),
    ] }));
    let style = match one.severity {
        Severity::Critical | Severity::High => "attention",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational => "default",
    };
    json!({ "type": "Container", "style": style, "items": items })
}

fn text(words: &str) -> Value {
    json!({ "type": "TextBlock", "text": plain(&cut(words, TEXT_CHARACTERS)), "wrap": true })
}

fn plain(words: &str) -> String {
    let mut out = String::with_capacity(words.len() + 8);
    for letter in words.chars() {
        if "\\*_[]`~".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
