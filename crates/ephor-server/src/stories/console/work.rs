//! A day's work in the console: findings handled, an incident kept, a review decided, evidence handed over.

use ephor_detect::FindingStatus;
use ephor_lake::directory::{DirectoryKind, DirectoryRow, DirectorySnapshot};
use ephor_reports::review::Reviews;

use super::*;

#[tokio::test]
async fn a_finding_is_handled_step_by_step_and_several_at_once() {
    let mut house = house().await;
    house.store(&[activity(1, "claude_user_role_updated", "user_bob", Some(EAST))]).await;
    found(&house, &[finding(1, "user_bob", ""), finding(2, "user_eve", "twice")]).await;
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    let queue = analyst.get("/findings").await;
    assert!(queue.text.contains("2 findings") && queue.text.contains("user_bob became owner"), "{}", queue.text);
    let one = analyst.get("/findings/finding_0001").await;
    for part in ["Ask them", "soc2:CC6.3", "/activity/activity_0001", "/rules/rank_raised_to_owner"] {
        assert!(one.text.contains(part), "{part}: {}", one.text);
    }
    let step = [("status", "acknowledged"), ("assignee", "bo@example.com"), ("note", "asked them")];
    assert_eq!(analyst.post("/findings/finding_0001", &step).await.status, 303);
    let step = [("status", "false_positive"), ("assignee", "bo@example.com"), ("note", "planned"), ("quiet", "30")];
    assert_eq!(analyst.post("/findings/finding_0001", &step).await.status, 303);
    let quiet_while_open = analyst.post("/findings/finding_0002", &[("status", "open"), ("quiet", "30")]).await;
    assert_eq!(quiet_while_open.status, 400, "{}", quiet_while_open.text);
    let several = [("id", "finding_0001"), ("id", "finding_0002"), ("status", "resolved"), ("note", "both")];
    assert_eq!(analyst.post("/findings", &several).await.header("location"), "/findings?said=done");
    assert_eq!(analyst.post("/findings", &[("status", "resolved")]).await.header("location"), "/findings?said=none");
    let findings = Findings::new(house.app.control());
    let kept = findings.get(&FindingId("finding_0002".to_owned())).await.unwrap();
    assert_eq!(kept.handling.status, FindingStatus::Resolved);
    let story = analyst.get("/findings/finding_0001").await.text;
    let place = |words: &str| story.find(words).unwrap_or_else(|| panic!("no {words}: {story}"));
    assert!(place("both") < place("planned") && place("planned") < place("asked them"), "the newest first");
    assert_eq!(analyst.get("/findings/finding_9999").await.status, 404);
    let mut auditor = Browser::signed_in(&house, Role::Auditor).await;
    let seen = auditor.get("/findings/finding_0001").await;
    assert!(seen.status == 200 && !seen.text.contains("Record it"), "an auditor changes nothing");
    drop((analyst, auditor));
    let told = house.settled("ephor_finding_updated").await;
    assert_eq!(told.len(), 4, "each step is an activity: {told:#?}");
    assert!(told.iter().all(|one| one["actor"]["user_id"] == "user_analyst"));
}

#[tokio::test]
async fn an_incident_is_asked_for_kept_pinned_closed_and_taken_away() {
    let house = house().await;
    house.store(&[activity(1, "api_key_created", "user_bob", Some(EAST))]).await;
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    let asked = analyst.get("/timeline?actor=user_bob").await;
    assert!(asked.text.contains("api_key_created"), "{}", asked.text);
    let opened = analyst.post("/incidents", &[("title", "A key at night"), ("actor", "user_bob")]).await;
    let case = opened.header("location").split('?').next().unwrap().to_owned();
    let offered = analyst.get(&case).await.text;
    assert!(offered.contains(">Pin<") && !offered.contains(">pinned<"), "each row has its button: {offered}");
    assert_eq!(analyst.post(&case, &[("activity", "activity_0001"), ("words", "the first")]).await.status, 303);
    assert_eq!(analyst.post(&case, &[("activity", "activity_9999")]).await.status, 404);
    assert_eq!(analyst.post(&case, &[("words", "  ")]).await.status, 400);
    let page = analyst.get(&case).await;
    for part in ["A key at night", "the first", "/activity/activity_0001", ">pinned<"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    for (form, begins) in [("json", "{"), ("csv", "at,"), ("html", "<!DOCTYPE html>"), ("stix", "{")] {
        let taken = analyst.get(&format!("{case}/download?format={form}")).await;
        assert_eq!(taken.status, 200, "{form}: {}", taken.text);
        assert!(taken.text.starts_with(begins), "{form}: {}", taken.text);
        assert!(taken.header("content-disposition").starts_with("attachment"), "{form}");
    }
    assert_eq!(analyst.post(&format!("{case}/close"), &[("outcome", "the key is gone")]).await.status, 303);
    let closed = analyst.get(&case).await.text;
    assert!(closed.contains("the key is gone") && !closed.contains("Close the case"), "{closed}");
    assert_eq!(analyst.post(&case, &[("words", "too late")]).await.status, 409);
}

/// Lists people of one organization in the directory.
pub(super) async fn people(house: &House, named: &[(&str, &str)]) {
    let row = |(id, name): &(&str, &str)| {
        let value = json!({ "id": id, "full_name": name, "email": format!("{id}@example.com"), "created_at": "2026-01-01T00:00:00Z", "organization_role": "user" });
        DirectoryRow { key: (*id).to_owned(), value }
    };
    let snapshot = DirectorySnapshot {
        kind: DirectoryKind::Users,
        scope: EAST.into(),
        source: "upstream".into(),
        observed_at_micros: now(),
        rows: named.iter().map(row).collect(),
    };
    house.app.lake().directory().record(snapshot).await.unwrap();
}

#[tokio::test]
async fn a_review_is_opened_decided_and_closed_with_a_signature() {
    let house = house().await;
    people(&house, &[("user_bob", "Bob"), ("user_eve", "Eve")]).await;
    let mut admin = Browser::signed_in(&house, Role::Admin).await;
    let wanted = [
        ("name", "Third quarter"),
        ("due", "2026-12-31"),
        ("reviewer", "reviewer@example.com"),
        ("kind", "api_key"),
        ("kind", "organization_role"),
    ];
    let opened = admin.post("/reviews", &wanted).await;
    assert_eq!(opened.status, 303, "{}", opened.text);
    let path = opened.header("location").split('?').next().unwrap().to_owned();
    for (field, odd) in [("due", "soon"), ("kind", "badge"), ("name", "")] {
        let fields: Vec<(&str, &str)> =
            wanted.iter().map(|(name, value)| (*name, if *name == field { odd } else { value })).collect();
        assert_eq!(admin.post("/reviews", &fields).await.status, 400, "{field}");
    }
    let reviews = Reviews::new(house.app.control());
    let id = path.rsplit('/').next().unwrap();
    let items = reviews.items(id).await.unwrap();
    let mut reviewer = Browser::signed_in(&house, Role::Reviewer).await;
    assert!(reviewer.get(&path).await.text.contains("Third quarter"));
    assert_eq!(
        reviewer.post(&path, &[("verdict", "keep"), ("reason", "why")]).await.header("location"),
        format!("{path}?said=none")
    );
    for item in &items {
        let number = item.number.to_string();
        let decided = reviewer.post(&path, &[("item", &number), ("verdict", "keep"), ("reason", "works on it")]).await;
        assert_eq!(decided.status, 303, "{}", decided.text);
    }
    assert_eq!(reviewer.post(&format!("{path}/close"), &[]).await.status, 403);
    assert_eq!(admin.get(&format!("{path}/result")).await.status, 409);
    assert_eq!(admin.post(&format!("{path}/close"), &[]).await.status, 303);
    let result = admin.get(&format!("{path}/result")).await;
    assert!(result.text.contains("Third quarter") && result.text.contains("\u{2014} "), "signed: {}", result.text);
}

#[tokio::test]
async fn evidence_is_built_in_the_background_and_proves_itself() {
    let house = house().await;
    house.store(&[activity(1, "claude_user_role_updated", "user_bob", Some(EAST))]).await;
    house.app.appender().notarize().await.unwrap();
    let mut auditor = Browser::signed_in(&house, Role::Auditor).await;
    let matrix = auditor.get("/evidence/soc2?from=2026-11-20&to=2026-11-23").await;
    assert!(matrix.text.contains("CC6.3") && matrix.text.contains("Build it"), "{}", matrix.text);
    assert_eq!(auditor.get("/evidence/soc9").await.status, 404);
    assert_eq!(auditor.get("/evidence/soc2?from=2026-11-23&to=2026-11-20").await.status, 400);
    let asked = [("from", "2026-11-20"), ("to", "2026-11-23"), ("persons", "pseudonymised")];
    assert_eq!(auditor.post("/evidence/soc2", &asked).await.header("location"), "/evidence");
    let link = loop {
        let page = auditor.get("/evidence").await.text;
        assert!(!page.contains("failed"), "{page}");
        if let Some(link) = between(&page, "href=\"/evidence/packages/", "\"") {
            break format!("/evidence/packages/{link}");
        }
        tokio::task::yield_now().await;
    };
    let bytes = auditor.bytes(&link).await;
    let place = tempfile::NamedTempFile::with_suffix(".zip").unwrap();
    std::fs::write(place.path(), bytes).unwrap();
    let key = house.app.options().proof_key.as_ref().unwrap().public().clone();
    let checked = ephor_evidence::verify(place.path(), &key).unwrap();
    assert!(checked.proven, "{:?}", checked.problems);
    check_uploaded(&mut auditor, place.path()).await;
    for odd in ["/evidence/packages/..%2Fcontrol.sqlite", "/evidence/packages/other.zip"] {
        assert_eq!(auditor.get(odd).await.status, 404, "{odd}");
    }
    let mut analyst = Browser::signed_in(&house, Role::Analyst).await;
    assert_eq!(analyst.get(&link).await.status, 403);
}

/// The form that checks a package, filled in.
fn upload(browser: &Browser<'_>, token: &str, key: &str, file: (&str, &[u8])) -> Request<Body> {
    browser.file_form("/evidence/verify", &[("form_token", token), ("key", key)], file, &[])
}

/// The same package with the bytes of one file changed.
fn tampered(package: &std::path::Path) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(package).unwrap()).unwrap();
    let mut changed = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for place in 0..zip.len() {
        let mut file = zip.by_index(place).unwrap();
        let name = file.name().unwrap().to_string();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        if name.ends_with("README.html") {
            bytes.extend(b"All is well.");
        }
        changed.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut changed, &bytes).unwrap();
    }
    changed.finish().unwrap().into_inner()
}

async fn check_uploaded(auditor: &mut Browser<'_>, package: &std::path::Path) {
    auditor.get("/evidence").await;
    let token = auditor.token.clone();
    let whole = std::fs::read(package).unwrap();
    let proven = auditor.send(upload(auditor, &token, "", ("soc2<b>.zip", &whole))).await;
    assert!(proven.status == 200 && proven.text.contains(">proven<"), "{}", proven.text);
    assert!(proven.text.contains("soc2&lt;b&gt;.zip"), "{}", proven.text);
    let changed = auditor.send(upload(auditor, &token, "", ("soc2.zip", &tampered(package)))).await;
    assert!(changed.text.contains(">not proven<") && changed.text.contains("README.html"), "{}", changed.text);
    let (stranger, _) = ephor_lake::proof::ProofKey::generate("stranger", &mut rand::rng()).unwrap();
    let other = auditor.send(upload(auditor, &token, stranger.public().as_str(), ("soc2.zip", &whole))).await;
    assert!(other.text.contains(">not proven<"), "{}", other.text);
    let none = auditor.send(upload(auditor, &token, "", ("notes.zip", b"not a zip"))).await;
    assert!(none.status == 200 && none.text.contains("cannot be read as a package"), "{}", none.text);
    for (token, key, bytes, status) in
        [("", "", &whole[..], 403), (&token, "no key", &whole, 400), (&token, "", b"", 400)]
    {
        assert_eq!(auditor.send(upload(auditor, token, key, ("x.zip", bytes))).await.status, status);
    }
    let left_over = std::fs::read_dir(auditor.house.app.lake().dir().join("checking")).unwrap().count();
    assert_eq!(left_over, 0, "nothing of it is kept");
}
