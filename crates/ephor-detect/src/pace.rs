//! How fast rules take activities: Ephor's engine and bare rsigma-eval over the same rows, and the rows as plain tables.
//! Promises that a part of the rules is the same part each time, and that a table has every field that a rule names.
//! Never puts a finding down, and never reads a clock: who measures does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ephor_wire::timestamp::parse_micros;
use rsigma_eval::{CorrelationConfig, CorrelationEngine, Event, EventValue, JsonEvent};
use rsigma_parser::{CorrelationCondition, Detection, SigmaValue, parse_sigma_yaml};
use serde_json::{Map, Value};

use crate::detector::Detector;
use crate::engine::Engine;
use crate::error::DetectError;
use crate::facts::Facts;
use crate::fields::{Flat, View};
use crate::lists::ListQuestion;
use crate::matcher::{elements, selects};
use crate::rule::{Body, RuleSet};

/// Rules at work on rows that are handed in, beside nothing else.
#[derive(Debug)]
pub struct Workbench<'d> {
    set: Arc<RuleSet>,
    facts: &'d Facts,
    /// The series that count.
    wanted: Vec<usize>,
    engine: Engine,
}

impl Detector {
    /// The rules in force with what the detector knows, over nothing yet. Of a number of rules, ones from all over the set
    /// are taken.
    #[must_use]
    pub fn workbench(&self, rules: Option<usize>) -> Workbench<'_> {
        let (set, facts) = self.rules_and_facts();
        let all = set.series.len();
        let count = rules.unwrap_or(all).min(all);
        let wanted: Vec<usize> = (0..count).map(|nth| nth * all / count).collect();
        let engine = Engine::new(Arc::clone(&set), &wanted);
        Workbench { set, facts, wanted, engine }
    }
}

impl Workbench<'_> {
    /// How many rules find something.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.wanted.len()
    }

    /// Takes activities, each with its place.
    pub fn take(&mut self, rows: &[(u64, String)]) {
        for (seq, raw) in rows {
            self.engine.take(raw.as_bytes(), *seq, self.facts);
        }
    }

    /// Judges what was taken; answers how many findings there are to tell.
    pub fn judge(&mut self, now_micros: i64) -> usize {
        self.engine.judge(now_micros).tell.len()
    }

    /// rsigma-eval by itself, with the same detections and correlations.
    pub fn bare(&self) -> Result<Bare, DetectError> {
        Bare::new(&self.set, &self.places())
    }

    /// An activity as one flat object: every field that one of the rules names, as the rules see it.
    #[must_use]
    pub fn flattened(&self, raw: &str, fields: &BTreeSet<String>) -> Option<Map<String, Value>> {
        let flat = Flat::parse(raw.as_bytes()).ok()?;
        let at = flat.text("created_at").and_then(parse_micros)?;
        let view = View::new(&flat, self.facts, at);
        let known = fields.iter().filter_map(|name| Some((name.clone(), plain(&view.get_field(name)?))));
        Some(known.collect())
    }

    /// Fields that a rule names, without questions to lists.
    #[must_use]
    pub fn fields(&self) -> BTreeSet<String> {
        let mut fields: BTreeSet<String> = ["id", "created_at", "type"].map(str::to_owned).into();
        for place in self.places() {
            match &self.set.rules[place].body {
                Body::Detection(sigma) => {
                    sigma.detection.named.values().for_each(|detection| named_in(detection, &mut fields));
                }
                Body::Correlation(correlation) => {
                    fields.extend(correlation.group_by.iter().cloned());
                    fields.extend(correlation.aliases.values().flat_map(|of_rule| of_rule.values().cloned()));
                    if let CorrelationCondition::Threshold { field: Some(names), .. } = &correlation.condition {
                        fields.extend(names.iter().cloned());
                    }
                }
            }
        }
        fields
    }

    /// Counts which detections select an activity, each once for an activity.
    pub fn count(&self, raw: &str, hits: &mut BTreeMap<String, u64>) {
        let Ok(flat) = Flat::parse(raw.as_bytes()) else { return };
        let Some(at) = flat.text("created_at").and_then(parse_micros) else { return };
        let view = View::new(&flat, self.facts, at);
        for place in self.places().into_iter().filter(|place| self.set.detections.contains_key(place)) {
            let times = hits.entry(self.set.rules[place].name.clone()).or_default();
            *times += u64::from(elements(&self.set, place, view).any(|view| selects(&self.set, place, &view)));
        }
    }

    /// The rules that count, with those that they refer to.
    fn places(&self) -> BTreeSet<usize> {
        let series = self.wanted.iter().map(|at| &self.set.series[*at]);
        series.flat_map(|series| series.inputs.iter().map(|input| input.rule).chain([series.rule])).collect()
    }
}

/// rsigma-eval's own engine.
pub struct Bare {
    engine: CorrelationEngine,
    fields: BTreeSet<String>,
    names: BTreeMap<String, String>,
}

impl std::fmt::Debug for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bare").field("rules", &self.names.len()).finish_non_exhaustive()
    }
}

impl Bare {
    fn new(set: &RuleSet, places: &BTreeSet<usize>) -> Result<Self, DetectError> {
        // By event time, as Ephor has it; everything else as it comes.
        let config =
            CorrelationConfig { timestamp_fields: vec!["created_at".to_owned()], ..CorrelationConfig::default() };
        let mut bare = Self { engine: CorrelationEngine::new(config), fields: BTreeSet::new(), names: BTreeMap::new() };
        let refused = |error: rsigma_eval::EvalError| DetectError::Damaged { what: error.to_string() };
        for place in places.iter().filter(|place| set.detections.contains_key(place)) {
            let sigma = &set.detections[place].sigma;
            bare.engine.add_rule(sigma).map_err(refused)?;
            bare.names.insert(sigma.title.clone(), set.rules[*place].name.clone());
            sigma.detection.named.values().for_each(|detection| questions_in(detection, &mut bare.fields));
        }
        let named: BTreeSet<&str> = places.iter().map(|place| set.rules[*place].name.as_str()).collect();
        for text in set.texts() {
            let Ok(collection) = parse_sigma_yaml(text) else { continue };
            let asked = |name: &Option<String>| name.as_deref().is_some_and(|name| named.contains(name));
            for correlation in collection.correlations.iter().filter(|correlation| asked(&correlation.name)) {
                bare.engine.add_correlation(correlation).map_err(refused)?;
            }
        }
        Ok(bare)
    }

    /// Fields that rows need beside the wire's own: those of [`Workbench::fields`], and answers of lists.
    #[must_use]
    pub fn fields(&self) -> &BTreeSet<String> {
        &self.fields
    }

    /// Takes flat rows; counts what each detection selects.
    pub fn take(&mut self, rows: &[Value], hits: &mut BTreeMap<String, u64>) {
        for row in rows {
            for result in self.engine.process_event(&JsonEvent::borrow(row)) {
                if let Some(name) = self.names.get(&result.header.rule_title).filter(|_| result.is_detection()) {
                    match hits.get_mut(name) {
                        Some(times) => *times += 1,
                        None => drop(hits.insert(name.clone(), 1)),
                    }
                }
            }
        }
    }
}

fn named_in(detection: &Detection, fields: &mut BTreeSet<String>) {
    match detection {
        Detection::AllOf(items) => {
            for item in items {
                fields.extend(item.field.name.clone());
                if item.field.has_modifier(rsigma_parser::Modifier::FieldRef) {
                    fields.extend(item.values.iter().filter_map(|value| match value {
                        SigmaValue::String(text) => Some(text.original.clone()),
                        _ => None,
                    }));
                }
            }
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| named_in(part, fields)),
        Detection::ArrayMatch { field, .. } => drop(fields.insert(field.clone())),
        Detection::Keywords(_) | Detection::Conditional { .. } => {}
    }
}

/// Names under which a compiled rule asks lists.
fn questions_in(detection: &Detection, fields: &mut BTreeSet<String>) {
    let mut named = BTreeSet::new();
    named_in(detection, &mut named);
    fields.extend(named.into_iter().filter(|name| ListQuestion::of_field_name(name).is_some()));
}

fn plain(value: &EventValue<'_>) -> Value {
    value.to_json()
}
