//! What can be asked of the findings, as SQL that SQLite and PostgreSQL both take.
//! Promises a total order, so that the same question has the same answer.
//! Never puts a value into the text of a statement.

use sqlx::{QueryBuilder, Sqlite};

use crate::finding::{Entity, FindingId};
use crate::handling::FindingStatus;
use crate::severity::Severity;
use crate::use_case::UseCase;

/// Conditions on findings; an empty list is no condition. Withdrawn findings are left out.
#[derive(Debug, Clone, Default)]
pub struct FindingFilter {
    /// Its status is one of these.
    pub statuses: Vec<FindingStatus>,
    /// It serves one of these.
    pub use_cases: Vec<UseCase>,
    /// One of these rules found it.
    pub rules: Vec<String>,
    /// At least so urgent.
    pub severity: Option<Severity>,
    /// It is about this.
    pub entity: Option<Entity>,
    /// It is about something with this id, of whatever type.
    pub entity_id: Option<String>,
    /// Its last activity is not before this (microseconds since 1970).
    pub from_micros: Option<i64>,
    /// Its first activity is before this.
    pub to_micros: Option<i64>,
    /// So many at the most; `None` is all.
    pub limit: Option<usize>,
}

const SELECT: &str = "SELECT findings.*, revision, found_at, status, assignee, finding_handling.changed_by AS changed_by, \
     finding_handling.changed_at AS handled_at \
     FROM findings JOIN finding_revisions ON finding_revisions.finding = findings.id \
     LEFT JOIN finding_handling ON finding_handling.finding = findings.id";

impl FindingFilter {
    pub(super) fn query(&self) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new(SELECT);
        query.push(" WHERE standing = 'stands'");
        one_of(&mut query, "COALESCE(status, 'open')", self.statuses.iter().map(|status| status.as_str()));
        one_of(&mut query, "use_case", self.use_cases.iter().map(|case| case.as_str()));
        one_of(&mut query, "rule", self.rules.iter().map(String::as_str));
        if let Some(least) = self.severity {
            one_of(&mut query, "severity", Severity::ALL.iter().filter(|level| **level >= least).map(|l| l.as_str()));
        }
        // Entities are stored as JSON with sorted keys, so what is looked for is a part of the text.
        if let Some(entity) = &self.entity {
            holds(&mut query, &serde_json::json!({ "type": entity.kind, "id": entity.id }).to_string());
        }
        if let Some(id) = &self.entity_id {
            holds(&mut query, &format!("\"id\":{}", serde_json::Value::from(id.as_str())));
        }
        if let Some(from) = self.from_micros {
            query.push(" AND last_seen >= ").push_bind(from);
        }
        if let Some(to) = self.to_micros {
            query.push(" AND first_seen < ").push_bind(to);
        }
        query.push(" ORDER BY last_seen DESC, findings.id");
        if let Some(limit) = self.limit {
            query.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        }
        query
    }
}

pub(super) fn one(id: &FindingId) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(" WHERE findings.id = ").push_bind(id.0.clone());
    query
}

pub(super) fn since(revision: u64, limit: usize) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(" WHERE revision > ").push_bind(i64::try_from(revision).unwrap_or(i64::MAX));
    query.push(" ORDER BY revision LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    query
}

fn one_of<'a>(query: &mut QueryBuilder<Sqlite>, column: &str, values: impl Iterator<Item = &'a str>) {
    let values: Vec<&str> = values.collect();
    if values.is_empty() {
        return;
    }
    query.push(format!(" AND {column} IN ("));
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value.to_owned());
    }
    query.push(")");
}

/// Whether the stored entities hold this piece of JSON. A pattern's own signs are escaped.
fn holds(query: &mut QueryBuilder<Sqlite>, json: &str) {
    let escaped = json.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    query.push(" AND entities LIKE ").push_bind(format!("%{escaped}%")).push(" ESCAPE '\\'");
}
