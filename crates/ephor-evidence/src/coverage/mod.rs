//! How far the lake really serves a framework in a period: what each source can show at best, against what is held.
//! Promises that a grade is a function of the framework and of counts, so that anyone can compute it again from a package.
//! Never gives more than the framework says the source can give, and never calls a control covered without rows.

mod holdings;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::framework::{BySource, Content, Control, Evidence, Framework, Grade, Grading, Source};
use crate::period::Period;

pub(crate) use holdings::joined;
pub use holdings::{Held, Holdings, House, SourceHoldings, holdings};

/// The coverage of a framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The framework's id.
    pub framework: String,
    /// Its title.
    pub title: String,
    /// Its edition.
    pub version: String,
    /// The period.
    pub period: Period,
    /// When it was computed.
    pub generated_at: String,
    /// Activities before this `seq` were looked at.
    pub size: u64,
    /// Over all controls.
    pub sources: BySource<SourceCoverage>,
    /// How many controls are what.
    pub summary: Summary,
    /// Control by control.
    pub controls: Vec<ControlCoverage>,
    /// What an auditor will need that no control here names.
    pub also_needed: Vec<String>,
}

/// What a source gives a framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCoverage {
    /// What it can give at best.
    pub possible: Grade,
    /// Why.
    pub reason: String,
    /// The best that it gives to any control here, from what is held.
    pub held: Grade,
    /// What is held over the days of the period.
    pub holdings: SourceHoldings,
}

/// How many controls are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Controls.
    pub controls: u64,
    /// For which everything is held that the sources can give.
    pub covered: u64,
    /// For which some of it is held.
    pub partial: u64,
    /// For which nothing is held.
    pub gaps: u64,
}

/// What is held for a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlCoverage {
    /// Its number.
    pub id: String,
    /// Its subject.
    pub title: String,
    /// What it asks.
    pub asks: String,
    /// Whether what the sources can give is there.
    pub status: Status,
    /// By source.
    pub sources: BySource<ControlSource>,
    /// Its evidence, first what it rests on.
    pub evidence: Vec<EvidenceHeld>,
    /// How it is tested.
    pub tests: Vec<String>,
    /// What else an auditor will need.
    pub also_needed: Vec<String>,
}

/// Whether what the sources can give to a control is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything that the sources can give is held. It does not mean that the sources give all that the control asks.
    Covered,
    /// Some of it is.
    Partial,
    /// Nothing is.
    Gap,
}

impl Status {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::Partial => "partial",
            Self::Gap => "gap",
        }
    }
}

/// What a source gives a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlSource {
    /// At best, by the framework.
    pub possible: Grade,
    /// From what is held in the period.
    pub held: Grade,
    /// How much of what it can give is held.
    pub extent: Extent,
    /// Why no more.
    pub reason: String,
}

/// How much of what a source can give to a control is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All of it; also where it can give nothing.
    All,
    /// Some of it: a piece of evidence or a part of the period is missing.
    Some,
    /// None of it.
    Nothing,
}

/// One piece of evidence of a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceHeld {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: String,
    /// Where it comes from.
    pub source: Source,
    /// Whether the control rests on it.
    pub weight: Weight,
    /// What there is.
    #[serde(flatten)]
    pub held: Held,
}

/// What a piece of evidence is to a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The control rests on it.
    Rests,
    /// It adds to the control.
    Supports,
}

/// Grades a framework by what is held.
#[must_use]
pub fn coverage(framework: &Framework, evidence: &[Evidence], held: &Holdings, generated_at: &str) -> Coverage {
    let by_id: BTreeMap<&str, &Evidence> = evidence.iter().map(|piece| (piece.id.as_str(), piece)).collect();
    let controls: Vec<ControlCoverage> =
        framework.controls.iter().map(|control| of_control(control, &by_id, held)).collect();
    let sources = BySource::from_each(|source| {
        let Grading { grade, reason } = framework.grades.of(source).clone();
        let best = controls.iter().map(|control| control.sources.of(source).held).max().unwrap_or_default();
        SourceCoverage { possible: grade, reason, held: best, holdings: held.sources.of(source).clone() }
    });
    let number = |status: Status| controls.iter().filter(|control| control.status == status).count() as u64;
    Coverage {
        framework: framework.id.clone(),
        title: framework.title.clone(),
        version: framework.version.clone(),
        period: held.period,
        generated_at: generated_at.to_owned(),
        size: held.size,
        sources,
        summary: Summary {
            controls: controls.len() as u64,
            covered: number(Status::Covered),
            partial: number(Status::Partial),
            gaps: number(Status::Gap),
        },
        controls,
        also_needed: framework.also_needed.clone(),
    }
}

fn of_control(control: &Control, evidence: &BTreeMap<&str, &Evidence>, held: &Holdings) -> ControlCoverage {
    let piece = |id: &String, weight: Weight| {
        let piece = evidence.get(id.as_str())?;
        Some((*piece, weight, held.evidence.get(id).cloned().unwrap_or_default()))
    };
    let rests = control.evidence.iter().filter_map(|id| piece(id, Weight::Rests));
    let supports = control.supporting.iter().filter_map(|id| piece(id, Weight::Supports));
    let pieces: Vec<(&Evidence, Weight, Held)> = rests.chain(supports).collect();
    let sources = BySource::from_each(|source| of_source(control.grades.of(source), source, &pieces, held));
    let possible: Vec<&ControlSource> =
        Source::ALL.iter().map(|source| sources.of(*source)).filter(|one| one.possible > Grade::None).collect();
    let status = match () {
        () if possible.iter().all(|one| one.extent == Extent::Nothing) => Status::Gap,
        () if possible.iter().all(|one| one.extent == Extent::All) => Status::Covered,
        () => Status::Partial,
    };
    let told = |(piece, weight, held): (&Evidence, Weight, Held)| EvidenceHeld {
        id: piece.id.clone(),
        title: piece.title.clone(),
        source: piece.source,
        weight,
        held,
    };
    ControlCoverage {
        id: control.id.clone(),
        title: control.title.clone(),
        asks: control.asks.clone(),
        status,
        sources,
        evidence: pieces.into_iter().map(told).collect(),
        tests: control.tests.clone(),
        also_needed: control.also_needed.clone(),
    }
}

fn of_source(best: &Grading, source: Source, pieces: &[(&Evidence, Weight, Held)], held: &Holdings) -> ControlSource {
    let possible = best.grade;
    let graded = |held: Grade, extent: Extent, reason: String| ControlSource { possible, held, extent, reason };
    if possible == Grade::None {
        return graded(Grade::None, Extent::All, best.reason.clone());
    }
    let own: Vec<_> = pieces.iter().filter(|(piece, _, _)| piece.source == source).collect();
    let days = held.sources.of(source);
    if days.rows == 0 {
        return graded(Grade::None, Extent::Nothing, format!("no data from the {} in the period", source.title()));
    }
    if own.iter().all(|(piece, _, held)| held.rows == 0 || may_be_none(piece)) {
        let absent = own.iter().find_map(|(_, _, held)| held.absent.clone());
        let why = absent.map_or_else(String::new, |absent| format!(" ({absent})"));
        return graded(Grade::None, Extent::Nothing, format!("no data for this control in the period{why}"));
    }
    let missing =
        own.iter().filter(|(piece, weight, held)| *weight == Weight::Rests && held.rows == 0 && !may_be_none(piece));
    let mut lacks: Vec<String> = missing
        .map(|(piece, _, held)| match &held.absent {
            Some(absent) => format!("{}: {absent}", piece.title),
            None => format!("{}: none in the period", piece.title),
        })
        .collect();
    if let Some(first) = days.holes.first() {
        let more = match days.holes.len() {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        let until = first.to.as_deref().unwrap_or("now");
        lacks.push(format!("not the whole period: {} to {until} ({}){more}", first.from, first.reason));
    }
    match lacks.is_empty() {
        true => graded(possible, Extent::All, best.reason.clone()),
        false => graded(possible.min(Grade::Partial), Extent::Some, lacks.join("; ")),
    }
}

fn may_be_none(evidence: &Evidence) -> bool {
    matches!(&evidence.content, Content::Table(question) if question.rows.may_be_none())
}
