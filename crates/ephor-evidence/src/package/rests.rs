//! What the findings of a package rest on: the activities that they name, which are cited with their proofs too.
//! Promises every activity that a finding names, whether a population of the package holds it or not.
//! Never judges a finding.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use ephor_lake::SqlSession;
use ephor_wire::timestamp::UtcDay;

use crate::error::EvidenceError;
use crate::framework::Evidence;
use crate::sheet::Cells;
use crate::statement::{self, Bounds};

/// The evidence that lists findings, and the table that it asks.
const FINDINGS: &str = "findings";

/// Activities that findings name, and the days on which they can have happened.
#[derive(Debug, Default)]
pub(crate) struct Rests {
    pub(crate) ids: BTreeSet<String>,
    pub(crate) days: BTreeSet<UtcDay>,
}

/// Of the findings that the package lists.
pub(crate) async fn of(session: &SqlSession, evidence: &[Evidence], bounds: Bounds) -> Result<Rests, EvidenceError> {
    let mut rests = Rests::default();
    if !evidence.iter().any(|piece| piece.id == FINDINGS) || !session.has(FINDINGS)? {
        return Ok(rests);
    }
    let sql = "select evidence, first_seen, last_seen from findings \
               where last_seen >= timestamp '{from}' and first_seen < timestamp '{to}'";
    for batch in session.query(&statement::complete(sql, bounds)).await? {
        let named = Cells::of(batch.column(0))?;
        let moments = |column: usize| arrow::compute::cast(batch.column(column), &DataType::Int64);
        let (first, last) = (moments(1)?, moments(2)?);
        for row in 0..batch.num_rows() {
            let ids: Vec<String> = serde_json::from_str(&named.text(row)).map_err(|error| EvidenceError::Document {
                document: "a finding",
                what: format!("its evidence is no list: {error}"),
            })?;
            if ids.is_empty() {
                continue;
            }
            let day =
                |column: &arrow::array::ArrayRef| UtcDay::from_micros(column.as_primitive::<Int64Type>().value(row));
            let (mut on, to) = (day(&first), day(&last));
            while on <= to {
                rests.days.insert(on);
                on = on.plus_days(1);
            }
            rests.ids.extend(ids);
        }
    }
    Ok(rests)
}
