//! Sigma's correlations over hits in the order of events: windows slide from hit to hit, each ending at one.
//! Promises that every hit of a window that fires is part of the finding, and that chains of correlations agree.
//! Never counts a hit that came twice, and never depends on which came first.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rsigma_parser::{ConditionExpr, ConditionOperator, Quantifier};

use super::draft::{Draft, Numbers};
use super::{Buckets, window_of};
use crate::hit::{Hit, Place};
use crate::rule::{Rule, in_words};
use crate::series::{Gather, Node, Order, Together};

pub(super) fn judge(rule: &Rule, node: &Node, buckets: &Buckets) -> Vec<Draft> {
    let hits: Vec<&Hit> = buckets.iter().flat_map(|(_, bucket)| bucket.hits()).collect();
    let fired = Fired::of(node, &hits);
    // Each firing belongs to the window in which it ends; what it rests on may reach back before it.
    let mut windows: BTreeMap<i64, Marks> = BTreeMap::new();
    for firing in &fired.firings {
        let marks = windows.entry(window_of(rule, firing.at)).or_insert_with(|| Marks::new(fired.below));
        marks.add(firing);
    }
    let mut drafts = Vec::new();
    for (window, marks) in windows {
        let rests_on = fired.hits_of(&marks.marked());
        let mut places: Vec<Place> = rests_on.iter().map(|at| hits[*at].place).collect();
        places.sort_unstable();
        places.dedup();
        drafts.push(Draft::on(window, 0, &places, numbers(node, &rests_on, &hits, marks.highest)));
    }
    drafts
}

fn numbers(node: &Node, rests_on: &[usize], hits: &[&Hit], highest: f64) -> Numbers {
    let mut numbers = Numbers::new();
    let (Node::Gather { span_micros, .. } | Node::Temporal { span_micros, .. }) = node else { return numbers };
    numbers.insert("span", in_words(*span_micros));
    if let Node::Gather { measure, .. } = node {
        numbers.insert("most", plain(highest));
        if let Gather::Distinct(slot) = measure {
            let different: BTreeSet<u64> =
                rests_on.iter().filter_map(|at| hits[*at].slots.get(*slot).copied()).collect();
            numbers.insert("distinct", different.len().to_string());
        }
    }
    numbers
}

fn plain(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.2}") }
}

/// Something that happened at a moment, resting on a run of what lies below it.
#[derive(Debug, Clone, Copy)]
struct Firing {
    at: i64,
    first: usize,
    last: usize,
    /// What was measured.
    value: f64,
}

/// Everything that a node fired, and what it fired on.
struct Fired {
    firings: Vec<Firing>,
    /// How many items lie below; runs are runs of these.
    below: usize,
    items: Vec<Item>,
    children: Vec<Fired>,
}

/// An item below a node: which child fired it, and its place among that child's firings.
#[derive(Debug, Clone, Copy)]
struct Item {
    at: i64,
    tie: u64,
    child: usize,
    firing: usize,
}

impl Fired {
    fn of(node: &Node, hits: &[&Hit]) -> Self {
        match node {
            Node::Input(input) => Self::of_input(*input, hits),
            Node::Gather { children, measure, span_micros, predicates } => {
                let mut fired = Self::above(children, hits);
                fired.firings = gather(&fired.items, &fired.children, hits, *measure, *span_micros, predicates);
                fired
            }
            Node::Temporal { children, order, span_micros, condition } => {
                let mut fired = Self::above(children, hits);
                fired.firings = temporal(&fired.items, children.len(), *order, *span_micros, condition);
                fired
            }
        }
    }

    /// An input fires at each of its hits, and rests on it.
    fn of_input(input: u8, hits: &[&Hit]) -> Self {
        let own = hits.iter().enumerate().filter(|(_, hit)| hit.input == input);
        let firings = own.map(|(at, hit)| Firing { at: hit.place.at, first: at, last: at, value: 1.0 }).collect();
        Self { firings, below: hits.len(), items: Vec::new(), children: Vec::new() }
    }

    fn above(children: &[Node], hits: &[&Hit]) -> Self {
        let children: Vec<Self> = children.iter().map(|child| Self::of(child, hits)).collect();
        let mut items: Vec<Item> = Vec::new();
        for (child, fired) in children.iter().enumerate() {
            items.extend(fired.firings.iter().enumerate().map(|(firing, f)| Item {
                at: f.at,
                tie: fired.tie(f, hits),
                child,
                firing,
            }));
        }
        // The order of the children breaks the last ties: "A, then B" holds when both happen at one instant.
        items.sort_by_key(|item| (item.at, item.child, item.tie));
        Self { firings: Vec::new(), below: items.len(), items, children }
    }

    fn tie(&self, firing: &Firing, hits: &[&Hit]) -> u64 {
        if self.children.is_empty() { hits[firing.last].place.tie } else { firing.last as u64 }
    }

    /// The hits that marked items rest on.
    fn hits_of(&self, marked: &[bool]) -> Vec<usize> {
        if self.children.is_empty() {
            return marked.iter().enumerate().filter(|(_, marked)| **marked).map(|(at, _)| at).collect();
        }
        let mut found = BTreeSet::new();
        for (number, child) in self.children.iter().enumerate() {
            let mut marks = Marks::new(child.below);
            for (item, _) in self.items.iter().zip(marked).filter(|(item, marked)| **marked && item.child == number) {
                marks.add(&child.firings[item.firing]);
            }
            found.extend(child.hits_of(&marks.marked()));
        }
        found.into_iter().collect()
    }
}

/// Runs of items put together: where one begins counts up, behind where it ends counts down.
struct Marks {
    turns: Vec<i64>,
    highest: f64,
}

impl Marks {
    fn new(items: usize) -> Self {
        Self { turns: vec![0; items + 1], highest: f64::MIN }
    }

    fn add(&mut self, firing: &Firing) {
        self.turns[firing.first] += 1;
        self.turns[firing.last + 1] -= 1;
        self.highest = self.highest.max(firing.value);
    }

    fn marked(&self) -> Vec<bool> {
        let mut open = 0;
        let marked = self.turns.iter().map(|turn| {
            open += turn;
            open > 0
        });
        marked.take(self.turns.len() - 1).collect()
    }
}

/// The first item of the window of a length that ends at an item: what lies exactly that far back is outside.
fn begin(items: &[Item], begin: usize, end: usize, span_micros: i64) -> usize {
    let mut begin = begin;
    while items[end].at - items[begin].at >= span_micros {
        begin += 1;
    }
    begin
}

fn gather(
    items: &[Item],
    children: &[Fired],
    hits: &[&Hit],
    measure: Gather,
    span_micros: i64,
    predicates: &[(ConditionOperator, u64)],
) -> Vec<Firing> {
    let slot_of = |item: &Item, slot: usize| {
        let hit = children[item.child].firings[item.firing].last;
        hits.get(hit).and_then(|hit| hit.slots.get(slot).copied())
    };
    let mut firings = Vec::new();
    let mut first = 0;
    let mut seen: HashMap<u64, usize> = HashMap::new();
    for last in 0..items.len() {
        let next = begin(items, first, last, span_micros);
        if let Gather::Distinct(slot) = measure {
            // Zero stands for a value that is not there.
            for value in items[first..next].iter().filter_map(|item| slot_of(item, slot)).filter(|value| *value != 0) {
                if let Some(times) = seen.get_mut(&value) {
                    *times -= 1;
                    if *times == 0 {
                        seen.remove(&value);
                    }
                }
            }
            if let Some(value) = slot_of(&items[last], slot).filter(|value| *value != 0) {
                *seen.entry(value).or_default() += 1;
            }
        }
        first = next;
        let numbers = |slot: usize| {
            let window = items[first..=last].iter();
            window.filter_map(move |item| slot_of(item, slot)).map(f64::from_bits).filter(|n| !n.is_nan())
        };
        let value = match measure {
            Gather::Events => Some((last - first + 1) as f64),
            Gather::Distinct(_) => Some(seen.len() as f64),
            Gather::Sum(slot) => Some(numbers(slot).sum()),
            Gather::Average(slot) => {
                let count = numbers(slot).count();
                (count > 0).then(|| numbers(slot).sum::<f64>() / count as f64)
            }
            Gather::Percentile { slot, rank } => percentile(numbers(slot).collect(), rank),
        };
        if let Some(value) = value.filter(|value| satisfied(predicates, *value)) {
            firings.push(Firing { at: items[last].at, first, last, value });
        }
    }
    firings
}

/// The nearest rank: the smallest number that so many percent do not exceed.
fn percentile(mut numbers: Vec<f64>, rank: u64) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let place = (rank as f64 / 100.0 * numbers.len() as f64).ceil() as usize;
    numbers.get(place.max(1) - 1).copied()
}

fn satisfied(predicates: &[(ConditionOperator, u64)], value: f64) -> bool {
    predicates.iter().all(|(operator, bound)| {
        let bound = *bound as f64;
        match operator {
            ConditionOperator::Lt => value < bound,
            ConditionOperator::Lte => value <= bound,
            ConditionOperator::Gt => value > bound,
            ConditionOperator::Gte => value >= bound,
            ConditionOperator::Eq => value == bound,
            ConditionOperator::Neq => value != bound,
        }
    })
}

fn temporal(items: &[Item], children: usize, order: Order, span_micros: i64, condition: &Together) -> Vec<Firing> {
    let mut firings = Vec::new();
    let mut first = 0;
    let mut present = vec![0_usize; children];
    for last in 0..items.len() {
        let next = begin(items, first, last, span_micros);
        items[first..next].iter().for_each(|item| present[item.child] -= 1);
        first = next;
        present[items[last].child] += 1;
        let there: Vec<bool> = present.iter().map(|times| *times > 0).collect();
        if !together(condition, &there) {
            continue;
        }
        let begins = match order {
            Order::Any => Some(first),
            Order::AsListed => chain(items, first, last, &there),
        };
        if let Some(begins) = begins {
            firings.push(Firing { at: items[last].at, first: begins, last, value: 1.0 });
        }
    }
    firings
}

fn together(condition: &Together, there: &[bool]) -> bool {
    match condition {
        Together::All => there.iter().all(|there| *there),
        Together::Count(predicates) => satisfied(predicates, there.iter().filter(|there| **there).count() as f64),
        Together::Expression(expression, names) => holds(expression, names, there),
    }
}

fn holds(expression: &ConditionExpr, names: &[String], there: &[bool]) -> bool {
    match expression {
        ConditionExpr::Identifier(name) => names.iter().position(|n| n == name).is_some_and(|at| there[at]),
        ConditionExpr::And(parts) => parts.iter().all(|part| holds(part, names, there)),
        ConditionExpr::Or(parts) => parts.iter().any(|part| holds(part, names, there)),
        ConditionExpr::Not(part) => !holds(part, names, there),
        ConditionExpr::Selector { quantifier, pattern } => {
            let meant = names.iter().zip(there).filter(|(name, _)| pattern.matches_detection_name(name));
            let (all, present): (Vec<_>, Vec<_>) =
                (meant.clone().collect(), meant.filter(|(_, there)| **there).collect());
            match quantifier {
                Quantifier::Any => !present.is_empty(),
                Quantifier::All => present.len() == all.len(),
                Quantifier::Count(count) => present.len() as u64 >= *count,
            }
        }
    }
}

/// Where the shortest chain begins that ends at this item: each rule that is there after the one listed before it.
fn chain(items: &[Item], first: usize, last: usize, there: &[bool]) -> Option<usize> {
    let mut wanted: Vec<usize> = (0..there.len()).filter(|child| there[*child]).collect();
    // A chain is told when it is complete: at the rule listed last.
    if wanted.pop() != Some(items[last].child) {
        return None;
    }
    let mut at = last;
    while let Some(child) = wanted.pop() {
        at = (first..at).rev().find(|earlier| items[*earlier].child == child)?;
    }
    Some(at)
}
