//! Stories of the directory, on tables of their own.
//! They promise that only changes are stored, that history stays, and that reopening gives the same view.
//! Never use a clock: the time is a number.

#![allow(clippy::unwrap_used)]

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use serde_json::json;
use tempfile::TempDir;

use super::*;

const ORGANIZATION: &str = "4a0c…-org";

fn user(id: &str, name: &str, joined: &str) -> DirectoryRow {
    let value = json!({
        "id": id, "full_name": name, "email": format!("{id}@example.com"), "created_at": joined, "organization_role": "user",
    });
    DirectoryRow { key: id.to_owned(), value }
}

fn users(source: &str, at: i64, rows: &[DirectoryRow]) -> DirectorySnapshot {
    DirectorySnapshot {
        kind: DirectoryKind::Users,
        scope: ORGANIZATION.to_owned(),
        source: source.to_owned(),
        observed_at_micros: at,
        rows: rows.to_vec(),
    }
}

fn names(directory: &Directory) -> Vec<String> {
    let rows = directory.current(DirectoryKind::Users, ORGANIZATION);
    rows.iter().map(|row| row["full_name"].as_str().unwrap().to_owned()).collect()
}

fn changes(added: usize, changed: usize, removed: usize) -> DirectoryChanges {
    DirectoryChanges { added, changed, removed }
}

async fn history_of(dir: &TempDir, kind: DirectoryKind) -> Vec<HistoryRow> {
    let table = Table::open(dir.path(), &kind.table_spec()).await.unwrap().unwrap();
    history::from_batches(kind, &table.read_all().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_row_is_known_as_it_was_from_when_on_whatever_became_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path()).await.unwrap();
    assert_eq!(directory.versions(DirectoryKind::Users).await.unwrap(), []);
    let joined = "2026-01-01T00:00:00Z";
    directory.record(users("api", 1, &[user("user_1", "Al", joined), user("user_2", "Bo", joined)])).await.unwrap();
    directory.record(users("second", 2, &[user("user_1", "Alfred", joined)])).await.unwrap();
    directory.record(users("api", 3, &[user("user_2", "Bob", joined)])).await.unwrap();
    directory.record(users("second", 4, &[])).await.unwrap();
    let versions = directory.versions(DirectoryKind::Users).await.unwrap();
    let told = versions.iter().map(|version| {
        let name = version.value.as_ref().map_or("gone", |value| value["full_name"].as_str().unwrap());
        format!("{} {} {name}", version.observed_at_micros, version.key)
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        ["1 user_1 Al", "1 user_2 Bo", "2 user_1 Al", "3 user_2 Bob", "3 user_1 Alfred", "4 user_1 gone"],
        "the first source is believed as long as it lists the row"
    );
}

#[tokio::test]
async fn a_listing_recorded_twice_stores_nothing_new() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path()).await.unwrap();
    let rows = [user("user_2", "Bo", "2026-01-02T00:00:00Z"), user("user_1", "Al", "2026-01-01T00:00:00Z")];
    assert_eq!(directory.record(users("api", 1, &rows)).await.unwrap(), changes(2, 0, 0));
    assert_eq!(directory.record(users("api", 2, &rows)).await.unwrap(), changes(0, 0, 0));
    assert_eq!(history_of(&dir, DirectoryKind::Users).await.len(), 2);
    assert_eq!(names(&directory), ["Al", "Bo"], "the oldest join first");
    assert_eq!(directory.scopes(DirectoryKind::Users), [ORGANIZATION]);
    assert!(directory.current(DirectoryKind::Users, "elsewhere").is_empty());
    assert!(directory.current(DirectoryKind::Groups, "").is_empty());
}

#[tokio::test]
async fn change_and_removal_are_history_and_reopening_gives_the_same_view() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path()).await.unwrap();
    let (al, bo) = (user("user_1", "Al", "2026-01-01T00:00:00"), user("user_2", "Bo", "2026-01-02"));
    directory.record(users("api", 10, &[al.clone(), bo.clone()])).await.unwrap();
    let albert = user("user_1", "Albert", "2026-01-01T00:00:00");
    let cy = user("user_3", "Cy", "no time at all");
    // Observed before the first listing: an old file read late. The order of recording decides.
    assert_eq!(directory.record(users("api", 5, &[cy, albert])).await.unwrap(), changes(1, 1, 1));
    assert_eq!(names(&directory), ["Albert", "Cy"]);
    let history: Vec<_> = history_of(&dir, DirectoryKind::Users)
        .await
        .into_iter()
        .map(|row| (row.revision, row.observed_at_micros, row.change, row.key))
        .collect();
    let expected = [
        (1, 10, Change::Added, "user_1"),
        (2, 10, Change::Added, "user_2"),
        (3, 5, Change::Changed, "user_1"),
        (4, 5, Change::Added, "user_3"),
        (5, 5, Change::Removed, "user_2"),
    ];
    assert_eq!(history, expected.map(|(revision, at, change, key)| (revision, at, change, key.to_owned())));
    let reopened = Directory::open(dir.path()).await.unwrap();
    assert_eq!(
        reopened.current(DirectoryKind::Users, ORGANIZATION),
        directory.current(DirectoryKind::Users, ORGANIZATION)
    );
    assert_eq!(reopened.get(DirectoryKind::Users, ORGANIZATION, "user_2"), None);
    assert_eq!(reopened.get(DirectoryKind::Users, ORGANIZATION, "user_1").unwrap()["full_name"], "Albert");
}

#[tokio::test]
async fn an_empty_listing_says_that_everything_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path()).await.unwrap();
    directory.record(users("api", 1, &[user("user_1", "Al", "")])).await.unwrap();
    assert_eq!(directory.record(users("api", 2, &[])).await.unwrap(), changes(0, 0, 1));
    assert!(names(&directory).is_empty());
    assert!(directory.scopes(DirectoryKind::Users).is_empty());
}

#[tokio::test]
async fn the_first_named_source_is_believed() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path()).await.unwrap();
    directory.record(users("api", 1, &[user("user_1", "Al", "")])).await.unwrap();
    let scim = [user("user_1", "Albert", ""), user("user_2", "Bo", "")];
    directory.record(users("scim", 2, &scim)).await.unwrap();
    assert_eq!(names(&directory), ["Al", "Bo"]);
    directory.prefer_sources(vec!["scim".to_owned()]);
    assert_eq!(names(&directory), ["Albert", "Bo"]);
    directory.record(users("scim", 3, &[])).await.unwrap();
    assert_eq!(names(&directory), ["Al"], "the other source still lists this one");
    let reopened = Directory::open(dir.path()).await.unwrap();
    assert_eq!(names(&reopened), ["Al"]);
}

#[tokio::test]
async fn many_listings_are_one_commit_and_each_gets_its_own_answer() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path()).await.unwrap();
    let group = |id: &str, members: &[&str]| DirectorySnapshot {
        kind: DirectoryKind::GroupMembers,
        scope: id.to_owned(),
        source: "api".to_owned(),
        observed_at_micros: 1,
        rows: members.iter().map(|m| DirectoryRow { key: (*m).to_owned(), value: json!({ "user_id": m }) }).collect(),
    };
    let listings = vec![
        group("g1", &["a", "b"]),
        users("api", 1, &[user("a", "Al", "")]),
        group("g2", &["a"]),
        group("g1", &["b", "c"]),
    ];
    let answers = directory.record_many(listings).await.unwrap();
    assert_eq!(answers, [changes(2, 0, 0), changes(1, 0, 0), changes(1, 0, 0), changes(1, 0, 1)]);
    let table = Table::open(dir.path(), &DirectoryKind::GroupMembers.table_spec()).await.unwrap().unwrap();
    assert_eq!(table.files().await.unwrap().len(), 1);
    assert_eq!(directory.current(DirectoryKind::GroupMembers, "g1").len(), 2);
    assert_eq!(directory.scopes(DirectoryKind::GroupMembers), ["g1", "g2"]);
    let reopened = Directory::open(dir.path()).await.unwrap();
    assert_eq!(
        reopened.current(DirectoryKind::GroupMembers, "g1"),
        directory.current(DirectoryKind::GroupMembers, "g1")
    );
}

#[tokio::test]
async fn concurrent_listings_queue_and_none_is_stored_twice() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Arc::new(Directory::open(dir.path()).await.unwrap());
    let rows = [user("user_1", "Al", ""), user("user_2", "Bo", "")];
    let tasks: Vec<_> = (0..8)
        .map(|at| {
            let (directory, listing) = (Arc::clone(&directory), users("api", at, &rows));
            tokio::spawn(async move { directory.record(listing).await })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        added += task.await.unwrap().unwrap().added;
    }
    assert_eq!(added, 2);
    assert_eq!(history_of(&dir, DirectoryKind::Users).await.len(), 2);
}

#[tokio::test]
async fn another_handle_sees_what_was_recorded_and_does_not_store_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (Directory::open(dir.path()).await.unwrap(), Directory::open(dir.path()).await.unwrap());
    here.record(users("api", 1, &[user("user_1", "Al", "")])).await.unwrap();
    assert!(names(&there).is_empty());
    there.refresh().await.unwrap();
    assert_eq!(names(&there), ["Al"]);
    here.record(users("api", 2, &[user("user_1", "Al", ""), user("user_2", "Bo", "")])).await.unwrap();
    let same = there.record(users("api", 3, &[user("user_1", "Al", ""), user("user_2", "Bo", "")])).await.unwrap();
    assert_eq!(same, changes(0, 0, 0));
    assert_eq!(names(&there), ["Al", "Bo"]);
}

#[tokio::test]
async fn typed_columns_follow_the_row_and_never_fail() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path()).await.unwrap();
    let key = |id: &str, value: Value| DirectoryRow { key: id.to_owned(), value };
    let rows = vec![
        key(
            "k1",
            json!({ "id": "k1", "scopes": ["a"], "is_active": true, "created_at": "2026-01-01T00:00:00", "created_by": { "id": "user_1" } }),
        ),
        key("k2", json!({ "id": 7, "is_active": "yes", "created_at": 12, "created_by_id": null })),
        key("k3", json!("not even an object")),
    ];
    let (scope, source) = (String::new(), "api".to_owned());
    let listing = DirectorySnapshot { kind: DirectoryKind::ApiKeys, scope, source, observed_at_micros: 1, rows };
    directory.record(listing).await.unwrap();
    let table = Table::open(dir.path(), &DirectoryKind::ApiKeys.table_spec()).await.unwrap().unwrap();
    let batches = table.read_all().await.unwrap();
    let texts = |name: &str| -> Vec<Option<String>> {
        let column = batches[0].column_by_name(name).unwrap().as_string::<i32>();
        column.iter().map(|text| text.map(str::to_owned)).collect()
    };
    assert_eq!(texts("api_key_id"), [Some("k1".to_owned()), Some("7".to_owned()), None]);
    assert_eq!(texts("scopes"), [Some("[\"a\"]".to_owned()), None, None]);
    assert_eq!(texts("created_by_id"), [Some("user_1".to_owned()), None, None]);
    let created = batches[0].column_by_name("created_at").unwrap().as_primitive::<TimestampMicrosecondType>();
    assert_eq!(created.iter().collect::<Vec<_>>(), [Some(1_767_225_600_000_000), None, None]);
    let active = batches[0].column_by_name("is_active").unwrap().as_boolean();
    assert_eq!(active.iter().collect::<Vec<_>>(), [Some(true), None, None]);
}

#[tokio::test]
async fn of_two_sources_the_first_counts_unless_only_the_other_says_since_when_a_row_is() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path()).await.unwrap();
    let listed = |source: &str, at: i64, value: serde_json::Value| DirectorySnapshot {
        kind: DirectoryKind::Organizations,
        scope: String::new(),
        source: source.to_owned(),
        observed_at_micros: at,
        rows: vec![DirectoryRow { key: ORGANIZATION.to_owned(), value }],
    };
    let named = |directory: &Directory| directory.current(DirectoryKind::Organizations, "")[0]["name"].clone();
    directory.record(listed("admin", 1, json!({ "uuid": ORGANIZATION, "name": "Bare" }))).await.unwrap();
    assert_eq!(named(&directory), "Bare");
    let since = |name: &str| json!({ "uuid": ORGANIZATION, "name": name, "created_at": "2026-01-01T00:00:00Z" });
    directory.record(listed("compliance", 2, since("Whole"))).await.unwrap();
    assert_eq!(named(&directory), "Whole");
    directory.record(listed("third", 3, since("Late"))).await.unwrap();
    assert_eq!(named(&directory), "Whole");
    assert_eq!(
        Directory::open(dir.path()).await.unwrap().current(DirectoryKind::Organizations, "")[0]["name"],
        "Whole"
    );
}
