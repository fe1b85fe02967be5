//! What was asked for each file of evidence: the statement with its parameters, the rows that came, and what they show.
//! Promises one entry for each piece of evidence, also for one that the lake could not give.
//! Never a statement that differs from what was run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::population::{Passed, shown_columns};
use super::tables::Answered;
use crate::coverage::Coverage;
use crate::framework::{Content, Evidence, Selection, Source};
use crate::statement::{self, Bounds};

/// The question behind a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Query {
    pub(crate) evidence: String,
    pub(crate) title: String,
    pub(crate) shows: String,
    pub(crate) source: Source,
    pub(crate) kind: QueryKind,
    /// The file; none where the lake could not answer.
    pub(crate) file: Option<String>,
    pub(crate) rows: u64,
    pub(crate) columns: Vec<String>,
    /// What one row stands for.
    pub(crate) one_row: String,
    pub(crate) statement: String,
    pub(crate) parameters: Parameters,
    /// Why there is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) absent: Option<String>,
}

/// How the rows were got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum QueryKind {
    /// By a pass over the data files; the statement gives the same rows.
    Population,
    /// By the statement.
    Table,
}

/// What was filled into the statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parameters {
    pub(crate) from: String,
    /// The first moment after the period.
    pub(crate) to: String,
    /// Activities from this `seq` on were left out.
    pub(crate) size: u64,
}

/// Every question.
pub(crate) fn of(
    evidence: &[Evidence],
    bounds: Bounds,
    (passed, answered): (&Passed, &BTreeMap<String, Answered>),
    covered: &Coverage,
) -> Vec<Query> {
    let parameters = Parameters { from: bounds.period.begin_text(), to: bounds.period.end_text(), size: bounds.size };
    let held: BTreeMap<&str, _> =
        covered.controls.iter().flat_map(|control| &control.evidence).map(|one| (one.id.as_str(), one)).collect();
    let one = |piece: &Evidence| {
        let file = Some(format!("evidence/{}.csv", piece.id));
        let absent = held.get(piece.id.as_str()).and_then(|one| one.held.absent.clone());
        let (kind, file, rows, columns, one_row, statement) = match &piece.content {
            Content::Activities(chosen) => (
                QueryKind::Population,
                file,
                passed.rows.get(&piece.id).copied().unwrap_or_default(),
                shown_columns().map(str::to_owned).collect(),
                "an activity".to_owned(),
                statement_of(chosen, bounds),
            ),
            Content::Table(question) => match answered.get(&piece.id) {
                Some(table) => {
                    let statement = table.statement.clone();
                    (QueryKind::Table, file, table.rows, table.columns.clone(), question.one_row.clone(), statement)
                }
                None => {
                    let statement = statement::complete(&question.sql, bounds);
                    (QueryKind::Table, None, 0, Vec::new(), question.one_row.clone(), statement)
                }
            },
        };
        Query {
            evidence: piece.id.clone(),
            title: piece.title.clone(),
            shows: piece.shows.clone(),
            source: piece.source,
            kind,
            file,
            rows,
            columns,
            one_row,
            statement,
            parameters: parameters.clone(),
            absent,
        }
    };
    evidence.iter().map(one).collect()
}

/// The statement that gives a population's rows.
fn statement_of(chosen: &Selection, bounds: Bounds) -> String {
    let list = |names: &[String]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
        quoted.join(", ")
    };
    let mut either = Vec::new();
    if !chosen.types.is_empty() {
        either.push(format!("type in ({})", list(&chosen.types)));
    }
    if !chosen.categories.is_empty() {
        either.push(format!("category in ({})", list(&chosen.categories)));
    }
    let columns: Vec<&str> = shown_columns().collect();
    let sql = format!("select {} from period where {} order by seq", columns.join(", "), either.join(" or "));
    statement::complete(&sql, bounds)
}
