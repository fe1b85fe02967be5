//! Whether a framework says what it must: everything that a schema cannot check.
//! Promises to name every mistake of a file at once, each with its place.
//! Never changes what it checks.

use std::collections::{BTreeMap, BTreeSet};

use super::{Content, Control, Evidence, Framework, Grade, Source};
use crate::statement;

/// Mistakes of a framework, as lines for whoever wrote it.
pub(super) fn mistakes(framework: &Framework, shared: &BTreeMap<String, Evidence>) -> Vec<String> {
    let mut found = Vec::new();
    if !is_name(&framework.id) {
        found.push(format!("id: `{}` is not lower case letters, digits and hyphens", framework.id));
    }
    for evidence in &framework.evidence {
        if shared.contains_key(&evidence.id) {
            found.push(format!("evidence: `{}` is defined in evidence.yaml already; give it another id", evidence.id));
        }
    }
    found.extend(mistakes_of_evidence(&framework.evidence));
    let mut known = shared.clone();
    known.extend(framework.evidence.iter().map(|evidence| (evidence.id.clone(), evidence.clone())));
    let mut seen = BTreeSet::new();
    for control in &framework.controls {
        if !seen.insert(control.folder()) {
            found.push(format!("controls: `{}` stands twice, or its folder would", control.id));
        }
        found.extend(mistakes_of(control, &known));
    }
    if framework.controls.is_empty() {
        found.push("controls: there is none".to_owned());
    }
    for source in Source::ALL {
        let best = framework.controls.iter().map(|control| control.grades.of(source).grade).max().unwrap_or_default();
        let total = framework.grades.of(source).grade;
        if total != best {
            found.push(format!(
                "grades.{}: {} is not the best of the controls, which is {}",
                source.as_str(),
                total.as_str(),
                best.as_str()
            ));
        }
    }
    found
}

/// Mistakes of a list of evidence.
pub(super) fn mistakes_of_evidence(list: &[Evidence]) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for evidence in list {
        let mut wrong = |what: String| found.push(format!("evidence: `{}`: {what}", evidence.id));
        if !is_name(&evidence.id) {
            wrong("an id is lower case letters, digits and hyphens".to_owned());
        }
        if !seen.insert(&evidence.id) {
            wrong("it stands twice".to_owned());
        }
        match &evidence.content {
            Content::Activities(chosen) if chosen.types.is_empty() && chosen.categories.is_empty() => {
                wrong("it chooses nothing: name `types` or `categories`".to_owned());
            }
            Content::Activities(_) if evidence.source == Source::Analytics => {
                wrong("activities come from `compliance`".to_owned());
            }
            Content::Activities(_) => {}
            Content::Table(question) => {
                if let Err(what) = statement::check(&question.sql) {
                    wrong(what);
                }
            }
        }
    }
    found
}

fn mistakes_of(control: &Control, known: &BTreeMap<String, Evidence>) -> Vec<String> {
    let mut found = Vec::new();
    let mut wrong = |what: String| found.push(format!("control {}: {what}", control.id));
    if control.folder().is_empty() {
        wrong("its id has no letter and no digit".to_owned());
    }
    if control.tests.is_empty() {
        wrong("tests: it is not said how it is tested".to_owned());
    }
    let mut seen = BTreeSet::new();
    for id in control.all_evidence() {
        if !known.contains_key(id) {
            wrong(format!("there is no evidence `{id}`"));
        }
        if !seen.insert(id) {
            wrong(format!("`{id}` stands twice"));
        }
    }
    for source in Source::ALL {
        let rests = control.evidence.iter().any(|id| known.get(id).is_some_and(|evidence| evidence.source == source));
        let any = control.all_evidence().any(|id| known.get(id).is_some_and(|evidence| evidence.source == source));
        match control.grades.of(source).grade {
            Grade::None if any => wrong(format!("grades.{0}: none, and evidence from {0} is named", source.as_str())),
            Grade::Partial | Grade::Full if !rests => {
                wrong(format!("grades.{0}: it rests on no evidence from {0}", source.as_str()));
            }
            _ => {}
        }
        if control.grades.of(source).reason.trim().is_empty() {
            wrong(format!("grades.{}: the reason is missing", source.as_str()));
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
}
