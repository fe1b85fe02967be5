//! The lake's door: opened for reading by anyone, for writing by one; pages, look-ups, SQL and numbers.
//! Opening for writing repairs what a crash left: files without a commit, ids not yet in the index.
//! Never shows an activity before it is durable.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use ephor_wire::timestamp::{Timestamp, UtcDay};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::append::{Appender, Writer, WriterParts};
use crate::cursors;
use crate::days::{DayTable, DayTableSpec};
use crate::directory::Directory;
use crate::error::LakeError;
use crate::files::FileSet;
use crate::id_index::{IdEntry, IdIndex};
use crate::lock::{WritePermit, WriterLock};
use crate::proof::{ActivityProof, Notary, Person, ProofKey, ProofLog, REMOVALS_TRANSACTION};
use crate::rows::text_of;
use crate::scan::{
    ActivityFilter, Arrivals, Census, CountedBy, FeedPage, FeedQuery, Reader, RowPredicate, Sightings, Wanted,
};
use crate::schema::{ACTIVITIES, CONFLICTS};
use crate::sql::{GuestTable, SqlSession};
use crate::sql_tables::SqlTables;
use crate::stats::LakeStats;
use crate::table::Table;
use crate::upstream::UpstreamRows;
use crate::usage::{Usage, UsageWriter};
use crate::{append, prover, sql};

/// How a lake is opened.
#[derive(Debug, Clone)]
pub struct LakeOptions {
    /// Microseconds since 1970, now.
    pub clock: fn() -> i64,
    /// What signs checkpoints, seals and removals. `None`: the key in the data folder, made if there is none.
    pub key: Option<ProofKey>,
}

impl Default for LakeOptions {
    fn default() -> Self {
        Self { clock: || jiff::Timestamp::now().as_microsecond(), key: None }
    }
}

/// An open lake. Clones share it.
#[derive(Debug, Clone)]
pub struct Lake {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    reader: Reader,
    /// The log as this handle has last read it; a writer in the same process keeps its own.
    table: Mutex<Table>,
    /// The tables as statements see them.
    sql_tables: SqlTables,
    directory: Directory,
    usage: Usage,
    upstream: UpstreamRows,
    /// Those that were asked for: a table has one handle, so that its replacements queue.
    day_tables: Mutex<HashMap<&'static str, DayTable>>,
    permit: WritePermit,
    clock: fn() -> i64,
    /// A lake opened beside its writer is told of every commit; any other has to look.
    told_of_commits: bool,
}

impl Lake {
    /// Opens a lake that exists, for reading; another process may be writing it.
    pub async fn open_reader(dir: &Path) -> Result<Self, LakeError> {
        let missing = || LakeError::Missing { path: dir.to_owned() };
        let table = Table::open(dir, &ACTIVITIES).await?.ok_or_else(missing)?;
        let reader = Reader::new(FileSet::of(&table).await?);
        let usage = Usage::open(dir).await?;
        let clock = LakeOptions::default().clock;
        Self::around(dir, Opened { table, reader, usage, permit: WritePermit::default(), clock }, false).await
    }

    /// Opens a lake for writing, making it if it is not there. There is one writer at a time.
    pub async fn open_writer(dir: &Path, options: LakeOptions) -> Result<(Self, Appender), LakeError> {
        let (lock, clock) = (Arc::new(WriterLock::take(dir)?), options.clock);
        let table = Table::open_or_create(dir, &ACTIVITIES).await?;
        let conflicts = Table::open_or_create(dir, &CONFLICTS).await?;
        let recorded = recorded_conflicts(&conflicts).await?;
        let files = FileSet::of(&table).await?;
        let mut index = IdIndex::open(&dir.join("index"), files.next_seq)?;
        let reader = Reader::new(files);
        let from_seq = index.flushed_to();
        append::read_ids(table.folder(), &reader, &mut index, from_seq)?;
        let mut notary = Notary::open(dir, options.key, &reader)?;
        let seen_through = table.transaction(REMOVALS_TRANSACTION).await?.and_then(|seen| u64::try_from(seen).ok());
        notary.finish_erasures(seen_through.unwrap_or(0))?;
        let usage_writer = UsageWriter::open(dir, clock, Arc::clone(&lock)).await?;
        let (usage_table, usage_files) = usage_writer.shown();
        let usage = Usage::beside_writer(dir, usage_table, usage_files);
        let permit = WritePermit::of(&lock);
        let opened = Opened { table: table.clone(), reader: reader.clone(), usage, permit, clock };
        let lake = Self::around(dir, opened, true).await?;
        let parts = WriterParts { table, conflicts, recorded_conflicts: recorded, index, reader, notary };
        let writer = Writer::new(parts, clock, lock);
        writer.sweep().await?;
        Ok((lake, Appender::start(writer, usage_writer)?))
    }

    async fn around(dir: &Path, opened: Opened, told_of_commits: bool) -> Result<Self, LakeError> {
        let Opened { table, reader, usage, permit, clock } = opened;
        let inner = Inner {
            dir: dir.to_owned(),
            reader,
            table: Mutex::new(table),
            sql_tables: SqlTables::of(dir.join("lake")),
            directory: Directory::open(dir).await?,
            usage,
            upstream: UpstreamRows::open(dir, permit.clone(), clock).await?,
            day_tables: Mutex::default(),
            permit,
            clock,
            told_of_commits,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The data folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// People, roles, groups, projects and settings as last seen, and their history.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// Usage events.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.inner.usage
    }

    /// Rows of other Analytics APIs, with the history of their revisions.
    #[must_use]
    pub fn upstream_rows(&self) -> &UpstreamRows {
        &self.inner.upstream
    }

    /// The log that proves what the lake holds: checkpoints, tiles, proofs.
    #[must_use]
    pub fn proof_log(&self) -> ProofLog {
        ProofLog::of(&self.inner.dir)
    }

    /// Opens a day table. A lake that is open for writing makes it if it is not there, and makes it anew if it has
    /// other columns.
    pub async fn day_table(&self, spec: &DayTableSpec) -> Result<DayTable, LakeError> {
        let mut tables = self.inner.day_tables.lock().await;
        if let Some(open) = tables.get(spec.name) {
            return Ok(open.clone());
        }
        let table = DayTable::open(&self.inner.dir, spec, self.inner.permit.clone(), self.inner.clock).await?;
        // It may have been made anew.
        self.inner.sql_tables.forget(spec.name);
        tables.insert(spec.name, table.clone());
        Ok(table)
    }

    /// The next place in the order of arrival.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.inner.reader.files().next_seq
    }

    /// Time of the newest activity in microseconds.
    #[must_use]
    pub fn newest_created_at(&self) -> Option<i64> {
        self.inner.reader.files().files.iter().map(|file| file.span.last_time).max()
    }

    /// When, in microseconds, the oldest of the activities happened that have this place in the order of arrival or a later
    /// one; a little earlier where a file holds older ones with places before. Nothing where there are none.
    #[must_use]
    pub fn oldest_from(&self, seq: u64) -> Option<i64> {
        let files = self.inner.reader.files();
        let later = files.files.iter().filter(|file| seq <= file.span.last_seq);
        later.map(|file| file.span.first_time).min()
    }

    /// Reads what another process has committed since.
    pub async fn refresh(&self) -> Result<(), LakeError> {
        let mut table = self.inner.table.lock().await;
        table.refresh().await?;
        if !self.inner.told_of_commits {
            self.inner.reader.publish(FileSet::of(&table).await?);
        }
        drop(table);
        self.inner.usage.refresh().await?;
        self.inner.upstream.refresh().await?;
        for table in self.inner.day_tables.lock().await.values() {
            table.refresh().await?;
        }
        self.inner.directory.refresh().await
    }

    /// One page of the feed.
    pub async fn page(&self, query: &FeedQuery) -> Result<FeedPage, LakeError> {
        match self.page_now(query.clone()).await {
            // Compaction in another process has replaced a file that this version of the table still names.
            Err(LakeError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                self.refresh().await?;
                self.page_now(query.clone()).await
            }
            answer => answer,
        }
    }

    async fn page_now(&self, query: FeedQuery) -> Result<FeedPage, LakeError> {
        let reader = self.inner.reader.clone();
        off_the_runtime(move || reader.page(&query)).await
    }

    /// Activities in the order in which they arrived, from the beginning of a span of places on, and at most
    /// [`crate::ARRIVALS_ROWS`] of them. A reader that follows the lake asks again from `next_seq`.
    pub async fn arrivals(&self, span: Range<u64>) -> Result<Arrivals, LakeError> {
        self.arrivals_where(span, None).await
    }

    /// As [`Lake::arrivals`], but only those that a condition lets through; the others are passed over unread.
    pub async fn arrivals_where(&self, span: Range<u64>, filter: Option<&RowPredicate>) -> Result<Arrivals, LakeError> {
        match self.arrivals_now(span.clone(), filter.cloned()).await {
            // As for a page: compaction in another process has replaced a file.
            Err(LakeError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                self.refresh().await?;
                self.arrivals_now(span, filter.cloned()).await
            }
            answer => answer,
        }
    }

    async fn arrivals_now(&self, span: Range<u64>, filter: Option<RowPredicate>) -> Result<Arrivals, LakeError> {
        let reader = self.inner.reader.clone();
        off_the_runtime(move || reader.arrivals(span, filter.as_ref())).await
    }

    /// How many activities pass a filter: all together, by day, and by the values of a column.
    pub async fn census(&self, filter: &ActivityFilter, by: Option<CountedBy>) -> Result<Census, LakeError> {
        let (reader, filter) = (self.inner.reader.clone(), filter.clone());
        off_the_runtime(move || reader.census(&filter, by)).await
    }

    /// Every value of a column that was ever seen: how often, first and last.
    pub async fn sightings(&self, by: CountedBy) -> Result<Arc<Sightings>, LakeError> {
        let reader = self.inner.reader.clone();
        off_the_runtime(move || reader.sightings(by)).await
    }

    /// The stored bytes of one activity.
    pub async fn find(&self, id: &str) -> Result<Option<String>, LakeError> {
        let (reader, id) = (self.inner.reader.clone(), id.to_owned());
        let wanted = [Wanted { id: id.clone(), created_at: i64::MIN }];
        off_the_runtime(move || Ok(reader.find_many(&wanted)?.remove(&id))).await
    }

    /// How many activities name a person.
    pub async fn count_naming(&self, person: Person) -> Result<u64, LakeError> {
        let reader = self.inner.reader.clone();
        off_the_runtime(move || {
            let mut named = 0;
            for file in &reader.files().files {
                let rows = reader.read_columns(file, &["raw"])?;
                named += text_of(&rows, "raw")?.iter().flatten().filter(|raw| person.is_named_in(raw)).count() as u64;
            }
            Ok(named)
        })
        .await
    }

    /// Proofs that these activities are in the tree of that size, in the order of their `seq`; ids that are not stored,
    /// or that came later, have none.
    pub async fn prove(&self, ids: &[String], tree_size: u64) -> Result<Vec<ActivityProof>, LakeError> {
        let (reader, log) = (self.inner.reader.clone(), self.proof_log());
        let ids: HashSet<String> = ids.iter().cloned().collect();
        off_the_runtime(move || prover::prove(&reader, &log, &ids, tree_size)).await
    }

    /// The UTC days that hold activities, oldest first.
    #[must_use]
    pub fn days(&self) -> Vec<UtcDay> {
        self.inner.reader.files().files.iter().map(|file| file.day).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Some columns of every activity of a day, in feed order, as one batch; a day without any has none.
    pub async fn day(&self, day: UtcDay, columns: &'static [&'static str]) -> Result<Option<RecordBatch>, LakeError> {
        let reader = self.inner.reader.clone();
        off_the_runtime(move || reader.day(day, columns)).await
    }

    /// One version of every table, for many statements that must agree; with guests beside them.
    pub async fn sql_session(&self, guests: Vec<GuestTable>) -> Result<SqlSession, LakeError> {
        SqlSession::open(&self.inner.sql_tables, guests).await
    }

    /// Runs a read-only SQL statement over the lake's tables.
    pub async fn sql(&self, statement: &str) -> Result<Vec<RecordBatch>, LakeError> {
        self.sql_with(statement, Vec::new()).await
    }

    /// Runs a read-only SQL statement over the lake's tables and some of other rooms.
    pub async fn sql_with(&self, statement: &str, guests: Vec<GuestTable>) -> Result<Vec<RecordBatch>, LakeError> {
        sql::query(&self.inner.sql_tables, statement, guests).await
    }

    /// Where a source goes on from, as committed with its last rows.
    pub async fn source_cursor(&self, source: &str) -> Result<Option<Value>, LakeError> {
        let mut table = self.inner.table.lock().await;
        table.refresh().await?;
        cursors::read(&table, source).await
    }

    /// Where a source of usage events goes on from, as committed with its last rows.
    pub async fn usage_cursor(&self, source: &str) -> Result<Option<Value>, LakeError> {
        self.inner.usage.cursor(source).await
    }

    /// What the lake holds, in numbers.
    pub async fn stats(&self) -> Result<LakeStats, LakeError> {
        let files = self.inner.reader.files();
        let at = |micros: i64| Timestamp::from_micros(micros).as_str().to_owned();
        let mut stats = LakeStats {
            version: files.version,
            activities: files.rows(),
            next_seq: files.next_seq,
            files: files.files.len() as u64,
            bytes: files.bytes(),
            days: files.files.iter().map(|file| file.day).collect::<BTreeSet<_>>().len() as u64,
            ..LakeStats::default()
        };
        let times = self.sql("select min(created_at) as oldest, max(created_at) as newest from activities").await?;
        let time = |column: usize| {
            let times =
                arrow::compute::cast(times.first()?.column(column), &DataType::Timestamp(TimeUnit::Microsecond, None))
                    .ok()?;
            let times = times.as_primitive_opt::<TimestampMicrosecondType>()?;
            (times.len() == 1 && times.is_valid(0)).then(|| at(times.value(0)))
        };
        (stats.oldest_created_at, stats.newest_created_at) = (time(0), time(1));
        stats.by_source = self.count_by("source", "activities").await?;
        stats.by_category = self.count_by("category", "activities").await?;
        let conflicts = self.sql("select count(*) from conflicts").await?;
        stats.conflicts =
            conflicts.first().map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0).unsigned_abs());
        let usage = self.inner.usage.files();
        (stats.usage_events, stats.usage_bytes) = (usage.rows(), usage.bytes());
        stats.usage_by_kind = self.count_by("kind", "usage_events").await?;
        Ok(stats)
    }

    async fn count_by(&self, column: &str, table: &str) -> Result<BTreeMap<String, u64>, LakeError> {
        let statement = format!("select arrow_cast({column}, 'Utf8'), count(*) from {table} group by 1");
        let mut counts = BTreeMap::new();
        for batch in self.sql(&statement).await? {
            let (names, numbers) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
            counts.extend(
                (0..batch.num_rows()).map(|row| (names.value(row).to_owned(), numbers.value(row).unsigned_abs())),
            );
        }
        Ok(counts)
    }
}

/// What a lake is put together from.
struct Opened {
    table: Table,
    reader: Reader,
    usage: Usage,
    permit: WritePermit,
    clock: fn() -> i64,
}

/// Reading files and decoding columns is work for a thread that may block.
pub(crate) async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LakeError> + Send + 'static,
) -> Result<T, LakeError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(stopped) => Err(LakeError::WriterGone(stopped.to_string())),
    }
}

/// Conflicts that are kept already, so that a source that repeats itself is recorded once.
async fn recorded_conflicts(conflicts: &Table) -> Result<HashSet<IdEntry>, LakeError> {
    let mut recorded = HashSet::new();
    for batch in conflicts.read_all().await? {
        let (ids, raws) = (text_of(&batch, "id")?, text_of(&batch, "raw")?);
        recorded.extend((0..batch.num_rows()).map(|row| IdEntry::of(ids.value(row), raws.value(row).as_bytes())));
    }
    Ok(recorded)
}
