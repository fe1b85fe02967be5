//! Tests of what the organization itself made: is it complete, is it accurate. Each says how it was done and what came out.
//! Promises two routes to every count, and a failed test told as plainly as one that passed.
//! Never repairs what it finds.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use ephor_lake::SqlSession;
use ephor_lake::proof::{Verification, VerifyOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::population::Passed;
use crate::coverage::{Holdings, House};
use crate::error::EvidenceError;
use crate::period::at;
use crate::statement::Bounds;

/// A test and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Test {
    pub(crate) id: String,
    /// What it asks.
    pub(crate) asks: String,
    /// How it was done.
    pub(crate) how: String,
    pub(crate) result: TestResult,
    /// What came out, in words.
    pub(crate) says: String,
    /// What came out, in numbers.
    pub(crate) numbers: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TestResult {
    Passed,
    Failed,
    /// There is nothing to which it applies.
    NotApplicable,
}

fn outcome(passed: bool) -> TestResult {
    if passed { TestResult::Passed } else { TestResult::Failed }
}

/// Everything that tests look at.
pub(crate) struct Tested<'a> {
    pub(crate) house: House<'a>,
    pub(crate) session: &'a SqlSession,
    pub(crate) bounds: Bounds,
    pub(crate) holdings: &'a Holdings,
    pub(crate) passed: &'a Passed,
    /// The checkpoint of the package.
    pub(crate) checkpoint: &'a str,
}

/// Runs every test.
pub(crate) async fn run(tested: &Tested<'_>) -> Result<(Vec<Test>, Verification), EvidenceError> {
    let period = tested.bounds.period;
    let options = VerifyOptions {
        trusted: None,
        checkpoints: vec![tested.checkpoint.to_owned()],
        days: Some((period.first_day(), period.last_day())),
    };
    let verification = ephor_lake::proof::verify(tested.house.lake.dir(), options).await?;
    let mut tests = populations_by_two_routes(tested);
    tests.push(lake_intact(&verification));
    tests.push(rows_in_the_log(tested.passed));
    tests.push(findings_rest_on_the_log(tested.passed));
    tests.push(seq_without_gaps(tested, &verification).await?);
    tests.push(ids_once(tested).await?);
    tests.push(conflicts(tested).await?);
    tests.push(upstreams(tested).await?);
    Ok((tests, verification))
}

fn populations_by_two_routes(tested: &Tested<'_>) -> Vec<Test> {
    let each = tested.passed.rows.iter().map(|(id, written)| {
        let counted = tested.holdings.evidence.get(id).map_or(0, |held| held.rows);
        Test {
            id: format!("two-routes:{id}"),
            asks: format!("Does evidence/{id}.csv hold every activity of its kind in the period?"),
            how: "Counted by a query over the table, grouped by day and type, and by a pass over the data files that \
                  wrote the population."
                .to_owned(),
            result: outcome(counted == *written),
            says: format!("{counted} by query, {written} by pass"),
            numbers: json!({ "by_query": counted, "by_pass": written }),
        }
    });
    each.collect()
}

fn lake_intact(found: &Verification) -> Test {
    let problems: Vec<String> =
        found.problems.iter().take(20).map(|problem| format!("{}: {}", problem.place, problem.what)).collect();
    Test {
        id: "lake-intact".to_owned(),
        asks: "Is the lake what was signed?".to_owned(),
        how: "`ephor lake verify` over the period: every row of it against its leaf, every leaf against the signed roots, \
              every checkpoint, seal and removal against the key."
            .to_owned(),
        result: outcome(found.intact),
        says: match found.intact {
            true => format!(
                "{} activities read whole, {} checkpoints and {} seals checked, nothing found",
                found.rows_checked, found.checkpoints, found.seals
            ),
            false => format!("{} problems", found.problems.len() as u64 + found.more_problems),
        },
        numbers: json!({
            "tree": found.size, "rows_checked": found.rows_checked, "rows_expired": found.rows_expired,
            "rows_erased": found.rows_erased, "checkpoints": found.checkpoints, "seals": found.seals,
            "problems": problems,
        }),
    }
}

fn rows_in_the_log(passed: &Passed) -> Test {
    Test {
        id: "rows-in-the-log".to_owned(),
        asks: "Is every cited activity in the log at its place, with these bytes?".to_owned(),
        how: "The leaf of each was computed from its bytes, time of receipt and source, and compared with the log's."
            .to_owned(),
        result: outcome(passed.unproven.is_empty()),
        says: format!("{} cited, {} without their leaf", passed.cited.len(), passed.unproven.len()),
        numbers: json!({ "cited": passed.cited.len(), "without_leaf": passed.unproven.iter().take(100).collect::<Vec<_>>() }),
    }
}

fn findings_rest_on_the_log(passed: &Passed) -> Test {
    let (cited, missing) = (passed.rested_on.len(), passed.rested_on_missing.len());
    Test {
        id: "findings-rest-on-the-log".to_owned(),
        asks: "Is every activity that a finding of the package names in the log?".to_owned(),
        how: "The activities that findings name were looked for on the days of each finding, in the period and before it, \
              and are cited with their leaves."
            .to_owned(),
        result: match (cited, missing) {
            (0, 0) => TestResult::NotApplicable,
            (_, missing) => outcome(missing == 0),
        },
        says: match (cited, missing) {
            (0, 0) => "no finding of the package names an activity".to_owned(),
            (cited, 0) => format!("{cited} named, all cited"),
            (cited, missing) => format!(
                "{cited} cited; {missing} are not among the rows up to the checkpoint: they went with their retention or came later"
            ),
        },
        numbers: json!({ "cited": cited, "missing": passed.rested_on_missing.iter().take(100).collect::<Vec<_>>() }),
    }
}

async fn seq_without_gaps(tested: &Tested<'_>, found: &Verification) -> Result<Test, EvidenceError> {
    let size = tested.bounds.size;
    let sql = format!(
        "select count(*), count(distinct_seq), coalesce(max(distinct_seq), -1) from \
         (select seq as distinct_seq from activities where seq < {size} group by seq)"
    );
    let rows = one_number(tested.session, &format!("select count(*) from activities where seq < {size}")).await?;
    let different = one_number(tested.session, &sql).await?;
    let expected = size.saturating_sub(found.rows_expired);
    Ok(Test {
        id: "seq-without-gaps".to_owned(),
        asks: "Does the order of arrival have gaps or doubles?".to_owned(),
        how: sql,
        result: outcome(rows == expected && different == expected),
        says: format!(
            "{size} places given, {} let go by retention, {rows} rows with {different} different places",
            found.rows_expired
        ),
        numbers: json!({ "places": size, "expired": found.rows_expired, "rows": rows, "different": different }),
    })
}

async fn ids_once(tested: &Tested<'_>) -> Result<Test, EvidenceError> {
    let size = tested.bounds.size;
    let sql =
        format!("select count(*) from (select id from activities where seq < {size} group by id having count(*) > 1)");
    let doubled = one_number(tested.session, &sql).await?;
    Ok(Test {
        id: "ids-once".to_owned(),
        asks: "Is any activity stored twice?".to_owned(),
        how: sql,
        result: outcome(doubled == 0),
        says: format!("{doubled} ids stand more than once"),
        numbers: json!({ "doubled": doubled }),
    })
}

async fn conflicts(tested: &Tested<'_>) -> Result<Test, EvidenceError> {
    let period = tested.bounds.period;
    let sql = format!(
        "select count(*) from conflicts where created_at >= timestamp '{}' and created_at < timestamp '{}'",
        period.begin_text(),
        period.end_text()
    );
    let found = one_number(tested.session, &sql).await?;
    Ok(Test {
        id: "one-content-an-id".to_owned(),
        asks: "Did a source send a second content under an id of the period?".to_owned(),
        how: sql,
        result: outcome(found == 0),
        says: format!("{found} conflicts; both contents of each are in the lake's table `conflicts`"),
        numbers: json!({ "conflicts": found }),
    })
}

/// Where each upstream stands: read past the period's end, or not.
async fn upstreams(tested: &Tested<'_>) -> Result<Test, EvidenceError> {
    let asks = "Has every upstream been read past the end of the period?".to_owned();
    let how = "Last successful run of each collector, the cursor that its last commit holds, and of each day of the period the \
               upstream's own id of the last request that it answered: the upstream can be asked about it."
        .to_owned();
    let states = match tested.house.control {
        Some(control) => control.sources().list().await?,
        None => Vec::new(),
    };
    let mut numbers = BTreeMap::new();
    let mut behind = Vec::new();
    for state in &states {
        let cursor = match tested.house.lake.source_cursor(&state.source).await? {
            Some(cursor) => Some(cursor),
            None => tested.house.lake.usage_cursor(&state.source).await?,
        };
        let until = state.last_success_at_micros;
        if until.is_none_or(|until| until < tested.bounds.period.end_micros()) {
            behind.push(state.source.clone());
        }
        let told = json!({
            "request_ids": requests_of(tested, &state.source).await?,
            "last_success_at": until.map(at), "last_run_at": at(state.last_run_at_micros), "rows": state.rows_total,
            "failures_in_a_row": state.failures_in_a_row, "cursor": cursor,
        });
        numbers.insert(state.source.clone(), told);
    }
    let result = match (states.is_empty(), behind.is_empty()) {
        (true, _) => TestResult::NotApplicable,
        (false, caught_up) => outcome(caught_up),
    };
    let says = match result {
        TestResult::NotApplicable => "nothing is collected: activities came by import or push".to_owned(),
        TestResult::Passed => format!("{} upstreams, all read past the end of the period", states.len()),
        TestResult::Failed => format!("not read past the end of the period: {}", behind.join(", ")),
    };
    Ok(Test { id: "upstreams-read".to_owned(), asks, how, result, says, numbers: json!(numbers) })
}

/// Of each day of the period, the last request that a source answered.
async fn requests_of(tested: &Tested<'_>, source: &str) -> Result<BTreeMap<String, String>, EvidenceError> {
    let Some(control) = tested.house.control else { return Ok(BTreeMap::new()) };
    let period = tested.bounds.period;
    let requests = control.sources().answered_requests(source, period.first_day(), period.last_day()).await?;
    Ok(requests.into_iter().map(|request| (request.day.to_string(), request.request_id)).collect())
}

async fn one_number(session: &SqlSession, sql: &str) -> Result<u64, EvidenceError> {
    let batches = session.query(sql).await?;
    let first = batches.iter().find(|batch| batch.num_rows() > 0);
    Ok(first.map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0).unsigned_abs()))
}
