//! A package made: a framework's controls, what the lake held of them in a period, and what proves it, as files.
//! Promises that everything in it comes from one version of the tables up to one signed checkpoint, and is signed for.
//! Never changes the lake, and never leaves half a package behind.

mod completeness;
mod custody;
mod matrix;
mod oscal;
mod population;
mod queries;
mod readme;
mod rests;
mod samples;
mod staging;
mod tables;
mod terms;
mod tiles;

use std::path::{Path, PathBuf};

use ephor_lake::SqlSession;
use ephor_lake::proof::{ProofKey, ProofLog, SignedCheckpoint};
use ephor_wire::timestamp::UtcDay;
use rand::Rng;
use serde::Serialize;

use crate::coverage::{Coverage, House, Summary, coverage, holdings};
use crate::dsse::{Digest, STATEMENT_TYPE, Statement, Subject, seal};
use crate::error::EvidenceError;
use crate::framework::{Evidence, Framework, Frameworks};
use crate::period::{Period, at};
use crate::persons::{Persons, Veil};
use crate::statement::Bounds;

pub use crate::draw::SampleSize;

pub(crate) use completeness::{Test, TestResult};
pub(crate) use population::{LEAF_COLUMNS, commitment_of, leaf_hash, shown_columns};
pub(crate) use queries::Query;
pub(crate) use samples::{PROOFS, ProofLine, sample_path};
pub(crate) use staging::{FileEntry, is_zip};
pub(crate) use terms::{FORMAT, Terms};
pub(crate) use tiles::{HASH_BYTES, TILE_WIDTH, path_of, width_of};

use completeness::Tested;
use population::{Passed, Plan};
use staging::Staging;
use tables::Asking;

/// The file that signs for all others.
pub(crate) const SIGNATURE: &str = "signature.dsse.json";
/// The list of all others with their hashes.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The same for `sha256sum -c`.
pub(crate) const SUMS: &str = "SHA256SUMS";
/// What the signature is about, in the words of in-toto.
pub(crate) const PREDICATE: &str = "https://github.com/ephor/ephor/blob/main/docs/evidence.md#package-version-1";

/// What is to be made.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// The framework's id.
    pub framework: String,
    /// Its controls by number; all if none is named.
    pub controls: Vec<String>,
    /// The days of the audit.
    pub period: Period,
    /// Where it goes: a folder that is empty or not there yet, or a file that ends with `.zip`.
    pub place: PathBuf,
    /// How persons appear.
    pub persons: Persons,
    /// How many rows are drawn of each population.
    pub sample: SampleSize,
    /// What the draw depends on; the root of the checkpoint if none is given.
    pub seed: Option<String>,
    /// Who asked for it.
    pub built_by: Option<String>,
}

/// What was made.
#[derive(Debug, Clone, Serialize)]
pub struct Built {
    /// Where it is.
    pub path: PathBuf,
    /// The framework.
    pub framework: String,
    /// The period.
    pub period: Period,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Activities that it cites, each with its proof.
    pub activities: u64,
    /// The size of the log's tree at the package's checkpoint.
    pub size: u64,
    /// How many controls are what.
    pub controls: Summary,
    /// Tests of completeness and accuracy that failed, in words.
    pub failed_tests: Vec<String>,
    /// The name and hash of the key that signed.
    pub signed_by: String,
}

/// Makes a package.
pub async fn build(
    house: House<'_>,
    frameworks: &Frameworks,
    key: &ProofKey,
    options: &BuildOptions,
    now_micros: i64,
    rng: &mut impl Rng,
) -> Result<Built, EvidenceError> {
    let loaded = frameworks.loaded(&options.framework)?;
    let framework = loaded.framework.clone().with_controls(&options.controls)?;
    let evidence = frameworks.evidence_of(&framework);
    let log = house.lake.proof_log();
    let checkpoint = log.latest_checkpoint()?.ok_or(EvidenceError::NoCheckpoint)?;
    let terms = Terms::of((loaded, &framework), options, &checkpoint, &log, now_micros)?;
    let mut staging = Staging::begin(&options.place)?;
    let session = house.session(now_micros).await?;
    let veil = veil(options.persons, &session, rng.random()).await?;
    let made = Making {
        house,
        framework: &framework,
        evidence: &evidence,
        session: &session,
        terms: &terms,
        veil: &veil,
        checkpoint: &checkpoint,
        log: &log,
        today: UtcDay::from_micros(now_micros),
    };
    staging.add("framework.yaml", "the framework as it was used", loaded.yaml.as_bytes())?;
    staging.add(
        "evidence.yaml",
        "evidence that frameworks share, as it was used",
        Frameworks::shared_yaml().as_bytes(),
    )?;
    let (covered, tests, passed) = made.everything(&mut staging).await?;
    sign(key, &terms, &mut staging)?;
    let built = Built {
        path: options.place.clone(),
        framework: framework.id.clone(),
        period: options.period,
        files: staging.files().count() as u64,
        bytes: staging.files().map(|file| file.bytes).sum(),
        activities: passed.cited.len() as u64,
        size: checkpoint.size,
        controls: covered.summary,
        failed_tests: failed(&tests),
        signed_by: crate::dsse::key_id(key.public()),
    };
    staging.publish()?;
    Ok(built)
}

/// Everything that the parts of a package are made from.
struct Making<'a> {
    house: House<'a>,
    framework: &'a Framework,
    evidence: &'a [Evidence],
    session: &'a SqlSession,
    terms: &'a Terms,
    veil: &'a Veil,
    checkpoint: &'a SignedCheckpoint,
    log: &'a ProofLog,
    today: UtcDay,
}

impl Making<'_> {
    async fn everything(&self, staging: &mut Staging) -> Result<(Coverage, Vec<Test>, Passed), EvidenceError> {
        let (terms, bounds) = (self.terms, Bounds { period: self.terms.period, size: self.checkpoint.size });
        let held = holdings(self.house, self.session, self.evidence, terms.period, (bounds.size, self.today)).await?;
        let covered = coverage(self.framework, self.evidence, &held, &terms.built_at);
        let rests = rests::of(self.session, self.evidence, bounds).await?;
        let plan = Plan {
            framework: self.framework,
            evidence: self.evidence,
            rests: &rests,
            bounds,
            seed: &terms.seed,
            sample: terms.sample,
            veil: self.veil,
        };
        let passed = population::write(self.house.lake, &plan, staging).await?;
        let asking = Asking {
            session: self.session,
            framework: self.framework,
            bounds,
            seed: &terms.seed,
            sample: terms.sample,
            veil: self.veil,
        };
        let answered = tables::write(&asking, self.evidence, staging).await?;
        samples::write(self.framework, (&passed, &answered), (self.log, bounds.size), staging)?;
        tiles::write(self.log, &passed.cited, bounds.size, staging)?;
        staging.add(
            "log/checkpoint",
            "the signed state of the log that everything here leads to",
            self.checkpoint.note.as_bytes(),
        )?;
        staging.add_json(
            "log/handovers.json",
            "notes by which the log's key was handed over",
            &self.log.hand_overs()?,
        )?;
        let tested = Tested {
            house: self.house,
            session: self.session,
            bounds,
            holdings: &held,
            passed: &passed,
            checkpoint: &self.checkpoint.note,
        };
        let (tests, verification) = completeness::run(&tested).await?;
        let queries = queries::of(self.evidence, bounds, (&passed, &answered), &covered);
        staging.add_json("coverage.json", "what the sources can give to each control, and what is held", &covered)?;
        staging.add_json("queries.json", "the query and its parameters behind each file of evidence", &queries)?;
        staging.add_json("tests.json", "tests of completeness and accuracy, and how each came out", &tests)?;
        let custody = custody::of(terms, self.log, &verification)?;
        staging.add_json("custody.json", "chain of custody: from the sources to this package", &custody)?;
        matrix::write(self.framework, &covered, &queries, staging)?;
        oscal::write(self.framework, &covered, terms, (&queries, &tests), staging)?;
        staging.add_json("package.json", "what this package is of, and how it was made", terms)?;
        let page = readme::page(&readme::Told {
            terms,
            framework: self.framework,
            covered: &covered,
            tests: &tests,
            queries: &queries,
            passed: &passed,
            files: staging.files().collect(),
        });
        staging.add("README.html", "for the auditor: begin here", page.as_bytes())?;
        Ok((covered, tests, passed))
    }
}

/// Lists every file, and signs for the lists and all that is on them.
fn sign(key: &ProofKey, terms: &Terms, staging: &mut Staging) -> Result<(), EvidenceError> {
    let listed: Vec<FileEntry> = staging.files().cloned().collect();
    staging.add_json(MANIFEST, "every other file with its hash", &Manifest { files: listed })?;
    let sums: String = staging.files().map(|file| format!("{}  {}\n", file.sha256, file.path)).collect();
    staging.add(SUMS, "the same for `sha256sum --check`", sums.as_bytes())?;
    let subject =
        |file: &FileEntry| Subject { name: file.path.clone(), digest: Digest { sha256: file.sha256.clone() } };
    let statement = Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject: staging.files().map(subject).collect(),
        predicate_type: PREDICATE.to_owned(),
        predicate: terms,
    };
    let unmade =
        |error: serde_json::Error| EvidenceError::Document { document: "the signature", what: error.to_string() };
    let mut envelope = serde_json::to_vec(&seal(key, &statement).map_err(unmade)?).map_err(unmade)?;
    envelope.push(b'\n');
    staging.add(SIGNATURE, "the signature over all of it (DSSE, in-toto)", &envelope)
}

/// The list of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct Manifest {
    pub(crate) files: Vec<FileEntry>,
}

/// Failed tests, in words.
pub(crate) fn failed(tests: &[Test]) -> Vec<String> {
    let failed = tests.iter().filter(|test| test.result == TestResult::Failed);
    failed.map(|test| format!("{} {}", test.asks, test.says)).collect()
}

/// What stands between persons and the reader, knowing everybody whom the lake names.
async fn veil(persons: Persons, session: &SqlSession, key: [u8; 32]) -> Result<Veil, EvidenceError> {
    let mut veil = Veil::new(persons, key);
    if veil.is_lifted() {
        return Ok(veil);
    }
    for sql in [
        "select distinct user_id as id, email as name from directory_users where user_id is not null and email is not null",
        "select distinct user_id, full_name from directory_users where user_id is not null and full_name is not null",
        "select distinct actor_id, actor_email from activities where actor_id is not null and actor_email is not null",
    ] {
        for batch in session.query(sql).await? {
            let (ids, names) = (crate::sheet::Cells::of(batch.column(0))?, crate::sheet::Cells::of(batch.column(1))?);
            for row in 0..batch.num_rows() {
                veil.learn(&ids.text(row), &names.text(row));
            }
        }
    }
    Ok(veil)
}

/// Coverage alone: what the lake holds now, without a package.
pub async fn cover(
    house: House<'_>,
    frameworks: &Frameworks,
    (framework, controls): (&str, &[String]),
    period: Period,
    now_micros: i64,
) -> Result<Coverage, EvidenceError> {
    let framework = frameworks.find(framework)?.clone().with_controls(controls)?;
    let evidence = frameworks.evidence_of(&framework);
    let session = house.session(now_micros).await?;
    let looked_at = (house.lake.next_seq(), UtcDay::from_micros(now_micros));
    let held = holdings(house, &session, &evidence, period, looked_at).await?;
    Ok(coverage(&framework, &evidence, &held, &at(now_micros)))
}

/// The key that signs for a lake, where its folder holds it.
pub fn signing_key(dir: &Path) -> Result<ProofKey, EvidenceError> {
    let path = ProofLog::of(dir).key_path();
    let text = std::fs::read_to_string(&path).map_err(|source| EvidenceError::File { what: "read", path, source })?;
    Ok(ProofKey::parse(&text)?)
}
