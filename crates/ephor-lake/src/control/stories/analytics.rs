//! Stories of the Analytics API's switch and of the secrets that a node makes for itself.
//! They promise an owner's word behind every change, and one secret for the life of a folder.
//! Never look at how a secret is kept.

use super::*;

#[tokio::test]
async fn only_the_primary_owner_switches_the_analytics_api() {
    let mut scene = Scene::staffed().await;
    let switch = scene.control.analytics_switch();
    assert_eq!(switch.state().await.unwrap(), AnalyticsAccess::Off);
    for name in ["otto", "adam", "audrey", "nobody"] {
        let refused = switch.turn(AnalyticsAccess::On, &person(name), NOON, &mut scene.rng).await.unwrap_err();
        assert!(
            refused.to_string().contains("to switch the Analytics API on takes the role primary_owner"),
            "{refused}"
        );
    }
    assert_eq!(switch.state().await.unwrap(), AnalyticsAccess::Off);
    assert!(scene.told().await.is_empty());
}

#[tokio::test]
async fn every_change_of_the_switch_is_told_once_under_its_published_name() {
    let mut scene = Scene::staffed().await;
    let (switch, ada) = (scene.control.analytics_switch(), person("ada"));
    for wanted in [AnalyticsAccess::On, AnalyticsAccess::On, AnalyticsAccess::Off, AnalyticsAccess::Off] {
        switch.turn(wanted, &ada, NOON, &mut scene.rng).await.unwrap();
        assert_eq!(switch.state().await.unwrap(), wanted);
    }
    let told = scene.told().await;
    let mut values: Vec<(&Value, &Value)> =
        told.iter().map(|activity| (&activity["previous_value"], &activity["current_value"])).collect();
    // Both carry the time of the story, so the outbox orders them by id.
    values.sort_by_key(|(previous, _)| previous.as_bool());
    assert_eq!(values, [(&json!(false), &json!(true)), (&json!(true), &json!(false))]);
    assert!(told.iter().all(|activity| activity["type"] == "org_analytics_api_capability_updated"));
    let history: Vec<_> = switch.history().await.unwrap().into_iter().map(|revision| revision.value).collect();
    assert_eq!(history, [Some(json!(true)), Some(json!(false))]);
}

#[tokio::test]
async fn a_node_keeps_the_secret_that_it_made_first() {
    let mut scene = Scene::empty().await;
    let first = scene.control.node_secrets().ensure("page_tokens", NOON, &mut scene.rng).await.unwrap();
    let other = scene.control.node_secrets().ensure("something_else", NOON, &mut scene.rng).await.unwrap();
    scene.control.close().await;
    scene.control = Control::open(scene.dir.path()).await.unwrap();
    let again = scene.control.node_secrets().ensure("page_tokens", NOON + 1, &mut scene.rng).await.unwrap();
    assert!(first == again && first != other);
    assert_eq!((first.expose().len(), format!("{first:?}")), (32, "NodeSecret(…)".to_owned()));
}
