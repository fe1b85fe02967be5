//! Day tables: derived rows that are replaced a day at a time, in one commit, and can be built again from what they tell.
//! A reader sees a day before or after its replacement; rows come back in the order in which they were given.
//! Never holds a fact that is nowhere else: a table whose columns have changed is thrown away and made anew.

mod state;
#[cfg(test)]
mod stories;

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use ephor_wire::timestamp::UtcDay;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tokio::sync::Mutex;

use crate::columns::Footers;
use crate::cursors;
use crate::error::LakeError;
use crate::files::{self, day_path};
use crate::lake::off_the_runtime;
use crate::limits;
use crate::lock::WritePermit;
use crate::schema::DAY;
use crate::table::{Change, NewFile, Past, Purpose, Table, TableSpec};
pub use state::BuiltFrom;
use state::{BUILT_FROM, DayState};

/// What the name of every day table begins with: nothing else may be thrown away and made anew.
pub(crate) const DAY_TABLE_PREFIX: &str = "analytics_";

/// What a day table is called and which columns it has.
#[derive(Debug, Clone)]
pub struct DayTableSpec {
    /// Its name in SQL; begins with `analytics_`.
    pub name: &'static str,
    /// The columns without the partition column `day`.
    pub columns: SchemaRef,
}

/// Some rows of a day.
#[derive(Debug, Clone, Default)]
pub struct DayRows {
    /// The rows, in order.
    pub batches: Vec<RecordBatch>,
    /// How many rows the day has in all.
    pub of: usize,
}

/// An open day table. Clones share it.
#[derive(Debug, Clone)]
pub struct DayTable {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    spec: DayTableSpec,
    dir: PathBuf,
    held: Mutex<Held>,
    state: ArcSwap<DayState>,
    footers: Footers,
    permit: WritePermit,
    clock: fn() -> i64,
}

/// What one replacement after another uses.
#[derive(Debug)]
struct Held {
    /// `None`: opened for reading, and not made yet.
    table: Option<Table>,
    /// Set after a failure: what is in memory may not be what is on the disk.
    doubtful: bool,
    /// Files that were replaced, and when (in milliseconds): removed once no reader can need them.
    replaced: Vec<(PathBuf, i64)>,
}

impl DayTable {
    pub(crate) async fn open(
        dir: &Path,
        spec: &DayTableSpec,
        permit: WritePermit,
        clock: fn() -> i64,
    ) -> Result<Self, LakeError> {
        let table_spec = table_spec(spec)?;
        let writing = permit.take().ok();
        let table = match &writing {
            Some(_) => Some(open_as_specified(dir, &table_spec).await?),
            None => Table::open(dir, &table_spec).await?,
        };
        let state = state_of(table.as_ref()).await?;
        if let (Some(_), Some(table)) = (&writing, &table) {
            let live: HashSet<&str> = state.files.values().flatten().map(|file| file.path.as_str()).collect();
            table.sweep(&live, clock() / 1000).await?;
        }
        let held = Mutex::new(Held { table, doubtful: false, replaced: Vec::new() });
        let (spec, dir, state) = (spec.clone(), dir.to_owned(), ArcSwap::from_pointee(state));
        Ok(Self { inner: Arc::new(Inner { spec, dir, held, state, footers: Footers::new(), permit, clock }) })
    }

    /// Whether the lake is open for writing here, without which no day can be replaced.
    #[must_use]
    pub fn is_open_for_writing(&self) -> bool {
        self.inner.permit.take().is_ok()
    }

    /// Puts these rows in the place of the day's, in one durable commit. `built_from` says what they were built from;
    /// a day without rows is remembered as built, too.
    pub async fn replace(&self, day: UtcDay, rows: &RecordBatch, built_from: BuiltFrom) -> Result<(), LakeError> {
        let inner = &*self.inner;
        let _open_for_writing = inner.permit.take()?;
        let rows = RecordBatch::try_new(Arc::clone(&inner.spec.columns), rows.columns().to_vec())?;
        let mut held = inner.held.lock().await;
        let Held { table: Some(table), doubtful, replaced } = &mut *held else {
            return Err(LakeError::WriterGone("the lake is not open for writing here".to_owned()));
        };
        if *doubtful {
            table.refresh().await?;
            inner.state.store(Arc::new(state_of(Some(table)).await?));
            *doubtful = false;
        }
        let now_millis = (inner.clock)() / 1000;
        let new = write(table, day, rows, now_millis).await?;
        let (next, removed) = inner.state.load().with_day(table.folder(), day, new.as_ref(), built_from);
        if let Err(error) = commit(table, &next, new.clone(), &removed, now_millis).await {
            *doubtful = true;
            files::forget(table, new.iter().map(|file| table_path(table, file)).collect::<Vec<_>>().iter()).await;
            return Err(error);
        }
        replaced.extend(removed.iter().map(|path| (table.folder().join(path), now_millis)));
        inner.state.store(Arc::new(next));
        remove_old(replaced, now_millis);
        Ok(())
    }

    /// What the day was last built from; `None` when it never was.
    #[must_use]
    pub fn built_from(&self, day: UtcDay) -> Option<BuiltFrom> {
        self.inner.state.load().built_from.get(&day).copied()
    }

    /// The days that hold rows, ascending.
    #[must_use]
    pub fn days(&self) -> Vec<UtcDay> {
        self.inner.state.load().files.keys().copied().collect()
    }

    /// Columns of a day's rows, in the order asked for and with the types of the table's columns. A day without rows
    /// has no batch. Blocks: call it where that is allowed.
    pub fn read(&self, day: UtcDay, columns: &[&str]) -> Result<Vec<RecordBatch>, LakeError> {
        Ok(self.read_rows(day, columns, 0..usize::MAX)?.batches)
    }

    /// As [`DayTable::read`], but no more than some of the rows: the cost goes with what is asked for, not with the day.
    pub fn read_rows(&self, day: UtcDay, columns: &[&str], rows: Range<usize>) -> Result<DayRows, LakeError> {
        let state = self.inner.state.load_full();
        let mut read = DayRows::default();
        for file in state.files.get(&day).into_iter().flatten() {
            let within = rows.start.saturating_sub(read.of)..rows.end.saturating_sub(read.of);
            let (batches, of) = self.inner.footers.read_rows(&file.full_path, columns, &within)?;
            read.batches.extend(batches);
            read.of += of;
        }
        Ok(read)
    }

    /// Reads what another process has committed since.
    pub(crate) async fn refresh(&self) -> Result<(), LakeError> {
        let mut held = self.inner.held.lock().await;
        match &mut held.table {
            Some(table) => table.refresh().await?,
            none => *none = Table::open(&self.inner.dir, &table_spec(&self.inner.spec)?).await?,
        }
        let version = held.table.as_ref().map(Table::version);
        if version != self.inner.state.load().version {
            self.inner.state.store(Arc::new(state_of(held.table.as_ref()).await?));
        }
        Ok(())
    }
}

/// Encodes and fsyncs a day's rows where blocking is allowed; no rows, no file.
async fn write(table: &Table, day: UtcDay, rows: RecordBatch, now_millis: i64) -> Result<Option<NewFile>, LakeError> {
    if rows.num_rows() == 0 {
        return Ok(None);
    }
    let table = table.clone();
    let work = move || {
        // Read by the page and derived: setting up a decompressor for each would cost more than zstd saves.
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(limits::DAY_TABLE_GROUP_ROWS))
            .set_write_batch_size(limits::DAY_TABLE_PAGE_ROWS)
            .set_data_page_row_count_limit(limits::DAY_TABLE_PAGE_ROWS)
            .build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties))?;
        writer.write(&rows)?;
        writer.close()?;
        let stats = serde_json::json!({ "numRecords": rows.num_rows() });
        table.write_file(&day_path(day, now_millis), &bytes, Some((DAY, day.to_string())), stats)
    };
    off_the_runtime(work).await.map(Some)
}

async fn commit(
    table: &mut Table,
    next: &DayState,
    new: Option<NewFile>,
    removed: &[String],
    now_millis: i64,
) -> Result<(), LakeError> {
    let change = Change {
        purpose: Purpose::Replace,
        add: new.into_iter().collect(),
        remove: table.removals(removed, true).await?,
        transactions: vec![cursors::prepare(table, BUILT_FROM, &next.built_from_json()).await?],
        ..Change::default()
    };
    table.commit(change, now_millis).await
}

fn remove_old(replaced: &mut Vec<(PathBuf, i64)>, now_millis: i64) {
    replaced.retain(|(path, since)| {
        let needed = now_millis - since < limits::REMOVED_FILE_GRACE_MILLIS;
        if !needed {
            // One that stays is removed at the next opening.
            let _ = fs::remove_file(path);
        }
        needed
    });
}

fn table_path(table: &Table, file: &NewFile) -> PathBuf {
    table.folder().join(&file.path)
}

async fn state_of(table: Option<&Table>) -> Result<DayState, LakeError> {
    match table {
        Some(table) => DayState::of(table).await,
        None => Ok(DayState::default()),
    }
}

fn table_spec(spec: &DayTableSpec) -> Result<TableSpec, LakeError> {
    if !spec.name.starts_with(DAY_TABLE_PREFIX) {
        return Err(LakeError::Damaged {
            path: spec.name.into(),
            what: format!("the name of a day table begins with `{DAY_TABLE_PREFIX}`"),
        });
    }
    let mut fields = vec![Field::new(DAY, DataType::Date32, true)];
    fields.extend(spec.columns.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)));
    Ok(TableSpec {
        partition_by: Some(DAY),
        past: Past::Short,
        ..TableSpec::plain(spec.name, Arc::new(Schema::new(fields)))
    })
}

/// Opens the table; one that an older Ephor made with other columns is thrown away first: its rows are derived.
async fn open_as_specified(dir: &Path, spec: &TableSpec) -> Result<Table, LakeError> {
    let discarded = dir.join(format!("discarded-{}", spec.name));
    let _ = fs::remove_dir_all(&discarded);
    if let Some(table) = Table::open(dir, spec).await? {
        if table.has_columns_of_its_spec()? {
            return Ok(table);
        }
        tracing::info!(table = spec.name, "its columns have changed: it is thrown away and built again");
        fs::rename(table.folder(), &discarded).map_err(|e| LakeError::file("set aside", table.folder(), e))?;
        let _ = fs::remove_dir_all(&discarded);
    }
    Table::open_or_create(dir, spec).await
}
