//! Stories of people: who may switch recording, who gives which role, how the primary owner changes.
//! They promise that a role too low is refused with words that say which one it takes.
//! Never look into the table: only what the door answers.

use super::*;

#[tokio::test]
async fn only_the_primary_owner_switches_recording() {
    let mut scene = Scene::staffed().await;
    assert_eq!(scene.control.enablement().state().await.unwrap(), Recording::Off);
    for name in ["otto", "adam", "audrey", "stranger"] {
        let refused =
            scene.control.enablement().enable("DPA 12", &person(name), NOON, &mut scene.rng).await.unwrap_err();
        assert!(refused.to_string().contains("to switch recording on takes the role primary_owner"), "{refused}");
    }
    let system = Actor::system("ephor");
    scene.control.enablement().enable("DPA 12", &system, NOON, &mut scene.rng).await.unwrap_err();
    let blank = scene.control.enablement().enable(" ", &person("ada"), NOON, &mut scene.rng).await;
    assert!(matches!(blank, Err(ControlError::AgreementMissing)));
    assert!(scene.told().await.is_empty());

    let period = scene.control.enablement().enable("DPA 12", &person("ada"), NOON, &mut scene.rng).await.unwrap();
    assert_eq!(scene.control.enablement().state().await.unwrap(), Recording::On(period));
    scene.control.enablement().enable("DPA 13", &person("ada"), NOON, &mut scene.rng).await.unwrap();
    scene.control.enablement().disable(&person("otto"), NOON, &mut scene.rng).await.unwrap_err();
    scene.control.enablement().disable(&person("ada"), NOON + 5, &mut scene.rng).await.unwrap();
    scene.control.enablement().enable("DPA 14", &person("ada"), NOON + 5, &mut scene.rng).await.unwrap();
    let periods = scene.control.enablement().periods().await.unwrap();
    let spans: Vec<_> = periods.iter().map(|p| (p.from_micros, p.to_micros, p.agreement.as_str())).collect();
    assert_eq!(spans, [(NOON, Some(NOON + 5), "DPA 12"), (NOON + 5, None, "DPA 14")]);
    assert_eq!(scene.told().await.len(), 3, "what changed nothing is not told");
}

#[tokio::test]
async fn the_first_member_is_the_primary_owner() {
    let mut scene = Scene::empty().await;
    let system = Actor::system("ephor");
    let members = scene.control.members();
    let early = members.grant("adam@example.com", None, Role::Admin, &system, NOON, &mut scene.rng).await;
    assert!(matches!(early, Err(ControlError::NoPrimaryOwner)));
    let ada = members.grant(" Ada@Example.com", None, Role::PrimaryOwner, &system, NOON, &mut scene.rng).await.unwrap();
    assert_eq!(ada.email, "ada@example.com");
    assert!(ada.user_id.starts_with("user_"));
    members.grant("ada@example.com", None, Role::PrimaryOwner, &system, NOON, &mut scene.rng).await.unwrap();
    assert_eq!(scene.told_types().await, ["claude_user_role_updated"], "granted twice, told once");
    let stolen =
        members.grant("ada@example.com", Some("user_x"), Role::PrimaryOwner, &system, NOON, &mut scene.rng).await;
    assert!(matches!(stolen, Err(ControlError::NotAMember { .. })));
    let second = members.grant("eve@example.com", None, Role::PrimaryOwner, &person("ada"), NOON, &mut scene.rng).await;
    assert!(matches!(second, Err(ControlError::PrimaryOwnerFixed { .. })));
    members.grant("not an address", None, Role::Member, &person("ada"), NOON, &mut scene.rng).await.unwrap_err();
}

#[tokio::test]
async fn who_may_give_which_role() {
    use Role::{Admin, Auditor, Member, Owner, PrimaryOwner};
    let mut scene = Scene::staffed().await;
    let allowed = [
        ("ada", vec![Member, Auditor, Admin, Owner]),
        ("otto", vec![Member, Auditor, Admin]),
        ("adam", vec![]),
        ("audrey", vec![]),
    ];
    for (by, may) in allowed {
        for role in [Member, Auditor, Admin, Owner, PrimaryOwner] {
            let outcome = scene.grant("newcomer", role, by).await;
            assert_eq!(outcome.is_ok(), may.contains(&role), "{by} gives {role}: {outcome:?}");
            if outcome.is_ok() {
                scene.control.members().remove(&mail("newcomer"), &person("ada"), NOON, &mut scene.rng).await.unwrap();
            }
        }
    }
    let demotion = scene.grant("otto", Member, "otto").await.unwrap_err();
    assert_eq!(
        demotion.to_string(),
        "otto@example.com has the role owner, and to change the role of otto@example.com from owner to member takes the role primary_owner; ask someone who has it"
    );
    let dethroned = scene.grant("ada", Member, "ada").await;
    assert!(matches!(dethroned, Err(ControlError::PrimaryOwnerFixed { .. })));
    let taken = scene
        .control
        .members()
        .grant("eve@example.com", Some("user_otto"), Member, &person("ada"), NOON, &mut scene.rng)
        .await;
    assert!(matches!(taken, Err(ControlError::UserIdTaken { .. })));
}

#[tokio::test]
async fn the_primary_owner_hands_the_role_on() {
    let mut scene = Scene::staffed().await;
    let members = scene.control.members();
    members.transfer_primary_owner(&mail("adam"), &person("otto"), NOON, &mut scene.rng).await.unwrap_err();
    members.transfer_primary_owner(&mail("nobody"), &person("ada"), NOON, &mut scene.rng).await.unwrap_err();
    members.remove(&mail("ada"), &person("ada"), NOON, &mut scene.rng).await.unwrap_err();
    members.transfer_primary_owner(&mail("adam"), &person("ada"), NOON, &mut scene.rng).await.unwrap();
    assert_eq!(members.primary_owner().await.unwrap().unwrap().email, mail("adam"));
    assert_eq!(members.find("user_ada").await.unwrap().unwrap().role, Role::Owner);
    assert_eq!(
        scene.told_types().await,
        ["claude_user_role_updated", "claude_user_role_updated", "primary_owner_transferred"]
    );
}
