//! What the writer does for the tree: leaves of new rows, checkpoints, seals, removals. It alone holds the signing key.
//! Promises that the hashes of a commit are on the disk before the commit, and that a signature follows only a commit.
//! Never signs a tree that does not begin as the one it signed last.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use ephor_wire::timestamp::{Timestamp, UtcDay};
use rand::SeedableRng;
use rayon::prelude::*;
use tlog_tiles::checkpoint::Checkpoint;
use tlog_tiles::tlog::Hash;

use super::error::ProofError;
use super::leaf::{Commitment, Leaf, RawDigest};
use super::log::ProofLog;
use super::salts::Salts;
use super::signing::{ProofKey, write_private};
use super::statement::{self, ErasedRow, HandOver, Removal, Removed, Seal};
use crate::durable::{self, Existing};
use crate::error::LakeError;
use crate::files::FileSet;
use crate::limits;
use crate::rows::{Chosen, Chunk, micros_of, seq_of, text_of};
use crate::scan::Reader;

/// The application transaction that says how many statements of removal have been done.
pub(crate) const REMOVALS_TRANSACTION: &str = "ephor.removals";

/// Leaves that one thread hashes at a time: long enough that finding the first salt does not count.
const LEAVES_AT_ONCE: usize = 4 << 10;

/// The writer's side of the log.
#[derive(Debug)]
pub(crate) struct Notary {
    dir: PathBuf,
    key: ProofKey,
    log: ProofLog,
    salts: Arc<Salts>,
    checkpointed_size: u64,
    checkpointed_at_micros: i64,
}

impl Notary {
    /// Opens the log for signing. Hashes that were never committed are cut off; hashes that are missing are made again
    /// from the rows, if all rows are there.
    pub(crate) fn open(dir: &Path, key: Option<ProofKey>, reader: &Reader) -> Result<Self, LakeError> {
        let log = ProofLog::of(dir);
        let mut rng = rand::rngs::StdRng::from_os_rng();
        let key = match key {
            Some(key) => key,
            None => {
                let name = format!("ephor/{}", uuid::Uuid::new_v4());
                ProofKey::load_or_create(&log.key_path(), &name, &mut rng)?
            }
        };
        remember_first_key(&log, &key)?;
        if log.keys(None)?.last() != Some(key.public()) {
            return Err(LakeError::WrongKey { path: log.public_key_path() });
        }
        let salts = Arc::new(salts_of(&log, &mut rng)?);
        let newest = log.latest_checkpoint()?.map_or(0, |checkpoint| checkpoint.size);
        let mut notary =
            Self { dir: dir.to_owned(), key, log, salts, checkpointed_size: newest, checkpointed_at_micros: i64::MIN };
        notary.settle(&reader.files(), reader)?;
        Ok(notary)
    }

    /// Makes the hashes agree with what was committed.
    pub(crate) fn settle(&mut self, files: &FileSet, reader: &Reader) -> Result<(), LakeError> {
        let hashes = self.log.hashes();
        hashes.truncate(files.next_seq)?;
        if hashes.first_short_level(files.next_seq)?.is_some() {
            self.make_again(files, reader)?;
        }
        Ok(())
    }

    /// The leaves of rows that are about to be committed, in the order of their `seq`.
    pub(crate) fn leaves(&self, chunks: &[Chunk], chosen: &[Chosen]) -> Vec<Hash> {
        debug_assert!(chosen.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq), "seq has no gaps");
        let hash = |part: &[Chosen]| {
            let (mut salts, mut buffer) = (self.salts.walk(), String::new());
            let leaf = |row: &Chosen| {
                let chunk = &chunks[row.chunk];
                // A row that is only now given its place has never been forgotten.
                let salt = salts.salt(row.seq).unwrap_or(super::leaf::Salt([0; 16]));
                let commitment = Commitment::of(salt, &chunk.columns.digests[row.row]);
                let leaf =
                    Leaf { seq: row.seq, received_at_micros: chunk.received_at, source: &chunk.source, commitment };
                leaf.hash_with(&mut buffer)
            };
            part.iter().map(leaf).collect::<Vec<_>>()
        };
        chosen.par_chunks(LEAVES_AT_ONCE).flat_map_iter(hash).collect()
    }

    /// Puts leaves behind the committed ones, durably. They count with the commit that follows.
    pub(crate) fn prepare(&self, first_seq: u64, leaves: &[Hash]) -> Result<(), LakeError> {
        self.log.hashes().append(first_seq, leaves)
    }

    /// A checkpoint, if the last one is a while ago.
    pub(crate) fn checkpoint_when_due(&mut self, size: u64, now_micros: i64) -> Result<(), LakeError> {
        if now_micros.saturating_sub(self.checkpointed_at_micros) >= limits::CHECKPOINT_EVERY_MICROS {
            self.checkpoint(size, now_micros)?;
        }
        Ok(())
    }

    /// A checkpoint of everything committed, if there is news. Says whether one was made.
    pub(crate) fn checkpoint(&mut self, size: u64, now_micros: i64) -> Result<bool, LakeError> {
        if size <= self.checkpointed_size {
            return Ok(false);
        }
        let root = self.log.root(size)?;
        let checkpoint =
            Checkpoint::new(self.origin(), size, root, "").map_err(|error| ProofError::Note(error.to_string()))?;
        let text = String::from_utf8(checkpoint.to_bytes()).map_err(|error| ProofError::Note(error.to_string()))?;
        self.log.checkpoints_book().append(&self.key.sign_note(&text)?)?;
        self.checkpointed_size = size;
        self.checkpointed_at_micros = now_micros;
        Ok(true)
    }

    /// Seals what has arrived since the last seal, if a day has ended since. Says which day.
    pub(crate) async fn seal(&mut self, size: u64, now_micros: i64) -> Result<Option<String>, LakeError> {
        let ended = UtcDay::from_micros(now_micros - 86_400_000_000).to_string();
        let seals = self.log.seals()?;
        let (from_seq, previous) = match seals.last() {
            Some((last, _)) if last.day >= ended => return Ok(None),
            Some((last, note)) => (last.to_seq, Some(statement::digest_of(note))),
            None if size == 0 => return Ok(None),
            None => (0, None),
        };
        self.checkpoint(size, now_micros)?;
        let removals = self.log.removals()?;
        let seal = Seal {
            day: ended.clone(),
            sealed_at: at(now_micros),
            from_seq,
            to_seq: size,
            root: hex::encode(self.log.root(size)?.0),
            counts: super::counts::of_span(&self.dir, from_seq, size).await?,
            gaps: super::counts::known_gaps(&self.dir).await?,
            removals: removals.len() as u64,
            last_removal: removals.last().map(|(_, note)| statement::digest_of(note)),
            previous,
        };
        self.log.seals_book().append(&statement::sign(&self.key, self.origin(), &seal)?)?;
        Ok(Some(ended))
    }

    /// Signs that rows are about to go or to change, before they do: a statement too many harms nothing, one too few
    /// would make an honest lake look forged.
    pub(crate) fn record_removal(&mut self, what: Removed, now_micros: i64) -> Result<(), LakeError> {
        let previous = self.log.removals()?.last().map(|(_, note)| statement::digest_of(note));
        let removal = Removal { at: at(now_micros), what, previous };
        self.log.removals_book().append(&statement::sign(&self.key, self.origin(), &removal)?)
    }

    /// Forgets the salts of rows for good.
    pub(crate) fn forget_salts(&mut self, rows: impl Iterator<Item = u64>) -> Result<(), LakeError> {
        let mut salts = (*self.salts).clone();
        rows.for_each(|seq| salts.forget(seq));
        let path = self.log.salts_path();
        durable::write_new(path, &[salts.to_text().as_bytes()], Existing::Replace)
            .map_err(|e| LakeError::file("write", path, e))?;
        self.salts = Arc::new(salts);
        Ok(())
    }

    /// Every row that a signed statement says was erased, as the newest of them has it.
    pub(crate) fn erased_rows(&self) -> Result<BTreeMap<u64, ErasedRow>, LakeError> {
        let mut erased = BTreeMap::new();
        for (removal, _) in self.log.removals()? {
            if let Removed::Erased { rows, .. } = removal.what {
                erased.extend(rows.into_iter().map(|row| (row.seq, row)));
            }
        }
        Ok(erased)
    }

    /// The application transaction of a commit that has done everything that was signed before it.
    pub(crate) fn seen_through(&self) -> Result<(String, i64), LakeError> {
        let removals = self.log.removals()?.len();
        Ok((REMOVALS_TRANSACTION.to_owned(), i64::try_from(removals).unwrap_or(i64::MAX)))
    }

    /// Forgets the salts that a crash left behind: those of erasures whose commit there was.
    pub(crate) fn finish_erasures(&mut self, seen_through: u64) -> Result<(), LakeError> {
        let seen_through = usize::try_from(seen_through).unwrap_or(usize::MAX);
        let mut left = Vec::new();
        for (removal, _) in self.log.removals()?.into_iter().take(seen_through) {
            if let Removed::Erased { rows, .. } = removal.what {
                left.extend(rows.into_iter().map(|row| row.seq).filter(|seq| self.salts.of(*seq).is_some()));
            }
        }
        if !left.is_empty() {
            self.forget_salts(left.into_iter())?;
        }
        Ok(())
    }

    pub(crate) fn salts(&self) -> &Salts {
        &self.salts
    }

    fn origin(&self) -> &str {
        self.key.public().name()
    }

    /// Every leaf again, from the rows.
    fn make_again(&self, files: &FileSet, reader: &Reader) -> Result<(), LakeError> {
        tracing::warn!(
            activities = files.next_seq,
            "hashes of the tree are missing: they are made again from the rows"
        );
        let hashes = self.log.hashes();
        let damaged = |what: &str| LakeError::Damaged { path: hashes.folder().to_owned(), what: what.to_owned() };
        let mut leaves = vec![None; usize::try_from(files.next_seq).unwrap_or(usize::MAX)];
        for file in &files.files {
            let batch = reader.read_columns(file, &["seq", "received_at", "source", "raw"])?;
            for (seq, leaf) in leaves_of(&batch, &self.salts)? {
                if let Some(place) = usize::try_from(seq).ok().and_then(|seq| leaves.get_mut(seq)) {
                    *place = leaf;
                }
            }
        }
        let whole: Option<Vec<Hash>> = leaves.into_iter().collect();
        let whole = whole.ok_or_else(|| {
            damaged("hashes of the tree are missing, and rows that they stand for are no longer there; restore lake/activities/_proof from a copy")
        })?;
        hashes.truncate(0)?;
        hashes.append(0, &whole)
    }
}

/// The leaves of stored rows; `None` where the salt was forgotten.
pub(super) fn leaves_of(batch: &RecordBatch, salts: &Salts) -> Result<Vec<(u64, Option<Hash>)>, LakeError> {
    let (seq, received_at) = (seq_of(batch)?, micros_of(batch, "received_at")?);
    let (source, raw) = (text_of(batch, "source")?, text_of(batch, "raw")?);
    let hash = |rows: std::ops::Range<usize>| {
        let (mut walk, mut buffer) = (salts.walk(), String::new());
        let leaf = |row: usize| {
            let place = u64::try_from(seq.value(row)).unwrap_or_default();
            let salt = walk.salt(place);
            let hash = salt.map(|salt| {
                let commitment = Commitment::to_bytes_received(salt, raw.value(row).as_bytes());
                let received_at_micros = received_at.value(row);
                Leaf { seq: place, received_at_micros, source: source.value(row), commitment }.hash_with(&mut buffer)
            });
            (place, hash)
        };
        rows.map(leaf).collect::<Vec<_>>()
    };
    let rows = batch.num_rows();
    let parts: Vec<_> = (0..rows).step_by(LEAVES_AT_ONCE).map(|from| from..rows.min(from + LEAVES_AT_ONCE)).collect();
    Ok(parts.into_par_iter().flat_map_iter(hash).collect())
}

/// The digests of rows as received, for a batch on its way in.
pub(crate) fn digest_of(raw: &[u8]) -> RawDigest {
    use sha2::Digest as _;
    sha2::Sha256::digest(raw).into()
}

/// Hands over to a new key, signed by both. It is written to `out`, or into the place of the old one.
pub fn hand_over(
    dir: &Path,
    old: &ProofKey,
    out: Option<&Path>,
    now_micros: i64,
    rng: &mut impl rand::CryptoRng,
) -> Result<ProofKey, LakeError> {
    let log = ProofLog::of(dir);
    if log.keys(None)?.last() != Some(old.public()) {
        return Err(LakeError::WrongKey { path: log.public_key_path() });
    }
    let origin = old.public().name();
    let (new, text) = ProofKey::generate(origin, rng)?;
    let size = log.latest_checkpoint()?.map_or(0, |checkpoint| checkpoint.size);
    let step = HandOver { at: at(now_micros), size, from: old.public().clone(), to: new.public().clone() };
    let note = super::signing::sign_by(&[old, &new], &statement::text_of(origin, &step)?)?;
    // First the new key, beside the old one: a hand-over to a key that is nowhere would end the log.
    let path = out.map_or_else(|| log.key_path(), Path::to_owned);
    let beside = path.with_extension("next");
    let failed = |e| LakeError::file("write", &beside, e);
    write_private(&beside, &text).map_err(failed)?;
    log.hand_overs_book().append(&note)?;
    std::fs::rename(&beside, &path).map_err(failed)?;
    Ok(new)
}

fn at(micros: i64) -> String {
    Timestamp::from_micros(micros).as_str().to_owned()
}

fn remember_first_key(log: &ProofLog, key: &ProofKey) -> Result<(), LakeError> {
    let path = log.public_key_path();
    if !path.exists() {
        let line = format!("{}\n", key.public().as_str());
        durable::write_new(&path, &[line.as_bytes()], Existing::Refuse)
            .map_err(|e| LakeError::file("write", &path, e))?;
    }
    Ok(())
}

fn salts_of(log: &ProofLog, rng: &mut impl rand::CryptoRng) -> Result<Salts, LakeError> {
    let path = log.salts_path();
    if path.exists() {
        return log.salts();
    }
    if log.hashes().held(0)? > 0 {
        return Err(LakeError::Damaged {
            path: path.to_owned(),
            what: "the salts are gone, and with them the way to check a row against its hash; restore the file from a copy".to_owned(),
        });
    }
    let salts = Salts::generate(rng);
    write_private(path, salts.to_text().trim_end()).map_err(|e| LakeError::file("write", path, e))?;
    Ok(salts)
}
