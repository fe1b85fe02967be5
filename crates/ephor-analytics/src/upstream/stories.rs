//! What comes out for what went in: a question, the rows of two origins, and the answer side by side.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use ephor_wire::timestamp::UtcDay;
use ephor_wire::usage::Surface;
use serde_json::{Value, json};

use super::fields;

use super::*;
use crate::query::{CostDimension, CostFilters, Filters, Reach};

const DAY: UtcDay = UtcDay(20_522);

const LISTINGS: [Listing; 6] =
    [Listing::Users, Listing::Projects, Listing::Skills, Listing::Connectors, Listing::Plugins, Listing::Artifacts];

fn upstream(name: &str) -> Origin {
    Origin::Upstream(name.to_owned())
}

/// All from `whole`, but for these surfaces.
fn origins(whole: Origin, others: &[(Surface, Origin)]) -> Origins {
    let mut rules = vec![OriginRule { organization: None, surface: None, origin: whole }];
    rules.extend(others.iter().map(|(surface, origin)| OriginRule {
        organization: None,
        surface: Some(*surface),
        origin: origin.clone(),
    }));
    Origins::of(&rules, &Reach::Parent)
}

fn user(id: &str, email: &str, chat: i64, code: i64, searches: i64) -> Value {
    json!({
        "user": {"id": id, "email_address": email}, "web_search_count": searches,
        "chat_metrics": {"message_count": chat, "distinct_conversation_count": chat, "of_chat": "kept"},
        "claude_code_metrics": {"core_metrics": {"commit_count": code, "distinct_session_count": code}},
    })
}

fn merge_of(listing: Listing, origins: &Origins, rows: &[(Origin, Vec<Value>)]) -> Vec<Value> {
    let by_origin: BTreeMap<Origin, Vec<Value>> = rows.iter().cloned().collect();
    merge(listing, origins, &by_origin, Some(DAY))
}

/// Values at these pointers, joined.
fn told(row: &Value, paths: &[&str]) -> String {
    paths.iter().map(|path| row.pointer(path).unwrap_or(&json!("LACKS")).to_string()).collect::<Vec<_>>().join(" ")
}

const CELLS: [&str; 4] =
    ["/user/id", "/chat_metrics/message_count", "/claude_code_metrics/core_metrics/commit_count", "/web_search_count"];

#[test]
fn one_origin_answers_with_its_own_rows_and_what_an_older_profile_lacks_is_added() {
    let given = vec![user("user_1", "a@example.com", 5, 0, 2)];
    let answer = merge_of(Listing::Users, &origins(upstream("claude"), &[]), &[(upstream("claude"), given.clone())]);
    let [row] = answer.as_slice() else { panic!("{answer:?}") };
    for field in fields::fields(Listing::Users) {
        assert!(row.pointer(field.path).is_some(), "{}", field.path);
    }
    // What was there is as it was; zero where a number always is, null where it was not told.
    let paths = [
        "/chat_metrics/of_chat",
        "/chat_metrics/distinct_conversation_count",
        "/chat_metrics/distinct_connectors_used_count",
        "/chat_metrics/shared_conversations_viewed_count",
        "/cowork_metrics/file_edit_count",
        "/cowork_metrics/message_count",
        "/distinct_user_count",
        "/last_activity_date",
        "/user/type",
    ];
    assert_eq!(told(row, &paths), r#""kept" 5 null 0 null 0 null "2026-03-10" "user""#);
}

#[test]
fn a_p6_row_is_handed_on_as_it_came() {
    let mut row = user("user_1", "a@example.com", 1, 1, 1);
    fill(Listing::Users, &mut row, Some(DAY));
    row["chat_cowork_unified_metrics"] = json!({"chat": {"message_count": 7}});
    row["cowork_metrics"]["file_edit_count"] = json!(3);
    let mut again = row.clone();
    fill(Listing::Users, &mut again, Some(DAY));
    assert_eq!(again, row);
    let origins = origins(upstream("claude"), &[]);
    assert_eq!(merge_of(Listing::Users, &origins, &[(upstream("claude"), vec![row.clone()])]), [row]);
}

#[test]
fn each_block_comes_from_the_origin_of_its_surface_and_no_cell_from_two() {
    let ours = vec![user("user_1", "a@example.com", 100, 3, 100), user("user_3", "c@example.com", 100, 4, 100)];
    let theirs = vec![user("user_1", "a@example.com", 5, 200, 2), user("user_2", "b@example.com", 6, 200, 1)];
    let rows = [(Origin::Computed, ours), (upstream("claude"), theirs)];
    let chat_upstream = origins(Origin::Computed, &[(Surface::Chat, upstream("claude"))]);
    let code_computed = origins(upstream("claude"), &[(Surface::ClaudeCode, Origin::Computed)]);
    let cases: [(&Origins, &[&str]); 3] = [
        // user_2 only chats; user_3 has no chat upstream; searches belong to no surface and are ours.
        (&chat_upstream, &[r#""user_1" 5 3 100"#, r#""user_3" 0 4 100"#, r#""user_2" 6 0 0"#]),
        (&code_computed, &[r#""user_1" 5 3 2"#, r#""user_2" 6 0 1"#, r#""user_3" 0 4 0"#]),
        (&origins(Origin::Computed, &[]), &[r#""user_1" 100 3 100"#, r#""user_3" 100 4 100"#]),
    ];
    for (origins, expected) in cases {
        let answer = merge_of(Listing::Users, origins, &rows);
        assert_eq!(answer.iter().map(|row| told(row, &CELLS)).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_row_that_only_a_number_left_out_would_have_made_is_left_out() {
    // Upstream user_2 chatted, and chat is computed here, where user_2 did nothing.
    let rows = [
        (Origin::Computed, vec![user("user_1", "a@example.com", 5, 0, 0)]),
        (upstream("claude"), vec![user("user_2", "b@example.com", 9, 0, 4), user("user_3", "c@example.com", 0, 1, 0)]),
    ];
    let answer =
        merge_of(Listing::Users, &origins(Origin::Computed, &[(Surface::ClaudeCode, upstream("claude"))]), &rows);
    let ids: Vec<String> = answer.iter().map(|row| told(row, &["/user/id"])).collect();
    assert_eq!(ids, [r#""user_1""#, r#""user_3""#]);
}

#[test]
fn a_person_is_the_same_by_id_and_without_one_by_address() {
    let rows = [
        (Origin::Computed, vec![user("installation-7", "Ada@Example.com", 0, 3, 0)]),
        (upstream("claude"), vec![user("user_1", "ada@example.com", 5, 0, 2)]),
    ];
    let answer =
        merge_of(Listing::Users, &origins(upstream("claude"), &[(Surface::ClaudeCode, Origin::Computed)]), &rows);
    assert_eq!(answer.iter().map(|row| told(row, &CELLS)).collect::<Vec<_>>(), [r#""user_1" 5 3 2"#]);
}

#[test]
fn an_origin_without_the_day_leaves_zeros_and_of_the_whole_no_rows() {
    let rows = [(Origin::Computed, vec![user("user_1", "a@example.com", 5, 3, 2)])];
    let chat = origins(Origin::Computed, &[(Surface::Chat, upstream("claude"))]);
    assert_eq!(told(&merge_of(Listing::Users, &chat, &rows)[0], &CELLS), r#""user_1" 0 3 2"#);
    let whole = origins(upstream("claude"), &[]);
    assert_eq!(merge_of(Listing::Users, &whole, &rows), [] as [Value; 0]);
}

#[test]
fn projects_are_chats_alone() {
    let project = |messages: i64| json!({"project_id": "claude_proj_1", "project_name": "Tides", "message_count": messages, "distinct_user_count": 1, "created_by": {"id": "user_1"}});
    let rows = [(Origin::Computed, vec![project(1)]), (upstream("claude"), vec![project(2)])];
    let of = |origins: &Origins| merge_of(Listing::Projects, origins, &rows);
    let paths = ["/message_count", "/distinct_conversation_count", "/created_at", "/created_by/type"];
    let chat = of(&origins(Origin::Computed, &[(Surface::Chat, upstream("claude"))]));
    assert_eq!((chat.len(), told(&chat[0], &paths)), (1, r#"2 null null "user""#.to_owned()));
    let code = of(&origins(Origin::Computed, &[(Surface::ClaudeCode, upstream("claude"))]));
    assert_eq!(told(&code[0], &paths), r#"1 null null "user""#);
}

#[test]
fn skills_connectors_and_plugins_take_their_blocks_by_surface() {
    let row = |name: &str, value: &str, chat: i64, code: i64, users: i64| {
        json!({name: value, "distinct_user_count": users,
            "chat_metrics": {"distinct_conversation_skill_used_count": chat, "distinct_conversation_connector_used_count": chat},
            "claude_code_metrics": {"distinct_session_skill_used_count": code, "distinct_session_connector_used_count": code, "distinct_session_plugin_used_count": code}})
    };
    let origins = origins(upstream("claude"), &[(Surface::ClaudeCode, Origin::Computed)]);
    for (listing, name, code) in [
        (Listing::Skills, "skill_name", "/claude_code_metrics/distinct_session_skill_used_count"),
        (Listing::Connectors, "connector_name", "/claude_code_metrics/distinct_session_connector_used_count"),
        (Listing::Plugins, "plugin_name", "/claude_code_metrics/distinct_session_plugin_used_count"),
    ] {
        let rows = [
            (Origin::Computed, vec![row(name, "one", 70, 7, 70), row(name, "ours", 70, 8, 70)]),
            (upstream("claude"), vec![row(name, "one", 1, 90, 3)]),
        ];
        let answer = merge_of(listing, &origins, &rows);
        let pointer = format!("/{name}");
        let lines: Vec<String> =
            answer.iter().map(|row| told(row, &[&pointer, code, "/distinct_user_count"])).collect();
        assert_eq!(lines, [r#""one" 7 3"#, r#""ours" 8 0"#], "{listing:?}");
    }
}

#[test]
fn summaries_take_the_users_of_a_product_from_its_origin() {
    let summary = |users: i64| json!({"starting_at": "2026-03-10T00:00:00Z", "daily_active_user_count": users, "chat_daily_active_user_count": users, "cowork_daily_active_user_count": users});
    let rows: BTreeMap<Origin, Value> =
        [(Origin::Computed, summary(1)), (upstream("claude"), summary(2)), (upstream("other"), json!({}))].into();
    let told = |origins: &Origins| {
        let row = merge_summaries(origins, &rows).unwrap();
        told(
            &row,
            &[
                "/daily_active_user_count",
                "/chat_daily_active_user_count",
                "/cowork_daily_active_user_count",
                "/weekly_adoption_rate",
                "/science_weekly_active_user_count",
            ],
        )
    };
    assert_eq!(told(&origins(Origin::Computed, &[])), "1 1 1 null 0");
    assert_eq!(told(&origins(Origin::Computed, &[(Surface::Chat, upstream("claude"))])), "1 2 1 null 0");
    assert_eq!(told(&origins(upstream("claude"), &[(Surface::Cowork, upstream("other"))])), "2 2 0 null 0");
    assert_eq!(merge_summaries(&origins(upstream("nobody"), &[]), &rows), None);
}

#[test]
fn over_days_what_adds_up_is_added_and_what_does_not_is_null() {
    let days = vec![
        (DAY, vec![user("user_1", "a@example.com", 5, 2, 1), user("user_2", "b@example.com", 0, 0, 0)]),
        (DAY.plus_days(1), vec![user("user_1", "a@example.com", 3, 4, 0), user("user_3", "c@example.com", 7, 0, 0)]),
        (DAY.plus_days(2), vec![user("user_3", "c@example.com", 0, 0, 0)]),
    ];
    let paths = [
        "/user/id",
        "/chat_metrics/message_count",
        "/chat_metrics/distinct_conversation_count",
        "/claude_code_metrics/core_metrics/distinct_session_count",
        "/chat_metrics/distinct_connectors_used_count",
        "/cowork_metrics/file_edit_count",
        "/last_activity_date",
    ];
    let rows: Vec<String> = over_days(Listing::Users, &days).iter().map(|row| told(row, &paths)).collect();
    assert_eq!(
        rows,
        [
            r#""user_1" 8 null 6 null null "2026-03-11""#,
            r#""user_2" 0 0 0 null null "2026-03-10""#,
            r#""user_3" 7 7 0 null null "2026-03-12""#,
        ]
    );
    let skill = |uses: Value, price: Value, users: i64| json!({"skill_name": "notes", "invocation_count": uses, "attributed_list_price": price, "distinct_user_count": users, "enable_count": 4, "share_status": "private"});
    let days = vec![
        (DAY, vec![skill(json!(3), json!("1.250000"), 2)]),
        (DAY.plus_days(1), vec![skill(json!(null), json!("0.000001"), 2)]),
    ];
    let rows = over_days(Listing::Skills, &days);
    let paths = [
        "/invocation_count",
        "/attributed_list_price",
        "/distinct_user_count",
        "/enable_count",
        "/share_status",
        "/currency",
    ];
    assert_eq!(told(&rows[0], &paths), r#"3 "1.250001" null null "private" null"#);
}

#[test]
fn a_user_in_several_groups_counts_in_each() {
    let users = [
        user("user_1", "a@example.com", 5, 2, 1),
        user("user_2", "b@example.com", 3, 0, 0),
        user("user_3", "c@example.com", 9, 9, 9),
    ];
    let group = |id: &str, name: Option<&str>| Group { id: id.to_owned(), name: name.map(str::to_owned) };
    let groups_of = |user: &str| match user {
        "user_1" => vec![group("rbac_group_2", None), group("rbac_group_1", Some("Tides"))],
        "user_2" => vec![group("rbac_group_1", Some("Tides"))],
        _ => vec![],
    };
    let paths = [
        "/rbac_group_id",
        "/rbac_group_name",
        "/user",
        "/distinct_user_count",
        "/chat_metrics/message_count",
        "/chat_metrics/distinct_conversation_count",
        "/claude_code_metrics/core_metrics/distinct_session_count",
    ];
    let rows: Vec<String> = by_group(&users, groups_of).iter().map(|row| told(row, &paths)).collect();
    assert_eq!(rows, [r#""rbac_group_1" "Tides" null 2 8 null 2"#, r#""rbac_group_2" null null 1 5 5 2"#]);
    let filtered = |filters: Filters| {
        filter_rows("claude", Listing::Users, &filters, users.to_vec(), groups_of)
            .map(|rows| rows.iter().map(|row| told(row, &["/user/id"])).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(
        filtered(Filters { rbac_group_ids: vec!["2".to_owned()], ..Filters::default() }).unwrap(),
        r#""user_1""#
    );
    assert_eq!(filtered(Filters { user_ids: vec!["user_3".to_owned()], ..Filters::default() }).unwrap(), r#""user_3""#);
    let refused =
        filtered(Filters { project_ids: vec!["claude_proj_1".to_owned()], ..Filters::default() }).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the days that were collected from upstream `claude` do not tell what users did in a project"
    );
}

#[test]
fn rows_are_filtered_by_what_they_say() {
    let some = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let cases = [
        (Listing::Skills, Filters { skill_names: some(&["NOTES"]), ..Filters::default() }, 1),
        (Listing::Skills, Filters { share_statuses: some(&["public"]), ..Filters::default() }, 1),
        (Listing::Connectors, Filters { connector_names: some(&["git hub"]), ..Filters::default() }, 1),
        (Listing::Plugins, Filters { plugin_names: some(&["nobody"]), ..Filters::default() }, 0),
        (Listing::Artifacts, Filters { is_shared: vec![true], ..Filters::default() }, 1),
        (Listing::Artifacts, Filters { is_shared: vec![true, false], ..Filters::default() }, 2),
        (Listing::Projects, Filters { project_ids: some(&["claude_proj_1"]), ..Filters::default() }, 1),
    ];
    for (listing, filters, count) in cases {
        let rows = vec![
            json!({"skill_name": "notes", "share_status": "private", "connector_name": "x_1", "connector_display_name": "Git Hub", "plugin_name": "lint", "artifact_type": "text/html", "is_shared": true, "project_id": "claude_proj_1"}),
            json!({"skill_name": "other", "share_status": "public", "connector_name": "drive", "plugin_name": "lint-2", "artifact_type": "other", "is_shared": false, "project_id": "claude_proj_2"}),
        ];
        assert_eq!(filter_rows("claude", listing, &filters, rows, |_| vec![]).unwrap().len(), count, "{filters:?}");
    }
    for (listing, filters) in [
        (Listing::Skills, Filters { user_ids: some(&["user_1"]), ..Filters::default() }),
        (Listing::Connectors, Filters { rbac_group_ids: some(&["1"]), ..Filters::default() }),
        (Listing::Users, Filters { surfaces: vec![Surface::Chat], ..Filters::default() }),
    ] {
        assert!(filter_rows("claude", listing, &filters, vec![], |_| vec![]).is_err());
    }
}

#[test]
fn differences_are_told_cell_by_cell() {
    let ours = [user("user_1", "a@example.com", 5, 3, 2), user("user_3", "c@example.com", 0, 0, 1)];
    let mut theirs = vec![user("user_1", "a@example.com", 5, 4, 2), user("user_2", "b@example.com", 1, 0, 0)];
    theirs[0]["claude_code_metrics"]["core_metrics"]["distinct_session_count"] = json!(null);
    let lines: Vec<String> = differences(Listing::Users, &ours, &theirs)
        .iter()
        .map(|cell| format!("{} {} {} {}", cell.row, cell.field, cell.computed, cell.upstream))
        .collect();
    assert_eq!(
        lines,
        [
            "user_1 claude_code_metrics.core_metrics.commit_count 3 4",
            "user_2 chat_metrics.distinct_conversation_count 0 1",
            "user_2 chat_metrics.message_count 0 1",
            "user_3 web_search_count 1 0",
        ]
    );
    assert_eq!(differences(Listing::Users, &ours, &ours), []);
    let priced = |price: &str| [json!({"skill_name": "notes", "attributed_list_price": price})];
    assert_eq!(differences(Listing::Skills, &priced("1.500000"), &priced("1.5")), []);
    assert_eq!(differences(Listing::Skills, &priced("1.500000"), &priced("1.51")).len(), 1);
}

fn bucket(product: &str, model: &str, tokens: i64, amount: &str) -> Value {
    json!({"product": product, "model": model, "output_tokens": tokens, "requests": 2, "amount": amount, "list_amount": amount, "cache_creation": {"ephemeral_5m_input_tokens": tokens}, "currency": "USD"})
}

#[test]
fn a_report_is_narrowed_to_what_was_asked_and_added_up_exactly() {
    let rows =
        [bucket("chat", "a", 1, "0.100000"), bucket("cowork", "a", 2, "0.200000"), bucket("chat", "b", 4, "0.000001")];
    let asked = |report: Report, group_by: &[CostDimension], filters: &CostFilters, products: &Products| {
        let paths = [
            "/product",
            "/model",
            "/output_tokens",
            "/cache_creation/ephemeral_5m_input_tokens",
            "/requests",
            "/amount",
        ];
        let rows = report_rows(report, group_by, filters, products, &rows);
        rows.iter().map(|row| told(row, &paths)).collect::<Vec<_>>()
    };
    let all = CostFilters::default();
    assert_eq!(asked(Report::Usage, &[], &all, &Products::All), [r#"null null 7 7 6 "LACKS""#]);
    assert_eq!(asked(Report::Cost, &[], &all, &Products::All), [r#"null null "LACKS" "LACKS" 6 "0.300001""#]);
    assert_eq!(
        asked(Report::Usage, &[CostDimension::Model], &all, &Products::All),
        [r#"null "a" 3 3 4 "LACKS""#, r#"null "b" 4 4 2 "LACKS""#,]
    );
    let models = CostFilters { models: vec!["a".to_owned()], ..CostFilters::default() };
    assert_eq!(
        asked(Report::Usage, &[CostDimension::Product], &models, &Products::AllBut(vec!["cowork"])),
        [r#""chat" null 1 1 2 "LACKS""#]
    );
    assert_eq!(asked(Report::Usage, &[], &all, &Products::Only(vec![])), [""; 0]);
}

#[test]
fn users_of_a_report_are_added_over_days_with_both_spellings_of_their_address() {
    let row = |user: &str, tokens: i64, requests: Value| json!({"actor": {"type": "user_actor", "user_id": user, "email": format!("{user}@example.com"), "deleted": false}, "total_tokens": tokens, "output_tokens": tokens, "requests": requests});
    let days = [vec![row("user_1", 3, json!(1)), row("user_2", 1, json!(1))], vec![row("user_1", 4, json!(null))]];
    let rows = add_reports(Report::UserUsage, &[], &days);
    let paths = [
        "/actor/user_id",
        "/actor/email_address",
        "/actor/email",
        "/total_tokens",
        "/requests",
        "/starting_at",
        "/model",
    ];
    assert_eq!(
        rows.iter().map(|row| told(row, &paths)).collect::<Vec<_>>(),
        [
            r#""user_1" "user_1@example.com" "user_1@example.com" 7 null null null"#,
            r#""user_2" "user_2@example.com" "user_2@example.com" 1 1 null null"#,
        ]
    );
}

#[test]
fn people_are_ranked_by_their_whole_and_their_rows_stand_together() {
    use crate::query::{Direction, Rank};
    let row =
        |user: &str, model: &str, amount: &str| json!({"actor": {"user_id": user}, "model": model, "amount": amount});
    let rows =
        [row("b", "y", "3.0"), row("a", "z", "2.0"), row("c", "x", "4.5"), row("a", "x", "2.5"), row("b", "x", "0.5")];
    let order = |report: Report, direction: Direction| {
        let mut rows = rows.to_vec();
        rank_reports(report, Rank::Amount, direction, &mut rows);
        let names: Vec<String> =
            rows.iter().map(|row| told(row, &["/actor/user_id", "/model"]).replace(['"', ' '], "")).collect();
        names.join(" ")
    };
    assert_eq!(order(Report::UserCost, Direction::Descending), "ax az cx bx by");
    assert_eq!(order(Report::UserCost, Direction::Ascending), "bx by ax az cx");
    // In a bucket each row stands for itself.
    assert_eq!(order(Report::Cost, Direction::Ascending), "cx by ax az bx");
}

#[test]
fn buckets_do_not_tell_what_some_users_spent() {
    let filters = CostFilters { user_ids: vec!["user_1".to_owned()], ..CostFilters::default() };
    assert_eq!(needed_dimensions(Report::Usage, &[], &filters, &Products::All), ["user_id"]);
    assert_eq!(needed_dimensions(Report::UserUsage, &[], &filters, &Products::All), [""; 0]);
}

#[test]
fn the_coarsest_cut_that_tells_a_question_is_taken_and_never_one_whose_parts_do_not_add_up() {
    let read = json!({"read": ["2026-03-01/2026-03-31"]});
    let mut listings = serde_json::Map::new();
    for slot in [
        "day",
        "day by product",
        "day by context_window,inference_geo,model,product,speed",
        "day by cost_type,token_type",
        "day by rbac_group_id",
        "day by model,unheard_of",
    ] {
        listings.insert(format!("cost_report {slot}"), read.clone());
    }
    listings.insert("cost_report day by model".to_owned(), json!({"read": ["2026-03-01/2026-03-09"]}));
    let place = Place::parse(&json!({"organization": "org_1", "listings": listings}));
    let cut = |needed: &[&str]| place.cut_for(AnalyticsEndpoint::CostReport, needed, &[DAY]).map(|cut| cut.join(","));
    assert_eq!(cut(&[]).as_deref(), Some(""));
    assert_eq!(cut(&["product"]).as_deref(), Some("product"));
    // By model alone this day is not there, and kinds of cost are cut by nothing else here.
    assert_eq!(cut(&["model"]).as_deref(), Some("context_window,inference_geo,model,product,speed"));
    assert_eq!(cut(&["cost_type"]), None);
    assert_eq!(cut(&["cost_type", "token_type"]).as_deref(), Some("cost_type,token_type"));
    assert_eq!(cut(&["model", "rbac_group_id"]), None);
    assert!(place.has(AnalyticsEndpoint::CostReport, &[], DAY) && !place.has(AnalyticsEndpoint::UsageReport, &[], DAY));
    assert_eq!(
        place.days(AnalyticsEndpoint::CostReport),
        Some(("2026-03-01".parse().unwrap(), "2026-03-31".parse().unwrap()))
    );
    assert_eq!(place.organization.as_deref(), Some("org_1"));
}

#[test]
fn products_are_shared_out_among_origins_without_rest_or_overlap() {
    let origins =
        origins(Origin::Computed, &[(Surface::Chat, upstream("claude")), (Surface::Office, upstream("claude"))]);
    let (ours, theirs) = (products_of(&origins, &Origin::Computed), products_of(&origins, &upstream("claude")));
    assert_eq!(theirs, Products::Only(vec!["chat", "office_agent"]));
    for product in [Some("chat"), Some("claude_code"), Some("office_agent"), Some("claude-tag"), None] {
        assert_ne!(ours.contains(product), theirs.contains(product), "{product:?}");
    }
    let needed = needed_dimensions(
        Report::Cost,
        &[CostDimension::Model],
        &CostFilters { speeds: vec!["fast".to_owned()], ..CostFilters::default() },
        &ours,
    );
    assert_eq!(needed, ["model", "product", "speed"]);
    let one = super::origins::Origins::of(&[], &Reach::Parent);
    assert_eq!(products_of(&one, &Origin::Computed), Products::All);
}

#[test]
fn every_listing_has_an_identity_and_every_field_a_place_of_its_own() {
    for listing in LISTINGS {
        let paths: std::collections::BTreeSet<&str> = fields::fields(listing).iter().map(|field| field.path).collect();
        assert_eq!(paths.len(), fields::fields(listing).len(), "{listing:?}");
        assert!(!fields::identity(listing).is_empty());
    }
    let mut row = json!({});
    fill_summary(&mut row);
    assert_eq!(row.as_object().unwrap().len(), 3 + 3 + 2 + 18 + 1);
}

#[test]
fn rows_are_put_in_order_by_a_number_or_by_name() {
    use crate::query::{Direction, Ordering};
    let rows = [
        user("user_1", "c@example.com", 5, 0, 1),
        user("user_2", "a@example.com", 5, 0, 3),
        json!({"user": {"id": "user_3", "email_address": "b@example.com"}}),
    ];
    let order = |metric: Option<&'static str>, direction: Direction| {
        let mut rows = rows.to_vec();
        order_rows(Listing::Users, &mut rows, &Ordering { metric, direction });
        rows.iter().map(|row| row["user"]["id"].as_str().unwrap()[5..].to_owned()).collect::<String>()
    };
    assert_eq!(order(None, Direction::Ascending), "231");
    assert_eq!(order(None, Direction::Descending), "132");
    assert_eq!(order(Some("chat_metrics.message_count"), Direction::Descending), "213");
    assert_eq!(order(Some("web_search_count"), Direction::Ascending), "123");
}

fn clock() -> i64 {
    DAY.end_micros()
}

#[tokio::test]
async fn a_question_is_answered_from_the_days_that_were_collected() {
    use crate::query::{AsOf, Days, Direction, GroupBy, ListingQuery, Ordering};
    use ephor_lake::{Lake, LakeOptions, UpstreamListing};
    let dir = tempfile::tempdir().unwrap();
    let (lake, _appender) =
        Lake::open_writer(dir.path(), LakeOptions { clock, ..LakeOptions::default() }).await.unwrap();
    let listing = |day: UtcDay, rows: Vec<Value>| UpstreamListing {
        source: "claude".to_owned(),
        endpoint: "users".to_owned(),
        slot: "day".to_owned(),
        day,
        organization: "org_1".to_owned(),
        fetched_at_micros: clock(),
        rows: rows.iter().map(|row| (row["user"]["id"].to_string(), row.to_string())).collect(),
    };
    let (one, two) = (user("user_1", "a@example.com", 5, 2, 1), user("user_2", "b@example.com", 1, 0, 0));
    let rows = lake.upstream_rows();
    rows.record(vec![listing(DAY, vec![one.clone(), two]), listing(DAY.plus_days(1), vec![one])], None).await.unwrap();
    let then = rows.next_seq();
    rows.record(vec![listing(DAY, vec![user("user_1", "a@example.com", 6, 2, 1)])], None).await.unwrap();

    let query = |days: Days, group_by: Vec<GroupBy>, upstream_seq: u64| ListingQuery {
        listing: Listing::Users,
        reach: Reach::Parent,
        days,
        filters: Filters::default(),
        group_by,
        ordering: Ordering { metric: None, direction: Direction::Ascending },
        as_of: Some(AsOf { usage_seq: 0, upstream_seq }),
    };
    let groups_of = |_: &str| vec![Group { id: "rbac_group_1".to_owned(), name: None }];
    let answer = |query: &ListingQuery| {
        let rows =
            upstream_listing(lake.upstream_rows(), "claude", query, groups_of).map_err(|error| error.to_string())?;
        Ok(rows
            .iter()
            .map(|row| told(row, &["/user/id", "/chat_metrics/message_count", "/distinct_user_count"]))
            .collect())
    };
    let told_by = |days: Days, group_by: &[GroupBy], seq: u64| -> Result<Vec<String>, String> {
        answer(&query(days, group_by.to_vec(), seq))
    };
    let now = lake.upstream_rows().next_seq();
    let both = Days::Range { first: DAY, end: DAY.plus_days(2) };
    assert_eq!(told_by(Days::Day(DAY), &[], now).unwrap(), [r#""user_1" 6 null"#]);
    assert_eq!(told_by(Days::Day(DAY), &[], then).unwrap(), [r#""user_1" 5 null"#, r#""user_2" 1 null"#]);
    assert_eq!(told_by(both, &[], now).unwrap(), [r#""user_1" 11 null"#]);
    assert_eq!(told_by(both, &[GroupBy::RbacGroup], then).unwrap(), [r#""LACKS" 11 2"#]);
    assert_eq!(told_by(Days::Day(DAY.plus_days(9)), &[], now).unwrap(), [""; 0]);
    assert_eq!(
        told_by(Days::Day(DAY), &[GroupBy::User], now).unwrap_err(),
        "the days that were collected from upstream `claude` do not tell how a day's numbers are shared out"
    );
}
