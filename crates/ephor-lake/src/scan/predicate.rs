//! A condition in SQL over the columns of `activities`, tried on rows as they are read.
//! Promises the same answer as `select … where CONDITION`: it is the same engine's expression.
//! Never reads a column that the condition does not name, and never runs a statement.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::{DFSchema, ToDFSchema};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::SessionContext;

use crate::error::LakeError;
use crate::schema::{FILE_SCHEMA, file_columns};

/// A condition on activities.
///
/// ```
/// use ephor_lake::RowPredicate;
/// assert!(RowPredicate::parse("category <> 'chat' and ip_address is not null").is_ok());
/// assert!(RowPredicate::parse("colour = 'red'").is_err());
/// ```
#[derive(Clone)]
pub struct RowPredicate {
    text: String,
    expression: Arc<dyn PhysicalExpr>,
    /// The columns that it names, in the order of a file.
    columns: Vec<&'static str>,
    schema: SchemaRef,
}

impl fmt::Debug for RowPredicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowPredicate({})", self.text)
    }
}

impl RowPredicate {
    /// Reads a condition; a column that is not there or a value of another type is an error.
    pub fn parse(condition: &str) -> Result<Self, LakeError> {
        let session = SessionContext::new();
        let whole: DFSchema = Arc::clone(&FILE_SCHEMA).to_dfschema()?;
        let parsed = session.parse_sql_expr(condition, &whole)?;
        let named = parsed.column_refs();
        let is_named = |name: &str| named.iter().any(|column| column.name == name);
        let fields: Vec<_> = FILE_SCHEMA.fields().iter().filter(|field| is_named(field.name())).cloned().collect();
        let columns = file_columns().filter(|name| is_named(name)).collect();
        let schema = Arc::new(Schema::new(fields));
        let expression = session.create_physical_expr(parsed, &Arc::clone(&schema).to_dfschema()?)?;
        if expression.data_type(&schema)? != DataType::Boolean {
            return Err(LakeError::NotACondition { text: condition.to_owned() });
        }
        Ok(Self { text: condition.to_owned(), expression, columns, schema })
    }

    /// The condition as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn columns(&self) -> &[&'static str] {
        &self.columns
    }

    /// Which rows pass; one of which the condition is neither true nor false does not.
    pub(super) fn passing(&self, batch: &RecordBatch) -> Result<BooleanArray, LakeError> {
        let plain = self.schema.fields().iter().map(|field| {
            let column = batch.column(batch.schema().index_of(field.name())?);
            arrow::compute::cast(column, field.data_type())
        });
        let columns = plain.collect::<Result<Vec<_>, _>>()?;
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let named = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        let answer = self.expression.evaluate(&named)?.into_array(batch.num_rows())?;
        let answer = answer.as_boolean();
        Ok(match answer.nulls() {
            Some(_) => arrow::compute::prep_null_mask_filter(answer),
            None => answer.clone(),
        })
    }
}
