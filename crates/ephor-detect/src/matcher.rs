//! Activities against rules: routed by their type first, then matched by rsigma, then kept as hits of each series.
//! Promises that routing leaves out only rules that could not select the activity.
//! Never keeps anything of an activity but numbers.

use std::collections::HashMap;
use std::sync::Arc;

use ephor_wire::catalogue::catalogue;
use ephor_wire::timestamp::parse_micros;
use rsigma_eval::compiler::{compile_detection, eval_condition};
use rsigma_eval::{CompiledDetection, Event, MapEvent};
use rsigma_parser::{ConditionExpr, Detection, DetectionItem, Quantifier};

use crate::facts::Facts;
use crate::fields::{Element, Flat, View};
use crate::finding::Entity;
use crate::geo::{Geo, Spot};
use crate::hit::{Hit, Key, Place, key_of, number_of};
use crate::limits::ELEMENTS;
use crate::rule::{Naming, RuleSet};
use crate::series::{Input, KeyOf, Slot};

/// A hit with the series and the key that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) series: usize,
    pub(crate) key: Key,
    pub(crate) hit: Hit,
}

/// Matches activities against a set of rules.
#[derive(Debug)]
pub(crate) struct Matcher {
    set: Arc<RuleSet>,
    /// Of each rule, the series that keep its hits, and as which input.
    keepers: Vec<Vec<(usize, u8)>>,
    /// Rules that may select an activity of a type; filled as types are met.
    routes: HashMap<String, Arc<[usize]>>,
}

/// Types whose routes are remembered: three times the catalogue, so that made-up types cannot fill the memory.
const ROUTES: usize = 1_600;

impl Matcher {
    pub(crate) fn new(set: Arc<RuleSet>, wanted: &[usize]) -> Self {
        let mut keepers = vec![Vec::new(); set.rules.len()];
        for series in wanted {
            for (input, at) in set.series[*series].inputs.iter().zip(0_u8..) {
                keepers[input.rule].push((*series, at));
            }
        }
        Self { set, keepers, routes: HashMap::new() }
    }

    /// The hits of one activity, and when it happened. What is no activity has none.
    pub(crate) fn hits(&mut self, raw: &[u8], seq: u64, facts: &Facts, kept: &mut Vec<Kept>) -> Option<i64> {
        let flat = Flat::parse(raw).ok()?;
        let (id, at) = (flat.text("id")?, flat.text("created_at").and_then(parse_micros)?);
        let place = Place { at, tie: number_of(id), seq };
        let view = View::new(&flat, facts, at);
        for rule in self.route(flat.text("type").unwrap_or_default()).iter() {
            for view in elements(&self.set, *rule, view) {
                if selects(&self.set, *rule, &view) {
                    self.keep(*rule, &view, place, &facts.geo, kept);
                }
            }
        }
        Some(at)
    }

    fn keep(&self, rule: usize, view: &View<'_>, place: Place, geo: &Geo, kept: &mut Vec<Kept>) {
        for (series, at) in &self.keepers[rule] {
            let input = &self.set.series[*series].inputs[usize::from(*at)];
            let mut slots: Vec<u64> = input.slots.iter().map(|slot| slot_value(slot, view, geo)).collect();
            if let Some(field) = &input.groups {
                slots.extend(view.texts(field).iter().map(|group| number_of(group)));
            }
            let is_nowhere = |(slot, value): (&Slot, &u64)| matches!(slot, Slot::Location(_)) && *value == 0;
            if input.slots.iter().zip(&slots).any(is_nowhere) {
                continue;
            }
            for (key, subject) in told_apart(input, view) {
                let slots = slots.clone();
                kept.push(Kept { series: *series, key, hit: Hit { place, input: *at, subject, slots } });
            }
        }
    }

    fn route(&mut self, kind: &str) -> Arc<[usize]> {
        if let Some(route) = self.routes.get(kind) {
            return Arc::clone(route);
        }
        let route: Arc<[usize]> = routed(&self.set, &self.keepers, kind).into();
        if self.routes.len() >= ROUTES {
            self.routes.clear();
        }
        self.routes.insert(kind.to_owned(), Arc::clone(&route));
        route
    }
}

/// The activity, or each element of the array that the rule asks about.
pub(crate) fn elements<'v>(set: &'v RuleSet, rule: usize, view: View<'v>) -> impl Iterator<Item = View<'v>> {
    let each = set.rules[rule].each.as_deref();
    let count = each.and_then(|path| view.elements_at(path)).map(|count| count.min(ELEMENTS));
    (0..count.unwrap_or(1)).map(move |index| match (each, count) {
        (Some(path), Some(_)) => view.at_element(Element { path, index }),
        _ => view,
    })
}

/// Whether a rule's detection selects an activity.
pub(crate) fn selects(set: &RuleSet, rule: usize, view: &View<'_>) -> bool {
    let Some(detecting) = set.detections.get(&rule) else { return false };
    let mut named = Vec::new();
    let compiled = &detecting.compiled;
    compiled.conditions.iter().any(|condition| eval_condition(condition, &compiled.detections, view, &mut named))
}

/// The keys that an activity belongs to, each with whom a finding of it would be about. There are several where a
/// field is an array.
pub(crate) fn told_apart(input: &Input, view: &View<'_>) -> Vec<(Key, u64)> {
    let keys: Vec<Key> = match &input.key {
        KeyOf::Entities(namings) => combinations(namings.iter().map(|naming| ids_of(naming, view))),
        KeyOf::Fields(fields) => {
            let values: Vec<Vec<String>> = fields.iter().map(|field| view.texts(field)).collect();
            if values.iter().any(Vec::is_empty) { Vec::new() } else { combinations(values.into_iter()) }
        }
    };
    let subjects: Vec<u64> = match &input.subject {
        None => vec![0],
        Some(namings) => {
            let all = combinations(namings.iter().map(|naming| ids_of(naming, view)));
            all.into_iter().map(short).collect()
        }
    };
    let pairs = keys.iter().flat_map(|key| subjects.iter().map(move |subject| (*key, *subject)));
    pairs.take(ELEMENTS).collect()
}

/// A key that an activity belongs to, in words.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) key: Key,
    pub(crate) subject: u64,
    pub(crate) entities: Vec<Entity>,
}

/// The same as [`told_apart`], with the entities that a finding would be about.
pub(crate) fn told(input: &Input, subject: &[Naming], view: &View<'_>) -> Vec<Told> {
    let entities = |namings: &[Naming]| -> Vec<Vec<Entity>> {
        let all = namings.iter().map(|naming| {
            entities_of(naming, view).into_iter().map(|(kind, id)| Entity { kind, id }).collect::<Vec<_>>()
        });
        choices(all)
    };
    let key = |chosen: &[Entity]| {
        let texts: Vec<String> = chosen.iter().map(|one| format!("{} {}", one.kind, one.id)).collect();
        key_of(texts.iter().map(String::as_str))
    };
    let KeyOf::Fields(fields) = &input.key else {
        return entities(subject)
            .into_iter()
            .map(|chosen| Told { key: key(&chosen), subject: 0, entities: chosen })
            .collect();
    };
    let values: Vec<Vec<String>> = fields.iter().map(|field| view.texts(field)).collect();
    if values.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for chosen in choices(values.into_iter()) {
        let own = key_of(chosen.iter().map(String::as_str));
        match &input.subject {
            Some(namings) => all.extend(entities(namings).into_iter().map(|entities| Told {
                key: own,
                subject: short(key(&entities)),
                entities,
            })),
            None => {
                // A correlation: its subject is what it groups by, in the same order.
                let kind = |naming: &Naming| match (naming.kind.as_str(), view.actor()) {
                    (Naming::ACTOR, Some((kind, _))) => kind.to_owned(),
                    (kind, _) => kind.to_owned(),
                };
                let entities =
                    subject.iter().zip(&chosen).map(|(naming, id)| Entity { kind: kind(naming), id: id.clone() });
                all.push(Told { key: own, subject: 0, entities: entities.collect() });
            }
        }
    }
    all
}

/// What stands for something that an activity does not name.
pub(crate) const UNKNOWN: &str = "(unknown)";

/// The ids of an entity in an activity, with its type before each: one that is not named is unknown, and not nobody.
pub(crate) fn entities_of(naming: &Naming, view: &View<'_>) -> Vec<(String, String)> {
    if naming.kind == Naming::ACTOR {
        let (kind, id) = view.actor().unwrap_or((Naming::ACTOR, UNKNOWN));
        return vec![(kind.to_owned(), id.to_owned())];
    }
    let found = naming.fields.iter().map(|field| view.texts(field)).find(|texts| !texts.is_empty());
    let ids = found.unwrap_or_else(|| vec![UNKNOWN.to_owned()]);
    ids.into_iter().map(|id| (naming.kind.clone(), id)).collect()
}

fn ids_of(naming: &Naming, view: &View<'_>) -> Vec<String> {
    entities_of(naming, view).into_iter().map(|(kind, id)| format!("{kind} {id}")).collect()
}

/// A key for each choice of one value a field.
fn combinations(fields: impl Iterator<Item = Vec<String>>) -> Vec<Key> {
    choices(fields).iter().map(|texts| key_of(texts.iter().map(String::as_str))).collect()
}

/// Each choice of one value a field.
fn choices<T: Clone>(fields: impl Iterator<Item = Vec<T>>) -> Vec<Vec<T>> {
    let mut chosen: Vec<Vec<T>> = vec![Vec::new()];
    for values in fields {
        let longer = |before: &Vec<T>| {
            let before = before.clone();
            values
                .iter()
                .map(move |value| before.iter().chain([value]).cloned().collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        chosen = chosen.iter().flat_map(longer).take(ELEMENTS).collect();
    }
    chosen
}

/// Half of a key: enough to tell the subjects of one key apart.
fn short(key: Key) -> u64 {
    (key >> 64) as u64
}

fn slot_value(slot: &Slot, view: &View<'_>, geo: &Geo) -> u64 {
    match slot {
        Slot::Text(fields) => {
            let texts: Vec<String> = fields.iter().flat_map(|field| view.texts(field)).collect();
            if texts.is_empty() { 0 } else { number_of(&texts.join("\u{0}")) }
        }
        Slot::Location(field) => {
            view.texts(field).first().and_then(|address| geo.place(address)).map_or(0, Spot::packed)
        }
        Slot::Number(field) => view.get_field(field).and_then(|value| value.as_f64()).unwrap_or(f64::NAN).to_bits(),
    }
}

/// What can be said of a rule when only an activity's type is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Foreseen {
    Yes,
    No,
    Open,
}

fn routed(set: &RuleSet, keepers: &[Vec<(usize, u8)>], kind: &str) -> Vec<usize> {
    let category = catalogue().category_of(kind);
    let event = MapEvent::new(HashMap::from([("type", kind.to_owned()), ("category", category.to_owned())]));
    let may = |rule: &usize| {
        let Some(detecting) = set.detections.get(rule) else { return false };
        let named = &detecting.sigma.detection.named;
        // Filters only narrow what the rule itself may select.
        let conditions = &detecting.sigma.detection.conditions;
        conditions.iter().any(|condition| foreseen_condition(condition, named, &event) != Foreseen::No)
    };
    (0..set.rules.len()).filter(|rule| !keepers[*rule].is_empty()).filter(may).collect()
}

type Named = HashMap<String, Detection>;

fn foreseen_condition(condition: &ConditionExpr, named: &Named, event: &impl Event) -> Foreseen {
    let of = |name: &String| named.get(name).map_or(Foreseen::No, |detection| foreseen_detection(detection, event));
    match condition {
        ConditionExpr::Identifier(name) => of(name),
        ConditionExpr::And(parts) => all(parts.iter().map(|part| foreseen_condition(part, named, event))),
        ConditionExpr::Or(parts) => any(parts.iter().map(|part| foreseen_condition(part, named, event))),
        ConditionExpr::Not(part) => match foreseen_condition(part, named, event) {
            Foreseen::Yes => Foreseen::No,
            Foreseen::No => Foreseen::Yes,
            Foreseen::Open => Foreseen::Open,
        },
        ConditionExpr::Selector { quantifier, pattern } => {
            let meant = named.iter().filter(|(name, _)| pattern.matches_detection_name(name));
            let foreseen = meant.map(|(_, detection)| foreseen_detection(detection, event));
            match quantifier {
                Quantifier::Any => any(foreseen),
                Quantifier::All => all(foreseen),
                Quantifier::Count(_) => Foreseen::Open,
            }
        }
    }
}

fn foreseen_detection(detection: &Detection, event: &impl Event) -> Foreseen {
    match detection {
        Detection::AllOf(items) => all(items.iter().map(|item| foreseen_item(item, event))),
        Detection::AnyOf(parts) => any(parts.iter().map(|part| foreseen_detection(part, event))),
        Detection::And(parts) => all(parts.iter().map(|part| foreseen_detection(part, event))),
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => Foreseen::Open,
    }
}

fn foreseen_item(item: &DetectionItem, event: &impl Event) -> Foreseen {
    let about_the_type = matches!(item.field.name.as_deref(), Some("type" | "category"));
    let alone = Detection::AllOf(vec![item.clone()]);
    let Some(compiled) = about_the_type.then(|| compile_detection(&alone).ok()).flatten() else {
        return Foreseen::Open;
    };
    const NAME: &str = "item";
    let named: HashMap<String, CompiledDetection> = HashMap::from([(NAME.to_owned(), compiled)]);
    let condition = ConditionExpr::Identifier(NAME.to_owned());
    if eval_condition(&condition, &named, event, &mut Vec::new()) { Foreseen::Yes } else { Foreseen::No }
}

fn all(parts: impl Iterator<Item = Foreseen>) -> Foreseen {
    let mut answer = Foreseen::Yes;
    for part in parts {
        match part {
            Foreseen::No => return Foreseen::No,
            Foreseen::Open => answer = Foreseen::Open,
            Foreseen::Yes => {}
        }
    }
    answer
}

fn any(parts: impl Iterator<Item = Foreseen>) -> Foreseen {
    let mut answer = Foreseen::No;
    for part in parts {
        match part {
            Foreseen::Yes => return Foreseen::Yes,
            Foreseen::Open => answer = Foreseen::Open,
            Foreseen::No => {}
        }
    }
    answer
}
