//! The line that is never crossed: which field names can carry content, and how they lose it.
//! The names are data (`data/content_fields.json`); a field that is empty carries nothing.
//! Never keeps what it takes out.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest folded name the list can hold: a key is folded on the stack, and the longest today has 18 letters.
const FOLDED_BYTES: usize = 32;

#[derive(Deserialize)]
struct ContentFile {
    fields: Vec<String>,
    telemetry_fields: Vec<String>,
    change_values: Vec<String>,
}

const LETTERS: usize = 26;

/// Listed names, so laid out that a key which is none of them is told apart quickly.
struct Names {
    /// Whether a listed name ends in these two letters. Most keys of the feed end in `id`, which none does, and need no
    /// second look.
    endings: [bool; LETTERS * LETTERS],
    /// The listed names by length, each beside its folded spelling.
    by_length: Vec<Vec<(Box<[u8]>, String)>>,
}

struct ContentNames {
    anywhere: Names,
    /// Those of `anywhere` and what is content in telemetry only.
    in_telemetry: Names,
    change_values: Vec<String>,
}

static CONTENT_NAMES: LazyLock<ContentNames> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    let file: ContentFile =
        serde_json::from_str(include_str!("../data/content_fields.json")).expect("data/content_fields.json is valid");
    ContentNames {
        anywhere: Names::of(file.fields.clone()),
        in_telemetry: Names::of(file.fields.into_iter().chain(file.telemetry_fields)),
        change_values: file.change_values,
    }
});

impl Names {
    fn of(names: impl IntoIterator<Item = String>) -> Self {
        let mut by_length = vec![Vec::new(); FOLDED_BYTES + 1];
        let mut endings = [false; LETTERS * LETTERS];
        for name in names {
            let mut buffer = [0; FOLDED_BYTES];
            let folded: Box<[u8]> = fold(&name, &mut buffer).unwrap_or_default().into();
            if let Some(ending) = ending(&folded) {
                endings[ending] = true;
            }
            by_length[folded.len()].push((folded, name));
        }
        Self { endings, by_length }
    }

    /// The listed name that a key is a spelling of.
    fn find(&self, key: &str) -> Option<&str> {
        if ending(key.as_bytes()).is_some_and(|ending| !self.endings[ending]) {
            return None;
        }
        let mut buffer = [0; FOLDED_BYTES];
        let folded = fold(key, &mut buffer)?;
        self.by_length[folded.len()].iter().find(|(name, _)| **name == *folded).map(|(_, name)| name.as_str())
    }
}

/// Whether a field of this name can carry content.
///
/// Case, `_` and `-` do not count, and of a dotted name only the last part: `toolInput`, `Tool-Input` and
/// `gen_ai.tool_input` are one field, whoever spells it.
#[must_use]
pub fn is_content_field(name: &str) -> bool {
    content_field(name).is_some()
}

/// The listed name that a key is a spelling of.
fn content_field(key: &str) -> Option<&'static str> {
    CONTENT_NAMES.anywhere.find(key)
}

/// A number for the two letters that a name ends in; nothing if they are not letters.
fn ending(name: &[u8]) -> Option<usize> {
    let letter = |byte: u8| byte.is_ascii_alphabetic().then(|| usize::from(byte.to_ascii_lowercase() - b'a'));
    match *name {
        [.., before, last] => Some(letter(before)? * LETTERS + letter(last)?),
        _ => None,
    }
}

/// The last part of a dotted key without case, `_` and `-`; nothing if it is longer than any listed name can be.
fn fold<'b>(key: &str, buffer: &'b mut [u8; FOLDED_BYTES]) -> Option<&'b [u8]> {
    let mut length = 0;
    for byte in key.bytes() {
        match byte {
            b'.' => length = 0,
            b'_' | b'-' => {}
            _ => {
                if let Some(place) = buffer.get_mut(length) {
                    *place = byte.to_ascii_lowercase();
                }
                length += 1;
            }
        }
    }
    buffer.get(..length)
}

/// Whether a key holds the value before or after a change: `{type, previous_value, current_value}`, where `type` names
/// what changed (compliance_api.md §5.4). If that is a content field, its values are content.
pub(crate) fn is_change_value(key: &str) -> bool {
    key.ends_with("_value") && CONTENT_NAMES.change_values.iter().any(|name| name == key)
}

/// Empties every content field at any depth and returns the listed names of those that held something, sorted, each as
/// often as it was met. Text becomes `""`, as the vendor itself blanks it, so that a field that is never null stays so;
/// anything else becomes null.
///
/// ```
/// let mut row = serde_json::json!({ "id": "activity_1", "title": "Plan B", "nested": { "prompt": ["x"] } });
/// assert_eq!(ephor_wire::content::strip(&mut row), ["prompt", "title"]);
/// assert_eq!(row, serde_json::json!({ "id": "activity_1", "title": "", "nested": { "prompt": null } }));
/// ```
pub fn strip(value: &mut Value) -> Vec<String> {
    stripped_of(value, &CONTENT_NAMES.anywhere)
}

/// As [`strip`], with the names besides that are content in telemetry only: an error's text there quotes what a tool
/// was given, where an activity's `error` is a code.
///
/// ```
/// let mut row = serde_json::json!({ "error": "cannot read plan-b.txt", "error_type": "ENOENT" });
/// assert_eq!(ephor_wire::content::strip_telemetry(&mut row), ["error"]);
/// assert_eq!(row, serde_json::json!({ "error": "", "error_type": "ENOENT" }));
/// ```
pub fn strip_telemetry(value: &mut Value) -> Vec<String> {
    stripped_of(value, &CONTENT_NAMES.in_telemetry)
}

/// Whether a field of this name can carry content in telemetry.
#[must_use]
pub fn is_telemetry_content(name: &str) -> bool {
    CONTENT_NAMES.in_telemetry.find(name).is_some()
}

fn stripped_of(value: &mut Value, names: &'static Names) -> Vec<String> {
    let mut stripped = Vec::new();
    strip_into(value, names, &mut stripped);
    stripped.sort_unstable();
    stripped
}

fn strip_into(value: &mut Value, names: &'static Names, stripped: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let changed = changed_content(fields, names);
            for (key, field) in fields.iter_mut() {
                match names.find(key).or(changed.filter(|_| is_change_value(key))) {
                    Some(name) => blank(field, name, stripped),
                    None => strip_into(field, names, stripped),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strip_into(item, names, stripped)),
        _ => {}
    }
}

/// The content field that an object tells a change of, if it does.
fn changed_content(fields: &Map<String, Value>, names: &'static Names) -> Option<&'static str> {
    names.find(fields.get("type")?.as_str()?)
}

fn blank(field: &mut Value, name: &str, stripped: &mut Vec<String>) {
    if !is_empty(field) {
        stripped.push(name.to_owned());
        *field = if field.is_string() { Value::String(String::new()) } else { Value::Null };
    }
}

/// Whether there is nothing in a value: null, `""`, `[]` and `{}` carry nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    use crate::arbitrary;

    #[test]
    fn every_listed_name_is_found_in_every_spelling() {
        let listed: Vec<&String> = CONTENT_NAMES.anywhere.by_length.iter().flatten().map(|(_, name)| name).collect();
        assert!(listed.len() > 40, "{listed:?}");
        assert_eq!(content_field("file_name"), Some("filename"));
        for name in listed {
            assert_eq!(content_field(name), Some(name.as_str()));
            for spelling in
                [name.to_uppercase(), name.replace('_', ""), name.replace('_', "-"), format!("gen_ai.{name}")]
            {
                assert_eq!(content_field(&spelling), Some(name.as_str()), "{spelling}");
            }
        }
    }

    #[test]
    fn names_that_only_look_like_content_are_metadata() {
        let metadata = [
            "",
            "_",
            ".",
            "type",
            "action",
            "status",
            "name",
            "description",
            "url",
            "user_agent",
            "conversation_id",
            "claude_chat_id",
            "prompt_length",
            "prompt.id",
            "prompt_verdict_timeout_ms",
            "new_otlp_content_capture",
            "baa_content_hash",
            "output_tokens",
            "input_tokens",
            "artifact_type",
            "textual_contents_of_a_very_long_and_unlisted_field_name",
        ];
        for name in metadata {
            assert!(!is_content_field(name), "{name}");
        }
    }

    #[test]
    fn what_is_content_in_telemetry_only_stays_metadata_in_an_activity() {
        for name in ["error", "full_command", "workspace.host_paths", "process.command_line"] {
            assert!(is_telemetry_content(name) && !is_content_field(name), "{name}");
        }
        assert!(is_telemetry_content("prompt") && !is_telemetry_content("error_type"));
        assert!(!is_telemetry_content("prompt_length") && !is_telemetry_content("command_name"));
    }

    #[test]
    fn empty_content_fields_are_left_as_they_are_and_not_counted() {
        let mut row = json!({ "title": "", "filename": null, "messages": [], "content": {}, "n": [1, "title"] });
        let before = row.clone();
        assert!(strip(&mut row).is_empty());
        assert_eq!(row, before);
    }

    #[test]
    fn content_is_found_below_arrays_and_each_find_is_counted() {
        let mut row = json!([{ "a": [{ "Prompt": 7 }] }, { "b": { "prompt": { "text": "x" } } }, { "output": true }]);
        assert_eq!(strip(&mut row), ["output", "prompt", "prompt"]);
        assert_eq!(row, json!([{ "a": [{ "Prompt": null }] }, { "b": { "prompt": null } }, { "output": null }]));
    }

    #[test]
    fn a_change_of_a_content_field_loses_its_values_and_keeps_that_it_happened() {
        let mut row = json!({ "updates": [
            { "type": "conversation_preferences", "previous_value": "be kind", "current_value": "be brief" },
            { "type": "status", "previous_value": "active", "current_value": "inactive" },
        ]});
        assert_eq!(strip(&mut row), ["conversation_preferences", "conversation_preferences"]);
        assert_eq!(
            row,
            json!({ "updates": [
                { "type": "conversation_preferences", "previous_value": "", "current_value": "" },
                { "type": "status", "previous_value": "active", "current_value": "inactive" },
            ]})
        );
    }

    proptest! {
        #[test]
        fn what_was_stripped_once_has_nothing_left_to_strip(mut value in arbitrary::json()) {
            strip(&mut value);
            let once = value.clone();
            prop_assert!(strip(&mut value).is_empty());
            prop_assert_eq!(value, once);
        }
    }
}
