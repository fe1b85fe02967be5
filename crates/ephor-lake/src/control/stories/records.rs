//! Stories of the outbox, settings, sources and organizations.
//! They promise order, history, and that the same thing said twice is kept once.
//! Never look into the table: only what the door answers.

use super::*;

#[tokio::test]
async fn the_outbox_gives_the_oldest_first_and_keeps_an_id_once() {
    let scene = Scene::empty().await;
    let item = |id: &str| OutboxItem { id: id.to_owned(), raw: format!("{{\"id\":\"{id}\"}}") };
    let outbox = scene.control.outbox();
    outbox.put_many(&[item("c"), item("d"), item("c")], NOON + 1).await.unwrap();
    outbox.put(&item("e"), NOON).await.unwrap();
    outbox.put(&item("c"), NOON).await.unwrap();
    assert_eq!(outbox.pending(2).await.unwrap(), [item("e"), item("c")]);
    outbox.delete(&["e".to_owned(), "c".to_owned(), "unknown".to_owned()]).await.unwrap();
    assert_eq!(outbox.pending(10).await.unwrap(), [item("d")]);
    assert_eq!(outbox.len().await.unwrap(), 1);
}

#[tokio::test]
async fn a_setting_keeps_its_history_and_a_repeated_value_is_no_change() {
    let mut scene = Scene::staffed().await;
    let (settings, by) = (scene.control.settings(), person("ada"));
    settings.put("retention_days", &json!(30), &by, NOON, &mut scene.rng).await.unwrap();
    settings.put("retention_days", &json!(30), &by, NOON + 1, &mut scene.rng).await.unwrap();
    settings.put("retention_days", &json!(60), &by, NOON + 2, &mut scene.rng).await.unwrap();
    settings.remove("retention_days", &by, NOON + 3, &mut scene.rng).await.unwrap();
    settings.put("Bad Name", &json!(1), &by, NOON, &mut scene.rng).await.unwrap_err();
    assert_eq!(settings.get("retention_days").await.unwrap(), None);
    let history: Vec<_> = settings.history("retention_days").await.unwrap().into_iter().map(|r| r.value).collect();
    assert_eq!(history, [Some(json!(30)), Some(json!(60)), None]);
    let told = scene.told().await;
    let updates: Vec<&Value> = told.iter().map(|activity| &activity["updates"][0]).collect();
    assert_eq!(updates[1], &json!({ "type": "retention_days", "previous_value": 30, "current_value": 60 }));
    assert_eq!(updates.len(), 3);
}

#[tokio::test]
async fn a_source_tells_how_it_fares() {
    let mut scene = Scene::empty().await;
    let sources = scene.control.sources();
    let budget = Budget { limit_requests: 600, remaining_requests: 599, reset_at_micros: Some(NOON + MINUTE) };
    let run = |at, outcome, budget| SourceRun {
        source: "claude".to_owned(),
        at_micros: at,
        outcome,
        budget,
        clock_skew_micros: None,
        last_request_id: (at < NOON + 3 * MINUTE).then(|| format!("req_{}", (at - NOON) / MINUTE)),
    };
    sources.record_run(&run(NOON, RunOutcome::Succeeded { rows: 5 }, Some(budget))).await.unwrap();
    for minute in 1..3 {
        let outcome = RunOutcome::Failed { error: "401".to_owned() };
        sources.record_run(&run(NOON + minute * MINUTE, outcome, None)).await.unwrap();
    }
    let state = sources.find("claude").await.unwrap().unwrap();
    assert_eq!((state.failures_in_a_row, state.rows_total, state.rows_last_run), (2, 5, 5));
    assert_eq!((state.last_success_at_micros, state.last_error_at_micros), (Some(NOON), Some(NOON + 2 * MINUTE)));
    assert_eq!((state.last_error.as_deref(), state.budget), (Some("401"), Some(budget)));
    sources.record_run(&run(NOON + 3 * MINUTE, RunOutcome::Succeeded { rows: 2 }, None)).await.unwrap();
    let state = &sources.list().await.unwrap()[0];
    assert_eq!((state.failures_in_a_row, state.rows_total, state.rows_last_run), (0, 7, 2));
    let day = UtcDay::from_micros(NOON);
    let requests = sources.answered_requests("claude", day, day).await.unwrap();
    assert_eq!(
        requests.iter().map(|one| one.request_id.as_str()).collect::<Vec<_>>(),
        ["req_2"],
        "the last that was named"
    );
    assert_eq!(sources.answered_requests("claude", day.plus_days(1), day.plus_days(2)).await.unwrap(), []);

    let gap = sources.open_gap("claude", "key refused", NOON, None, NOON, &mut scene.rng).await.unwrap();
    let same = sources.open_gap("claude", "key refused", NOON, Some(NOON + 9), NOON + 9, &mut scene.rng).await.unwrap();
    assert_eq!((same.id.clone(), same.opened_at_micros), (gap.id, NOON));
    sources.close_gap(&same.id, NOON + 99, NOON + 50).await.unwrap();
    let closed = Gap { closed_at_micros: Some(NOON + 50), to_micros: Some(NOON + 9), ..same };
    assert_eq!(sources.gaps().await.unwrap(), [closed]);
    sources.close_gap("gap_none", NOON, NOON).await.unwrap_err();
}

#[tokio::test]
async fn there_is_one_parent_and_an_organization_keeps_its_id() {
    let scene = Scene::staffed().await;
    let organizations = scene.control.organizations();
    let second = organizations.ensure(&organization("uuid-other", "Other", Place::Parent)).await;
    assert!(matches!(second, Err(ControlError::SecondParent { .. })));
    let renamed = organizations.ensure(&organization("uuid-parent", "Renamed", Place::Parent)).await.unwrap();
    assert_eq!((renamed.id.as_str(), renamed.name.as_str()), ("org_Parent", "Renamed"));
    assert_eq!(organizations.find("org_Parent").await.unwrap(), Some(renamed.clone()));
    assert_eq!(organizations.find("uuid-parent").await.unwrap(), Some(renamed.clone()));
    assert_eq!(organizations.parent().await.unwrap(), Some(renamed));
    assert_eq!(organizations.list().await.unwrap().len(), 2);
}
