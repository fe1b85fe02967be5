//! Plays the days one after the other and hands out their activities in the feed's order.
//! Promises bounded memory: one day, what spills over midnight, and a little for each actor.
//! Never skips or repeats a row; with a target, exactly that many come out.

use super::Simulation;
use super::day_buffer::DayBuffer;
use super::dice::{Dice, Purpose};
use super::fill::Memory;
use super::routine::Workday;

/// One activity as it stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedActivity {
    pub created_at_micros: i64,
    /// One JSON object, without a line end.
    pub raw: Vec<u8>,
}

/// How many routine activities every actor does on every day.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Quota {
    /// As many as the levels say.
    Natural,
    /// `rows` in all, shared out in proportion to the levels, which sum up to `levels`.
    Exactly { rows: u64, levels: u128 },
}

/// The activities of a simulation, in order of `created_at`, ties by id.
pub struct Activities<'a> {
    simulation: &'a Simulation,
    next_day: u32,
    buffer: DayBuffer,
    spare: DayBuffer,
    position: usize,
    ready: usize,
    planned: usize,
    memories: Vec<Memory>,
    /// Sum of the levels played so far.
    played: u128,
}

impl<'a> Activities<'a> {
    pub(crate) fn new(simulation: &'a Simulation) -> Self {
        let actors = simulation.company.people.len() + simulation.machines.len();
        Self {
            simulation,
            next_day: 0,
            buffer: DayBuffer::default(),
            spare: DayBuffer::default(),
            position: 0,
            ready: 0,
            planned: 0,
            memories: (0..actors).map(|_| Memory::new()).collect(),
            played: 0,
        }
    }

    /// The next activity, lent instead of copied: its time in microseconds and its JSON.
    pub fn lend(&mut self) -> Option<(i64, &[u8])> {
        while self.position >= self.ready {
            if self.next_day >= self.simulation.span.days {
                return None;
            }
            self.buffer.rest_from(self.ready, &mut self.spare);
            self.play_day();
        }
        self.position += 1;
        self.buffer.row(self.position - 1)
    }

    fn play_day(&mut self) {
        let simulation = self.simulation;
        let day = self.next_day;
        let end = simulation.span.day_start(day + 1);
        for row in simulation.plan.rows[self.planned..].iter().take_while(|row| row.at < end) {
            self.buffer.copy(row.at, &row.raw);
            self.planned += 1;
        }
        let seed = simulation.options.seed;
        let workday = Workday {
            company: &simulation.company,
            habits: &simulation.habits,
            span: &simulation.span,
            silence: simulation.plan.silence,
            day,
        };
        for (number, person) in simulation.company.people.iter().enumerate() {
            let quota = self.quota(person.level(seed, &simulation.span, day));
            if quota > 0 {
                let mut dice = Dice::numbered(seed, Purpose::Routine, day, person.index);
                workday.play(person, quota, &mut dice, &mut self.memories[number], &mut self.buffer);
            }
        }
        let people = simulation.company.people.len();
        for (number, machine) in simulation.machines.iter().enumerate() {
            let quota = self.quota(machine.level(people));
            let mut dice = Dice::numbered(seed, Purpose::Machines, day, number as u32);
            machine.play(&workday, quota, &mut dice, &mut self.memories[people + number], &mut self.buffer);
        }
        self.buffer.sort();
        self.position = 0;
        self.ready = self.buffer.ready_before(end);
        self.next_day += 1;
    }

    /// Shares out by the running sum, so that rounding never loses or adds a row.
    fn quota(&mut self, level: u64) -> usize {
        let before = self.played;
        self.played += u128::from(level);
        match self.simulation.quota {
            Quota::Natural => (level / 16) as usize,
            Quota::Exactly { rows, levels } => {
                let share = |sum: u128| sum * u128::from(rows) / levels.max(1);
                (share(self.played) - share(before)) as usize
            }
        }
    }
}

impl Iterator for Activities<'_> {
    type Item = SimulatedActivity;

    fn next(&mut self) -> Option<SimulatedActivity> {
        let (created_at_micros, raw) = self.lend()?;
        Some(SimulatedActivity { created_at_micros, raw: raw.to_vec() })
    }
}
