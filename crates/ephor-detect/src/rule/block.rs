//! The block `ephor:` of a rule: what Sigma has no words for, beside its title, level and detection.
//! Promises that a mistyped key is an error with its line.
//! Never a second language: what selects stays Sigma.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Naming;
use super::span::Span;
use crate::use_case::UseCase;

/// The block as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block {
    pub(super) use_case: UseCase,
    #[serde(default)]
    pub(super) controls: Vec<String>,
    #[serde(default)]
    pub(super) subject: Namings,
    #[serde(default)]
    pub(super) entities: Namings,
    #[serde(default = "a_day")]
    pub(super) window: Span,
    pub(super) each: Option<String>,
    pub(super) explain: Option<String>,
    pub(super) next_step: Option<String>,
    pub(super) first_seen: Option<FirstSeen>,
    pub(super) without: Option<Without>,
    pub(super) baseline: Option<Baseline>,
    pub(super) off_hours: Option<OffHours>,
    pub(super) travel: Option<Travel>,
}

fn a_day() -> Span {
    Span::days(1)
}

/// What becomes of what was selected: when a rule fires.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Turn {
    /// Each time.
    Each,
    /// When a value was not seen before.
    FirstSeen(FirstSeen),
    /// When another rule does not select anything soon after.
    Without(Without),
    /// When there is more of it on a day than usual.
    Baseline(Baseline),
    /// When it happens at an hour at which the subject is not usually at work.
    OffHours(OffHours),
    /// When it happens too far away from where it happened before.
    Travel(Travel),
}

/// A value that was not there in the time before.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstSeen {
    /// The fields whose values together are new.
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) value: Vec<String>,
    /// New to whom: the fields that tell histories apart; none is the whole organisation.
    #[serde(default, deserialize_with = "one_or_more")]
    pub(crate) per: Vec<String>,
    /// How far back is looked.
    pub(crate) within: Span,
    /// A history shorter than this says nothing yet. Default: as far as is looked back.
    pub(crate) learning: Option<Span>,
}

/// Something that has to follow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Without {
    /// The rule that has to select something.
    pub(crate) rule: String,
    /// Fields on which both have to agree.
    #[serde(default, deserialize_with = "one_or_more")]
    pub(crate) by: Vec<String>,
    /// How soon.
    pub(crate) within: Span,
}

/// More than usual.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Baseline {
    /// The field whose different values are counted; hits are counted when there is none.
    #[serde(default)]
    pub(crate) distinct: Option<String>,
    /// How far back.
    #[serde(default = "four_weeks")]
    pub(crate) over: Span,
    /// Days with hits before anything is judged.
    #[serde(default = "two_weeks_of_days")]
    pub(crate) warm_up_days: u32,
    /// How many robust standard deviations (1.4826 × MAD) above the median.
    #[serde(default = "three")]
    pub(crate) z: f64,
    /// And never below this.
    pub(crate) at_least: u64,
    /// Whose days count beside the subject's own.
    #[serde(default)]
    pub(crate) peers: Option<Whose>,
}

/// Whose days are compared with beside the subject's own: those of its group in the directory; of a small one, everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whose {
    /// Theirs count where the subject has too few days, and weigh what is much for the subject.
    Group,
    /// Only what is usual for the subject and far beyond theirs.
    Beyond,
}

impl Baseline {
    pub(crate) fn measure(&self) -> Measure<'_> {
        self.distinct.as_deref().map_or(Measure::Hits, Measure::Distinct)
    }
}

/// What a baseline counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure<'r> {
    Hits,
    Distinct(&'r str),
}

/// Hours learned from the subject's own past.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OffHours {
    /// How far back.
    #[serde(default = "four_weeks")]
    pub(crate) over: Span,
    /// Days with hits before anything is judged.
    #[serde(default = "two_weeks_of_days")]
    pub(crate) warm_up_days: u32,
    /// How many hits of a day at unusual hours.
    pub(crate) at_least: u64,
}

/// Places too far apart for the time between them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Travel {
    /// The field with the network address.
    #[serde(default = "actor_address")]
    pub(crate) address: String,
    /// Faster than this is impossible.
    #[serde(default = "airliner")]
    pub(crate) kmh: u32,
    /// What is nearer says nothing.
    #[serde(default = "five_hundred")]
    pub(crate) km: u32,
    /// What lies further apart in time is not compared.
    #[serde(default = "one_day")]
    pub(crate) within: Span,
}

fn actor_address() -> String {
    "actor.ip_address".to_owned()
}
fn airliner() -> u32 {
    900
}
fn five_hundred() -> u32 {
    500
}
fn one_day() -> Span {
    Span::days(1)
}

fn four_weeks() -> Span {
    Span::days(28)
}
fn two_weeks_of_days() -> u32 {
    14
}
fn three() -> f64 {
    3.0
}

/// Entities in the order in which they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Namings(pub(super) Vec<Naming>);

impl<'de> Deserialize<'de> for Namings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Namings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("entity types with the field that holds the id of each, such as `user: user_id`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Namings, A::Error> {
                let mut namings = Vec::new();
                while let Some((kind, OneOrMore(fields))) = map.next_entry::<String, OneOrMore>()? {
                    namings.push(Naming { kind, fields });
                }
                Ok(Namings(namings))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

struct OneOrMore(Vec<String>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            One(String),
            More(Vec<String>),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::One(one) => vec![one],
            Either::More(more) => more,
        }))
    }
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(OneOrMore::deserialize(deserializer)?.0)
}
