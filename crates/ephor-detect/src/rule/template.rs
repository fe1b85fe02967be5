//! Sentences with gaps: `{user_id} made {count} keys within {span}`.
//! Promises that a gap which nothing fills reads `(unknown)`, and that a long list is cut with how many are left out.
//! Never runs code: a gap is a name.

use std::collections::HashMap;

/// Values named in one sentence before the rest is only counted.
const NAMED_VALUES: usize = 4;

/// Characters of one value in a sentence: ids and names are shorter, an address with parameters need not be read whole.
const VALUE_CHARACTERS: usize = 120;

/// A sentence with gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(String),
    Gap(String),
}

/// What fills the gaps: of each name its different values, in order.
pub(crate) type Words = HashMap<String, Vec<String>>;

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text.trim();
        while let Some((words, behind)) = rest.split_once('{') {
            let Some((name, behind)) = behind.split_once('}') else {
                return Err(format!("`{{{behind}` has no closing brace"));
            };
            if name.is_empty() || name.chars().any(char::is_whitespace) {
                return Err(format!("`{{{name}}}` does not name a field"));
            }
            parts.push(Part::Words(words.to_owned()));
            parts.push(Part::Gap(name.to_owned()));
            rest = behind;
        }
        parts.push(Part::Words(rest.to_owned()));
        Ok(Self { parts })
    }

    /// The names of its gaps.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Gap(name) => Some(name.as_str()),
            Part::Words(_) => None,
        })
    }

    pub(crate) fn fill(&self, words: &Words) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Words(words) => text.push_str(words),
                Part::Gap(name) => text.push_str(&list(words.get(name).map(Vec::as_slice).unwrap_or_default())),
            }
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn list(values: &[String]) -> String {
    let cut = |value: &String| match value.char_indices().nth(VALUE_CHARACTERS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.clone(),
    };
    let named: Vec<String> = values.iter().take(NAMED_VALUES).map(cut).collect();
    match (named.as_slice(), values.len().saturating_sub(NAMED_VALUES)) {
        ([], _) => "(unknown)".to_owned(),
        ([one], _) => one.clone(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (some, more) => format!("{} and {more} more", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn filled(template: &str, values: &[(&str, &[&str])]) -> String {
        let own = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let words = values.iter().map(|(name, values)| ((*name).to_owned(), own(values))).collect();
        Template::parse(template).unwrap().fill(&words)
    }

    #[test]
    fn gaps_are_filled_and_what_is_not_known_says_so() {
        let values: &[(&str, &[&str])] = &[("who", &["ada"]), ("keys", &["a", "b", "c", "d", "e", "f"])];
        assert_eq!(filled("{who} made\n  {keys}.", values), "ada made a, b, c, d and 2 more.");
        assert_eq!(filled("{who} made {what}", values), "ada made (unknown)");
        assert_eq!(filled("{keys}", &[("keys", &["a", "b"])]), "a and b");
        let long = "x".repeat(500);
        assert_eq!(filled("{who}", &[("who", &[&long])]).chars().count(), VALUE_CHARACTERS + 1);
    }

    #[test]
    fn what_is_no_sentence_is_refused() {
        for wrong in ["{", "{}", "{two words}", "a {name"] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
    }
}
