//! Stories of the file: changes whole or not at all, reopened, shared, private.
//! They promise that no failure leaves half a change behind.
//! Never trust a transaction: triggers make it fail on purpose.

use super::*;

#[tokio::test]
async fn a_change_and_its_activity_are_there_together_or_not_at_all() {
    let mut scene = Scene::staffed().await;
    let issued = scene.key(None).await;
    let before = scene.told().await;
    scene.sql("CREATE TRIGGER no_outbox BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'forced'); END").await;
    let (by, id) = (person("ada"), issued.record.id.clone());
    scene.control.keys().create(collector_key(), &by, NOON, &mut scene.rng).await.unwrap_err();
    scene.control.keys().revoke(&id, &by, NOON, &mut scene.rng).await.unwrap_err();
    scene.control.keys().rotate(&id, Duration::ZERO, &by, NOON, &mut scene.rng).await.unwrap_err();
    scene.control.enablement().enable("DPA", &by, NOON, &mut scene.rng).await.unwrap_err();
    scene.control.members().transfer_primary_owner(&mail("adam"), &by, NOON, &mut scene.rng).await.unwrap_err();
    scene.control.settings().put("web_search_enabled", &json!(true), &by, NOON, &mut scene.rng).await.unwrap_err();
    scene.grant("newcomer", Role::Member, "ada").await.unwrap_err();
    assert!(scene.works(&issued.secret, NOON).await);
    assert_eq!(scene.control.keys().list().await.unwrap(), std::slice::from_ref(&issued.record));
    assert_eq!(scene.control.enablement().state().await.unwrap(), Recording::Off);
    assert_eq!(scene.control.members().list().await.unwrap().len(), 4);
    assert_eq!(scene.control.members().primary_owner().await.unwrap().unwrap().email, mail("ada"));
    assert!(scene.control.settings().list().await.unwrap().is_empty());
    scene.sql("DROP TRIGGER no_outbox").await;

    // The other way round: the activity is written, then the change's last statement fails.
    scene.sql("CREATE TRIGGER no_promotion BEFORE UPDATE ON members WHEN NEW.role = 'primary_owner' BEGIN SELECT RAISE(ABORT, 'forced'); END").await;
    scene.control.members().transfer_primary_owner(&mail("adam"), &by, NOON, &mut scene.rng).await.unwrap_err();
    assert_eq!(scene.told().await, before);
    scene.control.keys().revoke(&id, &by, NOON, &mut scene.rng).await.unwrap();
    assert_eq!(scene.told().await.len(), before.len() + 1);
}

#[tokio::test]
async fn reopening_finds_everything() {
    let mut scene = Scene::staffed().await;
    let issued = scene.key(None).await;
    let by = person("ada");
    scene.control.enablement().enable("DPA 12", &by, NOON, &mut scene.rng).await.unwrap();
    scene.control.settings().put("a", &json!({ "b": [1, null] }), &by, NOON, &mut scene.rng).await.unwrap();
    let (members, told) = (scene.control.members().list().await.unwrap(), scene.told().await);
    scene.control.close().await;
    scene.control = Control::open(scene.dir.path()).await.unwrap();
    assert!(scene.works(&issued.secret, NOON).await);
    assert_eq!(scene.control.members().list().await.unwrap(), members);
    assert_eq!(scene.told().await, told);
    assert!(matches!(scene.control.enablement().state().await.unwrap(), Recording::On(_)));
    assert_eq!(scene.control.settings().get("a").await.unwrap(), Some(json!({ "b": [1, null] })));
    assert_eq!(scene.control.organizations().list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn many_writers_in_two_handles_all_get_their_turn() {
    let scene = Scene::staffed().await;
    let other = Control::open(scene.dir.path()).await.unwrap();
    let write = |control: Control, seed: u64| async move {
        let mut rng = StdRng::seed_from_u64(seed);
        control.keys().create(collector_key(), &person("ada"), NOON, &mut rng).await
    };
    let handles = [scene.control.clone(), other];
    let tasks: Vec<_> =
        (0..20_u64).map(|seed| tokio::spawn(write(handles[usize::from(seed % 2 == 0)].clone(), seed))).collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(scene.control.keys().list().await.unwrap().len(), 20);
    assert_eq!(scene.told().await.len(), 20);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::staffed().await;
    assert_eq!(std::fs::metadata(scene.control.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let error = Control::open(Path::new("/nowhere/at/all")).await.unwrap_err();
    assert!(
        error.to_string().starts_with("cannot create the control database /nowhere/at/all/control.sqlite"),
        "{error}"
    );
}
