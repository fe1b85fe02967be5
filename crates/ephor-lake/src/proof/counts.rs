//! What a seal says of the rows that it covers, asked of the lake as anyone could ask it.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use ephor_wire::timestamp::Timestamp;
use serde_json::{Value, json};

use super::statement::SealCounts;
use crate::control::Control;
use crate::error::LakeError;
use crate::sql;
use crate::sql_tables::SqlTables;

/// Rows of a span of `seq`, by source, type and organization.
pub(super) async fn of_span(dir: &Path, from_seq: u64, to_seq: u64) -> Result<SealCounts, LakeError> {
    Ok(SealCounts {
        source: by(dir, "source", from_seq, to_seq).await?,
        kind: by(dir, "type", from_seq, to_seq).await?,
        organization: by(dir, "organization_id", from_seq, to_seq).await?,
    })
}

async fn by(dir: &Path, column: &str, from_seq: u64, to_seq: u64) -> Result<BTreeMap<String, u64>, LakeError> {
    let statement = format!(
        "select arrow_cast(coalesce({column}, ''), 'Utf8'), count(*) from activities \
         where seq >= {from_seq} and seq < {to_seq} group by 1"
    );
    let mut counts = BTreeMap::new();
    for batch in sql::query(&SqlTables::of(dir.join("lake")), &statement, Vec::new()).await? {
        let (names, numbers) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
        counts
            .extend((0..batch.num_rows()).map(|row| (names.value(row).to_owned(), numbers.value(row).unsigned_abs())));
    }
    Ok(counts)
}

/// Gaps in the recording, as the control database knows them.
pub(super) async fn known_gaps(dir: &Path) -> Result<Vec<Value>, LakeError> {
    if !dir.join("control.sqlite").is_file() {
        return Ok(Vec::new());
    }
    let control = Control::open(dir).await?;
    let gaps = control.sources().gaps().await;
    control.close().await;
    let at = |micros: i64| Timestamp::from_micros(micros).as_str().to_owned();
    let told = gaps?.into_iter().map(|gap| {
        json!({
            "id": gap.id,
            "source": gap.source,
            "reason": gap.reason,
            "from": at(gap.from_micros),
            "to": gap.to_micros.map(at),
        })
    });
    Ok(told.collect())
}
