//! The two kinds of rows that a file can hold, activities and usage events: what an import needs to know of each.
//! Promises that both are cut, rejected, counted and stored alike.
//! Never reads a file itself.

use ephor_lake::{ActivityRows, AppendBatch, AppendOutcome, Appender, LakeError, UsageBatch, UsageRows};
use ephor_wire::usage::UsageError;
use futures::future::try_join_all;
use serde_json::value::RawValue;

use super::blocks;
use crate::usage::UsageRefusal;
use crate::{Door, UsageDoor};

/// A door that rows of one kind come through, on their way to that kind's table.
pub(super) trait Kind: Send + Sync + 'static {
    /// Rows that can be stored.
    type Rows: Send + 'static;

    /// Room for the rows of so many bytes.
    fn room(bytes: usize) -> Self::Rows;

    /// How many rows there are.
    fn count(rows: &Self::Rows) -> usize;

    /// Takes one row in, or says why not.
    fn take<'r>(&self, source: &str, raw: &'r [u8], rows: &mut Self::Rows) -> Result<(), NotARow<'r>>;

    /// Stores rows; resolves when they are durable.
    fn store(
        appender: &Appender,
        source: &str,
        received_at_micros: i64,
        rows: Vec<Self::Rows>,
    ) -> impl Future<Output = Result<AppendOutcome, LakeError>>;
}

/// A value that is no row.
pub(super) struct NotARow<'r> {
    pub(super) reason: String,
    /// The rows in it, if it is an array or an API page.
    pub(super) items: Option<Vec<&'r RawValue>>,
}

impl Kind for Door {
    type Rows = ActivityRows;

    fn room(bytes: usize) -> ActivityRows {
        ActivityRows::with_capacity(bytes / 400 + 1, bytes)
    }

    fn count(rows: &ActivityRows) -> usize {
        rows.len()
    }

    fn take<'r>(&self, source: &str, raw: &'r [u8], rows: &mut ActivityRows) -> Result<(), NotARow<'r>> {
        self.admit(source, raw, |raw, header| rows.push(raw, header))
            .map_err(|refused| NotARow { reason: refused.to_string(), items: blocks::items_within(raw, &refused) })
    }

    async fn store(
        appender: &Appender,
        source: &str,
        received_at_micros: i64,
        rows: Vec<ActivityRows>,
    ) -> Result<AppendOutcome, LakeError> {
        appender.append(AppendBatch { source: source.to_owned(), received_at_micros, rows, cursor: None }).await
    }
}

impl Kind for UsageDoor {
    type Rows = UsageRows;

    fn room(_: usize) -> UsageRows {
        UsageRows::new()
    }

    fn count(rows: &UsageRows) -> usize {
        rows.len()
    }

    fn take<'r>(&self, source: &str, raw: &'r [u8], rows: &mut UsageRows) -> Result<(), NotARow<'r>> {
        match self.admit(source, raw) {
            Ok(event) => {
                rows.push(&event);
                Ok(())
            }
            Err(refused) => {
                let envelope =
                    matches!(refused, UsageRefusal::NotAnEvent(UsageError::NotAnObject | UsageError::Missing("id")));
                let items = envelope.then(|| blocks::items_of(raw)).flatten();
                Err(NotARow { reason: refused.to_string(), items })
            }
        }
    }

    async fn store(
        appender: &Appender,
        source: &str,
        received_at_micros: i64,
        rows: Vec<UsageRows>,
    ) -> Result<AppendOutcome, LakeError> {
        // Sent all at once, so that the writer takes them as one commit.
        let batches = rows.into_iter().filter(|rows| !rows.is_empty()).map(|rows| {
            appender.append_usage(UsageBatch { source: source.to_owned(), received_at_micros, rows, cursor: None })
        });
        let mut all = AppendOutcome::default();
        for stored in try_join_all(batches).await? {
            all.added += stored.added;
            all.duplicates += stored.duplicates;
            all.conflicts += stored.conflicts;
        }
        Ok(all)
    }
}
