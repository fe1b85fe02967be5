//! All rules in force: files read, linked by name, compiled.
//! Promises that a broken file leaves its old version in force, and that a user's rule replaces a shipped one of its name.
//! Never runs a rule.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use rsigma_eval::{CompiledRule, Engine};
use rsigma_parser::SigmaRule;

use super::read::{self, FileOfRules};
use super::{Body, Rule, RuleProblem, Turn, embedded, listed, names};
use crate::error::DetectError;
use crate::geo::Geo;
use crate::series::{self, Program, Series};

/// One rule file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSource {
    /// Its path, for people.
    pub file: String,
    /// What it says.
    pub text: String,
}

/// Where rules come from: the shipped ones, and a folder of the user's.
#[derive(Debug, Clone, Default)]
pub struct RuleSources {
    /// The user's folder, if there is one.
    pub folder: Option<PathBuf>,
}

impl RuleSources {
    /// Every rule file: the shipped ones first, then the user's, each by path.
    pub fn files(&self) -> Result<Vec<RuleSource>, DetectError> {
        let shipped = embedded::files().into_iter().filter(|(file, _)| file.ends_with(".yml"));
        let mut files: Vec<RuleSource> =
            shipped.map(|(file, text)| RuleSource { file, text: text.to_owned() }).collect();
        if let Some(folder) = &self.folder {
            for path in files_below(folder, ".yml")? {
                let text = read_file(&path)?;
                files.push(RuleSource { file: path.display().to_string(), text });
            }
        }
        Ok(files)
    }

    /// The test events of every rule, likewise.
    pub fn test_files(&self) -> Result<Vec<RuleSource>, DetectError> {
        let shipped = embedded::files().into_iter().filter(|(file, _)| file.ends_with(".tests.yaml"));
        let mut files: Vec<RuleSource> =
            shipped.map(|(file, text)| RuleSource { file, text: text.to_owned() }).collect();
        if let Some(folder) = &self.folder {
            for path in files_below(folder, ".tests.yaml")? {
                let text = read_file(&path)?;
                files.push(RuleSource { file: path.display().to_string(), text });
            }
        }
        Ok(files)
    }
}

fn read_file(path: &Path) -> Result<String, DetectError> {
    std::fs::read_to_string(path).map_err(|source| DetectError::RuleFile { path: path.to_owned(), source })
}

/// Files with this ending in a folder and those below it, by path.
fn files_below(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, DetectError> {
    let failed = |source| DetectError::RuleFile { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            files.extend(files_below(&path, ending)?);
        } else if path.to_string_lossy().ends_with(ending) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The rules in force.
#[derive(Debug, Default)]
pub(crate) struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    /// Of each rule that is a detection: what runs, and what it was made from.
    pub(crate) detections: HashMap<usize, Detecting>,
    /// What is kept and judged, one for each rule that finds something.
    pub(crate) series: Vec<Series>,
    /// Files in their last version that could be used.
    good: BTreeMap<String, FileOfRules>,
    /// What each file says.
    texts: BTreeMap<String, String>,
}

/// A detection, compiled.
#[derive(Debug)]
pub(crate) struct Detecting {
    pub(crate) compiled: CompiledRule,
    /// With its lists as questions.
    pub(crate) sigma: SigmaRule,
}

impl RuleSet {
    /// The rules of some files. What cannot be used is told; a file that could be used before stays as it was then.
    pub(crate) fn build(files: &[RuleSource], before: Option<&Self>) -> (Self, Vec<RuleProblem>) {
        let mut problems: Vec<RuleProblem> = Vec::new();
        let mut held: BTreeSet<String> = BTreeSet::new();
        loop {
            let (set, found) = Self::attempt(files, before, &held);
            let had_before = |file: &String| before.is_some_and(|before| before.good.contains_key(file));
            let broken: Vec<String> =
                found.iter().map(|p| p.file.clone()).filter(|f| !held.contains(f) && had_before(f)).collect();
            problems.extend(found.into_iter().filter(|problem| !held.contains(&problem.file)));
            problems.dedup();
            if broken.is_empty() {
                return (set, problems);
            }
            held.extend(broken);
        }
    }

    /// One attempt, with the old versions of the files that are held.
    fn attempt(files: &[RuleSource], before: Option<&Self>, held: &BTreeSet<String>) -> (Self, Vec<RuleProblem>) {
        let mut problems = Vec::new();
        let mut set = Self::default();
        let mut in_order = Vec::new();
        for RuleSource { file, text } in files {
            let old = || before.and_then(|before| before.good.get(file).cloned());
            let read =
                if held.contains(file) { old() } else { read::read(file, text).map_err(|p| problems.push(p)).ok() };
            if let Some(read) = read {
                set.good.insert(file.clone(), read);
                in_order.push(file.clone());
            }
        }
        set.texts = files.iter().map(|source| (source.file.clone(), source.text.clone())).collect();
        set.take_rules(&in_order, &mut problems);
        set.compile(&mut problems);
        set.link(&mut problems);
        (set, problems)
    }

    /// What the files say, as it is.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.values().map(String::as_str)
    }

    /// Rules that find nothing for want of a database of places.
    pub(crate) fn asleep(&self, geo: &Geo) -> Vec<&str> {
        let asks = |series: &&Series| matches!(series.program, Program::Travel(_));
        let asking = self.series.iter().filter(asks).map(|series| self.rules[series.rule].name.as_str());
        if geo.is_nowhere() { asking.collect() } else { Vec::new() }
    }

    /// The rule of a name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.name == name)
    }

    /// A later rule of the same name replaces an earlier one; within one origin that is a mistake.
    fn take_rules(&mut self, files: &[String], problems: &mut Vec<RuleProblem>) {
        for file in files {
            for rule in &self.good[file].rules {
                let known = self.rules.iter_mut().find(|known| known.name == rule.name);
                match known {
                    None => self.rules.push(rule.clone()),
                    Some(known) if known.file.starts_with("rules/") && !rule.file.starts_with("rules/") => {
                        *known = rule.clone();
                    }
                    Some(known) => {
                        let what = format!("{} has a rule called `{}` too", known.file, rule.name);
                        problems.push(problem(rule, what));
                    }
                }
            }
        }
        // Sigma's words for a rule that is kept for the record only.
        self.rules.retain(|rule| !matches!(rule.status.as_str(), "deprecated" | "unsupported"));
    }

    fn compile(&mut self, problems: &mut Vec<RuleProblem>) {
        let mut engine = Engine::new();
        let mut taken = Vec::new();
        for (place, rule) in self.rules.iter().enumerate() {
            let Body::Detection(sigma) = &rule.body else { continue };
            match listed::with_questions(sigma) {
                Ok(sigma) => match engine.add_rule(&sigma) {
                    Ok(()) => taken.push((place, sigma)),
                    Err(error) => problems.push(problem(rule, error.to_string())),
                },
                Err(what) => problems.push(problem(rule, what)),
            }
        }
        for (file, read) in &self.good {
            for filter in &read.filters {
                if let Err(error) = engine.apply_filter(filter) {
                    problems.push(RuleProblem { file: file.clone(), line: 1, what: error.to_string() });
                }
            }
        }
        for ((place, sigma), compiled) in taken.into_iter().zip(engine.rules()) {
            self.detections.insert(place, Detecting { compiled: compiled.clone(), sigma });
        }
    }

    fn link(&mut self, problems: &mut Vec<RuleProblem>) {
        for place in 0..self.rules.len() {
            let compiled =
                matches!(self.rules[place].body, Body::Correlation(_)) || self.detections.contains_key(&place);
            if !compiled {
                continue;
            }
            match series::of(self, place) {
                Ok(Some(series)) => self.series.push(series),
                Ok(None) => {}
                Err(what) => problems.push(
                    self.unknown_reference(&self.rules[place]).unwrap_or_else(|| problem(&self.rules[place], what)),
                ),
            }
        }
    }

    /// The rule that a rule refers to and that is not there, with the line of the reference.
    fn unknown_reference(&self, rule: &Rule) -> Option<RuleProblem> {
        let (key, references) = match (&rule.body, &rule.turn) {
            (Body::Correlation(correlation), _) => ("rules:", correlation.rules.as_slice()),
            (_, Turn::Without(without)) => ("without:", std::slice::from_ref(&without.rule)),
            _ => return None,
        };
        let unknown = references.iter().find(|reference| self.referred(reference).is_err())?;
        let before = rule.line.max(1) - 1;
        let document: String = self.texts.get(&rule.file)?.lines().skip(before).flat_map(|line| [line, "\n"]).collect();
        let line = before + names::line_of(&document, key, unknown).unwrap_or(1);
        let own = self.rules.iter().filter(|other| other.file == rule.file);
        let own: Vec<&str> = own.map(|rule| rule.name.as_str()).collect();
        let what = format!(
            "there is no rule `{unknown}`; this file has {}, and `ephor rules list` shows the others",
            names::listed(&own)
        );
        Some(RuleProblem { file: rule.file.clone(), line, what })
    }

    /// The rule that another one refers to by name or id.
    pub(crate) fn referred(&self, reference: &str) -> Result<usize, String> {
        let named = |rule: &Rule| rule.name == reference || rule.id.as_deref() == Some(reference);
        self.rules.iter().position(named).ok_or_else(|| format!("there is no rule `{reference}`"))
    }
}

fn problem(rule: &Rule, what: String) -> RuleProblem {
    RuleProblem { file: rule.file.clone(), line: rule.line, what }
}
