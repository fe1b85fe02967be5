//! Batches: records read from a place on, filtered, redacted and encoded, up to a number, a size or an end.
//! The same place and the same end give the same batch, byte for byte.
//! Never reads further than the batch goes.

use std::time::Duration;

use ephor_detect::FindingRecord;
use ephor_lake::control::ExportPlace;
use ephor_lake::{ARRIVALS_ROWS, Arrival, Lake, RowPredicate};

use crate::error::ExportError;
use crate::format::{self, Format};
use crate::limits;
use crate::record::Record;
use crate::redaction::Redaction;
use crate::settings::BatchLimits;

/// Records to be sent together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    /// The place behind the last record and everything that was passed over.
    pub(super) next: u64,
    /// Rows that the filter left out.
    pub(super) filtered: u64,
}

/// Makes batches.
pub(super) struct Assembler {
    lake: Lake,
    filter: Option<RowPredicate>,
    redaction: std::sync::Arc<Redaction>,
    format: Format,
    limits: BatchLimits,
}

impl Assembler {
    pub(super) fn new(
        lake: Lake,
        filter: Option<RowPredicate>,
        redaction: Redaction,
        format: Format,
        limits: BatchLimits,
    ) -> Self {
        Self { lake, filter, redaction: redaction.into(), format, limits }
    }

    pub(super) fn batch_events(&self) -> u64 {
        self.limits.events as u64
    }

    pub(super) fn batch_age(&self) -> Duration {
        self.limits.age
    }

    /// The activities from a place on. A place that says where a batch ended that was under way gives that batch again.
    pub(super) async fn activities(&self, place: ExportPlace, end: u64) -> Result<Batch, ExportError> {
        let end = place.sending.filter(|sending| *sending > place.next).unwrap_or(end);
        let mut batch = Batch { next: place.next, ..Batch::default() };
        let mut bytes = 0;
        while batch.next < end && batch.records.len() < self.limits.events {
            // With a filter more rows are looked at than are wanted, since few may pass.
            let wanted = match self.filter {
                None => (self.limits.events - batch.records.len()) as u64,
                Some(_) => ARRIVALS_ROWS,
            };
            let span = batch.next..end.min(batch.next.saturating_add(wanted));
            let read = self.lake.arrivals_where(span, self.filter.as_ref()).await?;
            let encoded = self.encode(read.rows).await?;
            let mut next = read.next_seq;
            for record in encoded {
                let size = record.bytes.len() + 1;
                let full = bytes + size > self.limits.bytes || batch.records.len() == self.limits.events;
                if full && !batch.records.is_empty() {
                    next = record.place.number();
                    break;
                }
                bytes += size;
                batch.records.push(record);
            }
            let is_full = next < read.next_seq;
            batch.next = next;
            if is_full || (batch.records.is_empty() && next - place.next >= limits::PASSED_OVER_ROWS) {
                break;
            }
        }
        // Rows that retention took count as passed over too: nobody is given them.
        batch.filtered = (batch.next - place.next).saturating_sub(batch.records.len() as u64);
        Ok(batch)
    }

    /// Findings as they stand now, as one batch.
    pub(super) fn findings(&self, found: &[FindingRecord]) -> Vec<Record> {
        found.iter().map(|record| format::finding(record, self.format, &self.redaction)).collect()
    }

    /// Encoding is work for a thread that may be busy.
    async fn encode(&self, rows: Vec<Arrival>) -> Result<Vec<Record>, ExportError> {
        let (format, redaction) = (self.format, self.redaction.clone());
        let encode = move || rows.iter().map(|row| format::activity(row, format, &redaction)).collect();
        tokio::task::spawn_blocking(encode)
            .await
            .map_err(|stopped| ExportError::Lake(ephor_lake::LakeError::WriterGone(stopped.to_string())))
    }
}
