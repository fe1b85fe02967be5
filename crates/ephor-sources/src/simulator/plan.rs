//! Activities that are thought out before the days are played: administration, comings and goings, incidents.
//! Promises that every id in the truth is a row of the plan, and that a smaller target drops whole stories only.
//! Never holds the routine of the days: that is made day by day.

use super::actor::Actor;
use super::calendar::Span;
use super::company::{Company, LinkedOrganization};
use super::dice::Dice;
use super::row::{Envelope, NO_ORGANIZATION, Row};
use super::truth::{Entity, Incident, UseCase};

pub(crate) struct PlannedRow {
    pub(crate) at: i64,
    pub(crate) raw: Vec<u8>,
    incident: Option<usize>,
}

pub(crate) struct Plan {
    pub(crate) rows: Vec<PlannedRow>,
    pub(crate) incidents: Vec<Incident>,
    /// Time without recording: (from, to). Everything that happens in between is recorded late, after it.
    pub(crate) silence: Option<(i64, i64)>,
    span: Span,
}

/// Which organization an activity belongs to.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    In(&'a LinkedOrganization),
    Nowhere,
}

impl Plan {
    pub(crate) fn new(span: Span) -> Self {
        Self { rows: Vec::new(), incidents: Vec::new(), silence: None, span }
    }

    /// Writes one activity and answers its id.
    pub(crate) fn act(
        &mut self,
        dice: &mut Dice,
        at: i64,
        kind: &str,
        actor: &Actor,
        place: Place<'_>,
        fields: impl FnOnce(&mut Row<'_>),
    ) -> String {
        let at = self.span.clamp(self.after_silence(at));
        let id = dice.tagged("activity_");
        let organization = match place {
            Place::In(linked) => linked.tag.as_str(),
            Place::Nowhere => NO_ORGANIZATION,
        };
        let mut raw = Vec::with_capacity(512);
        let envelope = Envelope { id: &id, at, organization, actor: actor.json(), kind };
        let mut row = Row::begin(&mut raw, &envelope);
        fields(&mut row);
        row.end();
        self.rows.push(PlannedRow { at, raw, incident: None });
        id
    }

    /// What happens while nothing is recorded shows up once recording is on again.
    pub(crate) fn after_silence(&self, at: i64) -> i64 {
        match self.silence {
            Some((from, to)) if from < at && at < to => at + (to - from),
            _ => at,
        }
    }

    /// Drops whole incidents, last first, then the latest background, until at most `target` rows are left.
    pub(crate) fn fit_to(&mut self, target: usize) {
        while self.rows.len() > target {
            let Some(dropped) = self.incidents.len().checked_sub(1) else {
                break;
            };
            self.incidents.pop();
            self.rows.retain(|row| row.incident != Some(dropped));
        }
        self.rows.sort_by(|a, b| (a.at, &a.raw).cmp(&(b.at, &b.raw)));
        self.rows.truncate(target);
    }
}

/// One incident in the making: what it does is remembered as its evidence.
pub(crate) struct Scene<'a> {
    plan: &'a mut Plan,
    use_case: UseCase,
    activities: Vec<(i64, String)>,
    entities: Vec<Entity>,
}

impl<'a> Scene<'a> {
    pub(crate) fn open(plan: &'a mut Plan, use_case: UseCase) -> Self {
        Self { plan, use_case, activities: Vec::new(), entities: Vec::new() }
    }

    pub(crate) fn act(
        &mut self,
        dice: &mut Dice,
        at: i64,
        kind: &str,
        actor: &Actor,
        place: Place<'_>,
        fields: impl FnOnce(&mut Row<'_>),
    ) -> &mut Self {
        let id = self.plan.act(dice, at, kind, actor, place, fields);
        if let Some(row) = self.plan.rows.last_mut() {
            row.incident = Some(self.plan.incidents.len());
            self.activities.push((row.at, id));
        }
        self
    }

    pub(crate) fn entity(&mut self, kind: &str, id: &str) -> &mut Self {
        let entity = Entity { kind: kind.to_owned(), id: id.to_owned() };
        if !self.entities.contains(&entity) {
            self.entities.push(entity);
        }
        self
    }

    pub(crate) fn silence(&mut self, from: i64, to: i64) {
        self.plan.silence = Some((from, to));
    }

    pub(crate) fn close(mut self, description: impl Into<String>) {
        self.activities.sort();
        self.plan.incidents.push(Incident {
            use_case: self.use_case,
            description: description.into(),
            activities: self.activities.into_iter().map(|(_, id)| id).collect(),
            entities: self.entities,
        });
    }
}

/// What the planners share.
pub(crate) struct Stage<'a> {
    pub(crate) company: &'a mut Company,
    pub(crate) plan: &'a mut Plan,
    pub(crate) dice: Dice,
    pub(crate) span: Span,
}

impl Stage<'_> {
    /// Takes somebody ordinary for an incident, so that nothing else happens to them. In a small organisation
    /// the same person may be taken twice.
    pub(crate) fn cast(&mut self, fits: impl Fn(&super::people::Person) -> bool) -> u32 {
        let people = &self.company.people;
        let working = |person: &&super::people::Person| {
            person.fate == super::people::Fate::Works && !person.is_admin() && person.role != "billing"
        };
        let mut pool: Vec<u32> =
            people.iter().filter(|person| person.is_steady() && fits(person)).map(|person| person.index).collect();
        if pool.is_empty() {
            pool = people.iter().filter(working).filter(|person| fits(person)).map(|person| person.index).collect();
        }
        if pool.is_empty() {
            pool = people.iter().filter(working).map(|person| person.index).collect();
        }
        let chosen = if pool.is_empty() { self.company.people.len() as u32 - 1 } else { *self.dice.pick(&pool) };
        self.company.people[chosen as usize].cast = true;
        chosen
    }

    /// A working day in the later part of the span, so that habits are known by then.
    pub(crate) fn late_day(&mut self) -> u32 {
        let first = self.span.days * 2 / 5;
        let last = self.span.days.saturating_sub(3).max(first);
        let day = first + self.dice.below(last - first + 1);
        self.span.working_day(day)
    }
}
