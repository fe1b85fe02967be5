//! Rows against rules: populations against the log and their selection, samples drawn again, counts and grades made again.
//! Promises that a number that stands in the package is one that follows from its rows.
//! Never asks a lake.

use std::collections::{BTreeMap, BTreeSet};

use super::Problems;
use super::log::{Proved, named};
use super::opened::Opened;
use crate::coverage::{Coverage, Held, Holdings, coverage};
use crate::draw::{Draw, lot};
use crate::error::EvidenceError;
use crate::framework::{Content, Control, Evidence, Framework, Frameworks, Selection};
use crate::package::{MANIFEST, Manifest, Query, Terms, Test, TestResult, failed, sample_path, shown_columns};

/// Tests whose failure leaves the package unproven; any other is told as what it is.
const WITHOUT_WHICH_NOTHING: [&str; 4] = ["lake-intact", "rows-in-the-log", "seq-without-gaps", "ids-once"];

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Tested {
    pub(crate) drawn: u64,
    /// What the package itself tells that it does not show.
    pub(crate) disclosed: Vec<String>,
}

/// Checks evidence, samples, coverage and tests.
pub(crate) fn check(
    package: &mut Opened,
    terms: &Terms,
    proved: &Proved,
    problems: &mut Problems,
) -> Result<Tested, EvidenceError> {
    let mut tested = Tested::default();
    let Some((framework, evidence)) = framework(package, terms, problems) else { return Ok(tested) };
    let Some(queries) = package.json::<Vec<Query>>("queries.json", problems) else { return Ok(tested) };
    let manifest = package.json::<Manifest>(MANIFEST, problems);
    let listed: BTreeMap<String, Option<u64>> = manifest
        .map(|manifest| manifest.files.into_iter().map(|file| (file.path, file.rows)).collect())
        .unwrap_or_default();
    let mut counted = BTreeMap::new();
    for piece in &evidence {
        let Some(query) = queries.iter().find(|query| query.evidence == piece.id) else {
            problems.add("queries.json", format!("evidence `{}` is not told of", piece.id));
            continue;
        };
        let Some(file) = &query.file else { continue };
        let looking = Looking { terms, framework: &framework, piece, proved };
        let found = looking.population(package, file, problems);
        if query.rows != found.rows || listed.get(file).copied().flatten() != Some(found.rows) {
            problems.add(file, format!("it has {} rows, and {} were told", found.rows, query.rows));
        }
        tested.drawn += looking.samples(package, found.draws, problems);
        counted.insert(piece.id.clone(), (found.rows, found.days));
    }
    if let Some(told) = package.json::<Coverage>("coverage.json", problems) {
        coverage_again(&told, (&framework, &evidence), &counted, terms, problems);
        tested.disclosed.extend(
            told.controls
                .iter()
                .filter(|one| one.status == crate::coverage::Status::Gap)
                .map(|one| format!("{} {}: nothing is held for it in the period", one.id, one.title)),
        );
    }
    if let Some(tests) = package.json::<Vec<Test>>("tests.json", problems) {
        let fatal =
            |test: &Test| WITHOUT_WHICH_NOTHING.contains(&test.id.as_str()) || test.id.starts_with("two-routes:");
        for test in tests.iter().filter(|test| test.result == TestResult::Failed && fatal(test)) {
            problems
                .add("tests.json", format!("the package itself tells that this failed: {} {}", test.asks, test.says));
        }
        for id in WITHOUT_WHICH_NOTHING.iter().filter(|id| tests.iter().all(|test| test.id != **id)) {
            problems.add("tests.json", format!("the test `{id}` is missing"));
        }
        tested.disclosed.extend(failed(&tests).into_iter().map(|words| format!("a test failed: {words}")));
    }
    Ok(tested)
}

fn framework(package: &mut Opened, terms: &Terms, problems: &mut Problems) -> Option<(Framework, Vec<Evidence>)> {
    let (yaml, shared) = (package.text("framework.yaml", problems)?, package.text("evidence.yaml", problems)?);
    let read = Frameworks::of_package(&yaml, &shared).and_then(|(framework, _)| {
        let framework = framework.with_controls(&terms.controls)?;
        let evidence = Frameworks::of_package(&yaml, &shared)?.1;
        let named: BTreeSet<String> =
            framework.controls.iter().flat_map(Control::all_evidence).map(str::to_owned).collect();
        Ok((framework, evidence.into_iter().filter(|piece| named.contains(&piece.id)).collect()))
    });
    match read {
        Ok(read) => Some(read),
        Err(error) => {
            problems.add("framework.yaml", error.to_string());
            None
        }
    }
}

/// What a file of evidence is looked at with.
struct Looking<'a> {
    terms: &'a Terms,
    framework: &'a Framework,
    piece: &'a Evidence,
    proved: &'a Proved,
}

struct Found {
    rows: u64,
    days: BTreeSet<String>,
    draws: Vec<(String, Draw<Vec<String>>)>,
}

impl Looking<'_> {
    fn population(&self, package: &mut Opened, file: &str, problems: &mut Problems) -> Found {
        let sampled = match &self.piece.content {
            Content::Activities(_) => true,
            Content::Table(question) => question.sampled,
        };
        let naming = self
            .framework
            .controls
            .iter()
            .filter(|control| sampled && control.all_evidence().any(|id| id == self.piece.id));
        let mut draws: Vec<(String, Draw<Vec<String>>)> =
            naming.map(|control| (control.id.clone(), Draw::new(self.terms.sample))).collect();
        let (mut number, mut days) = (0_u64, BTreeSet::new());
        let mut seen = BTreeSet::new();
        package.records(file, problems, |heading, record, problems| {
            number += 1;
            let cells = || record.iter().map(str::to_owned);
            match &self.piece.content {
                Content::Activities(chosen) => {
                    if number == 1 && !heading.iter().eq(shown_columns()) {
                        return problems.add(file, "its columns are other ones");
                    }
                    let Some(row) = Row::of(record) else {
                        return problems.add(file, format!("row {number} is no activity"));
                    };
                    if !seen.insert(row.seq) {
                        problems.add(file, format!("seq {} stands twice", row.seq));
                    }
                    days.insert(row.created_at.get(..10).unwrap_or_default().to_owned());
                    self.row(&row, chosen, file, problems);
                    for (control, draw) in &mut draws {
                        draw.pass(lot(&self.terms.seed, control, &self.piece.id, row.id), || cells().collect());
                    }
                }
                Content::Table(_) => {
                    let name = number.to_string();
                    for (control, draw) in &mut draws {
                        draw.pass(lot(&self.terms.seed, control, &self.piece.id, &name), || {
                            std::iter::once(name.clone()).chain(cells()).collect()
                        });
                    }
                }
            }
        });
        Found { rows: number, days, draws }
    }

    /// One line of a population: in the log, in the period, of the kind.
    fn row(&self, row: &Row<'_>, chosen: &Selection, file: &str, problems: &mut Problems) {
        let Terms { period, checkpoint, .. } = self.terms;
        let wrong = match () {
            () if self.proved.leaves.get(&row.seq) != Some(&named(row.id, row.received_at, row.source)) => {
                "the signed log has another activity at this place, or none"
            }
            () if row.seq >= checkpoint.size => "it came after the checkpoint",
            // By their first 19 characters: both are written in UTC, one of them with a fraction of the second.
            () if row.created_at.get(..19).is_none_or(|at| Some(at) < period.begin_text().get(..19))
                || row.created_at.get(..10).is_none_or(|day| day > period.last_day().to_string().as_str()) =>
            {
                "it is not of the period"
            }
            () if !chosen.chooses(row.kind, row.category) => "it is not of this kind",
            () => match self.proved.shown.get(&row.seq) {
                Some(shown) if shown.kind != row.kind || shown.created_at().as_deref() != Some(row.created_at) => {
                    "its type or time is not the one in its bytes"
                }
                _ => return,
            },
        };
        problems.add(file, format!("seq {}: {wrong}", row.seq));
    }

    /// Draws again and compares; says how many rows.
    fn samples(&self, package: &mut Opened, draws: Vec<(String, Draw<Vec<String>>)>, problems: &mut Problems) -> u64 {
        let mut count = 0;
        for (control, draw) in draws {
            let Some(control) = self.framework.controls.iter().find(|other| other.id == control) else { continue };
            let path = sample_path(&control.folder(), &self.piece.id);
            let expected: Vec<Vec<String>> = draw
                .finish()
                .1
                .into_iter()
                .map(|drawn| std::iter::once(hex::encode(drawn.lot)).chain(drawn.row).collect())
                .collect();
            let mut found: Vec<Vec<String>> = Vec::new();
            package.records(&path, problems, |_, record, _| found.push(record.iter().map(str::to_owned).collect()));
            if found != expected {
                problems.add(&path, "it is not the sample that the seed draws");
            }
            count += expected.len() as u64;
        }
        count
    }
}

/// A line of a population.
struct Row<'r> {
    seq: u64,
    id: &'r str,
    created_at: &'r str,
    received_at: &'r str,
    source: &'r str,
    kind: &'r str,
    category: &'r str,
}

impl<'r> Row<'r> {
    fn of(record: &'r csv::StringRecord) -> Option<Self> {
        let cell = |place: usize| record.get(place).map(|text| text.strip_prefix('\'').unwrap_or(text));
        Some(Self {
            seq: cell(0)?.parse().ok()?,
            id: cell(1)?,
            created_at: cell(2)?,
            received_at: cell(3)?,
            source: cell(4)?,
            kind: cell(5)?,
            category: cell(6)?,
        })
    }
}

/// Grades and counts made again from the framework and the rows.
fn coverage_again(
    told: &Coverage,
    (framework, evidence): (&Framework, &[Evidence]),
    counted: &BTreeMap<String, (u64, BTreeSet<String>)>,
    terms: &Terms,
    problems: &mut Problems,
) {
    const FILE: &str = "coverage.json";
    let held: BTreeMap<String, Held> = told
        .controls
        .iter()
        .flat_map(|control| &control.evidence)
        .map(|one| (one.id.clone(), one.held.clone()))
        .collect();
    for (id, held) in &held {
        let (rows, days) = counted.get(id).map_or((0, 0), |(rows, days)| (*rows, days.len() as u64));
        if held.rows != rows || held.days.is_some_and(|told| told != days) {
            problems.add(FILE, format!("evidence `{id}`: {} rows are told, and {rows} are there", held.rows));
        }
    }
    let holdings = Holdings {
        period: terms.period,
        size: terms.checkpoint.size,
        sources: crate::framework::BySource::from_each(|source| told.sources.of(source).holdings.clone()),
        evidence: held,
    };
    if coverage(framework, evidence, &holdings, &terms.built_at) != *told {
        problems.add(FILE, "its grades do not follow from the framework and from what is held");
    }
}
