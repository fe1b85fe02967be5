//! Activities in the order in which they arrived: what detections and exports follow with one number as their place.
//! Promises every stored row from a place on, once, by ascending `seq`, from one version of the table.
//! Never skips a row that is stored; places that retention has emptied are passed over without being read.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use super::{Reader, RowPredicate};
use crate::error::LakeError;
use crate::files::{DataFile, FileSet};
use crate::limits;
use crate::rows::{micros_of, text_of};

/// Activities from a place on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// By ascending `seq`.
    pub rows: Vec<Arrival>,
    /// The place behind them: where the next call begins.
    pub next_seq: u64,
}

/// One activity with what the lake knows of its arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its place in the order of arrival.
    pub seq: u64,
    /// When it was stored, in microseconds since 1970.
    pub received_at_micros: i64,
    /// The door that it came through.
    pub source: String,
    /// The activity as it was received, byte for byte.
    pub raw: String,
}

impl Reader {
    /// The activities with a place in `span`, at most [`crate::ARRIVALS_ROWS`] of them, and of these the ones that pass.
    /// An answer without rows whose `next_seq` is not yet the end of the span says that there is none up to there.
    pub(crate) fn arrivals(&self, span: Range<u64>, filter: Option<&RowPredicate>) -> Result<Arrivals, LakeError> {
        let files = self.files();
        let end = span.end.min(files.next_seq);
        let Some(start) = first_stored(&files, span.start).filter(|start| *start < end) else {
            return Ok(Arrivals { rows: Vec::new(), next_seq: end.max(span.start) });
        };
        let window = start..end.min(start.saturating_add(limits::ARRIVALS_ROWS));
        let mut rows = Vec::new();
        for file in files.files.iter().filter(|file| overlaps(file, &window)) {
            rows.extend(self.arrivals_in(file, &window, filter)?);
        }
        rows.sort_unstable_by_key(|arrival| arrival.seq);
        Ok(Arrivals { rows, next_seq: window.end })
    }

    fn arrivals_in(
        &self,
        file: &DataFile,
        window: &Range<u64>,
        filter: Option<&RowPredicate>,
    ) -> Result<Vec<Arrival>, LakeError> {
        let column = self.store.filter_column(file, "seq")?;
        let seqs: &[i64] = column.as_primitive::<Int64Type>().values();
        let wanted = |seq: i64| u64::try_from(seq).is_ok_and(|seq| window.contains(&seq));
        let mut numbers: Vec<usize> = (0..seqs.len()).filter(|row| wanted(seqs[*row])).collect();
        if let Some(filter) = filter {
            numbers = self.passing(file, &numbers, filter)?;
        }
        let mut arrivals = Vec::with_capacity(numbers.len());
        let mut numbers_left = numbers.iter();
        for batch in self.store.select(file, &numbers, &["received_at", "source", "raw"])? {
            let received_at = micros_of(&batch, "received_at")?;
            let source = cast(batch.column(batch.schema().index_of("source")?), &DataType::Utf8)?;
            let (source, raw) = (source.as_string::<i32>(), text_of(&batch, "raw")?);
            for (row, number) in (0..batch.num_rows()).zip(numbers_left.by_ref()) {
                arrivals.push(Arrival {
                    seq: u64::try_from(seqs[*number]).unwrap_or_default(),
                    received_at_micros: received_at.value(row),
                    source: source.value(row).to_owned(),
                    raw: raw.value(row).to_owned(),
                });
            }
        }
        Ok(arrivals)
    }

    /// The rows among those named for which the condition holds.
    fn passing(&self, file: &DataFile, numbers: &[usize], filter: &RowPredicate) -> Result<Vec<usize>, LakeError> {
        // A condition on no column still wants to know how many rows there are.
        let columns = if filter.columns().is_empty() { &["seq"] } else { filter.columns() };
        let (mut passing, mut left) = (Vec::new(), numbers.iter());
        for batch in self.store.select(file, numbers, columns)? {
            let passes = filter.passing(&batch)?;
            passing.extend(
                (0..batch.num_rows()).zip(left.by_ref()).filter(|(row, _)| passes.value(*row)).map(|(_, n)| *n),
            );
        }
        Ok(passing)
    }
}

fn overlaps(file: &Arc<DataFile>, window: &Range<u64>) -> bool {
    file.span.first_seq < window.end && window.start <= file.span.last_seq
}

/// The first place from here on at which a file may hold a row.
fn first_stored(files: &FileSet, from: u64) -> Option<u64> {
    let reach = files.files.iter().filter(|file| from <= file.span.last_seq);
    reach.map(|file| file.span.first_seq.max(from)).min()
}
