//! A simulated organisation: its directory, its days of activities, and what was planted among them.
//! Promises the same bytes for the same options, in the feed's order, with bounded memory.
//! Never reads a clock, opens a socket or holds content: it exists to test and to show the product.

mod actor;
mod administration;
mod calendar;
mod chores;
mod company;
mod day_buffer;
mod deeds;
mod dice;
mod directory;
mod every_type;
mod fill;
mod incidents;
mod key_care;
mod machines;
mod membership;
mod output;
mod people;
mod plan;
mod routine;
mod row;
mod stream;
mod truth;
mod upstream;
mod usage;

#[cfg(test)]
mod tests;

use ephor_wire::timestamp::UtcDay;

pub use directory::{Listing, SimulatedDirectory, SimulatedList};
pub use output::{SimulationError, WrittenCounts, WrittenUsage};
pub use stream::{Activities, SimulatedActivity};
pub use truth::{Entity, Incident, Truth, UseCase};
pub use upstream::{SimulatedUpstream, UpstreamAnswer};
pub use usage::UsageCrowd;
pub use usage::UsageEvents;

use calendar::Span;
use company::Company;
use dice::{Dice, Purpose};
use machines::Machine;
use plan::{Plan, Stage};
use routine::Habits;
use stream::Quota;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct SimulationOptions {
    pub seed: u64,
    /// People with a seat at some time; raised to twelve, which an organisation needs for its roles.
    pub users: usize,
    /// Days up to `end`; raised to one.
    pub days: usize,
    /// The day after the last one.
    pub end: UtcDay,
    /// Exactly this many activities, for benchmarks. Incidents are kept as far as they fit.
    pub activities_target: Option<u64>,
    /// Adds one activity of every type of the catalogue on the last day.
    pub all_types: bool,
}

impl SimulationOptions {
    #[must_use]
    pub fn new(seed: u64, users: usize, days: usize, end: UtcDay) -> Self {
        Self { seed, users, days, end, activities_target: None, all_types: false }
    }

    fn span(&self) -> Span {
        // A hundred years are more than enough, and keep day numbers within a stream number.
        let days = u32::try_from(self.days.clamp(1, 36_525)).unwrap_or(1);
        Span::new(self.end.start_micros(), days)
    }
}

/// An organisation and its plan, ready to be played.
pub struct Simulation {
    options: SimulationOptions,
    span: Span,
    company: Company,
    machines: Vec<Machine>,
    habits: Habits,
    plan: Plan,
    quota: Quota,
    truth: Truth,
}

impl Simulation {
    #[must_use]
    pub fn new(options: SimulationOptions) -> Self {
        let span = options.span();
        let mut company = Company::found(options.seed, people::hire(options.seed, options.users, &span), &span);
        let machines = machines::machines(&company);
        let mut plan = Plan::new(span);
        let truth = prepare(&options, span, &mut company, &mut plan);
        let target = options.activities_target;
        plan.fit_to(target.map_or(usize::MAX, |target| usize::try_from(target).unwrap_or(usize::MAX)));
        let truth = Truth { incidents: plan.incidents.clone(), ..truth };
        let quota = match target {
            None => Quota::Natural,
            Some(target) => Quota::Exactly {
                rows: target.saturating_sub(plan.rows.len() as u64),
                levels: levels(options.seed, &company, &machines, &span),
            },
        };
        Self { options, span, company, machines, habits: Habits::new(), plan, quota, truth }
    }

    /// The activities in the order of the feed, oldest first.
    #[must_use]
    pub fn activities(&self) -> Activities<'_> {
        Activities::new(self)
    }

    /// What the directory endpoints list at the end of the span.
    #[must_use]
    pub fn directory(&self) -> SimulatedDirectory {
        directory::directory(&self.company, &self.span)
    }

    #[must_use]
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    #[must_use]
    pub fn options(&self) -> &SimulationOptions {
        &self.options
    }
}

/// Plans all that is not routine. The silence comes first, so that everything else is recorded around it; the
/// incidents come last, so that they find keys and people in the state in which they stay.
fn prepare(options: &SimulationOptions, span: Span, company: &mut Company, plan: &mut Plan) -> Truth {
    let dice = |purpose| Dice::new(options.seed, purpose);
    let mut stage = Stage { company, plan, dice: dice(Purpose::Incidents), span };
    incidents::silence(&mut stage);
    stage.dice = dice(Purpose::Administration);
    administration::administrate(&mut stage);
    stage.dice = dice(Purpose::Leavers);
    membership::welcome(&mut stage);
    let violations = membership::say_farewell(&mut stage);
    stage.dice = Dice::numbered(options.seed, Purpose::Incidents, 0, 1);
    incidents::plant(&mut stage);
    if options.all_types {
        stage.dice = dice(Purpose::Catalogue);
        every_type::parade(&mut stage);
    }
    let dormant_users = membership::dormant(&stage);
    let leavers = membership::leavers(&stage);
    Truth { incidents: Vec::new(), dormant_users, leavers, violations }
}

/// The levels of all actors on all days, which a target is shared out by.
fn levels(seed: u64, company: &Company, machines: &[Machine], span: &Span) -> u128 {
    let machines: u64 = machines.iter().map(|machine| machine.level(company.people.len())).sum();
    (0..span.days)
        .map(|day| {
            let people: u64 = company.people.iter().map(|person| person.level(seed, span, day)).sum();
            u128::from(people + machines)
        })
        .sum()
}
