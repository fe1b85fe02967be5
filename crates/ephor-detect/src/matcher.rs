//! Activities against rules: routed by their type first, then matched by rsigma, then kept as hits of each series.
//! Promises the same hits for the same activity, whatever was matched before.
//! Never keeps anything of an activity but numbers.

use std::sync::Arc;

use ephor_wire::timestamp::parse_micros;
use rsigma_eval::Event;
use rsigma_eval::compiler::eval_condition;

use crate::facts::Facts;
use crate::fields::{Element, Flat, Texts, View};
use crate::finding::Entity;
use crate::geo::{Geo, Spot};
use crate::hit::{Hit, Key, Place, key_of, key_of_bytes, number_of, put_text};
use crate::limits::ELEMENTS;
use crate::route::Routes;
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
    routes: Routes,
    /// What keys are made of, so that each need not ask for memory.
    bytes: Vec<u8>,
}

impl Matcher {
    pub(crate) fn new(set: Arc<RuleSet>, wanted: &[usize]) -> Self {
        let mut keepers = vec![Vec::new(); set.rules.len()];
        for series in wanted {
            for (input, at) in set.series[*series].inputs.iter().zip(0_u8..) {
                keepers[input.rule].push((*series, at));
            }
        }
        Self { set, keepers, routes: Routes::default(), bytes: Vec::new() }
    }

    /// The hits of one activity, and when it happened. What is no activity has none.
    pub(crate) fn hits(&mut self, raw: &[u8], seq: u64, facts: &Facts, kept: &mut Vec<Kept>) -> Option<i64> {
        let flat = Flat::parse(raw).ok()?;
        let (id, at) = (flat.text("id")?, flat.text("created_at").and_then(parse_micros)?);
        let place = Place { at, tie: number_of(id), seq };
        let view = View::new(&flat, facts, at);
        let Self { set, keepers, routes, bytes } = self;
        let route = routes.of(&flat, set, |rule| !keepers[rule].is_empty());
        for (rule, question) in route.iter() {
            for view in elements(set, *rule, view) {
                if question.holds(&view) {
                    let mut keeping = Keeping { set, view, place, geo: &facts.geo, bytes, kept };
                    keepers[*rule].iter().for_each(|(series, at)| keeping.keep(*series, *at));
                }
            }
        }
        Some(at)
    }
}

/// An activity that a rule has selected, on its way into series.
struct Keeping<'k> {
    set: &'k RuleSet,
    view: View<'k>,
    place: Place,
    geo: &'k Geo,
    bytes: &'k mut Vec<u8>,
    kept: &'k mut Vec<Kept>,
}

/// The keys of an activity in one series, where that is quickly said.
enum Only {
    /// A field is not there that has to be.
    None,
    One(Key, u64),
    /// Some field is an array, of however many.
    Several,
}

impl Keeping<'_> {
    fn keep(&mut self, series: usize, at: u8) {
        let input = &self.set.series[series].inputs[usize::from(at)];
        let mut slots: Vec<u64> = input.slots.iter().map(|slot| slot_value(slot, &self.view, self.geo)).collect();
        if let Some(field) = &input.groups {
            self.view.each_text(field, &mut |group| slots.push(number_of(group)));
        }
        let is_nowhere = |(slot, value): (&Slot, &u64)| matches!(slot, Slot::Location(_)) && *value == 0;
        if input.slots.iter().zip(&slots).any(is_nowhere) {
            return;
        }
        let (place, slots) = (self.place, slots.into_boxed_slice());
        let hit = |subject, slots| Hit { place, input: at, subject, slots };
        match self.only_one(input) {
            Only::One(key, subject) => self.kept.push(Kept { series, key, hit: hit(subject, slots) }),
            Only::None => {}
            Only::Several => {
                for (key, subject) in told_apart(input, &self.view) {
                    self.kept.push(Kept { series, key, hit: hit(subject, slots.clone()) });
                }
            }
        }
    }

    /// What [`told_apart`] answers, where no field is an array.
    fn only_one(&mut self, input: &Input) -> Only {
        self.bytes.clear();
        match &input.key {
            KeyOf::Entities(namings) => {
                if namings.iter().try_for_each(|naming| self.put_entity(naming)).is_none() {
                    return Only::Several;
                }
            }
            KeyOf::Fields(fields) => {
                for field in fields {
                    match self.view.texts_at(field) {
                        Texts::None => return Only::None,
                        Texts::One(text) => put_text(self.bytes, &[&text]),
                        Texts::Several => return Only::Several,
                    }
                }
            }
        }
        let key = key_of_bytes(self.bytes);
        let Some(namings) = &input.subject else { return Only::One(key, 0) };
        self.bytes.clear();
        match namings.iter().try_for_each(|naming| self.put_entity(naming)) {
            Some(()) => Only::One(key, short(key_of_bytes(self.bytes))),
            None => Only::Several,
        }
    }

    /// As [`entities_of`] names it; nothing where there are several.
    fn put_entity(&mut self, naming: &Naming) -> Option<()> {
        if naming.kind == Naming::ACTOR {
            let (kind, id) = self.view.actor().unwrap_or((Naming::ACTOR, UNKNOWN));
            put_text(self.bytes, &[kind, " ", id]);
            return Some(());
        }
        for field in &naming.fields {
            match self.view.texts_at(field) {
                Texts::None => {}
                Texts::One(text) => {
                    put_text(self.bytes, &[&naming.kind, " ", &text]);
                    return Some(());
                }
                Texts::Several => return None,
            }
        }
        put_text(self.bytes, &[&naming.kind, " ", UNKNOWN]);
        Some(())
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
            if let [field] = fields.as_slice() {
                match view.texts_at(field) {
                    Texts::None => return 0,
                    Texts::One(text) => return number_of(&text),
                    Texts::Several => {}
                }
            }
            let texts: Vec<String> = fields.iter().flat_map(|field| view.texts(field)).collect();
            if texts.is_empty() { 0 } else { number_of(&texts.join("\u{0}")) }
        }
        Slot::Location(field) => {
            view.texts(field).first().and_then(|address| geo.place(address)).map_or(0, Spot::packed)
        }
        Slot::Number(field) => view.get_field(field).and_then(|value| value.as_f64()).unwrap_or(f64::NAN).to_bits(),
    }
}
