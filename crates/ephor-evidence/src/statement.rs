//! From a question of a framework to a statement that anyone can run: views spelled out, bounds filled in.
//! Promises that the statement that is recorded is the one that was run, word for word.
//! Never lets a question do more than read.

use std::fmt::Write as _;

use crate::period::Period;

/// Placeholders that a question may have.
const PLACEHOLDERS: [&str; 3] = ["{from}", "{to}", "{size}"];

/// Directory tables that a question may ask for as they stood at the end of the period, as `…_then`.
const DIRECTORY: [&str; 13] = [
    "organizations",
    "users",
    "roles",
    "role_permissions",
    "groups",
    "group_members",
    "projects",
    "project_collaborators",
    "settings",
    "api_keys",
    "workspaces",
    "workspace_members",
    "invites",
];

/// Up to where a question looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) period: Period,
    /// Activities from this `seq` on came after the checkpoint.
    pub(crate) size: u64,
}

/// What is wrong with a question, before it is ever run.
pub(crate) fn check(sql: &str) -> Result<(), String> {
    let first = sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if first != "select" {
        return Err(format!("sql: it begins with `{first}`; it is one SELECT"));
    }
    let mut rest = sql;
    while let Some(at) = rest.find('{') {
        let found = PLACEHOLDERS.iter().find(|name| rest[at..].starts_with(**name));
        let Some(name) = found else {
            let end = rest[at..].find('}').map_or(rest.len(), |end| at + end + 1);
            return Err(format!("sql: `{}` is none of {}", &rest[at..end], PLACEHOLDERS.join(", ")));
        };
        rest = &rest[at + name.len()..];
    }
    Ok(())
}

/// The whole statement.
pub(crate) fn complete(sql: &str, bounds: Bounds) -> String {
    let mut statement = String::new();
    for (name, definition) in views(sql) {
        let _ = write!(statement, "{} {name} as ({definition})", if statement.is_empty() { "with" } else { "," });
    }
    if !statement.is_empty() {
        statement.push('\n');
    }
    statement.push_str(sql.trim());
    fill(&statement, bounds)
}

fn fill(statement: &str, bounds: Bounds) -> String {
    let Bounds { period, size } = bounds;
    statement
        .replace("{from}", &period.begin_text())
        .replace("{to}", &period.end_text())
        .replace("{first_day}", &period.first_day().to_string())
        .replace("{end_day}", &period.end_day().to_string())
        .replace("{size}", &size.to_string())
}

/// The views that a question names, with their definitions.
fn views(sql: &str) -> Vec<(String, String)> {
    const DAYS: &str = "day >= date '{first_day}' and day < date '{end_day}'";
    let mut found = Vec::new();
    let mut add = |name: &str, definition: String| {
        if names(sql, name) {
            found.push((name.to_owned(), definition));
        }
    };
    add("period", format!("select * from activities where {DAYS} and seq < {{size}}"));
    add("usage", format!("select * from usage_events where {DAYS}"));
    add(
        "analytics_rows",
        format!(
            "select day, source, endpoint, slot, key, raw from (select *, row_number() over \
             (partition by source, endpoint, slot, key order by seq desc) as newest from upstream_rows where {DAYS}) \
             where newest = 1 and raw is not null"
        ),
    );
    for table in DIRECTORY {
        add(&format!("{table}_then"), as_it_stood(table));
    }
    found
}

/// A directory table at the end of the period. One that was first read after that is taken as it was first read: each
/// row says when it was observed.
fn as_it_stood(table: &str) -> String {
    format!(
        "select * from (select *, row_number() over (partition by source, scope, key order by revision desc) as newest \
         from directory_{table} where observed_at < timestamp '{{to}}' or observed_at <= \
         (select min(observed_at) + interval '1 hour' from directory_{table})) where newest = 1 and change <> 'removed'"
    )
}

/// Whether a name stands in a statement as a word of its own.
fn names(sql: &str, name: &str) -> bool {
    let part_of_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    sql.match_indices(name).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| sql.as_bytes().get(before).copied());
        let after = sql.as_bytes().get(at + name.len()).copied();
        !part_of_word(before) && !part_of_word(after) && before != Some(b'\'')
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bounds() -> Bounds {
        Bounds { period: Period::parse("2026-01-01", "2026-03-31").unwrap(), size: 7 }
    }

    #[test]
    fn a_question_becomes_a_statement_that_stands_alone() {
        insta::assert_snapshot!(complete("select count(*) from period where created_at < timestamp '{to}'", bounds()), @r"
        with period as (select * from activities where day >= date '2026-01-01' and day < date '2026-04-01' and seq < 7)
        select count(*) from period where created_at < timestamp '2026-04-01T00:00:00Z'
        ");
        assert_eq!(complete("select 1", bounds()), "select 1");
        assert!(!names("select periods, 'period' from x.period_of", "period"));
    }

    #[test]
    fn a_question_only_reads_and_knows_its_placeholders() {
        assert_eq!(check("select {from}, {size}"), Ok(()));
        assert_eq!(check("drop table x").unwrap_err(), "sql: it begins with `drop`; it is one SELECT");
        assert_eq!(check("select {seed}").unwrap_err(), "sql: `{seed}` is none of {from}, {to}, {size}");
    }
}
