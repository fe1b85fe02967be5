//! Rules by what an activity says first of itself: its type and what kind of actor acts.
//! Promises that what is left to ask has the answer that the whole rule would have.
//! Never leaves out a rule that could select the activity.

use std::collections::HashMap;
use std::sync::Arc;

use ephor_wire::catalogue::catalogue;
use rsigma_eval::compiler::eval_condition;
use rsigma_eval::{CompiledDetection, CompiledDetectionItem, CompiledMatcher, CompiledRule, Event, MapEvent};
use rsigma_parser::{ConditionExpr, Quantifier};

use crate::fields::{Flat, View};
use crate::rule::RuleSet;

/// Routes that are remembered: the catalogue's types with a few kinds of actors each, so that made-up types cannot fill
/// the memory.
const ROUTES: usize = 3_200;

/// Rules that may select an activity, each with what is left to ask of it.
pub(crate) type Route = [(usize, Question)];

/// The routes of a set of rules, made as they are needed.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    by_type: HashMap<String, HashMap<String, Arc<Route>>>,
    count: usize,
    unsettled: Option<Arc<Route>>,
}

impl Routes {
    /// The route of an activity; `wanted` are the rules that count at all.
    pub(crate) fn of(&mut self, flat: &Flat<'_>, set: &RuleSet, wanted: impl Fn(usize) -> bool) -> Arc<Route> {
        // A category on the wire hides the catalogue's, and of a type that is no text nothing is known before it is asked.
        let (Some(kind), Some(actor), false) =
            (flat.text("type"), flat.text_within("actor", "type"), flat.has("category"))
        else {
            let all = || route(set, wanted, &MapEvent::new(HashMap::new()), &[]);
            return Arc::clone(self.unsettled.get_or_insert_with(all));
        };
        if let Some(route) = self.by_type.get(kind).and_then(|of_type| of_type.get(actor)) {
            return Arc::clone(route);
        }
        if self.count >= ROUTES {
            self.by_type.clear();
            self.count = 0;
        }
        let category = catalogue().category_of(kind);
        let known = MapEvent::new(HashMap::from([("type", kind), ("category", category), (ACTOR_TYPE, actor)]));
        let route = route(set, wanted, &known, &KNOWN);
        self.by_type.entry(kind.to_owned()).or_default().insert(actor.to_owned(), Arc::clone(&route));
        self.count += 1;
        route
    }
}

const ACTOR_TYPE: &str = "actor.type";

/// Fields that are known of each activity of a route.
const KNOWN: [&str; 3] = ["type", "category", ACTOR_TYPE];

type Known<'k> = MapEvent<&'k str, &'k str>;

fn route(set: &RuleSet, wanted: impl Fn(usize) -> bool, known: &Known<'_>, fields: &[&str]) -> Arc<Route> {
    let settling = Settling { known, fields };
    let asked = |rule: usize| {
        let question = settling.rule(&set.detections.get(&rule)?.compiled);
        (!matches!(question, Question::Known(false))).then_some((rule, question))
    };
    (0..set.rules.len()).filter(|rule| wanted(*rule)).filter_map(asked).collect()
}

/// Whether a rule may select an object of the directory of which its kind alone is known.
pub(crate) fn may_select_object(set: &RuleSet, rule: usize, kind: &str) -> bool {
    const OBJECT: &str = "object";
    let known = MapEvent::new(HashMap::from([(OBJECT, kind)]));
    let settling = Settling { known: &known, fields: &[OBJECT] };
    let question = set.detections.get(&rule).map(|detecting| settling.rule(&detecting.compiled));
    question.is_some_and(|question| !matches!(question, Question::Known(false)))
}

/// What is left to ask of an activity, of a rule's condition.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    Known(bool),
    Item(Box<CompiledDetectionItem>),
    All(Vec<Question>),
    Any(Vec<Question>),
    Not(Box<Question>),
    /// So many of these.
    AtLeast(u64, Vec<Question>),
    /// What rsigma evaluates as a whole: keywords, and conditions about the elements of an array.
    Whole(HashMap<String, CompiledDetection>),
}

impl Question {
    /// The answer of an activity.
    pub(crate) fn holds(&self, view: &View<'_>) -> bool {
        match self {
            Self::Known(answer) => *answer,
            Self::Item(item) => holds(item, view),
            Self::All(parts) => parts.iter().all(|part| part.holds(view)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(view)),
            Self::Not(part) => !part.holds(view),
            Self::AtLeast(wanted, parts) => parts.iter().filter(|part| part.holds(view)).count() as u64 >= *wanted,
            Self::Whole(named) => {
                let condition = ConditionExpr::Identifier(WHOLE.to_owned());
                eval_condition(&condition, named, view, &mut Vec::new())
            }
        }
    }

    fn all(parts: impl Iterator<Item = Self>) -> Self {
        let mut open = Vec::new();
        for part in parts {
            match part {
                Self::Known(true) => {}
                Self::Known(false) => return part,
                part => open.push(part),
            }
        }
        if open.len() == 1 {
            open.remove(0)
        } else if open.is_empty() {
            Self::Known(true)
        } else {
            Self::All(open)
        }
    }

    fn any(parts: impl Iterator<Item = Self>) -> Self {
        let mut open = Vec::new();
        for part in parts {
            match part {
                Self::Known(false) => {}
                Self::Known(true) => return part,
                part => open.push(part),
            }
        }
        if open.len() == 1 {
            open.remove(0)
        } else if open.is_empty() {
            Self::Known(false)
        } else {
            Self::Any(open)
        }
    }
}

/// The name of the only detection of a [`Question::Whole`].
const WHOLE: &str = "";

/// As rsigma evaluates one item of a detection.
fn holds(item: &CompiledDetectionItem, event: &impl Event) -> bool {
    let Some(field) = &item.field else {
        return match item.exists {
            Some(wanted) => !wanted,
            None => item.matcher.matches_keyword(event),
        };
    };
    let value = event.get_field(field);
    match (item.exists, value) {
        (Some(wanted), value) => value.is_some_and(|value| !value.is_null()) == wanted,
        (None, Some(value)) => item.matcher.matches(&value, event),
        (None, None) => matches!(item.matcher, CompiledMatcher::Null),
    }
}

/// Answers what the known fields answer, and keeps the rest.
struct Settling<'s> {
    known: &'s Known<'s>,
    fields: &'s [&'s str],
}

impl Settling<'_> {
    fn rule(&self, rule: &CompiledRule) -> Question {
        Question::any(rule.conditions.iter().map(|condition| self.condition(condition, &rule.detections)))
    }

    fn condition(&self, condition: &ConditionExpr, named: &HashMap<String, CompiledDetection>) -> Question {
        match condition {
            ConditionExpr::Identifier(name) => {
                named.get(name).map_or(Question::Known(false), |detection| self.detection(detection))
            }
            ConditionExpr::And(parts) => Question::all(parts.iter().map(|part| self.condition(part, named))),
            ConditionExpr::Or(parts) => Question::any(parts.iter().map(|part| self.condition(part, named))),
            ConditionExpr::Not(part) => match self.condition(part, named) {
                Question::Known(answer) => Question::Known(!answer),
                open => Question::Not(Box::new(open)),
            },
            ConditionExpr::Selector { quantifier, pattern } => {
                let meant = named.iter().filter(|(name, _)| pattern.matches_detection_name(name));
                let parts = meant.map(|(_, detection)| self.detection(detection));
                match quantifier {
                    Quantifier::Any => Question::any(parts),
                    Quantifier::All => Question::all(parts),
                    Quantifier::Count(wanted) => Question::AtLeast(*wanted, parts.collect()),
                }
            }
        }
    }

    fn detection(&self, detection: &CompiledDetection) -> Question {
        match detection {
            CompiledDetection::AllOf(items) => Question::all(items.iter().map(|item| self.item(item))),
            CompiledDetection::AnyOf(parts) => Question::any(parts.iter().map(|part| self.detection(part))),
            CompiledDetection::And(parts) => Question::all(parts.iter().map(|part| self.detection(part))),
            CompiledDetection::Keywords(_)
            | CompiledDetection::ArrayMatch { .. }
            | CompiledDetection::Conditional { .. } => {
                Question::Whole(HashMap::from([(WHOLE.to_owned(), detection.clone())]))
            }
        }
    }

    fn item(&self, item: &CompiledDetectionItem) -> Question {
        let is_known = item.field.as_deref().is_some_and(|field| self.fields.contains(&field));
        if is_known && (item.exists.is_some() || asks_one_field(&item.matcher)) {
            Question::Known(holds(item, self.known))
        } else {
            Question::Item(Box::new(item.clone()))
        }
    }
}

/// Whether the answer follows from the item's own field alone.
fn asks_one_field(matcher: &CompiledMatcher) -> bool {
    match matcher {
        CompiledMatcher::FieldRef { .. } | CompiledMatcher::Expand { .. } | CompiledMatcher::TimestampPart { .. } => {
            false
        }
        CompiledMatcher::Not(inner) => asks_one_field(inner),
        CompiledMatcher::AnyOf(parts) | CompiledMatcher::AllOf(parts) => parts.iter().all(asks_one_field),
        CompiledMatcher::CaseInsensitiveGroup { children, .. } => children.iter().all(asks_one_field),
        _ => true,
    }
}
