//! People from an export: a CSV file with a heading, or the JSON list of a SCIM service.
//! Headings are matched loosely; a row that does not fit is an error with its line, and nothing is half applied.
//! Never takes a column that it does not know for something that it is not: unknown ones are kept by their own name.

use std::path::Path;

use ephor_lake::directory::{DirectoryKind, DirectorySnapshot};
use serde_json::{Map, Value};

use super::snapshot;
use crate::error::SourceError;

/// Headings that exports use, and the field that each becomes. Of several in one file the first of these is taken, and
/// the others are kept by their own names: `state` beside `status` is where somebody lives.
const HEADINGS: [(&str, &[&str]); 6] = [
    ("email", &["email", "emailaddress", "mail", "username", "login", "userprincipalname"]),
    ("full_name", &["fullname", "name", "displayname"]),
    ("id", &["id", "userid", "externalid", "objectid"]),
    ("organization_role", &["organizationrole", "role", "usertype"]),
    ("status", &["status", "state", "accountstatus", "active"]),
    ("created_at", &["createdat", "created", "joined", "joinedat", "creationdate"]),
];

/// Reads an export of people into one listing of the organization `scope`.
pub fn read_export(path: &Path, scope: &str, source: &str, now_micros: i64) -> Result<DirectorySnapshot, SourceError> {
    let bytes = std::fs::read(path).map_err(|e| SourceError::file("read", path, e))?;
    Ok(snapshot(DirectoryKind::Users, scope, source, now_micros, people(path, &bytes)?))
}

/// The people in a file's bytes; the path is for errors.
pub(crate) fn people(path: &Path, bytes: &[u8]) -> Result<Vec<Value>, SourceError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match bytes.trim_ascii_start().first() {
        Some(b'{' | b'[') => scim_rows(path, bytes),
        _ => csv_rows(path, bytes),
    }
}

fn csv_rows(path: &Path, bytes: &[u8]) -> Result<Vec<Value>, SourceError> {
    let wrong = |line: u64, what: String| SourceError::Directory { path: path.to_owned(), line, what };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).delimiter(delimiter(bytes)).from_reader(bytes);
    let named: Vec<String> = match reader.headers() {
        Ok(headings) => headings.iter().map(str::to_owned).collect(),
        Err(error) => return Err(wrong(1, error.to_string())),
    };
    let headings = fields_of(&named);
    let Some(email) = headings.iter().position(|heading| heading == "email") else {
        let what = format!("no column holds e-mail addresses; there are: {}", named.join(", "));
        return Err(wrong(1, what));
    };
    let mut rows = Vec::new();
    for record in reader.records() {
        let record =
            record.map_err(|error| wrong(error.position().map_or(0, csv::Position::line), error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let fields = headings.iter().zip(record.iter()).filter(|(_, value)| !value.is_empty());
        let mut row: Map<String, Value> = fields.map(|(name, value)| (name.clone(), value.into())).collect();
        if let Some(status) = row.get_mut("status") {
            yes_or_no(status);
        }
        rows.push(person(row).map_err(|what| wrong(line, format!("column `{}`: {what}", named[email])))?);
    }
    Ok(rows)
}

fn scim_rows(path: &Path, bytes: &[u8]) -> Result<Vec<Value>, SourceError> {
    let wrong = |line: u64, what: String| SourceError::Directory { path: path.to_owned(), line, what };
    let mut document: Value =
        serde_json::from_slice(bytes).map_err(|error| wrong(error.line() as u64, error.to_string()))?;
    let resources = if document.is_array() { document } else { document["Resources"].take() };
    let Value::Array(resources) = resources else {
        return Err(wrong(1, "neither a SCIM list (`Resources`) nor an array of people".to_owned()));
    };
    let mut rows = Vec::new();
    for (number, resource) in (1..).zip(resources) {
        let mut row = Map::new();
        let primary =
            resource["emails"].as_array().and_then(|all| all.iter().find(|e| e["primary"] == true).or(all.first()));
        let email = primary.and_then(|e| e["value"].as_str()).or(resource["userName"].as_str());
        row.extend(email.map(|email| ("email".to_owned(), email.into())));
        for (field, pointer) in [
            ("id", "/id"),
            ("full_name", "/displayName"),
            ("organization_role", "/userType"),
            ("created_at", "/meta/created"),
            ("status", "/active"),
        ] {
            row.extend(
                resource.pointer(pointer).filter(|v| !v.is_null()).map(|value| (field.to_owned(), value.clone())),
            );
        }
        rows.push(person(row).map_err(|what| wrong(number, format!("resource {number}: {what}")))?);
    }
    Ok(rows)
}

/// A person needs an address; without an id of its own it is the id.
fn person(mut row: Map<String, Value>) -> Result<Value, String> {
    let email = row.get("email").and_then(Value::as_str).map(str::to_lowercase);
    let Some(email) = email.filter(|email| email.contains('@')) else {
        return Err("there is no e-mail address".to_owned());
    };
    row.insert("email".to_owned(), email.clone().into());
    row.entry("id").or_insert_with(|| email.into());
    if let Some(Value::Bool(active)) = row.get("status") {
        let words = if *active { "active" } else { "inactive" };
        row.insert("status".to_owned(), words.into());
    }
    Ok(Value::Object(row))
}

/// A column such as `Active` says yes or no, in one of a few spellings.
fn yes_or_no(status: &mut Value) {
    match status.as_str().map(str::to_lowercase).as_deref() {
        Some("true" | "yes" | "1") => *status = Value::Bool(true),
        Some("false" | "no" | "0") => *status = Value::Bool(false),
        _ => {}
    }
}

/// What stands between two headings: spreadsheets of half of Europe write a semicolon.
fn delimiter(bytes: &[u8]) -> u8 {
    let heading = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| heading.iter().filter(|byte| **byte == delimiter).count();
    // Of equals the last is taken, so a comma wins where there is nothing to tell.
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// The field that each column fills: one of ours for the best fitting column, its own name for any other.
fn fields_of(headings: &[String]) -> Vec<String> {
    let plain = |heading: &str| heading.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let mut fields = headings.to_vec();
    for (field, names) in HEADINGS {
        let fit = |heading: &String| names.iter().position(|name| *name == plain(heading));
        let best = headings.iter().enumerate().filter_map(|(column, heading)| Some((fit(heading)?, column))).min();
        if let Some((_, column)) = best {
            fields[column] = field.to_owned();
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<Vec<Value>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let listing = read_export(file.path(), "", "csv", 0)
            .map_err(|e| e.to_string().rsplit_once("tmp").map_or(e.to_string(), |(_, tail)| tail[7..].to_owned()))?;
        Ok(listing.rows.into_iter().map(|row| row.value).collect())
    }

    #[test]
    fn a_csv_with_bom_and_foreign_headings_is_read() {
        let rows =
            read("\u{FEFF}E-Mail Address,Display Name,Active,Cost Centre\nAda@Example.com,Ada L,true,4711\n").unwrap();
        assert_eq!(
            rows,
            [
                serde_json::json!({ "email": "ada@example.com", "full_name": "Ada L", "status": "active", "Cost Centre": "4711", "id": "ada@example.com" })
            ]
        );
    }

    #[test]
    fn of_columns_that_fit_alike_the_best_is_taken_and_the_others_are_kept() {
        let rows = read("login;email;state;status;Name\nada;ada@example.com;Ohio;SUSPENDED;Ada\n").unwrap();
        let ada = serde_json::json!({ "login": "ada", "email": "ada@example.com", "state": "Ohio", "status": "SUSPENDED", "full_name": "Ada", "id": "ada@example.com" });
        assert_eq!(rows, [ada]);
    }

    #[test]
    fn a_scim_list_is_read() {
        let rows =
            read(r#"{"Resources":[{"id":"u1","userName":"a@example.com","active":false,"displayName":"A"}]}"#).unwrap();
        assert_eq!(
            rows,
            [serde_json::json!({ "email": "a@example.com", "id": "u1", "full_name": "A", "status": "inactive" })]
        );
    }

    #[test]
    fn errors_name_the_line() {
        assert!(read("name,role\nAda,owner\n").unwrap_err().contains("line 1: no column holds e-mail addresses"));
        assert!(
            read("email,name\na@example.com,A\n,B\n")
                .unwrap_err()
                .contains("line 3: column `email`: there is no e-mail address")
        );
        assert!(read("email,name\na@example.com,A,too many\n").unwrap_err().contains("line 2"));
    }
}
