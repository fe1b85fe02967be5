//! Read-only SQL over every table of the lake, by DataFusion on the Delta tables as any other engine sees them.
//! Each statement sees one version of each table.
//! Never runs a statement that changes something, writes a file or sets an option.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::TableReference;
use datafusion::datasource::MemTable;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};

use crate::error::LakeError;
use crate::limits;
use crate::sql_tables::SqlTables;

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
    /// Every table as it is now, and guests.
    pub(crate) async fn open(tables: &SqlTables, guests: Vec<GuestTable>) -> Result<Self, LakeError> {
        let context = session()?;
        for name in tables.names()? {
            tables.register(&name, &context).await?;
        }
        Self::with(context, guests)
    }

    /// The tables that a statement names, and guests.
    async fn open_for(tables: &SqlTables, statement: &str, guests: Vec<GuestTable>) -> Result<Self, LakeError> {
        let context = session()?;
        let Some(named) = named(&context, statement) else { return Self::open(tables, guests).await };
        for name in named {
            tables.register(&name, &context).await?;
        }
        Self::with(context, guests)
    }

    fn with(context: SessionContext, guests: Vec<GuestTable>) -> Result<Self, LakeError> {
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

/// Runs one statement over the lake's tables and those of guests.
pub(crate) async fn query(
    tables: &SqlTables,
    statement: &str,
    guests: Vec<GuestTable>,
) -> Result<Vec<RecordBatch>, LakeError> {
    SqlSession::open_for(tables, statement, guests).await?.query(statement).await
}

/// A session without tables.
fn session() -> Result<SessionContext, LakeError> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(limits::SQL_MEMORY_BYTES)))
        .build_arc()?;
    let config = SessionConfig::new()
        .with_information_schema(true)
        .set_bool("datafusion.execution.parquet.pushdown_filters", true);
    Ok(SessionContext::new_with_config_rt(config, runtime))
}

/// The names of the tables that a statement reads; nothing if it asks for what there is, or cannot be understood.
fn named(context: &SessionContext, statement: &str) -> Option<Vec<String>> {
    let state = context.state();
    let parsed = state.sql_to_statement(statement, &state.config_options().sql_parser.dialect).ok()?;
    let references = state.resolve_table_references(&parsed).ok()?;
    // The schema of information lists every table.
    let plain = references.iter().all(|reference| matches!(reference, TableReference::Bare { .. }));
    (plain && !references.is_empty()).then(|| references.iter().map(|named| named.table().to_owned()).collect())
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
