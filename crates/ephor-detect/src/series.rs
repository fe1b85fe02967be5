//! A series: what a rule keeps of the activities it selects, how that is told apart, and how it is judged.
//! Promises that everything a judgement needs of a hit is named here.
//! Never holds a hit.

use std::collections::HashMap;

use rsigma_parser::{ConditionExpr, ConditionOperator, CorrelationCondition, CorrelationType};

use crate::rule::{
    AsksAbout, Baseline, Body, Correlation, FirstSeen, Measure, Naming, OffHours, RuleSet, Travel, Turn, Voice,
};

/// One rule that finds something, ready to be kept and judged.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// The rule's place in the set.
    pub(crate) rule: usize,
    pub(crate) inputs: Vec<Input>,
    pub(crate) program: Program,
}

/// A detection whose hits a series keeps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Input {
    /// The rule's place in the set.
    pub(crate) rule: usize,
    pub(crate) key: KeyOf,
    /// Where the key does not say whom a finding is about: these do.
    pub(crate) subject: Option<Vec<Naming>>,
    pub(crate) slots: Vec<Slot>,
    /// The field with the groups of the subject, where its peers count.
    pub(crate) groups: Option<String>,
}

/// What tells hits of one series apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum KeyOf {
    /// Entities; one that is missing is an entity too.
    Entities(Vec<Naming>),
    /// Fields, all of which have to be there, as Sigma's `group-by` wants it.
    Fields(Vec<String>),
}

/// A value that is kept with each hit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Slot {
    /// Texts, as one number that tells them from others.
    Text(Vec<String>),
    /// A number.
    Number(String),
    /// Where a network address is. A hit that is nowhere is not kept.
    Location(String),
}

/// How a series is judged.
#[derive(Debug, Clone)]
pub(crate) enum Program {
    Each,
    Correlation(Node),
    /// Input 0 without input 1.
    Without {
        within_micros: i64,
    },
    FirstSeen {
        within_micros: i64,
        learning_micros: i64,
    },
    Baseline {
        baseline: Baseline,
        slot: Option<usize>,
    },
    OffHours(OffHours),
    Travel(Travel),
}

impl Program {
    /// Whether what others did counts too.
    pub(crate) fn asks_peers(&self) -> bool {
        matches!(self, Self::Baseline { baseline, .. } if baseline.peers.is_some())
    }

    /// What is kept of the hits.
    pub(crate) fn keeps(&self) -> Keeps {
        match self {
            Self::FirstSeen { within_micros, .. } => Keeps::Sightings { within_micros: *within_micros },
            Self::Baseline { .. } | Self::OffHours(_) => Keeps::Days,
            Self::Each | Self::Correlation(_) | Self::Without { .. } | Self::Travel(_) => Keeps::Hits,
        }
    }
}

/// What a series keeps of its hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Themselves.
    Hits,
    /// A summary of each day.
    Days,
    /// The spans in which each value was seen again within such a time.
    Sightings { within_micros: i64 },
}

/// A correlation, with the correlations that it refers to.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Input(u8),
    /// Something measured over a sliding window.
    Gather {
        children: Vec<Node>,
        measure: Gather,
        span_micros: i64,
        predicates: Vec<(ConditionOperator, u64)>,
    },
    /// Different rules within a window.
    Temporal {
        children: Vec<Node>,
        order: Order,
        span_micros: i64,
        condition: Together,
    },
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Gather {
    Events,
    Distinct(usize),
    Sum(usize),
    Average(usize),
    Percentile { slot: usize, rank: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Any,
    AsListed,
}

/// Which of the rules have to be there.
#[derive(Debug, Clone)]
pub(crate) enum Together {
    All,
    /// So many different ones.
    Count(Vec<(ConditionOperator, u64)>),
    /// As a condition over their names says; by child.
    Expression(ConditionExpr, Vec<String>),
}

/// The series of a rule, if it finds something itself.
pub(crate) fn of(set: &RuleSet, place: usize) -> Result<Option<Series>, String> {
    let rule = &set.rules[place];
    if rule.voice == Voice::Feeds || rule.asks_about == AsksAbout::Directory {
        return Ok(None);
    }
    let (inputs, program) = match &rule.body {
        Body::Detection(_) => of_detection(set, place)?,
        Body::Correlation(_) => {
            let mut building = Building { set, inputs: Vec::new() };
            let node = building.node(place, &mut Vec::new())?;
            (building.finish(place)?, Program::Correlation(node))
        }
    };
    Ok(Some(Series { rule: place, inputs, program }))
}

fn of_detection(set: &RuleSet, place: usize) -> Result<(Vec<Input>, Program), String> {
    let rule = &set.rules[place];
    let by_subject = || KeyOf::Entities(rule.subject.clone());
    let input = |rule: usize, key: KeyOf, subject: Option<Vec<Naming>>, slots: Vec<Slot>| Input {
        rule,
        key,
        subject,
        slots,
        groups: None,
    };
    Ok(match &rule.turn {
        Turn::Each => (vec![input(place, by_subject(), None, Vec::new())], Program::Each),
        Turn::FirstSeen(FirstSeen { value, per, within, learning }) => {
            let slots = vec![Slot::Text(value.clone())];
            let program = Program::FirstSeen {
                within_micros: within.micros,
                learning_micros: learning.unwrap_or(*within).micros,
            };
            (vec![input(place, KeyOf::Fields(per.clone()), Some(rule.subject.clone()), slots)], program)
        }
        Turn::Without(without) => {
            let other = set.referred(&without.rule)?;
            if !matches!(set.rules[other].body, Body::Detection(_)) {
                return Err(format!("`without` needs a detection, and `{}` is a correlation", without.rule));
            }
            let key = KeyOf::Fields(without.by.clone());
            let inputs = vec![
                input(place, key.clone(), Some(rule.subject.clone()), Vec::new()),
                input(other, key, None, Vec::new()),
            ];
            (inputs, Program::Without { within_micros: without.within.micros })
        }
        Turn::Baseline(baseline) => {
            let (slots, slot) = match baseline.measure() {
                Measure::Hits => (Vec::new(), None),
                Measure::Distinct(field) => (vec![Slot::Text(vec![field.to_owned()])], Some(0)),
            };
            let program = Program::Baseline { baseline: baseline.clone(), slot };
            let mut own = input(place, by_subject(), None, slots);
            if baseline.peers.is_some() {
                own.groups = Some(groups_of(&rule.subject)?);
                // Groups stand behind the value that is counted, if one is.
                own.slots.resize(1, Slot::Text(Vec::new()));
            }
            (vec![own], program)
        }
        Turn::OffHours(off_hours) => {
            (vec![input(place, by_subject(), None, Vec::new())], Program::OffHours(off_hours.clone()))
        }
        Turn::Travel(travel) => {
            let slots = vec![Slot::Location(travel.address.clone())];
            (vec![input(place, by_subject(), None, slots)], Program::Travel(travel.clone()))
        }
    })
}

/// The directory's groups of whom a rule is about.
fn groups_of(subject: &[Naming]) -> Result<String, String> {
    match subject {
        [Naming { fields, .. }] if !fields.is_empty() => Ok(format!("directory.{}.group", fields[0])),
        _ => Err("`peers` needs a subject of one entity, such as `{actor: actor.id}`".to_owned()),
    }
}

/// Correlations within each other at the most: more is a mistake, or a circle.
const DEPTH: usize = 8;

struct Building<'s> {
    set: &'s RuleSet,
    /// The base rules met so far, with what is kept of each.
    inputs: Vec<(usize, Vec<Slot>)>,
}

impl Building<'_> {
    fn node(&mut self, place: usize, above: &mut Vec<usize>) -> Result<Node, String> {
        let rule = &self.set.rules[place];
        let Body::Correlation(correlation) = &rule.body else {
            return self.input(place).map(Node::Input);
        };
        if above.contains(&place) || above.len() >= DEPTH {
            return Err(format!("`{}` refers to itself, or to others too deep in each other", rule.name));
        }
        if let Some(outer) = above.last().map(|outer| &self.set.rules[*outer]) {
            let (Body::Correlation(outer_body), inner) = (&outer.body, correlation) else { return Err(String::new()) };
            if sorted(&outer_body.group_by) != sorted(&inner.group_by) {
                return Err(format!("`{}` and `{}` have to group by the same fields", outer.name, rule.name));
            }
        }
        above.push(place);
        let mut children = Vec::new();
        for reference in &correlation.rules {
            let child = self.set.referred(reference)?;
            children.push(self.node(child, above)?);
        }
        above.pop();
        self.measured(correlation, children)
    }

    fn measured(&mut self, correlation: &Correlation, children: Vec<Node>) -> Result<Node, String> {
        let span_micros = correlation.span_micros;
        let order = match correlation.kind {
            CorrelationType::Temporal => Some(Order::Any),
            CorrelationType::TemporalOrdered => Some(Order::AsListed),
            _ => None,
        };
        if let Some(order) = order {
            let condition = match &correlation.condition {
                CorrelationCondition::Extended(expression) => {
                    Together::Expression(expression.clone(), correlation.rules.clone())
                }
                CorrelationCondition::Threshold { predicates, .. } if predicates.is_empty() => Together::All,
                CorrelationCondition::Threshold { predicates, .. } => Together::Count(predicates.clone()),
            };
            // Where there is no condition, rsigma's parser writes one that any rule satisfies; Sigma means all of them.
            let condition = match condition {
                Together::Count(predicates) if predicates == [(ConditionOperator::Gte, 1)] => Together::All,
                other => other,
            };
            return Ok(Node::Temporal { children, order, span_micros, condition });
        }
        let CorrelationCondition::Threshold { predicates, field, percentile } = &correlation.condition else {
            return Err("the condition of this correlation compares a number, such as `gte: 5`".to_owned());
        };
        let measure = match (correlation.kind, field) {
            (CorrelationType::EventCount, _) => Gather::Events,
            (kind, Some(fields)) => {
                let slot = match kind {
                    CorrelationType::ValueCount => Slot::Text(fields.clone()),
                    _ => Slot::Number(fields.first().cloned().unwrap_or_default()),
                };
                let at = self.slot(&children, correlation, &slot)?;
                match kind {
                    CorrelationType::ValueCount => Gather::Distinct(at),
                    CorrelationType::ValueSum => Gather::Sum(at),
                    CorrelationType::ValueAvg => Gather::Average(at),
                    CorrelationType::ValueMedian => Gather::Percentile { slot: at, rank: 50 },
                    _ => Gather::Percentile { slot: at, rank: percentile.unwrap_or(50).min(100) },
                }
            }
            (_, None) => return Err("the condition of this correlation needs a `field`".to_owned()),
        };
        Ok(Node::Gather { children, measure, span_micros, predicates: predicates.clone() })
    }

    fn input(&mut self, place: usize) -> Result<u8, String> {
        let at = self.inputs.iter().position(|(rule, _)| *rule == place).unwrap_or_else(|| {
            self.inputs.push((place, Vec::new()));
            self.inputs.len() - 1
        });
        u8::try_from(at).map_err(|_| "a correlation looks at no more than 256 rules".to_owned())
    }

    /// Keeps a value with the hits of these children; answers where.
    fn slot(&mut self, children: &[Node], correlation: &Correlation, slot: &Slot) -> Result<usize, String> {
        let mut at = 0;
        for child in children {
            let Node::Input(input) = child else {
                return Err("values are counted of detections, not of other correlations".to_owned());
            };
            at = at.max(self.inputs[*input as usize].1.len());
        }
        for child in children {
            if let Node::Input(input) = child {
                let (rule, slots) = &mut self.inputs[*input as usize];
                let rule = &self.set.rules[*rule];
                let own = match slot {
                    Slot::Text(fields) => Slot::Text(fields.iter().map(|f| aliased(correlation, f, rule)).collect()),
                    Slot::Number(field) => Slot::Number(aliased(correlation, field, rule)),
                    Slot::Location(field) => Slot::Location(aliased(correlation, field, rule)),
                };
                slots.resize(at, Slot::Text(Vec::new()));
                slots.push(own);
            }
        }
        Ok(at)
    }

    fn finish(self, place: usize) -> Result<Vec<Input>, String> {
        let Body::Correlation(correlation) = &self.set.rules[place].body else { return Ok(Vec::new()) };
        let inputs = self.inputs.into_iter().map(|(rule, slots)| {
            let fields = correlation.group_by.iter().map(|f| aliased(correlation, f, &self.set.rules[rule])).collect();
            Input { rule, key: KeyOf::Fields(fields), subject: None, slots, groups: None }
        });
        Ok(inputs.collect())
    }
}

/// The field of a rule that a name of a correlation stands for.
fn aliased(correlation: &Correlation, field: &str, rule: &crate::rule::Rule) -> String {
    let of_rule = |fields: &HashMap<String, String>| {
        fields.get(&rule.name).or_else(|| rule.id.as_ref().and_then(|id| fields.get(id))).cloned()
    };
    correlation.aliases.get(field).and_then(of_rule).unwrap_or_else(|| field.to_owned())
}

fn sorted(fields: &[String]) -> Vec<&String> {
    let mut fields: Vec<&String> = fields.iter().collect();
    fields.sort();
    fields
}
