//! One rule file into its documents: Sigma parsed by rsigma, the block `ephor:` beside it, both checked.
//! Promises that a problem has the line where it is, and that a file is taken whole or not at all.
//! Never links one rule to another: that is the set's work.

use std::collections::HashMap;

use rsigma_parser::{
    CorrelationCondition, CorrelationRule, FilterRule, Level, LogSource, SigmaCollection, SigmaRule, Status,
    WindowMode, parse_sigma_yaml,
};
use serde::Deserialize;

use super::block::{Block, Turn};
use super::names;
use super::problem::Flaw;
use super::span::{DAY_MICROS, SECOND_MICROS};
use super::{AsksAbout, Body, Correlation, Generate, Naming, Rule, RuleProblem, Template, Voice};
use crate::limits::{DOCUMENTS_IN_A_FILE, RULE_FILE_BYTES};
use crate::severity::Severity;
use crate::use_case::UseCase;

/// What a file holds.
#[derive(Debug, Clone, Default)]
pub(super) struct FileOfRules {
    pub(super) rules: Vec<Rule>,
    pub(super) filters: Vec<FilterRule>,
}

/// The feed that rules are for.
const PRODUCT: &str = "anthropic";
const ACTIVITIES: &str = "compliance";
/// What is there now.
const DIRECTORY: &str = "directory";

/// Reads one file. `stem` is its name without folder and extension.
pub(super) fn read(file: &str, text: &str) -> Result<FileOfRules, RuleProblem> {
    let problem = |first_line: usize, flaw: Flaw| RuleProblem {
        file: file.to_owned(),
        line: first_line + flaw.line.max(1) - 1,
        what: flaw.what,
    };
    if text.len() > RULE_FILE_BYTES {
        let what = format!("a rule file has at most {} kB", RULE_FILE_BYTES / 1000);
        return Err(problem(1, Flaw::new(1, what)));
    }
    let documents = documents(text);
    if documents.len() > DOCUMENTS_IN_A_FILE {
        let what = format!("a rule file has at most {DOCUMENTS_IN_A_FILE} documents");
        return Err(problem(1, Flaw::new(1, what)));
    }
    let mut found = FileOfRules::default();
    for (first_line, document) in &documents {
        let place = Place { file, line: *first_line, alone: documents.len() == 1 };
        read_document(&place, document, &mut found).map_err(|flaw| problem(*first_line, flaw))?;
    }
    if found.rules.is_empty() && found.filters.is_empty() {
        return Err(problem(1, Flaw::new(1, "there is no rule in this file")));
    }
    quiet_what_only_feeds(&mut found.rules);
    Ok(found)
}

struct Place<'f> {
    file: &'f str,
    line: usize,
    /// Whether the document is the only one of its file.
    alone: bool,
}

/// The documents of a file with the line on which each begins.
fn documents(text: &str) -> Vec<(usize, String)> {
    let mut documents = vec![(1, String::new())];
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_end() == "---" {
            documents.push((number + 1, String::new()));
        } else if let Some((_, document)) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let says_something =
        |document: &str| document.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    documents.retain(|(_, document)| says_something(document));
    documents
}

/// What rsigma does not look at.
#[derive(Deserialize)]
struct OurPart {
    ephor: Option<Block>,
}

fn read_document(place: &Place<'_>, text: &str, found: &mut FileOfRules) -> Result<(), Flaw> {
    let ours: OurPart = yaml_serde::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        Flaw::new(line, plain(&error.to_string()))
    })?;
    let SigmaCollection { mut rules, mut correlations, mut filters, errors, .. } =
        parse_sigma_yaml(text).map_err(|error| Flaw::new(1, error.to_string()))?;
    if let Some(error) = errors.into_iter().next() {
        return Err(Flaw::new(line_within(&error, text), error));
    }
    match (rules.pop(), correlations.pop(), filters.pop()) {
        (Some(rule), None, None) => found.rules.push(detection(place, text, rule, ours.ephor)?),
        (None, Some(rule), None) => found.rules.push(correlation(place, text, rule, ours.ephor)?),
        (None, None, Some(filter)) => found.filters.push(filter),
        _ => return Err(Flaw::new(1, "a document is one rule, one correlation or one filter")),
    }
    Ok(())
}

/// YAML's own words end with a place that is told already.
fn plain(error: &str) -> String {
    error.split(" at line ").next().unwrap_or(error).to_owned()
}

/// A condition's error tells its place within the condition; people look for the line.
fn line_within(error: &str, text: &str) -> usize {
    let key = ["condition", "level", "status", "logsource", "timespan", "timeframe", "correlation", "detection"]
        .into_iter()
        .find(|key| error.to_lowercase().contains(key))
        .unwrap_or("title");
    Flaw::at_key(text, &format!("{key}:"), "").line
}

fn detection(place: &Place<'_>, text: &str, sigma: SigmaRule, block: Option<Block>) -> Result<Rule, Flaw> {
    let asks_about = check_source(&sigma.logsource, text)?;
    let known: Vec<&str> = sigma.detection.named.keys().map(String::as_str).collect();
    if let Some(unknown) = sigma.detection.conditions.iter().find_map(|one| names::unknown_in(one, &known)) {
        return Err(names::flaw_in_condition(text, &unknown, "the detection has ", &known));
    }
    let common = Common {
        title: sigma.title.clone(),
        name: sigma.name.clone(),
        id: sigma.id.clone(),
        description: sigma.description.clone(),
        status: sigma.status.map(status),
        level: sigma.level,
        tags: sigma.tags.clone(),
        false_positives: sigma.falsepositives.clone(),
        group_by: Vec::new(),
    };
    let mut rule = rule(place, text, common, block, Body::Detection(Box::new(sigma)))?;
    rule.asks_about = asks_about;
    let by_actor = rule.subject.iter().any(|naming| naming.kind == Naming::ACTOR);
    match (asks_about, &rule.turn) {
        (AsksAbout::Activities, _) => Ok(rule),
        (AsksAbout::Directory, Turn::Each) if !by_actor => Ok(rule),
        (AsksAbout::Directory, Turn::Each) => Err(Flaw::at_key(
            text,
            "ephor:",
            "nobody acts in the directory: name the `subject`, such as `{api_key: id}`",
        )),
        (AsksAbout::Directory, _) => Err(Flaw::at_key(text, "ephor:", "no turn goes with `service: directory`")),
    }
}

fn check_source(source: &LogSource, text: &str) -> Result<AsksAbout, Flaw> {
    let wrong = |what: String| Err(Flaw::at_key(text, "logsource:", what));
    match source.product.as_deref() {
        Some(PRODUCT) => {}
        Some(other) => return wrong(format!("this rule is for `product: {other}`; Ephor reads `product: {PRODUCT}`")),
        None => return wrong(format!("the logsource names no product; write `product: {PRODUCT}`")),
    }
    match source.service.as_deref() {
        None | Some(ACTIVITIES) => Ok(AsksAbout::Activities),
        Some(DIRECTORY) => Ok(AsksAbout::Directory),
        Some(other) => wrong(format!("there is no `service: {other}` here; write `{ACTIVITIES}` or `{DIRECTORY}`")),
    }
}

fn correlation(place: &Place<'_>, text: &str, sigma: CorrelationRule, block: Option<Block>) -> Result<Rule, Flaw> {
    let wrong = |what: String| Err(Flaw::at_key(text, "correlation:", what));
    if sigma.window != WindowMode::Sliding {
        return wrong(format!("windows are sliding here, not {}", sigma.window.as_str()));
    }
    if sigma.rules.is_empty() {
        return wrong("a correlation names the rules whose hits it looks at".to_owned());
    }
    let Some(span_micros) =
        i64::try_from(sigma.timespan.seconds).ok().and_then(|seconds| seconds.checked_mul(SECOND_MICROS))
    else {
        return wrong("the timespan is longer than time".to_owned());
    };
    if let CorrelationCondition::Extended(condition) = &sigma.condition {
        let known: Vec<&str> = sigma.rules.iter().map(String::as_str).collect();
        if let Some(unknown) = names::unknown_in(condition, &known) {
            return Err(names::flaw_in_condition(text, &unknown, "the correlation refers to ", &known));
        }
    }
    let alias = |alias: &rsigma_parser::FieldAlias| (alias.alias.clone(), alias.mapping.clone());
    let body = Correlation {
        kind: sigma.correlation_type,
        rules: sigma.rules.clone(),
        group_by: sigma.group_by.clone(),
        aliases: sigma.aliases.iter().map(alias).collect::<HashMap<_, _>>(),
        span_micros,
        condition: sigma.condition.clone(),
    };
    let common = Common {
        title: sigma.title,
        name: sigma.name,
        id: sigma.id,
        description: sigma.description,
        status: sigma.status.map(status),
        level: sigma.level,
        tags: sigma.tags,
        false_positives: sigma.falsepositives,
        group_by: sigma.group_by,
    };
    let mut rule = rule(place, text, common, block, Body::Correlation(body))?;
    if !matches!(rule.turn, Turn::Each) {
        return Err(Flaw::at_key(
            text,
            "ephor:",
            "a turn such as `first_seen` goes with a detection, not a correlation",
        ));
    }
    rule.generate = if sigma.generate { Generate::Too } else { Generate::Alone };
    Ok(rule)
}

/// What both kinds of rule say of themselves.
struct Common {
    title: String,
    name: Option<String>,
    id: Option<String>,
    description: Option<String>,
    status: Option<String>,
    level: Option<Level>,
    tags: Vec<String>,
    false_positives: Vec<String>,
    group_by: Vec<String>,
}

fn rule(place: &Place<'_>, text: &str, common: Common, block: Option<Block>, body: Body) -> Result<Rule, Flaw> {
    let stem = place.file.rsplit('/').next().unwrap_or(place.file).split('.').next().unwrap_or_default();
    let name = match (common.name, place.alone) {
        (Some(name), _) => name,
        (None, true) => stem.to_owned(),
        (None, false) => {
            return Err(Flaw::at_key(text, "title:", "of several rules in one file, each needs a `name`"));
        }
    };
    let description = common.description.unwrap_or_default();
    let template = |key: &str, given: Option<&str>, usual: &str| match given {
        Some(given) => Template::parse(given).map_err(|what| Flaw::at_key(text, key, what)),
        // A description is no template: its braces are words.
        None => Template::parse(&usual.replace(['{', '}'], "")).map_err(|what| Flaw::at_key(text, key, what)),
    };
    let said = block.as_ref();
    let explain = template("explain:", said.and_then(|b| b.explain.as_deref()), &description)?;
    let next_step = template("next_step:", said.and_then(|b| b.next_step.as_deref()), "Look at the activities.")?;
    let voice = if block.is_none() && !place.alone { Voice::Feeds } else { Voice::Finds };
    let turn = block.as_ref().map_or(Ok(Turn::Each), |block| turn(text, block))?;
    let (subject, entities, window_micros, each, use_case, controls) = match block {
        Some(block) => {
            let subject = if block.subject.0.is_empty() { usual_subject(&common.group_by) } else { block.subject.0 };
            (subject, block.entities.0, block.window.micros, block.each, block.use_case, block.controls)
        }
        // A rule from elsewhere runs as it is.
        None => {
            let subject = usual_subject(&common.group_by);
            (subject, Vec::new(), DAY_MICROS, None, UseCase::IncidentResponse, Vec::new())
        }
    };
    check_subject(text, &subject, &common.group_by)?;
    Ok(Rule {
        name,
        id: common.id,
        title: common.title,
        description,
        status: common.status.unwrap_or_else(|| "experimental".to_owned()),
        severity: common.level.map_or(Severity::Medium, severity),
        tags: common.tags,
        false_positives: common.false_positives,
        use_case,
        controls,
        subject,
        entities,
        window_micros,
        each,
        explain,
        next_step,
        voice,
        asks_about: AsksAbout::Activities,
        generate: Generate::Alone,
        body,
        turn,
        file: place.file.to_owned(),
        line: place.line,
    })
}

fn turn(text: &str, block: &Block) -> Result<Turn, Flaw> {
    let turns = [
        block.first_seen.clone().map(Turn::FirstSeen),
        block.without.clone().map(Turn::Without),
        block.baseline.clone().map(Turn::Baseline),
        block.off_hours.clone().map(Turn::OffHours),
        block.travel.clone().map(Turn::Travel),
    ];
    let mut turns = turns.into_iter().flatten();
    match (turns.next(), turns.next()) {
        (None, _) => Ok(Turn::Each),
        (Some(turn), None) => Ok(turn),
        (Some(_), Some(_)) => {
            Err(Flaw::at_key(text, "ephor:", "a rule has one turn: first_seen, without, baseline, off_hours or travel"))
        }
    }
}

/// Whoever acts, unless the correlation groups by something else.
fn usual_subject(group_by: &[String]) -> Vec<Naming> {
    let naming = |kind: &str, field: &str| Naming { kind: kind.to_owned(), fields: vec![field.to_owned()] };
    if group_by.is_empty() {
        return vec![naming(Naming::ACTOR, "actor.id")];
    }
    let named = |field: &String| match field.as_str() {
        "actor.id" => naming(Naming::ACTOR, field),
        other => naming(other.rsplit('.').next().unwrap_or(other).trim_end_matches("_id"), field),
    };
    group_by.iter().map(named).collect()
}

/// A correlation's findings are told apart by what it groups by, and by nothing else.
fn check_subject(text: &str, subject: &[Naming], group_by: &[String]) -> Result<(), Flaw> {
    if group_by.is_empty() {
        return Ok(());
    }
    for naming in subject {
        if let Some(field) = naming.fields.iter().find(|field| !group_by.contains(*field)) {
            let what = format!("`{field}` names the subject, so it has to stand in `group-by` too");
            return Err(Flaw::at_key(text, "subject:", what));
        }
    }
    match group_by.iter().find(|field| !subject.iter().any(|naming| naming.fields.contains(*field))) {
        Some(field) => {
            let what = format!("the correlation groups by `{field}`, so it has to be part of the subject too");
            Err(Flaw::at_key(text, "subject:", what))
        }
        None => Ok(()),
    }
}

/// As Sigma has it: what a correlation of the same file refers to only feeds it, unless it generates too.
fn quiet_what_only_feeds(rules: &mut [Rule]) {
    let fed: Vec<String> = rules
        .iter()
        .filter(|rule| rule.generate == Generate::Alone)
        .filter_map(|rule| match &rule.body {
            Body::Correlation(correlation) => Some(correlation.rules.clone()),
            Body::Detection(_) => None,
        })
        .flatten()
        .collect();
    for rule in rules {
        if fed.iter().any(|name| *name == rule.name || Some(name) == rule.id.as_ref()) {
            rule.voice = Voice::Feeds;
        }
    }
}

fn status(status: Status) -> String {
    let word = match status {
        Status::Stable => "stable",
        Status::Test => "test",
        Status::Experimental => "experimental",
        Status::Deprecated => "deprecated",
        Status::Unsupported => "unsupported",
    };
    word.to_owned()
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Informational => Severity::Informational,
        Level::Low => Severity::Low,
        Level::Medium => Severity::Medium,
        Level::High => Severity::High,
        Level::Critical => Severity::Critical,
    }
}
