//! Usage events by the million, for benchmarks: the same people and organizations, without the activities behind them.
//! Promises order of time, the same bytes for the same options, and memory that grows with the people, not with the days.
//! Never tells one story with the feed: what belongs together is in [`super`].

use std::io::{self, Write};

use super::super::SimulationOptions;
use super::super::calendar::{DAY, HOUR, MINUTE, SECOND, Span};
use super::super::company::Company;
use super::super::people::{self, Person};
use super::crowd_event::CrowdEvent;
use super::quick_dice::QuickDice;

/// Events of one sitting: one chat, or one session.
pub(super) const SITTING: u32 = 8;
/// Written at once; large enough that a million events take few system calls.
const BUFFER_BYTES: usize = 1 << 20;
/// Longer than any event, so that the buffer never grows.
const EVENT_BYTES: usize = 2 << 10;

/// An organisation whose people all use as much as each other.
pub struct UsageCrowd {
    seed: u64,
    span: Span,
    company: Company,
    per_person: u32,
}

/// An event that is due: everything else of it follows from these.
struct Due {
    at: i64,
    person: u32,
    number: u32,
}

impl UsageCrowd {
    /// `per_person` events for each person on each day on which they work.
    #[must_use]
    pub fn new(options: &SimulationOptions, per_person: u32) -> Self {
        let span = options.span();
        let company = Company::found(options.seed, people::hire(options.seed, options.users, &span), &span);
        Self { seed: options.seed, span, company, per_person }
    }

    /// Writes one event a line; answers how many lines and bytes.
    ///
    /// # Errors
    /// If `out` refuses.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<(u64, u64)> {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES + EVENT_BYTES);
        let (mut due, mut lines, mut bytes) = (Vec::new(), 0, 0);
        for day in 0..self.span.days {
            self.plan(day, &mut due);
            for next in &due {
                self.event(day, next).write(&mut buffer);
                if buffer.len() >= BUFFER_BYTES {
                    bytes += buffer.len() as u64;
                    out.write_all(&buffer)?;
                    buffer.clear();
                }
            }
            lines += due.len() as u64;
        }
        out.write_all(&buffer)?;
        Ok((lines, bytes + buffer.len() as u64))
    }

    /// What happens on a day, in order of time.
    fn plan(&self, day: u32, due: &mut Vec<Due>) {
        due.clear();
        let at_work = |person: &&Person| person.level(self.seed, &self.span, day) > 0;
        for person in self.company.people.iter().filter(at_work) {
            due.extend((0..self.per_person).map(|number| self.due(day, person, number)));
        }
        due.sort_unstable_by_key(|due| (due.at, due.person, due.number));
    }

    fn due(&self, day: u32, person: &Person, number: u32) -> Due {
        let mut sitting = self.sitting_dice(day, person.index, number);
        let start = 8 * HOUR + sitting.between(0, 9 * HOUR) - person.site().offset_minutes * MINUTE;
        let mut dice = self.event_dice(day, person.index, number);
        let within = i64::from(number % SITTING) * 3 * MINUTE + dice.between(0, 170 * SECOND);
        // The evening of the far west is the next day in UTC; here it is that of the day before.
        let at = self.span.day_start(day) + (start + within).rem_euclid(DAY);
        Due { at, person: person.index, number }
    }

    fn event(&self, day: u32, due: &Due) -> CrowdEvent<'_> {
        let mut sitting = self.sitting_dice(day, due.person, due.number);
        // The first draw is its time of day; what it is about must not follow from that.
        sitting.next();
        CrowdEvent {
            company: &self.company,
            person: self.company.person(due.person),
            at: due.at,
            place: due.number % SITTING,
            sitting,
            dice: self.event_dice(day, due.person, due.number),
        }
    }

    /// The draws that all events of one sitting share.
    fn sitting_dice(&self, day: u32, person: u32, number: u32) -> QuickDice {
        QuickDice::of(self.seed ^ 1, day, person, number / SITTING)
    }

    fn event_dice(&self, day: u32, person: u32, number: u32) -> QuickDice {
        QuickDice::of(self.seed, day, person, number)
    }
}
