//! A table as a handle of the lake reads it: its log as last read, and the list of its files for everyone.
//! A table that has not been made yet is there and empty.
//! Never writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;

use crate::cursors;
use crate::error::LakeError;
use crate::files::{FileSet, Published};
use crate::table::{Table, TableSpec};

/// A table with its files, shared by everyone who reads it.
#[derive(Debug)]
pub(crate) struct TableView {
    dir: PathBuf,
    spec: TableSpec,
    pub(crate) table: Mutex<Option<Table>>,
    pub(crate) files: Published,
    news: News,
}

/// How a view learns of commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// It reads the log.
    FromTheLog,
    /// A writer in this process publishes them, perhaps before the log is read here.
    FromTheWriter,
}

impl TableView {
    /// Opens what there is.
    pub(crate) async fn open(dir: &Path, spec: &TableSpec) -> Result<Self, LakeError> {
        let view = Self {
            dir: dir.to_owned(),
            spec: spec.clone(),
            table: Mutex::new(None),
            files: Published::default(),
            news: News::FromTheLog,
        };
        view.refresh().await?;
        Ok(view)
    }

    /// A view beside the writer that publishes into `files`.
    pub(crate) fn beside_writer(dir: &Path, spec: &TableSpec, table: Table, files: Published) -> Self {
        let news = News::FromTheWriter;
        Self { dir: dir.to_owned(), spec: spec.clone(), table: Mutex::new(Some(table)), files, news }
    }

    /// Reads what another process has committed since.
    pub(crate) async fn refresh(&self) -> Result<(), LakeError> {
        let mut table = self.table.lock().await;
        self.catch_up(&mut table).await
    }

    /// Reads the log on, for who holds the table.
    pub(crate) async fn catch_up(&self, table: &mut Option<Table>) -> Result<(), LakeError> {
        match table {
            Some(table) => table.refresh().await?,
            None => *table = Table::open(&self.dir, &self.spec).await?,
        }
        match table {
            Some(table) if self.news == News::FromTheLog && table.version() != self.files.now().version => {
                self.files.publish(FileSet::of(table).await?);
            }
            _ => {}
        }
        Ok(())
    }

    /// The table, made if it is not there yet.
    pub(crate) async fn made<'t>(&self, table: &'t mut Option<Table>) -> Result<&'t mut Table, LakeError> {
        let open = match table.take() {
            Some(open) => open,
            None => Table::open_or_create(&self.dir, &self.spec).await?,
        };
        Ok(table.insert(open))
    }

    /// Where a source goes on from, as committed with its last rows.
    pub(crate) async fn cursor(&self, source: &str) -> Result<Option<Value>, LakeError> {
        let mut table = self.table.lock().await;
        self.catch_up(&mut table).await?;
        match table.as_ref() {
            Some(table) => cursors::read(table, source).await,
            None => Ok(None),
        }
    }

    pub(crate) fn files(&self) -> Arc<FileSet> {
        self.files.now()
    }
}
