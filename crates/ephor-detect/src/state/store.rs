//! The tables of the state, in one redb file (or in memory): one writer, steps that are whole or not there.
//! Promises ranges by time, since keys begin with series and key and end with a moment.
//! Never waits for another process: a file that is in use is told.

use std::ops::RangeInclusive;
use std::path::Path;

use redb::backends::InMemoryBackend;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::bucket::{BUCKET_MICROS, Bucket};
use super::day_cell::{DAY_MICROS, DayCell, Values};
use crate::finding::FindingId;
use crate::hit::{Hit, Key};
use crate::judge::DraftDigest;
use crate::limits::STATE_CACHE_BYTES;
use crate::series::Fingerprint;

type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

const SERIES: Rows = TableDefinition::new("series");
const BUCKETS: Rows = TableDefinition::new("buckets");
const DAYS: Rows = TableDefinition::new("days");
const DIRTY: Rows = TableDefinition::new("dirty");
const STANDING: Rows = TableDefinition::new("standing");
const TIMERS: Rows = TableDefinition::new("timers");

/// What can go wrong with the state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process has it open.
    #[error("the state of detections is in use by another process; a running node detects by itself")]
    InUse,
    /// The file cannot be read or written.
    #[error("the state of detections cannot be used ({0}); remove the folder `detect` and it is made again from the lake")]
    Broken(String),
}

macro_rules! broken {
    ($($error:ty),+) => {
        $(impl From<$error> for StateError {
            fn from(error: $error) -> Self {
                Self::Broken(error.to_string())
            }
        })+
    };
}
broken!(redb::TransactionError, redb::TableError, redb::StorageError, redb::CommitError, redb::SetDurabilityError, postcard::Error);

impl From<redb::DatabaseError> for StateError {
    fn from(error: redb::DatabaseError) -> Self {
        match error {
            redb::DatabaseError::DatabaseAlreadyOpen => Self::InUse,
            other => Self::Broken(other.to_string()),
        }
    }
}

/// A series in this state. Numbers are given once and never again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SeriesId(pub(crate) u32);

/// A series as the state knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) id: SeriesId,
    /// Activities up to this place have been matched for it.
    pub(crate) taken_to: u64,
}

/// A key whose hits have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dirty {
    pub(crate) series: SeriesId,
    pub(crate) key: Key,
    /// The times between which they have.
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// A finding that was recorded for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) window_from: i64,
    pub(crate) subject: u64,
    pub(crate) digest: DraftDigest,
    pub(crate) finding: FindingId,
}

/// The state of detections.
#[derive(Debug)]
pub(crate) struct State {
    database: Database,
}

impl State {
    /// Opens the state in a folder, making it if it is not there.
    pub(crate) fn open(folder: &Path) -> Result<Self, StateError> {
        std::fs::create_dir_all(folder).map_err(|error| StateError::Broken(error.to_string()))?;
        let path = folder.join("state.redb");
        Self::prepared(Database::builder().set_cache_size(STATE_CACHE_BYTES).create(path)?)
    }

    /// A state that ends with the process.
    pub(crate) fn in_memory() -> Result<Self, StateError> {
        Self::prepared(Database::builder().create_with_backend(InMemoryBackend::new())?)
    }

    /// Every table is there from the beginning, so that reading one never fails.
    fn prepared(database: Database) -> Result<Self, StateError> {
        let transaction = database.begin_write()?;
        for table in [SERIES, BUCKETS, DAYS, DIRTY, STANDING, TIMERS] {
            transaction.open_table(table)?;
        }
        transaction.commit()?;
        Ok(Self { database })
    }

    /// Begins a step; dropping it undoes it.
    pub(crate) fn write(&self) -> Result<Writing, StateError> {
        Ok(Writing { transaction: self.database.begin_write()? })
    }

    /// What is known of a series.
    pub(crate) fn series(&self, fingerprint: &Fingerprint) -> Result<Option<Known>, StateError> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(SERIES)?;
        table.get(fingerprint.as_slice())?.map(|value| known(value.value())).transpose()
    }

    /// Every series, by fingerprint.
    pub(crate) fn all_series(&self) -> Result<Vec<(Fingerprint, Known)>, StateError> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(SERIES)?;
        let mut all = Vec::new();
        for entry in table.iter()? {
            let (key, value) = entry?;
            let mut fingerprint = Fingerprint::default();
            fingerprint.copy_from_slice(key.value());
            all.push((fingerprint, known(value.value())?));
        }
        Ok(all)
    }

    /// Some keys that have to be judged.
    pub(crate) fn dirty(&self, limit: usize) -> Result<Vec<Dirty>, StateError> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(DIRTY)?;
        let mut dirty = Vec::new();
        for entry in table.iter()?.take(limit) {
            let (key, value) = entry?;
            let (series, own, _) = parts(key.value());
            let (from, to) = postcard::from_bytes(value.value())?;
            dirty.push(Dirty { series, key: own, from, to });
        }
        Ok(dirty)
    }

    /// The buckets of a key that overlap a span of time.
    pub(crate) fn buckets(
        &self,
        series: SeriesId,
        key: Key,
        span: RangeInclusive<i64>,
    ) -> Result<Vec<(i64, Bucket)>, StateError> {
        self.range(BUCKETS, series, key, begin_of(*span.start(), BUCKET_MICROS)..=*span.end())
    }

    /// The days of a key that overlap a span of time.
    pub(crate) fn days(
        &self,
        series: SeriesId,
        key: Key,
        span: RangeInclusive<i64>,
    ) -> Result<Vec<(i64, DayCell)>, StateError> {
        self.range(DAYS, series, key, begin_of(*span.start(), DAY_MICROS)..=*span.end())
    }

    /// The first hit of a key ever, by day.
    pub(crate) fn first_day(&self, series: SeriesId, key: Key) -> Result<Option<DayCell>, StateError> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(DAYS)?;
        let (from, to) = (row_key(series, key, i64::MIN), row_key(series, key, i64::MAX));
        let first = table.range(from.as_slice()..=to.as_slice())?.next().transpose()?;
        Ok(first.map(|(_, value)| postcard::from_bytes(value.value())).transpose()?)
    }

    /// What stands of a key in windows that begin within a span.
    pub(crate) fn standing(
        &self,
        series: SeriesId,
        key: Key,
        span: RangeInclusive<i64>,
    ) -> Result<Vec<Standing>, StateError> {
        let rows: Vec<(i64, Vec<(u64, DraftDigest, String)>)> = self.range(STANDING, series, key, span)?;
        let of_window = |(window_from, all): (i64, Vec<(u64, DraftDigest, String)>)| {
            all.into_iter().map(move |(subject, digest, finding)| Standing {
                window_from,
                subject,
                digest,
                finding: FindingId(finding),
            })
        };
        Ok(rows.into_iter().flat_map(of_window).collect())
    }

    /// Everything that stands of a series.
    pub(crate) fn all_standing(&self, series: SeriesId) -> Result<Vec<FindingId>, StateError> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(STANDING)?;
        let (from, to) = (row_key(series, Key::MIN, i64::MIN), row_key(series, Key::MAX, i64::MAX));
        let mut findings = Vec::new();
        for entry in table.range(from.as_slice()..=to.as_slice())? {
            let all: Vec<(u64, DraftDigest, String)> = postcard::from_bytes(entry?.1.value())?;
            findings.extend(all.into_iter().map(|(_, _, finding)| FindingId(finding)));
        }
        Ok(findings)
    }

    /// Keys whose time is up.
    pub(crate) fn due(&self, as_of_micros: i64) -> Result<Vec<(i64, SeriesId, Key, i64)>, StateError> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(TIMERS)?;
        let end = timer_key(as_of_micros, SeriesId(u32::MAX), Key::MAX);
        let mut due = Vec::new();
        for entry in table.range(..=end.as_slice())? {
            let (key, value) = entry?;
            let (at, rest) = key.value().split_at(8);
            let (series, own, _) = parts(rest);
            due.push((from_ordered(at), series, own, postcard::from_bytes(value.value())?));
        }
        Ok(due)
    }

    fn range<T: serde::de::DeserializeOwned>(
        &self,
        table: Rows,
        series: SeriesId,
        key: Key,
        span: RangeInclusive<i64>,
    ) -> Result<Vec<(i64, T)>, StateError> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(table)?;
        let (from, to) = (row_key(series, key, *span.start()), row_key(series, key, *span.end()));
        let mut rows = Vec::new();
        for entry in table.range(from.as_slice()..=to.as_slice())? {
            let (row, value) = entry?;
            rows.push((parts(row.value()).2, postcard::from_bytes(value.value())?));
        }
        Ok(rows)
    }
}

/// A step of the state.
pub(crate) struct Writing {
    transaction: WriteTransaction,
}

impl Writing {
    /// Makes a series known, or says how far it has been taken.
    pub(crate) fn put_series(&mut self, fingerprint: &Fingerprint, known: Known) -> Result<(), StateError> {
        let mut table = self.transaction.open_table(SERIES)?;
        table.insert(fingerprint.as_slice(), postcard::to_stdvec(&(known.id.0, known.taken_to))?.as_slice())?;
        Ok(())
    }

    /// Adds hits of one series to their buckets.
    pub(crate) fn add_hits(&mut self, series: SeriesId, hits: &mut [(Key, Hit)]) -> Result<(), StateError> {
        let mut table = self.transaction.open_table(BUCKETS)?;
        let slot = |(key, hit): &(Key, Hit)| (*key, begin_of(hit.place.at, BUCKET_MICROS));
        hits.sort_unstable_by_key(slot);
        for run in hits.chunk_by(|a, b| slot(a) == slot(b)) {
            let (key, at) = slot(&run[0]);
            let row = row_key(series, key, at);
            let mut bucket: Bucket = match table.get(row.as_slice())? {
                Some(stored) => postcard::from_bytes(stored.value())?,
                None => Bucket::default(),
            };
            run.iter().for_each(|(_, hit)| bucket.add(hit.clone()));
            table.insert(row.as_slice(), postcard::to_stdvec(&bucket)?.as_slice())?;
        }
        self.soil(series, hits)
    }

    /// Adds hits of one series to their days.
    pub(crate) fn add_days(
        &mut self,
        series: SeriesId,
        hits: &mut [(Key, Hit)],
        values: Values,
    ) -> Result<(), StateError> {
        let mut table = self.transaction.open_table(DAYS)?;
        let slot = |(key, hit): &(Key, Hit)| (*key, begin_of(hit.place.at, DAY_MICROS));
        hits.sort_unstable_by_key(slot);
        for run in hits.chunk_by(|a, b| slot(a) == slot(b)) {
            let (key, at) = slot(&run[0]);
            let row = row_key(series, key, at);
            let mut cell: DayCell = match table.get(row.as_slice())? {
                Some(stored) => postcard::from_bytes(stored.value())?,
                None => DayCell::new(),
            };
            run.iter().for_each(|(_, hit)| cell.add(hit, values));
            table.insert(row.as_slice(), postcard::to_stdvec(&cell)?.as_slice())?;
        }
        drop(table);
        self.soil(series, hits)
    }

    /// Notes that keys have to be judged; the hits come by key.
    fn soil(&mut self, series: SeriesId, hits: &[(Key, Hit)]) -> Result<(), StateError> {
        for run in hits.chunk_by(|a, b| a.0 == b.0) {
            let times = run.iter().map(|(_, hit)| hit.place.at);
            let (from, to) = (times.clone().min().unwrap_or(0), times.max().unwrap_or(0));
            self.put_dirty(Dirty { series, key: run[0].0, from, to })?;
        }
        Ok(())
    }

    /// Notes that a key has to be judged between two times.
    pub(crate) fn put_dirty(&mut self, dirty: Dirty) -> Result<(), StateError> {
        let mut table = self.transaction.open_table(DIRTY)?;
        let row = row_key(dirty.series, dirty.key, 0);
        let (mut from, mut to) = (dirty.from, dirty.to);
        if let Some(stored) = table.get(row.as_slice())? {
            let (known_from, known_to): (i64, i64) = postcard::from_bytes(stored.value())?;
            (from, to) = (from.min(known_from), to.max(known_to));
        }
        table.insert(row.as_slice(), postcard::to_stdvec(&(from, to))?.as_slice())?;
        Ok(())
    }

    /// A key has been judged.
    pub(crate) fn clean(&mut self, dirty: &Dirty) -> Result<(), StateError> {
        let mut table = self.transaction.open_table(DIRTY)?;
        table.remove(row_key(dirty.series, dirty.key, 0).as_slice())?;
        Ok(())
    }

    /// What stands of a key in one window from now on.
    pub(crate) fn put_standing(
        &mut self,
        series: SeriesId,
        key: Key,
        window_from: i64,
        standing: &[Standing],
    ) -> Result<(), StateError> {
        let mut table = self.transaction.open_table(STANDING)?;
        let row = row_key(series, key, window_from);
        if standing.is_empty() {
            table.remove(row.as_slice())?;
            return Ok(());
        }
        let all: Vec<(u64, DraftDigest, &str)> =
            standing.iter().map(|one| (one.subject, one.digest, one.finding.as_str())).collect();
        table.insert(row.as_slice(), postcard::to_stdvec(&all)?.as_slice())?;
        Ok(())
    }

    /// Notes that what happened at a time has to be judged when it is due.
    pub(crate) fn put_timer(&mut self, due: i64, series: SeriesId, key: Key, at: i64) -> Result<(), StateError> {
        let mut table = self.transaction.open_table(TIMERS)?;
        table.insert(timer_key(due, series, key).as_slice(), postcard::to_stdvec(&at)?.as_slice())?;
        Ok(())
    }

    /// A time has passed.
    pub(crate) fn take_timer(&mut self, due: i64, series: SeriesId, key: Key) -> Result<(), StateError> {
        let mut table = self.transaction.open_table(TIMERS)?;
        table.remove(timer_key(due, series, key).as_slice())?;
        Ok(())
    }

    /// Forgets a series and all that is kept of it.
    pub(crate) fn forget(&mut self, fingerprint: &Fingerprint, series: SeriesId) -> Result<(), StateError> {
        self.transaction.open_table(SERIES)?.remove(fingerprint.as_slice())?;
        let (from, to) = (row_key(series, Key::MIN, i64::MIN), row_key(series, Key::MAX, i64::MAX));
        for table in [BUCKETS, DAYS, DIRTY, STANDING] {
            let mut table = self.transaction.open_table(table)?;
            table.retain_in(from.as_slice()..=to.as_slice(), |_, _| false)?;
        }
        let mut timers = self.transaction.open_table(TIMERS)?;
        timers.retain(|key, _| parts(&key[8..]).0 != series)?;
        Ok(())
    }

    /// Makes the step last. What is not on the disk when the power goes is made again from the lake.
    pub(crate) fn commit(self) -> Result<(), StateError> {
        Ok(self.transaction.commit()?)
    }

    /// Makes the step last for this process, and on the disk with the next one: for many steps in a row.
    pub(crate) fn commit_later(mut self) -> Result<(), StateError> {
        self.transaction.set_durability(Durability::None)?;
        self.commit()
    }
}

fn known(value: &[u8]) -> Result<Known, StateError> {
    let (id, taken_to) = postcard::from_bytes(value)?;
    Ok(Known { id: SeriesId(id), taken_to })
}

fn begin_of(at: i64, length: i64) -> i64 {
    at.div_euclid(length).saturating_mul(length)
}

/// Series, key and a moment, so that rows of one key lie together and by time.
fn row_key(series: SeriesId, key: Key, at: i64) -> [u8; 28] {
    let mut row = [0; 28];
    row[..4].copy_from_slice(&series.0.to_be_bytes());
    row[4..20].copy_from_slice(&key.to_be_bytes());
    row[20..].copy_from_slice(&ordered(at));
    row
}

fn timer_key(due: i64, series: SeriesId, key: Key) -> [u8; 36] {
    let mut row = [0; 36];
    row[..8].copy_from_slice(&ordered(due));
    row[8..].copy_from_slice(&row_key(series, key, 0));
    row
}

fn parts(row: &[u8]) -> (SeriesId, Key, i64) {
    let number = |from: usize, to: usize| row[from..to].iter().fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    (SeriesId(number(0, 4) as u32), number(4, 20), from_ordered(&row[20..28]))
}

/// Bytes that sort as the numbers do.
fn ordered(at: i64) -> [u8; 8] {
    ((at as u64) ^ (1 << 63)).to_be_bytes()
}

fn from_ordered(bytes: &[u8]) -> i64 {
    let number = bytes.iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    (number ^ (1 << 63)) as i64
}
