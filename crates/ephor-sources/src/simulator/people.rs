//! The people of the organisation: names, teams, sites, roles, devices and what becomes of each of them.
//! Promises distinct e-mail addresses at reserved domains and addresses from documentation ranges only.
//! Never lets somebody act before joining, after leaving or while away.

use super::actor::Actor;
use super::calendar::{DAY, HOUR, SITES, Site, Span, is_holiday};
use super::dice::{Dice, Purpose, mixed};

/// Fewer people than this cannot fill the roles that every organisation has.
pub(crate) const FEWEST_PEOPLE: usize = 12;

const GIVEN: [&str; 48] = [
    "Amara", "Bjorn", "Carmen", "Dmitri", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Keiko", "Liam", "Maya",
    "Nikhil", "Olga", "Priya", "Quentin", "Rosa", "Samir", "Tomas", "Uma", "Viktor", "Wanda", "Xavier", "Yara", "Zane",
    "Aiko", "Bruno", "Chidi", "Dana", "Emre", "Fiona", "Goran", "Hana", "Isaac", "Julia", "Kofi", "Leila", "Marek",
    "Noor", "Oscar", "Petra", "Rania", "Stefan", "Thandi", "Ulrich", "Vera", "Wei",
];
const FAMILY: [&str; 48] = [
    "Abara", "Bianchi", "Castillo", "Dubois", "Eriksen", "Fischer", "Gupta", "Haddad", "Ivanova", "Jansen", "Kowalski",
    "Larsen", "Moreau", "Nakamura", "Okafor", "Petrov", "Quispe", "Rossi", "Schmidt", "Tanaka", "Ueda", "Vargas",
    "Weber", "Xu", "Yilmaz", "Zhang", "Almeida", "Brandt", "Costa", "Diaz", "Evans", "Fontaine", "Gomez", "Hughes",
    "Iyer", "Jensen", "Klein", "Lopez", "Mehta", "Novak", "Osei", "Park", "Reyes", "Silva", "Torres", "Varga",
    "Wright", "Young",
];

/// How a team uses the product; the routine tables have one weight per profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Office = 0,
    Engineering = 1,
    Documents = 2,
    Administration = 3,
}

pub(crate) struct Team {
    pub(crate) name: &'static str,
    share: u32,
    pub(crate) profile: Profile,
}

pub(crate) const TEAMS: [Team; 10] = [
    Team { name: "engineering", share: 32, profile: Profile::Engineering },
    Team { name: "data", share: 9, profile: Profile::Engineering },
    Team { name: "legal", share: 5, profile: Profile::Documents },
    Team { name: "finance", share: 7, profile: Profile::Documents },
    Team { name: "sales", share: 15, profile: Profile::Office },
    Team { name: "support", share: 12, profile: Profile::Office },
    Team { name: "hr", share: 4, profile: Profile::Documents },
    Team { name: "marketing", share: 7, profile: Profile::Office },
    Team { name: "security", share: 4, profile: Profile::Engineering },
    Team { name: "operations", share: 5, profile: Profile::Administration },
];
const OPERATIONS: usize = 9;

const DESKTOP_AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
];
const MOBILE_AGENTS: [&str; 2] = ["Claude/1.261110.0 (iOS 26.1; iPhone17,2)", "Claude/1.261110 (Android 16; Pixel 10)"];

/// What becomes of a person while the simulation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Works,
    Joins {
        day: u32,
    },
    /// Last working day is the one before `day`.
    Leaves {
        day: u32,
    },
    /// Has a seat and uses it no more after `last_day`, or never did.
    Dormant {
        last_day: Option<u32>,
    },
}

/// Which linked organization a person belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    Enterprise,
    Subsidiary,
}

pub(crate) struct Device {
    pub(crate) ip: String,
    pub(crate) agent: &'static str,
    pub(crate) actor: Actor,
}

pub(crate) struct Person {
    pub(crate) index: u32,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) team: usize,
    pub(crate) site: usize,
    pub(crate) home: Home,
    /// Also a member of the Console organization.
    pub(crate) console: bool,
    pub(crate) role: &'static str,
    /// Follows the team, and the role held at the start.
    pub(crate) profile: Profile,
    pub(crate) joined: i64,
    pub(crate) fate: Fate,
    /// Office, home, mobile.
    pub(crate) devices: [Device; 3],
    /// Taken by a planted incident; administration leaves this person alone.
    pub(crate) cast: bool,
    /// Removed from the organisation by the end.
    pub(crate) removed: bool,
    intensity_percent: u32,
    away: (u32, u32),
}

impl Person {
    pub(crate) fn site(&self) -> &'static Site {
        &SITES[self.site]
    }

    pub(crate) fn team_name(&self) -> &'static str {
        TEAMS[self.team].name
    }

    pub(crate) fn is_admin(&self) -> bool {
        matches!(self.role, "primary_owner" | "owner" | "admin" | "membership_admin")
    }

    pub(crate) fn office(&self) -> &Actor {
        &self.devices[0].actor
    }

    /// Works through the whole span and no incident has taken them.
    pub(crate) fn is_steady(&self) -> bool {
        self.fate == Fate::Works && !self.cast && !self.is_admin()
    }

    pub(crate) fn is_member_on(&self, day: u32) -> bool {
        match self.fate {
            Fate::Works => true,
            Fate::Joins { day: joins } => day > joins,
            Fate::Leaves { day: leaves } => day < leaves,
            Fate::Dormant { last_day } => last_day.is_some_and(|last| day <= last),
        }
    }

    /// How much this person does on `day`, in sixteenths of an activity; a pure function, asked twice.
    pub(crate) fn level(&self, seed: u64, span: &Span, day: u32) -> u64 {
        if !self.is_member_on(day) || (self.away.0..self.away.1).contains(&day) {
            return 0;
        }
        let mixed = mixed(seed, day, self.index);
        let quiet = span.is_weekend(day) || is_holiday(self.site(), span.day_start(day));
        let attends = if quiet { 4 } else { 82 };
        if mixed % 100 >= attends {
            return 0;
        }
        // The sum of two dice keeps most days near the average.
        let spread = (mixed >> 8) % 100 + (mixed >> 24) % 100;
        let typical = 26 * 16 * u64::from(self.intensity_percent) / 100;
        typical * spread / if quiet { 300 } else { 100 } + 16
    }
}

pub(crate) fn hire(seed: u64, count: usize, span: &Span) -> Vec<Person> {
    let mut dice = Dice::new(seed, Purpose::People);
    let count = count.max(FEWEST_PEOPLE) as u32;
    let mut people: Vec<Person> = (0..count).map(|index| person(&mut dice, index, span)).collect();
    assign_roles(&mut people);
    distinct_emails(&mut people);
    for person in &mut people {
        person.devices = devices(&mut dice, person);
    }
    assign_fates(&mut dice, &mut people, span);
    people
}

fn weighted<T>(dice: &mut Dice, items: &[T], share: impl Fn(&T) -> u32) -> usize {
    let mut left = dice.below(items.iter().map(&share).sum());
    for (position, item) in items.iter().enumerate() {
        if left < share(item) {
            return position;
        }
        left -= share(item);
    }
    0
}

fn person(dice: &mut Dice, index: u32, span: &Span) -> Person {
    let given = *dice.pick(&GIVEN);
    let family = *dice.pick(&FAMILY);
    let home = if dice.percent(14) { Home::Subsidiary } else { Home::Enterprise };
    let team = weighted(dice, &TEAMS, |team| team.share);
    let away_from = dice.below(span.days.max(1));
    let away_days = if dice.percent(40) { 3 + dice.below(8) } else { 0 };
    let domain = if home == Home::Subsidiary { "larkfield.example" } else { "meridian.example" };
    let placeholder = || Device { ip: String::new(), agent: "", actor: Actor::anthropic() };
    Person {
        index,
        id: dice.tagged("user_"),
        name: format!("{given} {family}"),
        email: format!("{}.{}@{domain}", given.to_lowercase(), family.to_lowercase()),
        team,
        site: weighted(dice, &SITES, |site| site.share),
        home,
        console: home == Home::Enterprise && TEAMS[team].profile == Profile::Engineering && dice.percent(60),
        role: "user",
        profile: TEAMS[team].profile,
        joined: span.start - dice.between(30, 700) * DAY + dice.between(8 * HOUR, 17 * HOUR),
        fate: Fate::Works,
        devices: [placeholder(), placeholder(), placeholder()],
        cast: false,
        removed: false,
        intensity_percent: 40 + dice.below(60) + dice.below(60),
        away: (away_from, away_from + away_days),
    }
}

fn distinct_emails(people: &mut [Person]) {
    let mut seen = std::collections::HashSet::<String>::new();
    for person in people {
        let given = person.email.clone();
        let (local, domain) = given.split_once('@').unwrap_or((&given, "example.com"));
        let mut number = 2;
        while !seen.insert(person.email.clone()) {
            person.email = format!("{local}{number}@{domain}");
            number += 1;
        }
    }
}

fn devices(dice: &mut Dice, person: &Person) -> [Device; 3] {
    let desktop = *dice.pick(&DESKTOP_AGENTS);
    let mobile = *dice.pick(&MOBILE_AGENTS);
    let home = if dice.percent(70) {
        format!("2001:db8:{:x}:{:x}::{:x}", 0x100 + person.site, person.index + 1, dice.below(0xfffe) + 1)
    } else {
        format!("203.0.113.{}", 1 + person.index % 200)
    };
    let office = format!("198.51.100.{}", 10 + person.site);
    let mobile_ip = format!("2001:db8:f00:{:x}::{:x}", person.index + 1, dice.below(0xfffe) + 1);
    let device = |ip: String, agent: &'static str| Device {
        actor: Actor::user(&person.id, &person.email, &ip, agent),
        ip,
        agent,
    };
    [device(office, desktop), device(home, desktop), device(mobile_ip, mobile)]
}

/// The first few people run the organisation; the larger it is, the more of them.
fn assign_roles(people: &mut [Person]) {
    let count = people.len();
    let mut next = 0;
    for (role, number) in [
        ("primary_owner", 1),
        ("owner", 1 + count / 120),
        ("admin", 2 + count / 80),
        ("membership_admin", 1 + count / 150),
        ("billing", 1),
    ] {
        for person in people.iter_mut().skip(next).take(number) {
            person.role = role;
            person.home = Home::Enterprise;
            person.console = true;
            person.team = if role == "billing" { 3 } else { OPERATIONS };
            person.profile = if person.is_admin() { Profile::Administration } else { TEAMS[person.team].profile };
            person.email = person.email.replace("larkfield", "meridian");
        }
        next += number;
    }
    for person in people.iter_mut().skip(next).filter(|person| person.console) {
        person.role = "developer";
    }
}

fn assign_fates(dice: &mut Dice, people: &mut [Person], span: &Span) {
    let mut pool: Vec<u32> = people.iter().filter(|p| p.is_steady() && p.role != "billing").map(|p| p.index).collect();
    dice.shuffle(&mut pool);
    let count = people.len() as u32;
    let mut take = |number: u32| pool.split_off(pool.len() - (number as usize).min(pool.len() / 4));
    let leavers = if span.days >= 7 { take((count * span.days / 1500).max(4).min(count / 8 + 1)) } else { Vec::new() };
    for index in leavers {
        let day = span.days / 3 + dice.below((span.days * 11 / 20).max(1));
        people[index as usize].fate = Fate::Leaves { day: span.working_day(day).max(1) };
    }
    for index in take((count / 25).max(2)) {
        let idle_since = span.days.checked_sub(36 + dice.below(20)).filter(|_| dice.percent(70));
        people[index as usize].fate = Fate::Dormant { last_day: idle_since };
    }
    let joiners = if span.days >= 3 { take((count * span.days / 2000).max(2)) } else { Vec::new() };
    for index in joiners {
        let day = span.working_day(dice.below(span.days));
        let person = &mut people[index as usize];
        person.fate = Fate::Joins { day };
        person.joined = super::calendar::local_time(person.site(), span.day_start(day), 9, 30).max(span.start);
    }
}
