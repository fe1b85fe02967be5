//! The tables of the lake as SQL sees them: each opened when a statement first names it, and read on from there.
//! Promises the newest version at each asking; of a log that is known only what is new is read.
//! Never opens a table that nobody asks for: a report is a dozen statements, and a lake has thirty tables.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use deltalake::{DeltaTable, DeltaTableBuilder};
use url::Url;

use crate::directory::DirectoryKind;
use crate::durable::DurableStore;
use crate::error::LakeError;
use crate::upstream::UPSTREAM_ROWS;
use crate::usage::{USAGE_CONFLICTS, USAGE_EVENTS};

/// Every table below a folder, as far as it was asked for.
#[derive(Debug)]
pub(crate) struct SqlTables {
    folder: PathBuf,
    known: Mutex<HashMap<String, DeltaTable>>,
}

impl SqlTables {
    /// The tables below `lake`.
    pub(crate) fn of(lake: PathBuf) -> Self {
        Self { folder: lake, known: Mutex::default() }
    }

    /// The names of all that there are now, those that have no row yet among them.
    pub(crate) fn names(&self) -> Result<Vec<String>, LakeError> {
        let failed = |e| LakeError::file("list", &self.folder, e);
        let mut names: Vec<String> = rowless().map(|(name, _)| name.to_owned()).collect();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if is_table(&entry.path()) {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Makes a table known to a session under its name, in its newest version. A name that no table has is passed over:
    /// the statement that uses it is told so by the engine.
    pub(crate) async fn register(&self, name: &str, context: &SessionContext) -> Result<(), LakeError> {
        let provider = match self.newest(name).await? {
            Some(table) => {
                table.update_datafusion_session(&context.state())?;
                Arc::new(table.table_provider().build().await?) as Arc<dyn TableProvider>
            }
            None => match rowless().find(|(known, _)| *known == name) {
                Some((_, columns)) => Arc::new(MemTable::try_new(columns, vec![Vec::new()])?),
                None => return Ok(()),
            },
        };
        context.register_table(name, provider)?;
        Ok(())
    }

    /// Reads the table anew when it is next asked for: it was made anew.
    pub(crate) fn forget(&self, name: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    async fn newest(&self, name: &str) -> Result<Option<DeltaTable>, LakeError> {
        let folder = self.folder.join(name);
        // A name comes from a statement: it is a folder of this lake or nothing.
        if name.contains(['/', '\\']) || !is_table(&folder) {
            return Ok(None);
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let table = match known {
            Some(mut table) => match table.update_state().await {
                Ok(()) => Some(table),
                // The log was tidied up between what was known and now.
                Err(_) => open(&folder).await?,
            },
            None => open(&folder).await?,
        };
        if let Some(table) = &table {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), table.clone());
        }
        Ok(table)
    }
}

async fn open(folder: &Path) -> Result<Option<DeltaTable>, LakeError> {
    let absolute = std::path::absolute(folder).map_err(|e| LakeError::file("find", folder, e))?;
    let Ok(url) = Url::from_directory_path(&absolute) else { return Ok(None) };
    let builder = DeltaTableBuilder::from_url(url.clone())?;
    let mut table = builder.with_storage_backend(Arc::new(DurableStore::new()), url).build()?;
    if !table.verify_deltatable_existence().await? {
        return Ok(None);
    }
    table.load().await?;
    Ok(Some(table))
}

fn is_table(folder: &Path) -> bool {
    folder.join("_delta_log").is_dir()
}

/// Tables that are made with their first row; until then they are there and empty all the same.
fn rowless() -> impl Iterator<Item = (&'static str, arrow::datatypes::SchemaRef)> {
    let directory = DirectoryKind::all().map(|kind| (kind.table_name(), kind.columns()));
    let others = [&*USAGE_EVENTS, &*USAGE_CONFLICTS, &*UPSTREAM_ROWS];
    directory.chain(others.map(|spec| (spec.name, Arc::clone(&spec.columns))))
}
