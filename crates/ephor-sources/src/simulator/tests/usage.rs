//! What simulated usage promises: one story with the feed, every surface and kind, nobody who is not there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ephor_wire::usage::{OfficeApp, Surface, UsageEvent, UsageKind};

use super::super::calendar::{DAY, HOUR, weekday};
use super::super::people::Fate;
use super::*;

fn text(value: Option<&String>) -> &str {
    value.map_or("", String::as_str)
}

fn kind_of(event: &UsageEvent) -> UsageKind {
    UsageKind::of(text(event.names.kind.as_ref())).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_events_in_order_each_once() {
    for (users, days) in [(40, 30), (12, 1), (30, 8)] {
        let simulation = simulation(users, days);
        let events: Vec<UsageEvent> = simulation.usage_events().collect();
        assert!(simulation.usage_events().eq(events.iter().cloned()));
        let places: Vec<(i64, &str)> = events.iter().map(|event| (event.time_micros, event.id.as_str())).collect();
        assert!(places.is_sorted(), "{users} people, {days} days");
        assert!(places.iter().all(|(at, _)| (simulation.span.start..simulation.span.end).contains(at)));
        assert_eq!(places.iter().map(|(_, id)| id).collect::<HashSet<_>>().len(), events.len());
        assert!(events.iter().all(|event| UsageEvent::from_json(event.to_json()).as_ref() == Ok(event)));
    }
    let other = Simulation::new(SimulationOptions { seed: 8, ..SimulationOptions::new(7, 12, 3, end()) });
    assert!(!other.usage_events().eq(simulation(12, 3).usage_events()));
}

#[test]
fn sixty_days_of_two_hundred_people_show_every_surface_kind_and_application() {
    let simulation = simulation(200, 60);
    let (mut surfaces, mut kinds, mut apps) = (BTreeMap::<String, u64>::new(), BTreeSet::new(), BTreeSet::new());
    let mut total = 0;
    for event in simulation.usage_events() {
        total += 1;
        *surfaces.entry(text(event.names.surface.as_ref()).to_owned()).or_default() += 1;
        kinds.insert(kind_of(&event));
        apps.extend(event.names.app);
    }
    // A conversation's beginning is an activity, and comes from there (`activity_usage`).
    let told_by_the_feed = [UsageKind::ConversationCreated];
    let expected: BTreeSet<UsageKind> =
        UsageKind::ALL.iter().copied().filter(|kind| !told_by_the_feed.contains(kind)).collect();
    assert_eq!(kinds, expected);
    assert_eq!(
        surfaces.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        Surface::ALL.iter().map(|s| s.as_str()).collect()
    );
    assert_eq!(apps.len(), OfficeApp::ALL.len());
    // In tenths of a percent, so that the snapshot tells proportions and not counts.
    let shares: BTreeMap<String, u64> =
        surfaces.into_iter().map(|(name, count)| (name, count * 1000 / total)).collect();
    insta::assert_json_snapshot!(shares);
}

/// The ids that the feed names, by their prefix.
fn named_in_the_feed(simulation: &Simulation) -> HashSet<String> {
    let fields = ["claude_chat_id", "claude_file_id", "claude_artifact_id", "claude_project_id", "cowork_session_id"];
    let mut named = HashSet::new();
    for row in parsed(simulation) {
        named.extend(fields.iter().filter_map(|field| row[*field].as_str().map(str::to_owned)));
    }
    named
}

#[test]
fn chats_files_artifacts_and_projects_are_those_of_the_feed() {
    let simulation = simulation(60, 35);
    let named = named_in_the_feed(&simulation);
    let mut compared = 0;
    for event in simulation.usage_events() {
        let names = &event.names;
        let chat = names.surface.as_deref() == Some("chat");
        let cowork_session = names.session_id.as_ref().filter(|_| names.surface.as_deref() == Some("cowork"));
        let project = names.project_id.as_ref().filter(|_| chat);
        let artifact = names.artifact_id.as_ref().filter(|_| chat);
        let ids = [names.conversation_id.as_ref(), names.file_id.as_ref(), cowork_session, project, artifact];
        for id in ids.into_iter().flatten() {
            assert!(named.contains(id), "the feed does not name {id} of {}", event.to_json());
            compared += 1;
        }
    }
    assert!(compared > 1_000);
}

#[test]
fn usage_keeps_working_hours_and_ends_with_those_who_end() {
    let simulation = simulation(200, 60);
    let mut last_use = HashMap::<String, i64>::new();
    let mut per_weekday = [0_u32; 7];
    for event in simulation.usage_events() {
        per_weekday[usize::try_from(weekday(event.time_micros)).unwrap()] += 1;
        last_use.insert(event.names.user_id.unwrap(), event.time_micros);
        assert!(event.names.organization_id.is_some() && event.names.organization_uuid.is_some());
    }
    assert!(per_weekday[5] + per_weekday[6] < per_weekday[2] / 3, "{per_weekday:?}");
    let truth = simulation.truth();
    for user in &truth.dormant_users {
        assert!(last_use.get(user).is_none_or(|at| simulation.span.end - at >= 30 * DAY), "{user}");
    }
    for person in &simulation.company.people {
        let Fate::Leaves { day } = person.fate else { continue };
        let last = last_use.get(&person.id).copied().unwrap_or(i64::MIN);
        let clean = last < simulation.span.day_start(day) + 9 * HOUR;
        assert!(clean || truth.violations.contains(&person.id), "{}", person.name);
    }
}

#[test]
fn what_happens_around_midnight_is_not_pressed_into_its_last_moment() {
    let simulation = simulation(200, 30);
    let last_seconds =
        simulation.usage_events().filter(|event| DAY - event.time_micros.rem_euclid(DAY) <= 2_000_000).count();
    assert!(last_seconds < simulation.usage_events().count() / 1_000, "{last_seconds} events in the last two seconds");
}

#[test]
fn a_crowd_is_the_same_people_with_so_many_events_each() {
    let options = SimulationOptions::new(7, 60, 4, end());
    let crowd = UsageCrowd::new(&options, 12);
    let (mut bytes, mut again) = (Vec::new(), Vec::new());
    let (lines, written) = crowd.write(&mut bytes).unwrap();
    UsageCrowd::new(&options, 12).write(&mut again).unwrap();
    assert_eq!((written, &bytes), (bytes.len() as u64, &again));
    let events: Vec<UsageEvent> = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| UsageEvent::from_json(serde_json::from_slice(line).unwrap()).unwrap())
        .collect();
    assert_eq!(events.len() as u64, lines);
    assert!(events.is_sorted_by_key(|event| event.time_micros));
    assert_eq!(events.iter().map(|event| &event.id).collect::<HashSet<_>>().len(), events.len());
    let simulation = Simulation::new(options);
    let known: HashSet<&str> = simulation.company.people.iter().map(|person| person.id.as_str()).collect();
    let mut per_person = HashMap::<(&str, i64), u32>::new();
    for event in &events {
        let user = event.names.user_id.as_deref().unwrap();
        assert!(known.contains(user) && event.attributes.is_empty(), "{}", event.to_json());
        assert!(UsageKind::of(text(event.names.kind.as_ref())).is_some());
        *per_person.entry((user, event.time_micros.div_euclid(DAY))).or_default() += 1;
    }
    assert!(per_person.values().all(|count| *count == 12), "everybody who works does as much");
    assert!(per_person.len() > 60, "{} days of work", per_person.len());
}
