use super::*;

#[tokio::test]
async fn an_auditor_asks_what_is_held_for_each_control() {
    let house = House::open().await;
    house.store(&(0..5).map(|n| activity(n, "sso_login_succeeded", "user_1", None)).collect::<Vec<_>>()).await;
    let path = "/ephor/v1/evidence/coverage/soc2?from=2020-01-01&to=2020-01-31&controls[]=CC6.1";
    let reader = house.key(&[Scope::ReadComplianceActivities]).await;
    assert_eq!(house.get(path, &reader).await.status, 403);
    let auditor = house.key(&[Scope::ReadEvidence]).await;
    let covered = house.get(path, &auditor).await.json();
    assert_eq!(covered["controls"][0]["status"], "gap", "{covered}");
    assert_eq!(covered["summary"]["controls"], 1);
    let listed = house.get("/ephor/v1/evidence/frameworks", &auditor).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 5);
    let asked = |path: &str| format!("/ephor/v1/evidence/coverage/{path}");
    assert_eq!(house.get(&asked("hipaa?from=2020-01-01&to=2020-01-31"), &auditor).await.status, 404);
    assert_eq!(house.get(&asked("soc2?from=2020-01-31&to=2020-01-01"), &auditor).await.status, 400);
    assert_eq!(house.get(&asked("soc2?from=2020-01-31"), &auditor).await.status, 400);
}
