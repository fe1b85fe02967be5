//! One Ephor collects the numbers of another: what the second answers is what the first answered.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use ephor_e2e::{Client, Node, ephor, folder, run, run_in};
use serde_json::Value;

const DEMO: [&str; 8] = ["--users", "40", "--days", "12", "--seed", "11", "--activities", "4000"];

/// Days that are compared; one older than a week is settled. Yesterday closes at 10:00 UTC, so it is there on some runs only.
const AGES_DAYS: [u64; 4] = [2, 3, 5, 10];

const LISTINGS: [&str; 6] = ["users", "apps/chat/projects", "skills", "connectors", "plugins", "artifacts"];

const REPORTS: [&str; 4] = ["usage_report", "cost_report", "user_usage_report", "user_cost_report"];

/// A configuration in which nobody waits for a budget.
fn config(path: &Path, rest: &str) {
    let text = format!("[analytics]\nprofile = \"current\"\nrate_limit_per_minute = 1000000\n{rest}");
    fs::write(path, text).unwrap();
}

/// A day as the API writes it, so many days before the one on which the test began (Howard Hinnant's `civil_from_days`).
fn day(age_days: u64) -> String {
    static TODAY: OnceLock<u64> = OnceLock::new();
    let today = *TODAY.get_or_init(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400);
    let days = i64::try_from(today - age_days).unwrap() + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days - era * 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    format!("{:04}-{month:02}-{:02}", year + era * 400 + i64::from(month <= 2), of_year - (153 * shifted + 2) / 5 + 1)
}

/// Every page of a question.
fn pages(client: &Client, question: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut token = String::new();
    for _ in 0..200 {
        let page = client.get(&format!("/v1/organizations/analytics/{question}{token}")).ok();
        rows.extend(page["data"].as_array().expect("a page has `data`").iter().cloned());
        match page["next_page"].as_str() {
            None => return rows,
            Some(next) => token = format!("&page={next}"),
        }
    }
    panic!("{question} does not end");
}

/// Every question that both are asked.
fn questions() -> Vec<String> {
    let mut questions = vec![format!("summaries?starting_date={}&ending_date={}", day(10), day(1))];
    for age in AGES_DAYS {
        let (date, next) = (day(age), day(age - 1));
        questions.extend(LISTINGS.map(|listing| format!("{listing}?date={date}&limit=7")));
        for report in REPORTS {
            let span = format!("{report}?starting_at={date}T00:00:00Z&ending_at={next}T00:00:00Z");
            let cuts = ["", "&group_by[]=product", "&group_by[]=model", "&group_by[]=product&group_by[]=model"];
            questions.extend(cuts.map(|cut| format!("{span}{cut}")));
        }
        questions.push(format!("cost_report?starting_at={date}T00:00:00Z&ending_at={next}T00:00:00Z&group_by[]=cost_type&group_by[]=token_type"));
    }
    questions
}

#[test]
fn two_ephors_in_a_row_answer_every_analytics_question_alike() {
    day(0);
    let home = folder();
    let (first_data, second_data) = (home.path().join("first"), home.path().join("second"));
    let (first_config, second_config) = (home.path().join("first.toml"), home.path().join("second.toml"));
    config(&first_config, "");
    let first = Node::demo(&first_data, DEMO.into_iter().chain(["--config", first_config.to_str().unwrap()]));
    let upstream = format!(
        "[[analytics.origin]]\norganization = \"*\"\nsurface = \"*\"\norigin = \"claude\"\n\n[[upstream]]\nname = \"claude\"\nkind = \"analytics\"\nbase_url = \"{}\"\nkey = \"env:UPSTREAM_KEY\"\nshare = 1\nrequests_per_minute = 1000000\n",
        first.address()
    );
    config(&second_config, &upstream);
    let named = ["--config", second_config.to_str().unwrap()];
    run_in(ephor(["init"]).args(named).arg("--data-dir").arg(&second_data)).succeeded();
    run_in(ephor(["org", "analytics", "enable"]).args(named).arg("--data-dir").arg(&second_data)).succeeded();
    let create = ["keys", "create", "--name", "reader", "--scope", "read:analytics"];
    let keys = run(&second_data, &create).json();

    let collect = || {
        let mut command = ephor(["collect", "--once"]);
        command.args(named).arg("--data-dir").arg(&second_data).args(["--format", "json"]);
        run_in(command.env("UPSTREAM_KEY", first.key("analytics"))).json()
    };
    let report = collect();
    assert!(report[0]["added"].as_u64() > Some(0), "{report}");
    // What is read is settled or was read a moment ago. Only a day that is not closed yet is asked for again, once a listing.
    let again = collect();
    assert_eq!(again[0]["added"], 0, "{again}");
    assert!(again[0]["requests"].as_u64().unwrap() <= LISTINGS.len() as u64, "{again}");

    let theirs = first.client("analytics");
    // Collecting goes on from where it stands; in this test the node has nothing to ask for any more.
    let second = Node::up_with(&second_data, named, [("UPSTREAM_KEY", first.key("analytics"))]);
    let ours = Client::new(second.address(), crate::keys::secret_of(&keys));
    let mut compared = 0;
    for question in questions() {
        let (expected, told) = (pages(&theirs, &question), pages(&ours, &question));
        assert_eq!(told, expected, "{question}");
        compared += expected.len();
    }
    assert!(compared > 100, "only {compared} rows to compare");
}
