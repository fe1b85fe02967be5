//! What the simulator promises, checked on whole simulations.
//! Every test plays real days; nothing is mocked.
//! Never measures time, save the one that is ignored.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};

use ephor_wire::catalogue::catalogue;
use ephor_wire::timestamp::{Timestamp, UtcDay};
use serde_json::Value;

mod upstream;
mod usage;

use super::chores::CHORES;
use super::deeds::DEEDS;
use super::*;

fn end() -> UtcDay {
    "2026-11-23".parse().unwrap()
}

fn simulation(users: usize, days: usize) -> Simulation {
    Simulation::new(SimulationOptions::new(7, users, days, end()))
}

fn fingerprint(options: SimulationOptions) -> u64 {
    let simulation = Simulation::new(options);
    let mut hasher = DefaultHasher::new();
    let mut bytes = Vec::new();
    simulation.write_activities(&mut bytes).unwrap();
    hasher.write(&bytes);
    hasher.write(serde_json::to_string(simulation.truth()).unwrap().as_bytes());
    hasher.finish()
}

fn parsed(simulation: &Simulation) -> Vec<Value> {
    simulation.activities().map(|activity| serde_json::from_slice(&activity.raw).unwrap()).collect()
}

fn kind(row: &Value) -> &str {
    row["type"].as_str().unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let options = SimulationOptions::new(7, 40, 30, end());
    assert_eq!(fingerprint(options.clone()), fingerprint(options.clone()));
    assert_ne!(fingerprint(options.clone()), fingerprint(SimulationOptions { seed: 8, ..options }));
}

#[test]
fn activities_come_in_the_order_of_the_feed_and_every_id_once() {
    for (users, days) in [(60, 45), (12, 1), (13, 2), (30, 8)] {
        let simulation = simulation(users, days);
        let (start, end) = (simulation.span.start, simulation.span.end);
        let mut seen = HashSet::new();
        let mut last = (i64::MIN, String::new());
        for activity in simulation.activities() {
            let row: Value = serde_json::from_slice(&activity.raw).unwrap();
            let at = Timestamp::parse(row["created_at"].as_str().unwrap()).unwrap().micros();
            assert_eq!(at, activity.created_at_micros);
            assert!((start..end).contains(&at), "{row}");
            let id = row["id"].as_str().unwrap().to_owned();
            assert_eq!(id.len(), row::ID_LENGTH);
            assert!(last <= (at, id.clone()), "{users} people, {days} days: {last:?} then {id}");
            assert!(seen.insert(id.clone()), "{id} twice");
            last = (at, id);
        }
        assert!(!seen.is_empty());
    }
}

/// Names a published field, or the type's fields are not all known.
fn assert_published(kind: &str, fields: &[(String, Value)], actor: &str) {
    let known = catalogue().get(kind).unwrap_or_else(|| panic!("{kind} is not in the catalogue"));
    for (name, value) in fields {
        let Some(field) = known.fields.iter().find(|field| field.name == *name) else {
            assert!(!known.fields_complete, "{kind} has no field {name}");
            continue;
        };
        let fits = match (field.kind.as_str(), value) {
            (_, Value::Null) => field.nullable != Some(false),
            ("string", Value::String(_))
            | ("boolean", Value::Bool(_))
            | ("number", Value::Number(_))
            | ("object", Value::Object(_)) => true,
            ("enum", value) => field.values.contains(value),
            (kind, Value::Array(_)) => kind.starts_with("array<"),
            (kind, Value::Object(_)) => kind.starts_with("map<"),
            _ => false,
        };
        assert!(fits, "{kind}.{name} is {} and cannot be {value}", field.kind);
        if field.always_empty_since.is_some() {
            assert_eq!(value, "", "{kind}.{name}");
        }
    }
    for field in known.fields.iter().filter(|field| !field.optional && field.nullable == Some(false)) {
        assert!(fields.iter().any(|(name, _)| *name == field.name), "{kind} lacks {}", field.name);
    }
    let allowed = known.actors.is_empty() || known.actors.iter().any(|allowed| allowed == "*" || allowed == actor);
    assert!(allowed, "{kind} by {actor}, allowed are {:?}", known.actors);
}

#[test]
fn every_activity_has_published_fields_and_an_allowed_actor() {
    let options = SimulationOptions { all_types: true, ..SimulationOptions::new(7, 60, 35, end()) };
    let mut kinds = BTreeSet::new();
    for row in parsed(&Simulation::new(options)) {
        let envelope = ["id", "created_at", "type", "actor", "organization_id", "organization_uuid"];
        let object = row.as_object().unwrap();
        assert!(envelope.iter().all(|name| object.contains_key(*name)), "{row}");
        let fields: Vec<(String, Value)> = object
            .iter()
            .filter(|(name, _)| !envelope.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        assert_published(kind(&row), &fields, row["actor"]["type"].as_str().unwrap());
        kinds.insert(kind(&row).to_owned());
    }
    assert_eq!(kinds.len(), catalogue().len(), "all types were asked for");
}

#[test]
fn the_tables_name_published_types_and_fields_only() {
    let lines =
        DEEDS.iter().map(|deed| (deed.kind, deed.fields)).chain(CHORES.iter().map(|chore| (chore.kind, chore.fields)));
    for (kind, fields) in lines {
        let known = catalogue().get(kind).unwrap_or_else(|| panic!("{kind} is not in the catalogue"));
        for (name, _) in fields {
            let published = known.fields.iter().any(|field| field.name == *name);
            assert!(published || !known.fields_complete, "{kind} has no field {name}");
        }
    }
}

#[test]
fn names_and_titles_are_empty_or_absent() {
    for row in parsed(&simulation(40, 35)) {
        for name in ["filename", "title"] {
            assert!(row.get(name).is_none_or(|value| value == ""), "{row}");
        }
    }
}

#[test]
fn sign_ins_and_api_calls_belong_to_no_organization() {
    let rows = parsed(&simulation(60, 35));
    let without: BTreeSet<&str> = rows.iter().filter(|row| row["organization_id"].is_null()).map(kind).collect();
    assert!(rows.iter().filter(|row| without.contains(kind(row))).all(|row| row["organization_uuid"].is_null()));
    insta::assert_json_snapshot!(without, @r#"
    [
      "anonymous_mobile_login_attempted",
      "compliance_api_accessed",
      "magic_link_login_failed",
      "magic_link_login_initiated",
      "magic_link_login_succeeded",
      "social_login_succeeded",
      "sso_login_failed",
      "sso_login_initiated",
      "sso_login_succeeded",
      "user_logged_out"
    ]
    "#);
}

#[test]
fn sixty_days_of_two_hundred_people_show_many_types_and_all_actors() {
    let simulation = simulation(200, 60);
    let mut kinds = BTreeSet::new();
    let mut actors = BTreeSet::new();
    let mut shares = BTreeMap::<String, u64>::new();
    let mut total = 0;
    for row in parsed(&simulation) {
        total += 1;
        kinds.insert(kind(&row).to_owned());
        actors.insert(row["actor"]["type"].as_str().unwrap().to_owned());
        *shares.entry(catalogue().category_of(kind(&row)).to_owned()).or_default() += 1;
    }
    assert_eq!(actors.len(), 11, "{actors:?}");
    assert!(kinds.len() >= 120, "only {} types", kinds.len());
    // In tenths of a percent, so that the snapshot tells proportions and not counts.
    let shares: BTreeMap<String, u64> = shares.into_iter().map(|(name, count)| (name, count * 1000 / total)).collect();
    insta::assert_json_snapshot!(shares, @r#"
    {
      "access_transparency": 0,
      "api_key": 0,
      "artifact": 50,
      "authentication": 25,
      "billing": 0,
      "chat": 459,
      "claude_code": 91,
      "compliance_export": 38,
      "connector_mcp": 16,
      "cowork": 22,
      "design": 2,
      "device_trust": 2,
      "file": 127,
      "group": 1,
      "membership": 6,
      "org_settings": 0,
      "platform_agent": 33,
      "project": 84,
      "role": 0,
      "security_control": 0,
      "skill_plugin": 6,
      "spend_limit": 0,
      "sso_scim": 2,
      "workload_identity": 20,
      "workspace": 4
    }
    "#);
}

#[test]
fn weekends_are_quiet() {
    let simulation = simulation(100, 28);
    let mut per_weekday = [0_u32; 7];
    for activity in simulation.activities() {
        if activity.raw.windows(12).any(|part| part == b"\"user_actor\"") {
            per_weekday[usize::try_from(calendar::weekday(activity.created_at_micros)).unwrap()] += 1;
        }
    }
    assert!(per_weekday[5] + per_weekday[6] < per_weekday[2] / 3, "{per_weekday:?}");
}

#[test]
fn every_activity_of_the_truth_is_in_the_stream() {
    for (users, days) in [(200, 60), (50, 30), (12, 5), (900, 30)] {
        let simulation = simulation(users, days);
        let ids: HashSet<String> = simulation
            .activities()
            .map(|row| String::from_utf8_lossy(&row.raw[row::ID_STARTS..row::ID_STARTS + row::ID_LENGTH]).into_owned())
            .collect();
        for incident in &simulation.truth().incidents {
            assert!(!incident.activities.is_empty() && !incident.entities.is_empty(), "{incident:?}");
            assert!(incident.activities.iter().all(|id| ids.contains(id)), "{incident:?}");
        }
    }
}

#[test]
fn every_use_case_has_at_least_two_variants_in_thirty_days() {
    let simulation = simulation(50, 30);
    let mut descriptions = BTreeMap::<UseCase, BTreeSet<&str>>::new();
    for incident in &simulation.truth().incidents {
        descriptions.entry(incident.use_case).or_default().insert(&incident.description);
    }
    let counts: BTreeMap<String, usize> =
        descriptions.iter().map(|(use_case, all)| (serde_json::to_string(use_case).unwrap(), all.len())).collect();
    assert!(counts.values().all(|count| *count >= 2), "{counts:?}");
    assert_eq!(counts.len(), 9, "{counts:?}");
}

#[test]
fn idle_people_and_clean_leavers_do_nothing_afterwards() {
    let simulation = simulation(200, 60);
    let truth = simulation.truth();
    let mut last_act = HashMap::<String, i64>::new();
    for activity in simulation.activities() {
        let row: Value = serde_json::from_slice(&activity.raw).unwrap();
        if let Some(user) = row["actor"]["user_id"].as_str() {
            last_act.insert(user.to_owned(), activity.created_at_micros);
        }
    }
    for user in &truth.dormant_users {
        let idle = last_act.get(user).is_none_or(|at| simulation.span.end - at >= 30 * calendar::DAY);
        assert!(idle, "{user}");
    }
    assert!(truth.violations.len() >= 2 && truth.violations.len() < truth.leavers.len());
    for person in simulation.company.people.iter().filter(|person| truth.leavers.contains(&person.id)) {
        let people::Fate::Leaves { day } = person.fate else { panic!("{} did not leave", person.name) };
        let last = last_act.get(&person.id).copied().unwrap_or(i64::MIN);
        let clean = last < simulation.span.day_start(day) + 9 * calendar::HOUR;
        assert!(clean || truth.violations.contains(&person.id), "{}", person.name);
        let present = simulation
            .directory()
            .lists()
            .any(|list| list.listing == Listing::Users && list.rows.iter().any(|row| row["id"] == person.id.as_str()));
        assert!(!present, "{} is still listed", person.name);
    }
}

#[test]
fn a_target_is_met_exactly() {
    for target in [0, 1, 500, 4_000, 20_000, 123_457] {
        let options = SimulationOptions { activities_target: Some(target), ..SimulationOptions::new(7, 40, 30, end()) };
        let simulation = Simulation::new(options);
        assert_eq!(simulation.activities().count() as u64, target);
        let ids: HashSet<Vec<u8>> = simulation.activities().map(|row| row.raw[7..40].to_vec()).collect();
        let named = simulation.truth().incidents.iter().flat_map(|incident| &incident.activities);
        assert!(named.into_iter().all(|id| ids.contains(id.as_bytes())), "target {target}");
    }
}

#[test]
fn a_folder_holds_activities_directory_and_truth() {
    let dir = tempfile::tempdir().unwrap();
    let simulation = simulation(20, 10);
    let counts = simulation.write_out(dir.path()).unwrap();
    let lines = std::fs::read_to_string(dir.path().join("activities.ndjson")).unwrap();
    assert_eq!(lines.lines().count() as u64, counts.activities);
    assert_eq!(lines.len() as u64, counts.activity_bytes);
    let truth: Truth = serde_json::from_slice(&std::fs::read(dir.path().join("truth.json")).unwrap()).unwrap();
    assert_eq!(&truth, simulation.truth());
    for listing in Listing::ALL {
        let file = dir.path().join("directory").join(format!("{}.json", listing.as_str()));
        let list: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert!(list["scopes"].is_object(), "{listing:?}");
    }
}
