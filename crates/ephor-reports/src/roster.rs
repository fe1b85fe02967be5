//! The roster from a file: CSV with a heading, or JSON; departments and managers with their dates, leavers, leave.
//! Promises that a file is taken whole or not at all, and that an error names its line and column.
//! Never guesses a date: `2026-11-23` is one, and so is a spreadsheet's day number where the column says nothing else.

use std::collections::HashMap;
use std::str::FromStr;

use ephor_lake::control::RosterEntry;
use ephor_wire::timestamp::UtcDay;
use serde_json::Value;

use crate::error::ReportError;

/// Headings that personnel systems use, by the field that each becomes.
const HEADINGS: [(&str, &[&str]); 12] = [
    ("email", &["email", "emailaddress", "mail", "username", "workemail"]),
    ("user_id", &["userid", "accountid"]),
    ("name", &["name", "fullname", "displayname"]),
    ("department", &["department", "team", "orgunit"]),
    ("cost_centre", &["costcentre", "costcenter", "costobject"]),
    ("manager_email", &["manageremail", "manager", "supervisor"]),
    ("valid_from", &["validfrom", "from", "since", "effectivefrom"]),
    ("valid_to", &["validto", "to", "until", "effectiveto"]),
    ("left_on", &["lefton", "departedon", "leavedate", "terminationdate", "lastday", "enddate"]),
    ("away_from", &["awayfrom", "leavefrom", "absencefrom"]),
    ("away_to", &["awayto", "leaveto", "absenceto"]),
    ("exempt_reason", &["exemptreason", "exempt"]),
];

/// Fields that are days.
const DAYS: [&str; 5] = ["valid_from", "valid_to", "left_on", "away_from", "away_to"];

/// Reads a roster. `file` is its name, for errors.
pub fn read(file: &str, bytes: &[u8]) -> Result<Vec<RosterEntry>, ReportError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let rows = match bytes.trim_ascii_start().first() {
        Some(b'[' | b'{') => json_rows(file, bytes)?,
        _ => csv_rows(file, bytes)?,
    };
    let mut entries = Vec::new();
    for (line, fields) in rows {
        entries.push((line, entry(file, line, fields)?));
    }
    no_overlaps(file, &entries)?;
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

type Fields = HashMap<String, String>;

fn wrong(file: &str, line: u64, what: impl Into<String>) -> ReportError {
    ReportError::Input { file: file.to_owned(), line, what: what.into() }
}

fn csv_rows(file: &str, bytes: &[u8]) -> Result<Vec<(u64, Fields)>, ReportError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).delimiter(delimiter(bytes)).from_reader(bytes);
    let headings = match reader.headers() {
        Ok(headings) => headings.clone(),
        Err(error) => return Err(wrong(file, 1, error.to_string())),
    };
    let named: Vec<Option<&str>> = headings.iter().map(field_of).collect();
    if !named.contains(&Some("email")) {
        let columns = headings.iter().collect::<Vec<_>>().join(", ");
        return Err(wrong(file, 1, format!("no column holds e-mail addresses; there are: {columns}")));
    }
    let unknown: Vec<&str> =
        headings.iter().zip(&named).filter(|(_, field)| field.is_none()).map(|(heading, _)| heading).collect();
    if let Some(heading) = unknown.iter().find(|heading| looks_like_a_typo(heading)) {
        return Err(wrong(file, 1, format!("column `{heading}` is not known; there are {}", known_fields())));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record =
            record.map_err(|error| wrong(file, error.position().map_or(0, csv::Position::line), error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let fields = named.iter().zip(record.iter()).filter(|(_, value)| !value.is_empty());
        rows.push((line, fields.filter_map(|(name, value)| Some(((*name)?.to_owned(), value.to_owned()))).collect()));
    }
    Ok(rows)
}

fn json_rows(file: &str, bytes: &[u8]) -> Result<Vec<(u64, Fields)>, ReportError> {
    let mut document: Value =
        serde_json::from_slice(bytes).map_err(|error| wrong(file, error.line() as u64, error.to_string()))?;
    let people = if document.is_array() { document } else { document["data"].take() };
    let Value::Array(people) = people else {
        return Err(wrong(file, 1, "neither an array of people nor an object whose `data` is one"));
    };
    let mut rows = Vec::new();
    for (number, person) in (1..).zip(people) {
        let Value::Object(person) = person else { return Err(wrong(file, number, "a person is a JSON object")) };
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let fields = person.into_iter().filter_map(|(name, value)| Some((field_of(&name)?.to_owned(), text(value)?)));
        rows.push((number, fields.filter(|(_, value)| !value.is_empty()).collect()));
    }
    Ok(rows)
}

fn entry(file: &str, line: u64, mut fields: Fields) -> Result<RosterEntry, ReportError> {
    for name in DAYS {
        if let Some(text) = fields.get_mut(name) {
            *text = day(text).ok_or_else(|| {
                wrong(file, line, format!("column `{name}`: `{text}` is not a day; write it as 2026-11-23"))
            })?;
        }
    }
    let email = fields.remove("email").map(|email| email.to_lowercase()).filter(|email| email.contains('@'));
    let email = email.ok_or_else(|| wrong(file, line, "column `email`: there is no e-mail address"))?;
    let entry = RosterEntry {
        email,
        valid_from: fields.remove("valid_from").unwrap_or_default(),
        valid_to: fields.remove("valid_to"),
        user_id: fields.remove("user_id"),
        name: fields.remove("name"),
        department: fields.remove("department"),
        cost_centre: fields.remove("cost_centre"),
        manager_email: fields.remove("manager_email"),
        left_on: fields.remove("left_on"),
        away_from: fields.remove("away_from"),
        away_to: fields.remove("away_to"),
        exempt_reason: fields.remove("exempt_reason"),
    };
    for (from, to, names) in [
        (Some(&entry.valid_from), &entry.valid_to, "valid_from and valid_to"),
        (entry.away_from.as_ref(), &entry.away_to, "away_from and away_to"),
    ] {
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(wrong(file, line, format!("columns {names}: {from} lies after {to}")));
        }
    }
    Ok(entry)
}

/// Two departments on one day would be charged twice.
fn no_overlaps(file: &str, entries: &[(u64, RosterEntry)]) -> Result<(), ReportError> {
    let mut by_email: HashMap<&str, Vec<&(u64, RosterEntry)>> = HashMap::new();
    for entry in entries {
        by_email.entry(&entry.1.email).or_default().push(entry);
    }
    for mut spans in by_email.into_values() {
        spans.sort_by(|a, b| a.1.valid_from.cmp(&b.1.valid_from));
        for pair in spans.windows(2) {
            let [(_, before), (line, after)] = [pair[0], pair[1]].map(|(line, entry)| (*line, entry));
            if before.valid_to.as_ref().is_none_or(|to| *to >= after.valid_from) {
                let until = before.valid_to.as_deref().unwrap_or("without end");
                return Err(wrong(
                    file,
                    line,
                    format!(
                        "{} is in two places from {}: the entry before it holds until {until}",
                        after.email,
                        if after.valid_from.is_empty() { "the beginning" } else { &after.valid_from }
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// A day as people and spreadsheets write it: `2026-11-23`, the same with a time behind it, or Excel's day number.
fn day(text: &str) -> Option<String> {
    if let Ok(number) = text.parse::<f64>()
        && (20_000.0..80_000.0).contains(&number)
    {
        // Excel counts from 1899-12-30; day 25,569 is 1970-01-01.
        return Some(UtcDay(number.floor() as i32 - 25_569).to_string());
    }
    let date = text.get(..10).unwrap_or(text);
    let rest = text.get(10..).unwrap_or_default();
    let day = UtcDay::from_str(date).ok()?;
    (rest.is_empty() || rest.starts_with(['T', ' '])).then(|| day.to_string())
}

fn field_of(heading: &str) -> Option<&'static str> {
    let plain: String = heading.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    HEADINGS.iter().find(|(_, names)| names.contains(&plain.as_str())).map(|(field, _)| *field)
}

/// A heading that is nearly one of ours would be passed over in silence, and with it what it says.
fn looks_like_a_typo(heading: &str) -> bool {
    let plain: String = heading.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let near = |name: &str| name.len() > 5 && strsim::levenshtein(name, &plain) <= 2;
    HEADINGS.iter().flat_map(|(_, names)| names.iter()).any(|name| near(name))
}

fn known_fields() -> String {
    HEADINGS.iter().map(|(field, _)| *field).collect::<Vec<_>>().join(", ")
}

/// What stands between two headings: spreadsheets of half of Europe write a semicolon.
fn delimiter(bytes: &[u8]) -> u8 {
    let heading = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| heading.iter().filter(|byte| **byte == delimiter).count();
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> String {
        read("hr.csv", text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_spreadsheet_s_csv_with_bom_semicolons_and_day_numbers_is_read() {
        let entries =
            read("hr.csv", "\u{FEFF}E-Mail;Cost Center;Termination Date\nAda@Example.com;4711;46349\n".as_bytes());
        let entries = entries.unwrap();
        assert_eq!(entries[0].email, "ada@example.com");
        assert_eq!(
            (entries[0].cost_centre.as_deref(), entries[0].left_on.as_deref()),
            (Some("4711"), Some("2026-11-23"))
        );
    }

    #[test]
    fn errors_name_file_line_and_column() {
        insta::assert_snapshot!(refused("name,department\nAda,legal\n"), @"hr.csv, line 1: no column holds e-mail addresses; there are: name, department");
        insta::assert_snapshot!(refused("email,left_on\na@example.com,23.11.2026\n"), @"hr.csv, line 2: column `left_on`: `23.11.2026` is not a day; write it as 2026-11-23");
        insta::assert_snapshot!(refused("email,departmnt\na@example.com,x\n"), @"hr.csv, line 1: column `departmnt` is not known; there are email, user_id, name, department, cost_centre, manager_email, valid_from, valid_to, left_on, away_from, away_to, exempt_reason");
        insta::assert_snapshot!(refused("email,department\n,legal\n"), @"hr.csv, line 2: column `email`: there is no e-mail address");
        insta::assert_snapshot!(refused("email,department,valid_from,valid_to\na@example.com,legal,2026-01-01,\na@example.com,sales,2026-06-01,\n"), @"hr.csv, line 3: a@example.com is in two places from 2026-06-01: the entry before it holds until without end");
        insta::assert_snapshot!(refused("email,valid_from,valid_to\na@example.com,2026-03-01,2026-01-01\n"), @"hr.csv, line 2: columns valid_from and valid_to: 2026-03-01 lies after 2026-01-01");
    }

    #[test]
    fn a_move_from_one_department_to_another_is_two_spans() {
        let text = "email,department,valid_from,valid_to\na@example.com,legal,2026-01-01,2026-05-31\na@example.com,sales,2026-06-01,\n";
        assert_eq!(read("hr.csv", text.as_bytes()).unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_stop(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read("x", &bytes);
        }
    }
}
