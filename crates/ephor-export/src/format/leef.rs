//! QRadar's Log Event Extended Format 2.0: a header between pipes and attributes between tabs.
//! Promises that no value holds what ends an attribute or a line: the format has no escape, so such characters become spaces.
//! Never an attribute twice; names and lengths come from `data/leef.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use super::Stored;
use super::cef::{PRODUCT_VERSION, cut, put, without_ends};
use super::table::{Part, part};
use crate::meaning::Facts;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    vendor: String,
    attribute: Vec<Attribute>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attribute {
    name: String,
    part: Part,
    limit: Option<usize>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    toml::from_str(include_str!("../../data/leef.toml")).expect("data/leef.toml is valid")
});

/// Characters of an event id at the most.
const EVENT_ID_CHARACTERS: usize = 255;

/// The delimiter as the header names it: many readers expect the field, so it is said although a tab is the usual one.
const DELIMITER_NAME: &str = "x09";
const DELIMITER: u8 = b'\t';

/// Writes the line of one activity.
pub(super) fn encode(facts: &Facts<'_>, stored: &Stored<'_>, out: &mut Vec<u8>) {
    let vendor = if stored.is_own() { "Ephor" } else { TABLE.vendor.as_str() };
    out.extend_from_slice(b"LEEF:2.0");
    header([vendor, stored.product_name(), PRODUCT_VERSION, facts.kind], out);
    let start = out.len();
    for attribute in &TABLE.attribute {
        let Some(value) = part(facts, stored, attribute.part) else { continue };
        self::attribute(&attribute.name, cut(&value, attribute.limit.unwrap_or(usize::MAX)), start, out);
    }
}

/// The header after the version: vendor, product, its version, the event, and the delimiter.
pub(super) fn header([vendor, product, version, event]: [&str; 4], out: &mut Vec<u8>) {
    for field in [vendor, product, version, cut(event, EVENT_ID_CHARACTERS), DELIMITER_NAME] {
        out.push(b'|');
        plain(field, |character| character == '|', out);
    }
    out.push(b'|');
}

/// An attribute behind those that stand since `start`; none where nothing of the value is left.
pub(super) fn attribute(name: &str, value: &str, start: usize, out: &mut Vec<u8>) {
    let value = without_ends(value);
    if value.is_empty() {
        return;
    }
    if out.len() > start {
        out.push(DELIMITER);
    }
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    plain(value, |_| false, out);
}

/// Text without what would end an attribute, a field or a line.
fn plain(text: &str, ends: impl Fn(char) -> bool, out: &mut Vec<u8>) {
    for character in text.chars() {
        put(if ends(character) { ' ' } else { character }, out);
    }
}
