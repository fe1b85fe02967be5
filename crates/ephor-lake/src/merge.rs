//! Many small files of a day become one, for tables whose rows need no order but that of arrival.
//! Every row is kept as it is; what is in memory at once is one batch of rows and the encoded file.
//! Never decides when; that is for the writer of the table.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::columns;
use crate::compact::CompactReach;
use crate::encode::Encoded;
use crate::error::LakeError;
use crate::files::{DataFile, WrittenFile};
use crate::limits;
use crate::span::Span;
use crate::table::{Change, Purpose, Table};

/// The rows of some files, file after file, encoded as one.
pub(crate) fn one_after_another(
    files: &[Arc<DataFile>],
    schema: &SchemaRef,
    properties: WriterProperties,
) -> Result<Encoded, LakeError> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, Arc::clone(schema), Some(properties))?;
    for file in files {
        for batch in columns::stream(&file.full_path, limits::MERGE_BATCH_ROWS)? {
            writer.write(&batch?)?;
        }
    }
    writer.close()?;
    let span = Span::around(files.iter().map(|file| file.span)).ok_or_else(|| LakeError::Damaged {
        path: files.first().map(|file| file.full_path.clone()).unwrap_or_default(),
        what: "a merge of no files was asked for".to_owned(),
    })?;
    Ok(Encoded { bytes, span })
}

/// Puts a merged file in the place of its parts, in one commit.
pub(crate) async fn swap(
    table: &mut Table,
    merged: &WrittenFile,
    removed: &[String],
    now_millis: i64,
) -> Result<(), LakeError> {
    let change = Change {
        purpose: Purpose::Compact,
        add: vec![merged.new.clone()],
        remove: table.removals(removed, false).await?,
        ..Change::default()
    };
    table.commit(change, now_millis).await
}

/// Which files of one day to merge, in groups of at most `max_rows`, each in order of arrival.
pub(crate) fn groups(mut files: Vec<Arc<DataFile>>, reach: CompactReach, max_rows: u64) -> Vec<Vec<Arc<DataFile>>> {
    files.retain(|file| file.span.rows < max_rows);
    if reach == CompactReach::Crowded {
        if files.len() <= limits::COMPACT_FILES_PER_DAY {
            return Vec::new();
        }
        files = without_the_large(files);
    }
    files.sort_by_key(|file| file.span.first_seq);
    let mut groups: Vec<Vec<Arc<DataFile>>> = Vec::new();
    let mut rows = 0;
    for file in files {
        match groups.last_mut() {
            Some(group) if rows + file.span.rows <= max_rows => {
                rows += file.span.rows;
                group.push(file);
            }
            _ => {
                rows = file.span.rows;
                groups.push(vec![file]);
            }
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// Leaves out files that are much larger than all smaller ones together: a day that keeps growing is then written anew
/// a few times (the logarithm of its rows), and not once for every handful of files.
fn without_the_large(mut files: Vec<Arc<DataFile>>) -> Vec<Arc<DataFile>> {
    files.sort_by_key(|file| file.span.rows);
    let mut rows = 0;
    let kept = files.iter().take_while(|file| {
        let fits = rows == 0 || file.span.rows <= rows * 2;
        rows += file.span.rows;
        fits
    });
    let kept = kept.count();
    files.truncate(kept.max(2));
    files
}
