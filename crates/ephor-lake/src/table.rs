//! One Delta table on local disk: opened or made, files added and removed in durable commits, its log read again.
//! A commit is there entirely or not at all, and carries its application transactions with it.
//! Never decides what a row means; that is for the modules that own a table.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, LogicalFileView, Remove, StructField, StructType, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableBuilder};
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use sha2::Digest;
use url::Url;

use crate::durable::{self, DurableStore, Existing};
use crate::error::{LakeError, caused_by_full_disk};
use crate::limits;

/// What a table is called and which columns it has.
#[derive(Debug, Clone)]
pub(crate) struct TableSpec {
    pub(crate) name: &'static str,
    pub(crate) columns: SchemaRef,
    pub(crate) partition_by: Option<&'static str>,
    /// The column of times whose span is kept of every file, in a table whose rows have a `seq`.
    pub(crate) span_time: Option<&'static str>,
    pub(crate) past: Past,
}

/// How long old versions of a table can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Past {
    /// For good: every commit stays in the log.
    Kept,
    /// A day: a derived table is replaced again and again, and its log would only grow.
    Short,
}

impl TableSpec {
    /// A table without partitions, kept for good.
    pub(crate) fn plain(name: &'static str, columns: SchemaRef) -> Self {
        Self { name, columns, partition_by: None, span_time: None, past: Past::Kept }
    }
}

/// A data file that is written and fsynced and waits for its commit.
#[derive(Debug, Clone)]
pub(crate) struct NewFile {
    /// Relative to the table's folder, with `/`.
    pub(crate) path: String,
    pub(crate) size_bytes: u64,
    pub(crate) partition: Option<(&'static str, String)>,
    /// Delta's statistics object.
    pub(crate) stats: serde_json::Value,
    /// SHA-256 of the file, in hexadecimal; kept in the log as a tag.
    pub(crate) sha256: String,
}

/// The tag of a data file that holds the SHA-256 of its bytes.
const SHA256_TAG: &str = "ephor.sha256";

/// A data file that a snapshot names.
#[derive(Debug, Clone)]
pub(crate) struct LiveFile {
    pub(crate) path: String,
    pub(crate) size_bytes: u64,
    pub(crate) stats: serde_json::Value,
    /// SHA-256 of the file, as the log has it.
    pub(crate) sha256: Option<String>,
}

/// Why a commit is made; other engines show it in the table's history.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// New rows.
    #[default]
    Append,
    /// The same rows in other files.
    Compact,
    /// Rows whose time is over.
    Expire,
    /// Derived rows in place of older ones.
    Replace,
}

/// Everything that one commit changes.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) purpose: Purpose,
    pub(crate) add: Vec<NewFile>,
    pub(crate) remove: Vec<Remove>,
    /// Application transactions: a name and its new version.
    pub(crate) transactions: Vec<(String, i64)>,
    /// Shown in the table's history.
    pub(crate) notes: Vec<(String, serde_json::Value)>,
}

/// An open Delta table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    folder: PathBuf,
    spec: TableSpec,
    delta: DeltaTable,
}

impl Table {
    /// Opens the table `dir/<name>`, making it if it is not there yet.
    pub(crate) async fn open_or_create(dir: &Path, spec: &TableSpec) -> Result<Self, LakeError> {
        let folder = folder_of(dir, spec);
        durable::create_folder(&folder).map_err(|e| LakeError::file("create the folder", &folder, e))?;
        let mut delta = unloaded(&folder)?;
        if delta.verify_deltatable_existence().await? {
            delta.load().await?;
        } else {
            delta = create(delta, spec).await.map_err(|error| as_disk_full(error, &folder))?;
        }
        Ok(Self { folder, spec: spec.clone(), delta })
    }

    /// Opens the table if it exists; `None` when it has not been made yet.
    pub(crate) async fn open(dir: &Path, spec: &TableSpec) -> Result<Option<Self>, LakeError> {
        let folder = folder_of(dir, spec);
        if !folder.is_dir() {
            return Ok(None);
        }
        let mut delta = unloaded(&folder)?;
        if !delta.verify_deltatable_existence().await? {
            return Ok(None);
        }
        delta.load().await?;
        Ok(Some(Self { folder, spec: spec.clone(), delta }))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn span_time(&self) -> Option<&'static str> {
        self.spec.span_time
    }

    /// Whether the table on disk has the columns that were asked for.
    pub(crate) fn has_columns_of_its_spec(&self) -> Result<bool, LakeError> {
        let wanted: StructType = self.spec.columns.as_ref().try_into_kernel()?;
        let there = self.delta.snapshot()?.schema();
        let name_and_type = |field: &StructField| (field.name().clone(), field.data_type().clone());
        Ok(wanted.fields().map(name_and_type).eq(there.fields().map(name_and_type)))
    }

    pub(crate) fn version(&self) -> u64 {
        self.delta.version().map_or(0, |version| version)
    }

    /// Reads commits that others have made since.
    pub(crate) async fn refresh(&mut self) -> Result<(), LakeError> {
        Ok(self.delta.update_state().await?)
    }

    /// The version of an application transaction, if it was ever committed.
    pub(crate) async fn transaction(&self, name: &str) -> Result<Option<i64>, LakeError> {
        let log = self.delta.log_store();
        Ok(self.delta.snapshot()?.transaction_version(log.as_ref(), name).await?)
    }

    /// The data files of the loaded version.
    pub(crate) async fn files(&self) -> Result<Vec<LiveFile>, LakeError> {
        let views: Vec<_> =
            self.delta.snapshot()?.snapshot().file_views(&self.delta.log_store(), None).try_collect().await?;
        Ok(views
            .iter()
            .map(|view| LiveFile {
                path: view.path().into_owned(),
                size_bytes: u64::try_from(view.size()).unwrap_or(0),
                stats: view.stats().and_then(|s| serde_json::from_str(&s).ok()).unwrap_or_default(),
                sha256: sha256_of(view),
            })
            .collect())
    }

    /// The actions that take the named files out of the table (the files themselves stay until they are cleaned).
    pub(crate) async fn removals(&self, paths: &[String], data_change: bool) -> Result<Vec<Remove>, LakeError> {
        let views: Vec<_> =
            self.delta.snapshot()?.snapshot().file_views(&self.delta.log_store(), None).try_collect().await?;
        Ok(views
            .iter()
            .filter(|view| paths.iter().any(|path| *path == view.path()))
            .map(|view| view.remove_action(data_change))
            .collect())
    }

    /// Files that a commit has taken out of the table, with the time of that commit in milliseconds.
    pub(crate) async fn removed_files(&self) -> Result<HashMap<String, i64>, LakeError> {
        let log = self.delta.log_store();
        let tombstones: Vec<_> = self.delta.snapshot()?.all_tombstones(log.as_ref()).try_collect().await?;
        Ok(tombstones.iter().map(|t| (t.path().into_owned(), t.deletion_timestamp().unwrap_or(0))).collect())
    }

    /// Commits a change durably. After an error the table is what it was before, or (when the answer was lost) what
    /// the log says; call [`Table::refresh`] before going on.
    pub(crate) async fn commit(&mut self, change: Change, now_millis: i64) -> Result<(), LakeError> {
        let operation = match change.purpose {
            Purpose::Append => DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None },
            Purpose::Compact => DeltaOperation::Optimize { predicate: None, target_size: 0 },
            Purpose::Expire => DeltaOperation::Delete { predicate: None },
            Purpose::Replace => {
                DeltaOperation::Write { mode: SaveMode::Overwrite, partition_by: None, predicate: None }
            }
        };
        let data_change = change.purpose != Purpose::Compact;
        let adds = change.add.into_iter().map(|file| Action::Add(add_action(file, data_change, now_millis)));
        let removes = change.remove.into_iter().map(|file| Remove { deletion_timestamp: Some(now_millis), ..file });
        let actions: Vec<Action> = adds.chain(removes.map(Action::Remove)).collect();
        let transactions = change
            .transactions
            .into_iter()
            .map(|(name, version)| Transaction::new_with_last_update(name, version, Some(now_millis)));
        let properties = CommitProperties::default()
            .with_metadata(change.notes)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false))
            .with_max_retries(0)
            .with_application_transactions(transactions.collect());
        let snapshot = self.delta.snapshot()?;
        let finalized = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(snapshot), self.delta.log_store(), operation)
            .await
            .map_err(|error| as_disk_full(error, &self.folder))?;
        self.delta.state = Some(finalized.snapshot());
        self.checkpoint_when_due().await;
        Ok(())
    }

    /// Checkpoints only shorten what a reader replays, so a failed one is reported and nothing else.
    async fn checkpoint_when_due(&self) {
        if !self.version().is_multiple_of(limits::CHECKPOINT_EVERY_COMMITS) {
            return;
        }
        if let Err(error) = deltalake::checkpoints::create_checkpoint(&self.delta, None).await {
            tracing::warn!(table = self.spec.name, %error, "no checkpoint was written; the commit itself is safe");
            return;
        }
        if self.spec.past == Past::Short
            && let Err(error) = deltalake::checkpoints::cleanup_metadata(&self.delta, None).await
        {
            tracing::warn!(table = self.spec.name, %error, "old entries of the log were not removed; the next checkpoint tries again");
        }
    }

    /// Appends one batch as one file in one commit.
    pub(crate) async fn append(&mut self, batch: &RecordBatch, now_millis: i64) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let file = self.encode_one(batch, now_millis)?;
        self.commit(Change { add: vec![file], ..Change::default() }, now_millis).await
    }

    fn encode_one(&self, batch: &RecordBatch, now_millis: i64) -> Result<NewFile, LakeError> {
        let properties = WriterProperties::builder()
            .set_compression(parquet::basic::Compression::ZSTD(zstd_level(limits::INTAKE_ZSTD_LEVEL)?))
            .build();
        let mut encoded = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut encoded, batch.schema(), Some(properties))?;
        writer.write(batch)?;
        writer.close()?;
        let stats = serde_json::json!({ "numRecords": batch.num_rows() });
        self.write_file(&new_file_name(now_millis), &encoded, None, stats)
    }

    /// Puts these rows in the place of all others, and removes the files of the others from the disk at once.
    pub(crate) async fn replace_all(&mut self, rows: &RecordBatch, now_millis: i64) -> Result<(), LakeError> {
        let paths: Vec<String> = self.files().await?.into_iter().map(|file| file.path).collect();
        let add = match rows.num_rows() {
            0 => Vec::new(),
            _ => vec![self.encode_one(rows, now_millis)?],
        };
        let remove = self.removals(&paths, true).await?;
        self.commit(Change { purpose: Purpose::Replace, add, remove, ..Change::default() }, now_millis).await?;
        for path in paths {
            let full = self.folder.join(&path);
            std::fs::remove_file(&full).map_err(|e| LakeError::file("remove", &full, e))?;
        }
        Ok(())
    }

    /// Writes and fsyncs a data file; it becomes part of the table only with a commit that adds it.
    pub(crate) fn write_file(
        &self,
        path: &str,
        encoded: &[u8],
        partition: Option<(&'static str, String)>,
        stats: serde_json::Value,
    ) -> Result<NewFile, LakeError> {
        let full = self.folder.join(path);
        durable::write_new(&full, &[encoded], Existing::Refuse).map_err(|e| LakeError::file("write", &full, e))?;
        let sha256 = hex::encode(sha2::Sha256::digest(encoded));
        Ok(NewFile { path: path.to_owned(), size_bytes: encoded.len() as u64, partition, stats, sha256 })
    }

    /// Every row of the table: for small tables (directory history, conflicts) that are held in memory anyway.
    pub(crate) async fn read_all(&self) -> Result<Vec<RecordBatch>, LakeError> {
        let mut files = self.files().await?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut batches = Vec::new();
        for file in files {
            let path = self.folder.join(&file.path);
            let opened = std::fs::File::open(&path).map_err(|e| LakeError::file("open", &path, e))?;
            let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(opened)?.build()?;
            for batch in reader {
                batches.push(batch?);
            }
        }
        Ok(batches)
    }
}

/// The tag of a file in the log.
#[expect(deprecated, reason = "the view has no other way to a file's tags")]
fn sha256_of(view: &LogicalFileView) -> Option<String> {
    view.add_action().tags?.remove(SHA256_TAG)?
}

/// A new data file's name: ordered by when it was made, so that a listing reads as a history.
pub(crate) fn new_file_name(now_millis: i64) -> String {
    format!("part-{now_millis:013}-{}.parquet", uuid::Uuid::new_v4().simple())
}

pub(crate) fn zstd_level(level: i32) -> Result<parquet::basic::ZstdLevel, LakeError> {
    Ok(parquet::basic::ZstdLevel::try_new(level)?)
}

fn folder_of(dir: &Path, spec: &TableSpec) -> PathBuf {
    dir.join("lake").join(spec.name)
}

fn unloaded(folder: &Path) -> Result<DeltaTable, LakeError> {
    let absolute = std::path::absolute(folder).map_err(|e| LakeError::file("find", folder, e))?;
    let url = Url::from_directory_path(&absolute).map_err(|()| LakeError::Damaged {
        path: absolute.clone(),
        what: "the folder's name cannot be written as a URL".to_owned(),
    })?;
    Ok(DeltaTableBuilder::from_url(url.clone())?.with_storage_backend(Arc::new(DurableStore::new()), url).build()?)
}

async fn create(delta: DeltaTable, spec: &TableSpec) -> Result<DeltaTable, deltalake::DeltaTableError> {
    let schema: StructType = spec.columns.as_ref().try_into_kernel()?;
    delta
        .create()
        .with_table_name(spec.name)
        .with_save_mode(SaveMode::Ignore)
        .with_columns(schema.fields().cloned())
        .with_partition_columns(spec.partition_by)
        .with_configuration(properties_of(spec.past).iter().map(|(name, value)| (*name, Some(*value))))
        .await
}

fn properties_of(past: Past) -> &'static [(&'static str, &'static str)] {
    match past {
        Past::Kept => &[],
        Past::Short => &[
            ("delta.logRetentionDuration", "interval 1 day"),
            ("delta.deletedFileRetentionDuration", "interval 1 hour"),
        ],
    }
}

fn add_action(file: NewFile, data_change: bool, now_millis: i64) -> Add {
    Add {
        path: file.path,
        partition_values: file.partition.into_iter().map(|(k, v)| (k.to_owned(), Some(v))).collect::<HashMap<_, _>>(),
        size: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
        modification_time: now_millis,
        data_change,
        stats: Some(file.stats.to_string()),
        tags: Some(HashMap::from([(SHA256_TAG.to_owned(), Some(file.sha256))])),
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }
}

fn as_disk_full(error: deltalake::DeltaTableError, folder: &Path) -> LakeError {
    match caused_by_full_disk(&error) {
        true => LakeError::DiskFull { path: folder.join("_delta_log") },
        false => LakeError::Delta(error),
    }
}
