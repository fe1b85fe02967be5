//! One person's ordinary day: signing in, then deeds by the weights of their profile.
//! Promises exactly as many activities as asked for, in the order in which they happen.
//! Never does what only planned stories may do.

use super::actor::Actor;
use super::calendar::{DAY, MINUTE, SECOND, Span, working_moment};
use super::company::Company;
use super::day_buffer::DayBuffer;
use super::deeds::{DEEDS, Deed, Realm};
use super::dice::Dice;
use super::fill::{Memory, fill_fields};
use super::people::{Device, Home, Person};
use super::row::NO_ORGANIZATION;

/// Cumulative weights of the deeds, one list for each profile.
pub(crate) struct Habits {
    cumulative: [Vec<u32>; 4],
}

impl Habits {
    pub(crate) fn new() -> Self {
        let list = |profile: usize| {
            DEEDS
                .iter()
                .scan(0, |sum, deed| {
                    *sum += deed.weights[profile];
                    Some(*sum)
                })
                .collect()
        };
        Self { cumulative: [list(0), list(1), list(2), list(3)] }
    }

    /// A deed for this person; Console work only for members there.
    fn choose(&self, person: &Person, dice: &mut Dice) -> &'static Deed {
        let cumulative = &self.cumulative[person.profile as usize];
        let total = cumulative.last().copied().unwrap_or(1);
        loop {
            let drawn = dice.below(total);
            let deed = &DEEDS[cumulative.partition_point(|sum| *sum <= drawn).min(DEEDS.len() - 1)];
            if deed.realm != Realm::Console || person.console {
                return deed;
            }
        }
    }
}

pub(crate) struct Workday<'a> {
    pub(crate) company: &'a Company,
    pub(crate) habits: &'a Habits,
    pub(crate) span: &'a Span,
    pub(crate) silence: Option<(i64, i64)>,
    pub(crate) day: u32,
}

/// Rows done in one go on one device.
const STRETCH: usize = 12;

impl Workday<'_> {
    pub(crate) fn play(
        &self,
        person: &Person,
        quota: usize,
        dice: &mut Dice,
        memory: &mut Memory,
        out: &mut DayBuffer,
    ) {
        let mut times = self.times(person, quota, dice).into_iter().enumerate().peekable();
        let mut device = &person.devices[0];
        let home = &self.company.home_of(person).tag;
        while let Some((number, at)) = times.next() {
            if number % STRETCH == 0 {
                device = some_device(person, dice);
            }
            if number == 0 && quota >= 4 && dice.percent(45) {
                let mut at = at;
                for (position, kind) in sign_in_steps(person, dice).into_iter().enumerate() {
                    if position > 0 {
                        at = times.next().map_or(at, |(_, next)| next.min(at + 9 * SECOND));
                    }
                    write_sign_in(out, dice, at, kind, person, device);
                }
                continue;
            }
            if quota >= 6 && times.peek().is_none() && dice.percent(9) {
                out.write(dice, at, "user_logged_out", &device.actor, NO_ORGANIZATION, |_, _| {});
                continue;
            }
            let deed = self.habits.choose(person, dice);
            let organization = match deed.realm {
                Realm::Home => home,
                Realm::Console => &self.company.api.tag,
                Realm::Nowhere => NO_ORGANIZATION,
            };
            out.write(dice, at, deed.kind, &device.actor, organization, |row, dice| {
                fill_fields(row, deed.fields, self.company, memory, dice);
            });
        }
    }

    pub(crate) fn after_silence(&self, at: i64) -> i64 {
        match self.silence {
            Some((from, to)) if from < at && at < to => at + (to - from),
            _ => at,
        }
    }

    /// When it happens, ascending: stretches of work through the day. The last evening of the span is pressed
    /// together so that nothing happens after its end.
    fn times(&self, person: &Person, quota: usize, dice: &mut Dice) -> Vec<i64> {
        let start = self.span.day_start(self.day);
        let mut times = Vec::with_capacity(quota);
        while times.len() < quota {
            let mut at = start + working_moment(person.site(), dice);
            for _ in 0..STRETCH.min(quota - times.len()) {
                times.push(at);
                at += dice.between(3 * SECOND, 4 * MINUTE);
            }
        }
        for at in &mut times {
            *at = self.after_silence(*at);
        }
        press(&mut times, start, self.span.end);
        for at in &mut times {
            // Some rows of the wire carry no fraction.
            if dice.below(40) == 0 {
                *at -= at.rem_euclid(SECOND);
            }
        }
        times.sort_unstable();
        times
    }
}

/// Scales times down towards `start` if any lies at or after `end`.
fn press(times: &mut [i64], start: i64, end: i64) {
    let Some(latest) = times.iter().copied().max().filter(|latest| *latest >= end) else {
        return;
    };
    let room = (end - SECOND - start).clamp(0, DAY);
    for at in times {
        let scaled = i128::from(*at - start) * i128::from(room) / i128::from(latest - start);
        *at = start + i64::try_from(scaled).unwrap_or(0);
    }
}

fn some_device<'p>(person: &'p Person, dice: &mut Dice) -> &'p Device {
    let number = match dice.below(100) {
        0..62 => 0,
        62..88 => 1,
        _ => 2,
    };
    &person.devices[number]
}

/// The activities of one sign-in: perhaps a first attempt that fails, the start of it, the success.
fn sign_in_steps(person: &Person, dice: &mut Dice) -> Vec<&'static str> {
    let [failed, initiated, succeeded] = match person.home {
        Home::Enterprise if dice.percent(3) => ["sso_login_failed", "sso_login_initiated", "social_login_succeeded"],
        Home::Enterprise => ["sso_login_failed", "sso_login_initiated", "sso_login_succeeded"],
        Home::Subsidiary => ["magic_link_login_failed", "magic_link_login_initiated", "magic_link_login_succeeded"],
    };
    let mut steps = Vec::with_capacity(3);
    if dice.percent(4) {
        steps.push(failed);
    }
    if dice.percent(35) {
        steps.push(initiated);
    }
    steps.push(succeeded);
    steps
}

fn write_sign_in(out: &mut DayBuffer, dice: &mut Dice, at: i64, kind: &'static str, person: &Person, device: &Device) {
    let method = match kind {
        "sso_login_succeeded" => "sso",
        "magic_link_login_succeeded" => "magic_link",
        "social_login_succeeded" => "social",
        _ => {
            let actor = Actor::unauthenticated(Some(&person.email), &device.ip, device.agent);
            out.write(dice, at, kind, &actor, NO_ORGANIZATION, |_, _| {});
            return;
        }
    };
    out.write(dice, at, kind, &device.actor, NO_ORGANIZATION, |row, _| {
        if method == "social" {
            row.text("provider", "google");
        }
        row.text("auth_method", method).null("mfa_method");
    });
}
