//! Read-only SQL over every table of the lake, by DataFusion on the Delta tables as any other engine sees them.
//! Each statement sees one version of each table.
//! Never runs a statement that changes something, writes a file or sets an option.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use deltalake::DeltaTableBuilder;
use url::Url;

use crate::directory::DirectoryKind;
use crate::durable::DurableStore;
use crate::error::LakeError;
use crate::limits;
use crate::upstream::UPSTREAM_ROWS;
use crate::usage::{USAGE_CONFLICTS, USAGE_EVENTS};

/// Rows that are asked for beside the lake's tables and that lie elsewhere: in the control database, say.
#[derive(Debug, Clone)]
pub struct GuestTable {
    /// The name that statements use.
    pub name: &'static str,
    /// Its rows.
    pub rows: RecordBatch,
}

/// One version of every table, for many statements that must agree. Clones share it.
#[derive(Clone)]
pub struct SqlSession {
    context: SessionContext,
}

impl std::fmt::Debug for SqlSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqlSession")
    }
}

impl SqlSession {
    /// The tables below `lake` as they are now, and guests.
    pub(crate) async fn open(lake: &Path, guests: Vec<GuestTable>) -> Result<Self, LakeError> {
        let context = session(lake).await?;
        for GuestTable { name, rows } in guests {
            context.register_table(name, Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))?;
        }
        Ok(Self { context })
    }

    /// Whether there is a table of that name.
    pub fn has(&self, table: &str) -> Result<bool, LakeError> {
        Ok(self.context.table_exist(table)?)
    }

    /// Runs one read-only statement. An answer without rows still has its columns.
    pub async fn query(&self, statement: &str) -> Result<Vec<RecordBatch>, LakeError> {
        let only_reads = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let planned = self.context.sql_with_options(statement, only_reads).await;
        let frame = planned.map_err(|error| refused(error, statement))?;
        let schema = Arc::clone(frame.schema().inner());
        let mut batches = frame.collect().await?;
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        Ok(batches)
    }
}

/// Runs one statement over the tables below `lake` and those of guests.
pub(crate) async fn query(
    lake: &Path,
    statement: &str,
    guests: Vec<GuestTable>,
) -> Result<Vec<RecordBatch>, LakeError> {
    SqlSession::open(lake, guests).await?.query(statement).await
}

/// A session with every table of the lake registered under its name.
async fn session(lake: &Path) -> Result<SessionContext, LakeError> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(limits::SQL_MEMORY_BYTES)))
        .build_arc()?;
    let config = SessionConfig::new()
        .with_information_schema(true)
        .set_bool("datafusion.execution.parquet.pushdown_filters", true);
    let session = SessionContext::new_with_config_rt(config, runtime);
    for name in table_names(lake)? {
        let folder = lake.join(&name);
        let absolute = std::path::absolute(&folder).map_err(|e| LakeError::file("find", &folder, e))?;
        let Ok(url) = Url::from_directory_path(&absolute) else {
            continue;
        };
        let mut table = DeltaTableBuilder::from_url(url.clone())?
            .with_storage_backend(Arc::new(DurableStore::new()), url)
            .build()?;
        if !table.verify_deltatable_existence().await? {
            continue;
        }
        table.load().await?;
        table.update_datafusion_session(&session.state())?;
        session.register_table(name, Arc::new(table.table_provider().build().await?))?;
    }
    // These tables are made with their first row; until then they are there and empty all the same.
    let directory = DirectoryKind::all().map(|kind| (kind.table_name(), kind.columns()));
    let others = [&*USAGE_EVENTS, &*USAGE_CONFLICTS, &*UPSTREAM_ROWS];
    for (name, columns) in directory.chain(others.map(|spec| (spec.name, Arc::clone(&spec.columns)))) {
        if !session.table_exist(name)? {
            session.register_table(name, Arc::new(MemTable::try_new(columns, vec![Vec::new()])?))?;
        }
    }
    Ok(session)
}

fn table_names(lake: &Path) -> Result<Vec<String>, LakeError> {
    let failed = |e| LakeError::file("list", lake, e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(lake).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().join("_delta_log").is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// DataFusion names the kind of plan it refused; people know their statement.
fn refused(error: datafusion::error::DataFusionError, statement: &str) -> LakeError {
    let words = error.to_string();
    if words.contains("not supported: ") || words.contains("DML not supported") || words.contains("DDL not supported") {
        let statement = statement.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        return LakeError::ReadOnly { statement };
    }
    LakeError::Sql(error)
}
