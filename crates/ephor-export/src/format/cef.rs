//! ArcSight's Common Event Format: one line of a header between pipes and an extension of `key=value`.
//! Promises a line that reads back to the same values, whatever they hold; keys and lengths come from `data/cef.toml`.
//! Never a newline in the line, and never a key twice.

use std::sync::LazyLock;

use serde::Deserialize;

use super::table::{Part, part};
use super::{Stored, zero_to_ten};
use crate::meaning::Facts;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    vendor: String,
    key: Vec<Key>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    name: String,
    part: Part,
    /// The custom keys are told what they hold by a second key.
    label: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    only_if_fits: bool,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    toml::from_str(include_str!("../../data/cef.toml")).expect("data/cef.toml is valid")
});

/// Characters of a header field at the most, by the standard.
const CLASS_ID_CHARACTERS: usize = 1023;
const NAME_CHARACTERS: usize = 512;

/// The version of the product: of the API that the rows follow, not of this program.
pub(super) const PRODUCT_VERSION: &str = "1";

/// Writes the line of one activity.
pub(super) fn encode(facts: &Facts<'_>, stored: &Stored<'_>, out: &mut Vec<u8>) {
    let vendor = if stored.is_own() { "Ephor" } else { TABLE.vendor.as_str() };
    out.extend_from_slice(b"CEF:0");
    let severity = zero_to_ten(facts.level).to_string();
    let header = [
        vendor,
        stored.product_name(),
        PRODUCT_VERSION,
        cut(facts.kind, CLASS_ID_CHARACTERS),
        cut(&facts.meaning.summary, NAME_CHARACTERS),
        &severity,
    ];
    for field in header {
        out.push(b'|');
        escape_header(field, out);
    }
    out.push(b'|');
    let start = out.len();
    for key in &TABLE.key {
        let Some(value) = part(facts, stored, key.part) else { continue };
        let limit = key.limit.unwrap_or(usize::MAX);
        if key.only_if_fits && value.chars().count() > limit {
            continue;
        }
        let value = without_ends(cut(&value, limit));
        if value.is_empty() {
            continue;
        }
        if let Some(label) = &key.label {
            pair(&format!("{}Label", key.name), label, start, out);
        }
        pair(&key.name, value, start, out);
    }
}

/// A pair behind those that stand since `start`; none where nothing of the value is left.
pub(super) fn pair(key: &str, value: &str, start: usize, out: &mut Vec<u8>) {
    let value = without_ends(value);
    if value.is_empty() {
        return;
    }
    if out.len() > start {
        out.push(b' ');
    }
    out.extend_from_slice(key.as_bytes());
    out.push(b'=');
    for character in value.chars() {
        match character {
            '\\' => out.extend_from_slice(br"\\"),
            '=' => out.extend_from_slice(br"\="),
            '\n' => out.extend_from_slice(br"\n"),
            '\r' => out.extend_from_slice(br"\r"),
            other => put(other, out),
        }
    }
}

/// A value without blanks at its ends, which readers drop, and without what would become one there.
pub(super) fn without_ends(value: &str) -> &str {
    value.trim_matches(|character: char| character.is_whitespace() || character.is_control())
}

/// A header field: pipes and backslashes escaped, equals signs not, and no line breaks at all.
pub(super) fn escape_header(field: &str, out: &mut Vec<u8>) {
    for character in field.chars() {
        match character {
            '\\' => out.extend_from_slice(br"\\"),
            '|' => out.extend_from_slice(br"\|"),
            '\n' | '\r' => out.push(b' '),
            other => put(other, out),
        }
    }
}

/// A character as it is. A control character is a space: collectors that are written in C end a line at the first NUL.
pub(super) fn put(character: char, out: &mut Vec<u8>) {
    let shown = if character.is_control() { ' ' } else { character };
    out.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The first characters of a text.
pub(super) fn cut(text: &str, characters: usize) -> &str {
    // Most texts are shorter in bytes than the limit is in characters.
    if text.len() <= characters {
        return text;
    }
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}
