//! What an Analytics API knows of a day: rows computed from endpoint, cut, day and revision, spelled as nobody else would.
//! The same question has the same bytes until the day is revised; then every row has others.
//! Never a field that can carry content.

use ephor_wire::analytics::AnalyticsEndpoint as E;
use ephor_wire::timestamp::UtcDay;

/// Rows of one day.
pub fn rows(endpoint: E, cut: &[&str], day: UtcDay, revision: u32) -> Vec<String> {
    let number = i64::from(day.0) * 10 + i64::from(revision);
    // Some days are empty, some fill several pages, and a revision can bring a row to the front.
    let count = usize::try_from((day.0 * 7) % 9).unwrap();
    let names: Vec<String> = match revision % 2 {
        0 => (0..count).map(|n| format!("n{n}")).collect(),
        _ => std::iter::once("a_new".to_owned()).chain((0..count).map(|n| format!("n{n}"))).collect(),
    };
    let cuts: String = cut.iter().map(|name| format!(r#","{name}":"{name} of it""#)).collect();
    match endpoint {
        E::Users => each(&names, |n| {
            format!(
                r#"{{"user":{{"id":"user_{n}","email_address":"{n}@example.com"}} , "web_search_count":{number},"chat_metrics":{{"message_count":{number}}},"of_next_year":{{"deep":[1.50]}}}}"#
            )
        }),
        E::Summaries => vec![format!(
            r#"{{"starting_at":"{day}T00:00:00Z","ending_at":"{}T00:00:00Z","daily_active_user_count":{number},"daily_adoption_rate":35.0}}"#,
            day.plus_days(1)
        )],
        E::Projects => each(&names, |n| {
            format!(r#"{{"project_id":"claude_proj_{n}","project_name":"\u00e9 {n}","message_count":{number}}}"#)
        }),
        E::Skills => each(&names, |n| format!(r#"{{"skill_name":"{n}","invocation_count":{number}}}"#)),
        // The same name twice: one by name and one by an opaque id, say.
        E::Connectors => each(&names, |_| format!(r#"{{"connector_name":"github","read_call_count":{number}}}"#)),
        E::Plugins => each(&names, |n| format!(r#"{{"plugin_name":"{n}","plugin_id":null,"install_count":{number}}}"#)),
        E::Artifacts => each(&names, |n| {
            format!(r#"{{"artifact_type":"text/{n}","is_shared":false,"artifacts_created_count":{number}}}"#)
        }),
        E::UsageReport | E::CostReport => {
            // Uncut there is one row, and none on a day without usage.
            let names = if cut.is_empty() { names[..names.len().min(1)].to_vec() } else { names };
            each(&names, |n| {
                let cuts: String = cut.iter().map(|name| format!(r#","{name}":"{n}""#)).collect();
                format!(r#"{{"amount":"{number}.500000","output_tokens":{number}{cuts}}}"#)
            })
        }
        E::UserUsageReport | E::UserCostReport => each(&names, |n| {
            format!(
                r#"{{"actor":{{"type":"user_actor","user_id":"user_{n}","deleted":false}},"total_tokens":{number}{cuts}}}"#
            )
        }),
    }
}

fn each(names: &[String], row: impl Fn(&str) -> String) -> Vec<String> {
    names.iter().map(|name| row(name)).collect()
}
