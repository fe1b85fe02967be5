//! Stories of API keys: recognised, rotated, revoked, told.
//! They promise that a key stops working in the very moment that it should.
//! Never look into the table: only what the door answers.

use super::*;

#[tokio::test]
async fn a_new_key_is_recognised_and_only_its_fingerprint_is_stored() {
    let mut scene = Scene::staffed().await;
    let issued = scene.key(None).await;
    let found = scene.control.keys().authenticate(issued.secret.expose(), NOON).await.unwrap().unwrap().key;
    assert_eq!(found, issued.record);
    assert_eq!(found.created_by, "ada@example.com");
    let wrong = issued.secret.expose().replace(&issued.record.hint, "0000");
    assert!(scene.control.keys().authenticate(&wrong, NOON).await.unwrap().is_none());
    scene.control.close().await;
    for file in std::fs::read_dir(scene.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(48).any(|window| issued.secret.expose().as_bytes().ends_with(window)));
    }
}

#[tokio::test]
async fn a_rotated_key_works_during_the_overlap_and_not_after() {
    let mut scene = Scene::staffed().await;
    let old = scene.key(None).await;
    let overlap = Duration::from_secs(3_600);
    let by = person("ada");
    let new = scene.control.keys().rotate(&old.record.id, overlap, &by, NOON, &mut scene.rng).await.unwrap();
    assert_eq!(new.record.rotated_from.as_ref(), Some(&old.record.id));
    assert_eq!((&new.record.scopes, &new.record.name), (&old.record.scopes, &old.record.name));
    assert!(scene.works(&old.secret, NOON + 60 * MINUTE - 1).await);
    assert!(!scene.works(&old.secret, NOON + 60 * MINUTE).await);
    assert!(scene.works(&new.secret, NOON + 60 * MINUTE).await);
    assert_eq!(scene.told_types().await, ["api_key_created", "api_key_created", "scoped_api_key_updated"]);
    let again = scene.control.keys().rotate(&old.record.id, overlap, &by, NOON, &mut scene.rng).await;
    assert!(matches!(again, Err(ControlError::KeyNotRotatable { state: "rotated already", .. })));
}

#[tokio::test]
async fn a_rotation_never_prolongs_the_old_key_and_gives_the_new_one_the_same_lifetime() {
    let mut scene = Scene::staffed().await;
    let old = scene.key(Some(NOON + 10 * MINUTE)).await;
    let by = person("ada");
    let (day, later) = (Duration::from_secs(86_400), NOON + MINUTE);
    let new = scene.control.keys().rotate(&old.record.id, day, &by, later, &mut scene.rng).await.unwrap();
    assert!(!scene.works(&old.secret, NOON + 10 * MINUTE).await);
    assert_eq!(new.record.expires_at_micros, Some(NOON + 11 * MINUTE));
}

#[tokio::test]
async fn a_revoked_key_fails_at_once() {
    let mut scene = Scene::staffed().await;
    let issued = scene.key(None).await;
    assert!(scene.works(&issued.secret, NOON).await);
    let by = person("ada");
    scene.control.keys().revoke(&issued.record.id, &by, NOON, &mut scene.rng).await.unwrap();
    assert!(!scene.works(&issued.secret, NOON).await);
    scene.control.keys().revoke(&issued.record.id, &by, NOON + 1, &mut scene.rng).await.unwrap();
    assert_eq!(scene.told_types().await, ["api_key_created", "scoped_api_key_deleted"], "revoked twice, told once");
    let unknown = scene.control.keys().revoke("apikey_none", &by, NOON, &mut scene.rng).await;
    assert!(matches!(unknown, Err(ControlError::UnknownKey { .. })));
}

#[tokio::test]
async fn last_use_is_written_once_a_minute() {
    let mut scene = Scene::staffed().await;
    let issued = scene.key(None).await;
    let keys = scene.control.keys();
    for (now, expected) in [(NOON, NOON), (NOON + 1, NOON), (NOON + MINUTE - 1, NOON), (NOON + MINUTE, NOON + MINUTE)] {
        keys.touch_last_used(&issued.record, now).await.unwrap();
        let found = keys.find(&issued.record.id).await.unwrap().unwrap();
        keys.touch_last_used(&found, now).await.unwrap();
        assert_eq!(found.last_used_at_micros, Some(expected));
    }
}

#[tokio::test]
async fn a_key_that_makes_no_sense_is_not_made() {
    let mut scene = Scene::staffed().await;
    let cases = [
        NewKey { name: " ".to_owned(), ..collector_key() },
        NewKey { scopes: ScopeSet::default(), ..collector_key() },
        NewKey { expires_at_micros: Some(NOON), ..collector_key() },
        NewKey { reach: KeyReach::Organization(OrganizationUuid::from("nowhere")), ..collector_key() },
    ];
    for wanted in cases {
        scene.control.keys().create(wanted, &person("ada"), NOON, &mut scene.rng).await.unwrap_err();
    }
    assert!(scene.control.keys().list().await.unwrap().is_empty());
    assert!(scene.told().await.is_empty());
}

#[tokio::test]
async fn an_activity_names_its_actor_its_time_and_its_organization() {
    let mut scene = Scene::staffed().await;
    let reach = KeyReach::Organization(OrganizationUuid::from("uuid-linked"));
    let wanted = NewKey { reach, ..collector_key() };
    let issued = scene.control.keys().create(wanted, &person("ada"), NOON, &mut scene.rng).await.unwrap();
    let told = scene.told().await;
    assert_eq!(
        told[0],
        json!({
            "id": told[0]["id"],
            "created_at": "2026-01-01T12:00:00.000000Z",
            "type": "api_key_created",
            "actor": serde_json::to_value(person("ada")).unwrap(),
            "organization_id": "org_Linked",
            "organization_uuid": "uuid-linked",
            "api_key_id": issued.record.id,
            "scopes": ["read:compliance_activities", "write:activities"],
            "restricted_to_organization": true,
        })
    );
    let raw = told[0].to_string();
    ephor_wire::header::Header::parse(raw.as_bytes()).unwrap();
    assert!(!raw.contains(issued.secret.expose()));
}
