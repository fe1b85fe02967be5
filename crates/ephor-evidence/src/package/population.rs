//! One pass over the period's activities, and over those that findings rest on: every population that chooses a row gets its
//! line, every row that is chosen or named its place in the log, and the lots decide which rows are followed.
//! Promises that a row without a place in the log is noticed, and that memory does not grow with the period.
//! Never asks the lake in SQL: its counts are the second route, beside those of the queries.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use ephor_lake::Lake;
use ephor_lake::proof::{Commitment, Leaf, Opening, Openings, Salt};
use ephor_wire::timestamp::UtcDay;
use sha2::{Digest, Sha256};

use super::rests::Rests;
use super::staging::{StagedFile, Staging};
use super::tiles::Leaves;
use crate::draw::{Draw, Drawn, SampleSize, lot};
use crate::error::EvidenceError;
use crate::framework::{Content, Evidence, Framework};
use crate::period::at;
use crate::persons::{About, Veil};
use crate::sheet::{harmless, unwritten, writer};
use crate::statement::Bounds;

/// What is read of each activity.
const COLUMNS: &[&str] = &[
    "seq",
    "id",
    "created_at",
    "received_at",
    "source",
    "type",
    "category",
    "organization_id",
    "actor_type",
    "actor_id",
    "actor_email",
    "api_key_id",
    "ip_address",
    "user_agent",
    "workspace_id",
    "raw",
];

/// What a population shows of each, and whom it tells about.
const SHOWN: [(&str, About); 15] = [
    ("seq", About::Things),
    ("id", About::Things),
    ("created_at", About::Things),
    ("received_at", About::Things),
    ("source", About::Things),
    ("type", About::Things),
    ("category", About::Things),
    ("organization_id", About::Things),
    ("actor_type", About::Things),
    ("actor_id", About::Person),
    ("actor_email", About::Person),
    ("api_key_id", About::Things),
    ("ip_address", About::Whereabouts),
    ("user_agent", About::Whereabouts),
    ("workspace_id", About::Things),
];

/// The columns of `log/leaves.csv`.
pub(crate) const LEAF_COLUMNS: [&str; 7] =
    ["seq", "id", "received_at_micros", "source", "raw_sha256", "salt", "commitment"];

/// Actors that are no persons.
const MACHINES: [&str; 9] = [
    "api_actor",
    "admin_api_key_actor",
    "service_account_actor",
    "system_actor",
    "scim_directory_sync_actor",
    "federated_identity_actor",
    "federated_actor",
    "anthropic_actor",
    "service_actor",
];

/// A row that is followed: what a sample shows of it, and what proves it.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) seq: u64,
    pub(crate) cells: Vec<String>,
    pub(crate) cited: Cited,
}

/// An activity that the package holds with its proof.
#[derive(Debug, Clone)]
pub(crate) struct Cited {
    pub(crate) id: String,
    pub(crate) received_at_micros: i64,
    pub(crate) source: String,
    pub(crate) opening: Opening,
    /// Its bytes; none where persons are not named.
    pub(crate) raw: Option<String>,
}

/// What came of the pass.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// Rows of each population.
    pub(crate) rows: BTreeMap<String, u64>,
    /// By control and evidence: the rows that were drawn.
    pub(crate) samples: BTreeMap<(String, String), Vec<Drawn<Followed>>>,
    /// Every `seq` that is cited.
    pub(crate) cited: BTreeSet<u64>,
    /// Rows whose leaf is not the one in the log, by `seq`.
    pub(crate) unproven: Vec<u64>,
    /// Activities that findings rest on, of those that are cited.
    pub(crate) rested_on: BTreeSet<String>,
    /// Activities that findings rest on and that are not among the rows up to the checkpoint: they went with their
    /// retention, or came after it.
    pub(crate) rested_on_missing: BTreeSet<String>,
    /// Activities of the period that came after the checkpoint and are left out.
    pub(crate) after_checkpoint: u64,
}

struct Population {
    id: String,
    chosen: crate::framework::Selection,
    out: csv::Writer<StagedFile>,
    rows: u64,
    draws: Vec<(String, Draw<Followed>)>,
}

/// What the pass needs to know.
pub(crate) struct Plan<'a> {
    pub(crate) framework: &'a Framework,
    pub(crate) evidence: &'a [Evidence],
    pub(crate) rests: &'a Rests,
    pub(crate) bounds: Bounds,
    pub(crate) seed: &'a str,
    pub(crate) sample: SampleSize,
    pub(crate) veil: &'a Veil,
}

/// Writes `evidence/*.csv` of every population, and `log/leaves.csv`.
pub(crate) async fn write(lake: &Lake, plan: &Plan<'_>, staging: &mut Staging) -> Result<Passed, EvidenceError> {
    let log = lake.proof_log();
    let (openings, mut stored) = (log.openings()?, Leaves::new(&log, plan.bounds.size));
    let mut populations = begin(plan, staging)?;
    let mut leaves = writer(staging.create("log/leaves.csv")?);
    leaves.write_record(LEAF_COLUMNS).map_err(unwritten)?;
    let mut passed = Passed::default();
    let asked = |day: &UtcDay| plan.bounds.period.has(*day) || plan.rests.days.contains(day);
    for day in lake.days().into_iter().filter(asked) {
        let Some(batch) = lake.day(day, COLUMNS).await? else { continue };
        let rows = Rows::of(&batch)?;
        // A day before the period has no part in its populations.
        let is_of_period = plan.bounds.period.has(day);
        let populations = if is_of_period { populations.as_mut_slice() } else { &mut [] };
        let unsigned = pass_day(&rows, plan, (&mut stored, &openings), populations, &mut leaves, &mut passed)?;
        passed.after_checkpoint += if is_of_period { unsigned } else { 0 };
    }
    passed.rested_on_missing = plan.rests.ids.difference(&passed.rested_on).cloned().collect();
    let leaves = leaves.into_inner().map_err(unwritten)?;
    let cited = passed.cited.len() as u64;
    staging.finish(
        leaves,
        "what each cited activity is in the log: its leaf can be computed from this",
        Some(cited),
    )?;
    for population in populations {
        let out = population.out.into_inner().map_err(unwritten)?;
        let is = format!("population: every activity of `{}` in the period", population.id);
        staging.finish(out, &is, Some(population.rows))?;
        for (control, draw) in population.draws {
            passed.samples.insert((control, population.id.clone()), draw.finish().1);
        }
        passed.rows.insert(population.id, population.rows);
    }
    Ok(passed)
}

fn begin(plan: &Plan<'_>, staging: &Staging) -> Result<Vec<Population>, EvidenceError> {
    let mut populations = Vec::new();
    for evidence in plan.evidence {
        let Content::Activities(chosen) = &evidence.content else { continue };
        let mut out = writer(staging.create(&format!("evidence/{}.csv", evidence.id))?);
        out.write_record(SHOWN.iter().map(|(name, _)| *name)).map_err(unwritten)?;
        let controls = plan.framework.controls.iter();
        let names_it = controls.filter(|control| control.all_evidence().any(|id| id == evidence.id));
        let draws = names_it.map(|control| (control.id.clone(), Draw::new(plan.sample))).collect();
        populations.push(Population { id: evidence.id.clone(), chosen: chosen.clone(), out, rows: 0, draws });
    }
    Ok(populations)
}

/// Answers how many rows of the day came after the checkpoint.
fn pass_day(
    rows: &Rows<'_>,
    plan: &Plan<'_>,
    (log, openings): (&mut Leaves<'_>, &Openings),
    populations: &mut [Population],
    leaves: &mut csv::Writer<StagedFile>,
    passed: &mut Passed,
) -> Result<u64, EvidenceError> {
    let signed: Vec<usize> = (0..rows.count()).filter(|row| rows.seq(*row) < plan.bounds.size).collect();
    let unsigned = (rows.count() - signed.len()) as u64;
    let chooses = |row: usize| populations.iter().any(|one| one.chosen.chooses(rows.kind(row), rows.category(row)));
    let is_rested_on = |row: usize| plan.rests.ids.contains(rows.id(row));
    let chosen: Vec<usize> = signed.into_iter().filter(|row| chooses(*row) || is_rested_on(*row)).collect();
    let opened = openings.of(&chosen.iter().map(|row| rows.seq(*row)).collect::<Vec<_>>());
    for (row, opening) in chosen.into_iter().zip(opened) {
        let seq = rows.seq(row);
        passed.cited.insert(seq);
        if is_rested_on(row) {
            passed.rested_on.insert(rows.id(row).to_owned());
        }
        let opening = opening.unwrap_or(Opening::Commitment(String::new()));
        let raw_sha256 = hex::encode(Sha256::digest(rows.raw(row).as_bytes()));
        let told = Told::of(&opening, &raw_sha256, plan.veil);
        let leaf = leaf_hash(seq, rows.received_at(row), rows.source(row), &told.commitment);
        if leaf.is_none() || log.of(seq)? != leaf {
            passed.unproven.push(seq);
        }
        write_leaf(leaves, rows, row, &told)?;
        let cells = rows.cells(row, plan.veil);
        for population in populations.iter_mut() {
            if !population.chosen.chooses(rows.kind(row), rows.category(row)) {
                continue;
            }
            population.rows += 1;
            population.out.write_record(&cells).map_err(unwritten)?;
            for (control, draw) in &mut population.draws {
                draw.pass(lot(plan.seed, control, &population.id, rows.id(row)), || Followed {
                    seq,
                    cells: cells.clone(),
                    cited: Cited {
                        id: rows.id(row).to_owned(),
                        received_at_micros: rows.received_at(row),
                        source: rows.source(row).to_owned(),
                        opening: told.opening.clone(),
                        raw: told.is_open().then(|| rows.raw(row).to_owned()),
                    },
                });
            }
        }
    }
    Ok(unsigned)
}

/// What a package tells of a leaf. Where persons are not named, neither the salt nor a digest of the bytes is told: who
/// had them could try names against the commitment.
struct Told {
    raw_sha256: String,
    salt: String,
    commitment: String,
    opening: Opening,
}

impl Told {
    /// Whether the bytes themselves may be told and are what the leaf stands for.
    fn is_open(&self) -> bool {
        matches!(self.opening, Opening::Salt(_))
    }

    fn of(opening: &Opening, raw_sha256: &str, veil: &Veil) -> Self {
        let (salt, commitment) = match opening {
            Opening::Commitment(commitment) => (None, commitment.clone()),
            Opening::Salt(salt) => (Some(salt.clone()), commitment_of(salt, raw_sha256)),
        };
        match salt {
            Some(salt) if veil.is_lifted() => {
                let opening = opening.clone();
                Self { raw_sha256: raw_sha256.to_owned(), salt, commitment, opening }
            }
            _ => {
                let opening = Opening::Commitment(commitment.clone());
                Self { raw_sha256: String::new(), salt: String::new(), commitment, opening }
            }
        }
    }
}

/// The commitment to bytes of a digest.
pub(crate) fn commitment_of(salt: &str, raw_sha256: &str) -> String {
    let (mut salted, mut digest) = ([0_u8; 16], [0_u8; 32]);
    match (hex::decode_to_slice(salt, &mut salted), hex::decode_to_slice(raw_sha256, &mut digest)) {
        (Ok(()), Ok(())) => hex::encode(Commitment::of(Salt(salted), &digest).0),
        _ => String::new(),
    }
}

/// The hash of a leaf; none if the commitment is none.
pub(crate) fn leaf_hash(seq: u64, received_at_micros: i64, source: &str, commitment: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    hex::decode_to_slice(commitment, &mut bytes).ok()?;
    Some(Leaf { seq, received_at_micros, source, commitment: Commitment(bytes) }.hash().0)
}

fn write_leaf(
    out: &mut csv::Writer<impl Write>,
    rows: &Rows<'_>,
    row: usize,
    told: &Told,
) -> Result<(), EvidenceError> {
    let (seq, received_at) = (rows.seq(row).to_string(), rows.received_at(row).to_string());
    let record = [&seq, rows.id(row), &received_at, rows.source(row), &told.raw_sha256, &told.salt, &told.commitment];
    out.write_record(record).map_err(unwritten)
}

/// The columns of a day, by name.
struct Rows<'b> {
    seq: &'b arrow::array::Int64Array,
    created_at: arrow::array::Int64Array,
    received_at: arrow::array::Int64Array,
    texts: BTreeMap<&'static str, &'b StringArray>,
}

impl<'b> Rows<'b> {
    fn of(batch: &'b RecordBatch) -> Result<Self, EvidenceError> {
        let column = |name: &str| {
            batch.column_by_name(name).ok_or_else(|| EvidenceError::Document {
                document: "a population",
                what: format!("the lake has no column `{name}`"),
            })
        };
        let micros = |name: &str| {
            let cast = arrow::compute::cast(column(name)?, &DataType::Int64)?;
            Ok::<_, EvidenceError>(cast.as_primitive::<Int64Type>().clone())
        };
        let mut texts = BTreeMap::new();
        for name in COLUMNS.iter().filter(|name| !["seq", "created_at", "received_at"].contains(name)) {
            texts.insert(*name, column(name)?.as_string::<i32>());
        }
        Ok(Self {
            seq: column("seq")?.as_primitive::<Int64Type>(),
            created_at: micros("created_at")?,
            received_at: micros("received_at")?,
            texts,
        })
    }

    fn count(&self) -> usize {
        self.seq.len()
    }

    fn seq(&self, row: usize) -> u64 {
        u64::try_from(self.seq.value(row)).unwrap_or_default()
    }

    fn received_at(&self, row: usize) -> i64 {
        self.received_at.value(row)
    }

    fn text(&self, name: &str, row: usize) -> &'b str {
        self.texts.get(name).filter(|column| column.is_valid(row)).map_or("", |column| column.value(row))
    }

    fn id(&self, row: usize) -> &'b str {
        self.text("id", row)
    }

    fn kind(&self, row: usize) -> &'b str {
        self.text("type", row)
    }

    fn category(&self, row: usize) -> &'b str {
        self.text("category", row)
    }

    fn source(&self, row: usize) -> &'b str {
        self.text("source", row)
    }

    fn raw(&self, row: usize) -> &'b str {
        self.text("raw", row)
    }

    /// The line of a population.
    fn cells(&self, row: usize, veil: &Veil) -> Vec<String> {
        let machine = MACHINES.contains(&self.text("actor_type", row));
        let cell = |(name, about): &(&str, About)| match *name {
            "seq" => self.seq(row).to_string(),
            "created_at" => at(self.created_at.value(row)),
            "received_at" => at(self.received_at.value(row)),
            name => {
                let about = if machine && *about == About::Person { About::Things } else { *about };
                harmless(&veil.cell(self.text(name, row), about)).into_owned()
            }
        };
        SHOWN.iter().map(cell).collect()
    }
}

/// The columns of a population, for samples.
pub(crate) fn shown_columns() -> impl Iterator<Item = &'static str> {
    SHOWN.iter().map(|(name, _)| *name)
}
