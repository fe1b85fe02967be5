//! Names that a rule's condition or correlation refers to: which of them stand for nothing, and on which line they are.
//! Promises a message with the names that could have been meant.
//! Never guesses which one was.

use rsigma_parser::ConditionExpr;

use super::problem::Flaw;

/// Names that one message lists at the most: more than anybody reads.
const NAMES_TOLD: usize = 12;

/// The first name in a condition that stands for none of these.
pub(super) fn unknown_in(condition: &ConditionExpr, known: &[&str]) -> Option<String> {
    match condition {
        ConditionExpr::Identifier(name) => (!known.contains(&name.as_str())).then(|| name.clone()),
        ConditionExpr::And(parts) | ConditionExpr::Or(parts) => parts.iter().find_map(|part| unknown_in(part, known)),
        ConditionExpr::Not(part) => unknown_in(part, known),
        ConditionExpr::Selector { pattern, .. } => {
            (!known.iter().any(|name| pattern.matches_detection_name(name))).then(|| pattern.to_string())
        }
    }
}

/// The flaw of a document whose condition names something that is not there.
pub(super) fn flaw_in_condition(text: &str, unknown: &str, what: &str, known: &[&str]) -> Flaw {
    let line = line_of(text, "condition:", unknown).unwrap_or(1);
    Flaw::new(line, format!("the condition names `{unknown}`, but {what}{}", listed(known)))
}

/// Names in order, as the end of a sentence.
pub(super) fn listed(known: &[&str]) -> String {
    let mut known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    known.sort();
    known.dedup();
    let more = known.len().saturating_sub(NAMES_TOLD);
    known.truncate(NAMES_TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if known.is_empty() { "none".to_owned() } else { known.join(", ") + &more }
}

/// The line on which a word stands at or after the first line that begins with a key; that line where it does not.
pub(super) fn line_of(text: &str, key: &str, word: &str) -> Option<usize> {
    let begins = |line: &&str| line.trim_start().trim_start_matches("- ").starts_with(key);
    let first = text.lines().position(|line| begins(&line))?;
    let holds = |line: &str| {
        line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '*' | '.'))).any(|part| part == word)
    };
    let further = text.lines().skip(first).position(holds).unwrap_or(0);
    Some(first + further + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::rule::{RuleSet, RuleSource};

    fn told(text: &str) -> String {
        let files = [RuleSource { file: "own/mine.yml".to_owned(), text: text.to_owned() }];
        let (_, problems) = RuleSet::build(&files, None);
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    const HEAD: &str = "title: T\nlogsource: {product: anthropic}\nephor: {use_case: shadow-ai}\ndetection:\n  made: {type: t}\n  approved: {type: u}\n";

    #[test]
    fn a_condition_that_names_nothing_is_told_with_its_line_and_what_there_is() {
        assert_eq!(
            told(&format!("{HEAD}  condition: made and not aproved\n")),
            "own/mine.yml:7: the condition names `aproved`, but the detection has `approved`, `made`"
        );
        assert_eq!(
            told(&format!("{HEAD}  condition:\n    - made\n    - 1 of filter_*\n")),
            "own/mine.yml:9: the condition names `filter_*`, but the detection has `approved`, `made`"
        );
        assert_eq!(told(&format!("{HEAD}  condition: made and not 1 of app*\n")), "");
    }

    #[test]
    fn a_reference_to_no_rule_is_told_with_its_line_and_the_rules_of_the_file() {
        let base = format!("{HEAD}  condition: made\n").replace("title: T", "title: T\nname: base");
        let correlation = |rules: &str, condition: &str| {
            format!(
                "{base}---\ntitle: C\nname: many\ncorrelation:\n  type: temporal\n  rules:\n{rules}  group-by: [actor.id]\n  timespan: 1h\n{condition}ephor: {{use_case: shadow-ai}}\n"
            )
        };
        assert_eq!(
            told(&correlation("    - base\n    - bse\n", "")),
            "own/mine.yml:16: there is no rule `bse`; this file has `base`, `many`, and `ephor rules list` shows the others"
        );
        assert_eq!(
            told(&correlation("    - base\n    - base\n", "  condition: base and other\n")),
            "own/mine.yml:19: the condition names `other`, but the correlation refers to `base`"
        );
        let without =
            base.replace("{use_case: shadow-ai}", "\n  use_case: shadow-ai\n  without: {rule: gone, within: 1h}");
        assert_eq!(
            told(&without),
            "own/mine.yml:6: there is no rule `gone`; this file has `base`, and `ephor rules list` shows the others"
        );
    }
}
