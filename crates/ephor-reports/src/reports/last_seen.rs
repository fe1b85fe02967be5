//! When people were last seen, source by source: signing in, acting, using a surface, or one of their keys in use.
//! Promises that looking at something counts for nobody: `*_viewed` rows are page loads, and other people's acts are not one's own.

use std::collections::HashMap;

use crate::answer::{Answer, instant};
use crate::desk::Desk;
use crate::error::ReportError;
use crate::people::People;

/// What somebody can be seen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Sign {
    Entrance,
    Act,
    Usage,
    Key,
}

impl Sign {
    pub(crate) const ALL: [Self; 4] = [Self::Entrance, Self::Act, Self::Usage, Self::Key];

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Entrance => "sign-in",
            Self::Act => "activity",
            Self::Usage => "usage",
            Self::Key => "API key",
        }
    }
}

/// When each person was last seen, by id, in microseconds.
#[derive(Debug, Default)]
pub(crate) struct LastSeen {
    by_person: HashMap<String, [Option<i64>; 4]>,
}

impl LastSeen {
    /// Up to a moment.
    pub(crate) async fn before(desk: &Desk, people: &People, to_micros: i64) -> Result<Self, ReportError> {
        let mut seen = Self::default();
        let before = |time: &str| format!("{time} < {}", instant(to_micros));
        // Ids and addresses of one person are one person; a failed sign-in has at most an unproved address.
        let acts = format!(
            "select coalesce(actor_id, actor_email), type like '%_login_succeeded', max(created_at) from activities \
             where {} and actor_type = 'user_actor' and type not like '%\\_viewed' escape '\\' group by 1, 2",
            before("created_at")
        );
        Answer::of(&desk.lake, &acts).await?.each(|row| {
            let sign = if row.number(1) == Some(1) { Sign::Entrance } else { Sign::Act };
            seen.note(people, row.text(0), sign, row.number(2));
        });
        let usage = format!(
            "select coalesce(user_id, user_email), max(time) from usage_events where {} group by 1",
            before("time")
        );
        Answer::of(&desk.lake, &usage).await?.each(|row| seen.note(people, row.text(0), Sign::Usage, row.number(1)));
        let keys = format!(
            "select owner, max(created_at) from ( \
               select k.created_by as owner, a.created_at from activities a \
               join (select distinct api_key_id, created_by_id as created_by from directory_api_keys where created_by_id is not null) k \
                 on a.api_key_id = k.api_key_id where {}) group by 1",
            before("a.created_at")
        );
        Answer::of(&desk.lake, &keys).await?.each(|row| seen.note(people, row.text(0), Sign::Key, row.number(1)));
        Ok(seen)
    }

    fn note(&mut self, people: &People, person: Option<&str>, sign: Sign, micros: Option<i64>) {
        let Some(person) = person else { return };
        let signs = self.by_person.entry(people.id_of(person).to_owned()).or_default();
        let slot = &mut signs[sign as usize];
        *slot = (*slot).max(micros);
    }

    pub(crate) fn of(&self, person: &str, sign: Sign) -> Option<i64> {
        self.by_person.get(person)?[sign as usize]
    }

    /// The newest of all signs.
    pub(crate) fn newest(&self, person: &str) -> Option<(Sign, i64)> {
        let signs = self.by_person.get(person)?;
        let seen = Sign::ALL.into_iter().filter_map(|sign| Some((sign, signs[sign as usize]?)));
        seen.max_by_key(|(_, micros)| *micros)
    }
}
