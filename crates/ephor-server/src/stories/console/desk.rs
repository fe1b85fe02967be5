//! What makes a long day shorter: answers that are kept, questions under a name, lists in another order, rules tried on history.

use ephor_detect::FindingFilter;
use ephor_lake::control::{DeadLetter, ExportAdvance, ExportPlace, ExportStream, ExportTotals};
use ephor_lake::directory::{DirectoryKind, DirectoryRow, DirectorySnapshot};

use super::*;
use crate::{NodeFacts, ScheduleFact, UpstreamFact};

/// Waits until everything that was done so far is in the lake.
async fn at_rest(house: &House) {
    while house.app.control().outbox().len().await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_is_kept_until_something_arrives_and_every_role_sees_its_own_part_of_it() {
    let house = house().await;
    super::work::people(&house, &[("user_bob", "Bob Baker")]).await;
    house.store(&[activity(1, "claude_user_role_updated", "user_bob", Some(EAST))]).await;
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    let mut viewer = Browser::signed_in(&house, Role::Viewer).await;
    at_rest(&house).await;
    let adoption = "/use-cases/adoption-governance?from=2026-11-01&to=2026-11-22";
    let timeline = "/timeline?actor=user_bob";
    let made =
        |page: &Answer| between(&page.text, "Made at ", " from").unwrap_or_else(|| panic!("{}", page.text)).to_owned();
    let before = [made(&analyst.get(adoption).await), made(&analyst.get(timeline).await)];
    wait(7 * SECOND);
    assert_eq!([made(&analyst.get(adoption).await), made(&analyst.get(timeline).await)], before);
    let seen = viewer.get(adoption).await;
    assert_eq!(made(&seen), before[0], "one answer for all");
    assert!(seen.text.contains("Names are pseudonyms") && !seen.text.contains("user_bob"), "{}", seen.text);
    assert!(analyst.get(adoption).await.text.contains("Names are shown"));
    assert_ne!(made(&analyst.get("/use-cases/adoption-governance?from=2026-11-02&to=2026-11-22").await), before[0]);
    house.store(&[activity(2, "claude_user_role_updated", "user_bob", Some(EAST))]).await;
    at_rest(&house).await;
    let after = analyst.get(timeline).await;
    assert_ne!(made(&after), before[1], "what has arrived is in the next answer");
    assert!(after.text.contains("activity_0002"), "{}", after.text);
    // The overview is kept likewise, and counts what has arrived.
    assert!(analyst.get("/").await.text.contains("activity_0002"));
    house.store(&[activity(3, "claude_user_role_updated", "user_bob", Some(EAST))]).await;
    assert!(analyst.get("/").await.text.contains("activity_0003"));
}

#[tokio::test]
async fn a_question_is_kept_under_a_name_by_whoever_asked_it_and_by_nobody_else() {
    let house = house().await;
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    let fields = [("path", "/findings"), ("query", "severity=high&page=3&said=done"), ("name", "The worst")];
    assert_eq!(analyst.post("/views", &fields).await.header("location"), "/findings?severity=high");
    let page = analyst.get("/findings").await.text;
    assert!(page.contains("The worst") && page.contains("href=\"/findings?severity=high\""), "{page}");
    for (field, odd) in [("path", "https://evil.example"), ("path", "/settings"), ("query", ""), ("name", "")] {
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, if *name == field { odd } else { value })).collect();
        assert_eq!(analyst.post("/views", &fields).await.status, 400, "{field} {odd}");
    }
    let mut admin = Browser::signed_in(&house, Role::Admin).await;
    assert!(!admin.get("/findings").await.text.contains("The worst"));
    let id = between(&page, "name=\"id\" value=\"view_", "\"").unwrap();
    let forget = [("path", "/findings"), ("id", &*format!("view_{id}"))];
    assert_eq!(admin.post("/views/forget", &forget).await.status, 303);
    assert!(analyst.get("/findings").await.text.contains("The worst"), "another's view is not forgotten");
    assert_eq!(analyst.post("/views/forget", &forget).await.header("location"), "/findings");
    assert!(!analyst.get("/findings").await.text.contains("The worst"));
}

#[tokio::test]
async fn the_queue_is_sorted_by_the_column_that_is_asked_for() {
    let house = house().await;
    let grave = ephor_detect::Finding { severity: Severity::Critical, count: 9, ..finding(1, "user_bob", "first") };
    found(&house, &[grave, finding(2, "user_eve", "second")]).await;
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    for (query, first) in [
        ("", "first"),
        ("?sort=seen&way=down", "second"),
        ("?sort=count", "second"),
        ("?sort=severity&way=down", "first"),
    ] {
        let text = analyst.get(&format!("/findings{query}")).await.text;
        let place = |words: &str| text.find(&format!("A role was given {words}")).unwrap();
        assert_eq!(place("first") < place("second"), first == "first", "{query}");
    }
    let overview = analyst.get("/").await.text;
    assert!(overview.contains("href=\"/findings?use_case=privilege-escalation\""), "the tally by use case: {overview}");
}

#[tokio::test]
async fn a_rule_is_tried_on_history_and_puts_nothing_down() {
    let house = house().await;
    let mut raised = activity(1, "claude_user_role_updated", "user_bob", Some(EAST));
    raised.as_object_mut().unwrap().extend(
        json!({ "user_id": "user_eve", "previous_role": "user", "current_role": "owner" }).as_object().unwrap().clone(),
    );
    house.store(&[raised]).await;
    at_rest(&house).await;
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    let path = "/rules/rank_raised_to_owner/backtest";
    assert!(analyst.get(path).await.text.contains("Not tried yet"));
    let mut tried = async |from: &str| {
        assert_eq!(analyst.post(path, &[("from", from)]).await.header("location"), path);
        loop {
            let page = analyst.get(path).await.text;
            if !page.contains("under way") {
                return page;
            }
            tokio::task::yield_now().await;
        }
    };
    let page = tried("2026-11-01").await;
    assert!(page.contains("user_eve") && page.contains("2026-11-23"), "{page}");
    assert!(tried("2026-11-24").await.contains("would have found nothing"));
    assert_eq!(
        Findings::new(house.app.control()).list(&FindingFilter::default()).await.unwrap(),
        [],
        "nothing is put down"
    );
    assert_eq!(analyst.post(path, &[("from", "yesterday")]).await.status, 400);
    assert_eq!(analyst.post("/rules/no_such_rule/backtest", &[]).await.status, 404);
    let mut auditor = Browser::signed_in(&house, Role::Auditor).await;
    assert_eq!(auditor.get(path).await.status, 200);
    assert_eq!(auditor.post(path, &[]).await.status, 403);
}

#[tokio::test]
async fn a_list_is_edited_with_a_reason_and_what_a_register_brings_stays() {
    let mut house = house().await;
    let registers = ephor_detect::Registers::new(house.app.control());
    registers
        .take("upstream", "approved_connectors", &[json!({ "id": "mcpsrv_9", "name": "Wiki" })], now())
        .await
        .unwrap();
    let mut admin = Browser::signed_in(&house, Role::Admin).await;
    let wanted = [
        ("list", "approved_connectors"),
        ("id", "mcpsrv_1"),
        ("name", "Jira"),
        ("since", "2026-11-01"),
        ("reason", "asked for by research"),
    ];
    let path = "/settings/lists?list=approved_connectors&said=";
    assert_eq!(admin.post("/settings/lists", &wanted).await.header("location"), format!("{path}changed"));
    assert_eq!(admin.post("/settings/lists", &wanted).await.header("location"), format!("{path}unchanged"));
    for (field, odd) in [("list", "Approved!"), ("id", ""), ("since", "soon"), ("reason", "")] {
        let fields: Vec<(&str, &str)> =
            wanted.iter().map(|(name, value)| (*name, if *name == field { odd } else { value })).collect();
        assert_eq!(admin.post("/settings/lists", &fields).await.status, 400, "{field} {odd}");
    }
    let page = admin.get("/settings/lists").await.text;
    for part in [
        "/connectors/mcpsrv_1",
        "Jira",
        "asked for by research",
        "admin@example.com",
        "mcpsrv_9",
        "upstream",
        "2026-11-01",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(page.matches(">Take it off<").count(), 1, "what a register brings is taken off there");
    wait(SECOND);
    let off = [("list", "approved_connectors"), ("id", "mcpsrv_1"), ("reason", "nobody uses it")];
    assert_eq!(admin.post("/settings/lists/remove", &off[..2]).await.status, 400, "a reason is asked for");
    assert_eq!(admin.post("/settings/lists/remove", &off).await.header("location"), format!("{path}changed"));
    assert_eq!(admin.post("/settings/lists/remove", &[off[0], ("id", "mcpsrv_9"), off[2]]).await.status, 409);
    assert!(!admin.get("/settings/lists").await.text.contains("mcpsrv_1"));
    assert!(admin.get("/settings/lists?history=true").await.text.contains("nobody uses it"));
    let mut auditor = Browser::signed_in(&house, Role::Auditor).await;
    assert!(!auditor.get("/settings/lists").await.text.contains("Put it there"));
    drop((admin, auditor));
    let told = house.settled("ephor_list_updated").await;
    let told: Vec<String> =
        told.iter().map(|one| format!("{} {} {}", one["change"], one["actor"]["user_id"], one["reason"])).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "added" "user_admin" "asked for by research"
    "removed" "user_admin" "nobody uses it"
    "#);
}

/// Puts people into a group of the directory.
async fn group(house: &House, id: &str, members: &[&str]) {
    let snapshot = |kind: DirectoryKind, scope: &str, rows: Vec<(String, Value)>| DirectorySnapshot {
        kind,
        scope: scope.into(),
        source: format!("upstream of {id}"),
        observed_at_micros: now(),
        rows: rows.into_iter().map(|(key, value)| DirectoryRow { key, value }).collect(),
    };
    let row = vec![(id.to_owned(), json!({ "id": id, "name": format!("Group {id}") }))];
    let members = members.iter().map(|user| ((*user).to_owned(), json!({ "user_id": user }))).collect();
    let all = vec![snapshot(DirectoryKind::Groups, "", row), snapshot(DirectoryKind::GroupMembers, id, members)];
    house.app.lake().directory().record_many(all).await.unwrap();
}

#[tokio::test]
async fn adoption_and_cost_are_narrowed_to_a_group_that_is_large_enough() {
    let house = house().await;
    let people = ["user_a", "user_b", "user_c", "user_d", "user_e", "user_f"];
    super::work::people(&house, &people.map(|id| (id, id))).await;
    group(&house, "rbac_group_big", &people[..5]).await;
    group(&house, "rbac_group_few", &people[..2]).await;
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    let all = analyst.get("/use-cases/adoption-governance").await.text;
    assert!(all.contains("6 people with a seat") && all.contains("Group rbac_group_big (5)"), "{all}");
    assert!(!all.contains("rbac_group_few"), "a group of two is not offered");
    let narrowed = analyst.get("/use-cases/adoption-governance?group=rbac_group_big").await.text;
    assert!(narrowed.contains("5 people with a seat in the group Group rbac_group_big"), "{narrowed}");
    assert!(narrowed.contains("as the directory lists them now"), "{narrowed}");
    let cost = analyst.get("/use-cases/cost-attribution?group=rbac_group_big").await.text;
    assert!(cost.contains("of the group Group rbac_group_big") && !cost.contains("Reconciliation"), "{cost}");
    for odd in ["rbac_group_few", "rbac_group_none"] {
        assert_eq!(analyst.get(&format!("/use-cases/cost-attribution?group={odd}")).await.status, 400, "{odd}");
    }
}

#[tokio::test]
async fn settings_tell_of_schedules_of_backfills_and_of_dead_letters_which_are_tried_again() {
    let upstream = |name: &str, lists_only| UpstreamFact {
        name: name.to_owned(),
        kind: "Compliance API".to_owned(),
        base_url: "https://api.example.com".to_owned(),
        poll_seconds: 60,
        backfill_from: None,
        lists_only,
    };
    let schedule = ScheduleFact {
        name: "weekly".to_owned(),
        report: "shadow-ai".to_owned(),
        cron: "0 6 * * MON".to_owned(),
        time_zone: "UTC".to_owned(),
        form: "html".to_owned(),
        to: "the folder reports".to_owned(),
    };
    let facts = NodeFacts {
        upstreams: vec![upstream("new", false), upstream("admin", true)],
        schedules: vec![schedule],
        ..NodeFacts::default()
    };
    let console = ConsoleOptions {
        origins: vec![ADDRESS.parse().unwrap()],
        facts,
        patience: Duration::from_secs(60),
        ..ConsoleOptions::default()
    };
    let mut house = House::open_off(ServerOptions { console, ..ServerOptions::default() }).await;
    house.enable().await;
    let exports = house.app.control().exports();
    exports.ensure("siem", "webhook", (0, 0), now()).await.unwrap();
    let letter = DeadLetter {
        stream: ExportStream::Activities,
        place: 4,
        record_id: "activity_0004".to_owned(),
        reason: "400 <b>too long</b>".to_owned(),
        first_at_micros: now(),
        last_at_micros: now(),
        attempts: 1,
        again: false,
    };
    let step = ExportAdvance {
        stream: ExportStream::Activities,
        place: ExportPlace { next: 5, sending: None },
        added: ExportTotals::default(),
        dead: vec![letter],
        events_per_second: 0.0,
        at_micros: now(),
    };
    exports.advance("siem", &step).await.unwrap();
    let mut admin = Browser::signed_in(&house, Role::Admin).await;
    let sinks = admin.get("/settings/sinks").await.text;
    for part in ["Refused for good by siem", "/activity/activity_0004", "400 &lt;b&gt;too long", "Try all again"] {
        assert!(sinks.contains(part), "{part}: {sinks}");
    }
    assert_eq!(admin.post("/settings/sinks/retry", &[("sink", "siem")]).await.status, 303);
    assert!(admin.get("/settings/sinks").await.text.contains("tried again"));
    assert_eq!(exports.letters_to_retry("siem", 10).await.unwrap().len(), 1);
    assert_eq!(admin.post("/settings/sinks/retry", &[("sink", "other")]).await.status, 404);
    let schedules = admin.get("/settings/schedules").await.text;
    for part in ["weekly", "0 6 * * MON", "2026-11-30", "the folder reports", "not minded yet"] {
        assert!(schedules.contains(part), "{part}: {schedules}");
    }
    let sources = admin.get("/settings/sources").await.text;
    assert!(sources.contains("not begun") && sources.contains("listings of now"), "{sources}");
    let mut auditor = Browser::signed_in(&house, Role::Auditor).await;
    assert!(!auditor.get("/settings/sinks").await.text.contains("Try all again"));
    drop((admin, auditor));
    let told = house.settled("ephor_export_retried").await;
    let told: Vec<String> =
        told.iter().map(|one| format!("{} {} {}", one["sink"], one["records"], one["actor"]["user_id"])).collect();
    assert_eq!(told, [r#""siem" 1 "user_admin""#], "what was asked for is told once, by whom");
}
