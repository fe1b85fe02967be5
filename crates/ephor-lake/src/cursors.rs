//! How far each source has been read, moved in the same Delta commit as the rows that it brought.
//! A cursor is written and fsynced under a new number first; the commit's application transaction names that number.
//! Never moves without its commit: a file that no transaction names is ignored.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::durable::{self, Existing};
use crate::error::LakeError;
use crate::table::Table;

/// Old cursor files kept behind the newest, for a person who wants to see where a source came from.
const KEEP_VERSIONS: i64 = 8;

/// The application transaction of a source.
pub(crate) fn transaction_of(source: &str) -> String {
    format!("ephor.source.{source}")
}

/// Writes the next cursor of a source; it takes effect when a commit carries the transaction returned.
pub(crate) async fn prepare(table: &Table, source: &str, cursor: &Value) -> Result<(String, i64), LakeError> {
    let transaction = transaction_of(source);
    let version = table.transaction(&transaction).await?.unwrap_or(0) + 1;
    let path = path_of(table.folder(), source, version);
    durable::write_new(&path, &[cursor.to_string().as_bytes()], Existing::Replace)
        .map_err(|e| LakeError::file("write", &path, e))?;
    let _ = fs::remove_file(path_of(table.folder(), source, version - KEEP_VERSIONS));
    Ok((transaction, version))
}

/// The cursor that the table's loaded version holds for a source.
pub(crate) async fn read(table: &Table, source: &str) -> Result<Option<Value>, LakeError> {
    let Some(version) = table.transaction(&transaction_of(source)).await? else {
        return Ok(None);
    };
    let path = path_of(table.folder(), source, version);
    let bytes = fs::read(&path).map_err(|e| LakeError::file("read", &path, e))?;
    match serde_json::from_slice(&bytes) {
        Ok(cursor) => Ok(Some(cursor)),
        Err(error) => Err(LakeError::Damaged { path, what: format!("a source's cursor is not JSON: {error}") }),
    }
}

/// Delta engines pass over folders that begin with an underscore.
fn path_of(table: &Path, source: &str, version: i64) -> PathBuf {
    let name: String = url::form_urlencoded::byte_serialize(source.as_bytes()).collect();
    table.join("_cursors").join(name).join(format!("{version:012}.json"))
}
