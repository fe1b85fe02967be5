//! The usage behind the simulated activities: what happened in the chats, sessions and files that the feed only names.
//! Promises one story: a chat, file, artifact or session that an activity names has the same id here.
//! Never holds more than one day, and what spills over midnight from it.

mod crowd;
mod crowd_event;
mod person_day;
mod quick_dice;
mod seen;

use std::collections::HashMap;

use ephor_wire::usage::UsageEvent;

pub use crowd::UsageCrowd;

use super::Simulation;
use super::dice::{Dice, Purpose};
use super::people::Person;
use super::stream::Activities;
use person_day::PersonDay;
use seen::Seen;

/// The usage events of a simulation, in order of time, ties by id.
pub struct UsageEvents<'a> {
    simulation: &'a Simulation,
    people: HashMap<&'a str, &'a Person>,
    activities: Activities<'a>,
    /// An activity of the day after the one being played.
    ahead: Option<Seen>,
    next_day: u32,
    /// The day's events, the last one first.
    ready: Vec<UsageEvent>,
    /// What began on that day and happens on the next.
    after_midnight: Vec<UsageEvent>,
}

impl<'a> UsageEvents<'a> {
    fn new(simulation: &'a Simulation) -> Self {
        Self {
            simulation,
            people: simulation.company.people.iter().map(|person| (person.id.as_str(), person)).collect(),
            activities: simulation.activities(),
            ahead: None,
            next_day: 0,
            ready: Vec::new(),
            after_midnight: Vec::new(),
        }
    }

    fn play_day(&mut self) {
        let simulation = self.simulation;
        let (seed, day, end) = (simulation.options.seed, self.next_day, simulation.span.day_start(self.next_day + 1));
        let mut events = std::mem::take(&mut self.after_midnight);
        for seen in self.seen_before(end) {
            if let Some(person) = self.people.get(seen.user_id.as_str()) {
                PersonDay { simulation, person, dice: seen.dice(seed, day), events: &mut events }.follow(&seen);
            }
        }
        for person in &simulation.company.people {
            if person.level(seed, &simulation.span, day) > 0 {
                let dice = Dice::numbered(seed, Purpose::Usage, day, person.index);
                PersonDay { simulation, person, dice, events: &mut events }.work(simulation.span.day_start(day));
            }
        }
        events.sort_by(|a, b| (b.time_micros, &b.id).cmp(&(a.time_micros, &a.id)));
        self.ready = events.split_off(events.partition_point(|event| event.time_micros >= end));
        self.after_midnight = events;
        self.next_day += 1;
    }

    fn seen_before(&mut self, end: i64) -> Vec<Seen> {
        let mut seen = Vec::new();
        loop {
            let next = match self.ahead.take() {
                Some(ahead) => Some(ahead),
                None => match self.activities.lend() {
                    None => return seen,
                    Some((at, raw)) => Seen::read(at, raw),
                },
            };
            match next {
                Some(next) if next.at >= end => {
                    self.ahead = Some(next);
                    return seen;
                }
                Some(next) => seen.push(next),
                None => {}
            }
        }
    }
}

impl Iterator for UsageEvents<'_> {
    type Item = UsageEvent;

    fn next(&mut self) -> Option<UsageEvent> {
        while self.ready.is_empty() {
            if self.next_day >= self.simulation.span.days {
                return None;
            }
            self.play_day();
        }
        self.ready.pop()
    }
}

impl Simulation {
    /// The usage events of its days, oldest first.
    #[must_use]
    pub fn usage_events(&self) -> UsageEvents<'_> {
        UsageEvents::new(self)
    }
}
