//! A draft and the activities that it rests on become a finding: entities, evidence, words.
//! Promises the same id for the same rule, subject and window, whatever the order of arrival.
//! Never shows more of an activity than the fields that the rule names.

use std::collections::HashMap;

use ephor_wire::timestamp::{Timestamp, parse_micros};

use crate::engine::Pending;
use crate::facts::Facts;
use crate::fields::{Flat, View};
use crate::finding::{Entity, Evidence, Finding, FindingId, Window};
use crate::hit::Place;
use crate::judge::{PEERS_SAY, Weight};
use crate::limits::OTHERS;
use crate::matcher::{UNKNOWN, elements, entities_of, selects, told};
use crate::rule::{Rule, RuleSet, Template, Words};
use crate::series::{KeyOf, Program, Series};

/// The bytes of activities, by their place in the lake.
pub(crate) type Rows = HashMap<u64, String>;

/// The finding that a draft comes to; none when none of its activities is in the lake any more.
pub(crate) fn tell(set: &RuleSet, pending: &Pending, rows: &Rows, facts: &Facts) -> Option<Finding> {
    let series = &set.series[pending.series];
    let rule = &set.rules[series.rule];
    let mut telling =
        Telling { set, series, rule, pending, facts, subject: None, others: Vec::new(), words: Words::new() };
    let mut evidence = Vec::with_capacity(pending.draft.places.len());
    for place in &pending.draft.places {
        let Some(raw) = rows.get(&place.seq) else { continue };
        evidence.extend(telling.read(raw, *place));
    }
    telling.finish(evidence)
}

struct Telling<'t> {
    set: &'t RuleSet,
    series: &'t Series,
    rule: &'t Rule,
    pending: &'t Pending,
    facts: &'t Facts,
    subject: Option<Vec<Entity>>,
    others: Vec<Entity>,
    words: Words,
}

impl Telling<'_> {
    fn read(&mut self, raw: &str, place: Place) -> Option<Evidence> {
        let flat = Flat::parse(raw.as_bytes()).ok()?;
        let id = flat.text("id")?.to_owned();
        let at = flat.text("created_at").and_then(parse_micros)?;
        let whole = View::new(&flat, self.facts, at);
        for (input, number) in self.series.inputs.iter().zip(0_u8..) {
            for view in elements(self.set, input.rule, whole) {
                if !selects(self.set, input.rule, &view) {
                    continue;
                }
                let own = told(input, &self.rule.subject, &view).into_iter().find(|told| {
                    told.key == self.pending.key && (number > 0 || told.subject == self.pending.draft.subject)
                });
                if let Some(own) = own {
                    if self.subject.is_none() {
                        self.subject = Some(own.entities);
                    }
                    self.gather(&view);
                }
            }
        }
        Some(Evidence { at_micros: place.at, activity: id, seq: place.seq })
    }

    fn gather(&mut self, view: &View<'_>) {
        for naming in &self.rule.entities {
            for (kind, id) in entities_of(naming, view) {
                let entity = Entity { kind, id };
                if entity.id != UNKNOWN && self.others.len() < OTHERS && !self.others.contains(&entity) {
                    self.others.push(entity);
                }
            }
        }
        gather_words(self.rule, view, &mut self.words);
    }

    fn finish(mut self, evidence: Vec<Evidence>) -> Option<Finding> {
        let draft = &self.pending.draft;
        let subject = self.subject.take()?;
        self.others.retain(|other| !subject.contains(other));
        let time = |micros: i64| Timestamp::from_micros(micros).as_str().to_owned();
        let mut put = |name: &str, value: String| drop(self.words.insert(name.to_owned(), vec![value]));
        put("count", draft.count.to_string());
        put("first_seen", time(draft.first_at));
        put("last_seen", time(draft.last_at));
        draft.numbers.iter().for_each(|(name, value)| put(name, value.clone()));
        let rule = self.rule;
        Some(Finding {
            id: FindingId::of(&self.name_in_id(), &subject, draft.window_from),
            rule: rule.name.clone(),
            use_case: rule.use_case,
            severity: match draft.weight {
                Weight::Full => rule.severity,
                Weight::Lowered => rule.severity.lowered(),
            },
            title: rule.title.clone(),
            explanation: match draft.numbers.get(PEERS_SAY).filter(|says| !says.is_empty()) {
                Some(says) => format!("{} {says}", rule.explain.fill(&self.words)),
                None => rule.explain.fill(&self.words),
            },
            next_step: rule.next_step.fill(&self.words),
            controls: rule.controls.clone(),
            subject,
            others: self.others,
            window: Window {
                from_micros: draft.window_from,
                to_micros: draft.window_from.saturating_add(rule.window_micros),
            },
            first_seen_micros: draft.first_at,
            last_seen_micros: draft.last_at,
            count: draft.count,
            evidence,
        })
    }

    /// Where histories are told apart by more than the subject, so are findings.
    fn name_in_id(&self) -> String {
        let apart = matches!(self.series.program, Program::FirstSeen { .. } | Program::Without { .. })
            && matches!(&self.series.inputs[0].key, KeyOf::Fields(fields) if !fields.is_empty());
        if apart { format!("{} {:032x}", self.rule.name, self.pending.key) } else { self.rule.name.clone() }
    }
}

/// Values for the gaps of a rule's sentences, each once, in order.
pub(crate) fn gather_words(rule: &Rule, view: &View<'_>, words: &mut Words) {
    let templates: [&Template; 2] = [&rule.explain, &rule.next_step];
    for gap in templates.into_iter().flat_map(Template::gaps) {
        let known = words.entry(gap.to_owned()).or_default();
        for text in view.texts(gap) {
            if !known.contains(&text) {
                known.push(text);
            }
        }
    }
}
