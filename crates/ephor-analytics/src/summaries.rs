//! `summaries`: who was active on a day and in the 7 and 30 days that end with it, in all and by product.
//! Counts are exact: a day's people are a bitmap, a window is the union of its days.
//! Never approximates, and never counts a person twice.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use ephor_wire::timestamp::UtcDay;
use rayon::prelude::*;
use roaring::RoaringBitmap;
use serde::{Serialize, Serializer};

use crate::frame::column_name;
use crate::groups::People;

/// Where somebody can be active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Chat,
    ClaudeCode,
    /// A tool that worked, or a message.
    Cowork,
    /// Any session at all, which is what the Cowork figures count.
    CoworkSession,
    Design,
    Office,
    Science,
    /// A session or a message.
    DesignSession,
    ScienceSession,
}

impl Activity {
    const ALL: [Self; 9] = [
        Self::Chat,
        Self::ClaudeCode,
        Self::Cowork,
        Self::CoworkSession,
        Self::Design,
        Self::Office,
        Self::Science,
        Self::DesignSession,
        Self::ScienceSession,
    ];

    /// The columns of `analytics_users` of which one must be more than 0.
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Chat => &["active_chat"],
            Self::ClaudeCode => &["active_claude_code"],
            Self::Cowork => &["active_cowork"],
            Self::CoworkSession => &["cowork_metrics.distinct_session_count"],
            Self::Design => &["active_design"],
            Self::Office => &["active_office"],
            Self::Science => &["active_science"],
            Self::DesignSession => &["active_design", "design_metrics.distinct_session_count"],
            Self::ScienceSession => &["active_science", "science_metrics.distinct_session_count"],
        }
    }
}

/// The columns of `analytics_users` that a day's activity is read from.
pub(crate) fn columns() -> Vec<String> {
    let mut columns = vec![column_name("user.id")];
    for path in Activity::ALL.iter().flat_map(|activity| activity.columns()) {
        let column = column_name(path);
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns
}

/// Numbers of people, the same for every day.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    numbers: HashMap<String, u32>,
}

impl Numbering {
    fn number(&mut self, person: &str) -> u32 {
        if let Some(number) = self.numbers.get(person) {
            return *number;
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(person.to_owned(), number);
        number
    }

    /// The people of a list who were ever active, as a set.
    pub(crate) fn set<'p>(&self, people: impl Iterator<Item = &'p str>) -> RoaringBitmap {
        people.filter_map(|person| self.numbers.get(person).copied()).collect()
    }
}

/// Who was active on one day, by where.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ActiveDay {
    sets: [RoaringBitmap; 9],
}

impl ActiveDay {
    /// Reads a day of `analytics_users`.
    pub(crate) fn read(batches: &[RecordBatch], numbering: &mut Numbering) -> Self {
        let mut day = Self::default();
        for batch in batches {
            let ids = batch.column_by_name("user_id").and_then(|column| column.as_string_opt::<i32>().cloned());
            let Some(ids) = ids else { continue };
            let numbers: Vec<u32> = (0..ids.len()).map(|row| numbering.number(ids.value(row))).collect();
            for (set, activity) in day.sets.iter_mut().zip(Activity::ALL) {
                for path in activity.columns() {
                    let Some(column) = batch.column_by_name(&column_name(path)) else { continue };
                    let Some(counts) = column.as_primitive_opt::<Int64Type>() else { continue };
                    let active = (0..counts.len()).filter(|row| counts.is_valid(*row) && counts.value(*row) > 0);
                    set.extend(active.map(|row| numbers[row]));
                }
            }
        }
        day
    }

    fn of(&self, activity: Activity) -> &RoaringBitmap {
        &self.sets[activity as usize]
    }

    /// Active by the published definition: a message, work in Claude Code, or work in Cowork.
    fn anywhere(&self) -> RoaringBitmap {
        use Activity::{Chat, ClaudeCode, Cowork, Design, Office, Science};
        [Chat, ClaudeCode, Cowork, Design, Office, Science].iter().fold(RoaringBitmap::new(), |mut all, activity| {
            all |= self.of(*activity);
            all
        })
    }

    /// Only these people.
    pub(crate) fn within(&self, people: &RoaringBitmap) -> Self {
        let mut narrowed = self.clone();
        narrowed.sets.iter_mut().for_each(|set| *set &= people);
        narrowed
    }
}

/// One entry of `summaries`, with every field up to P6.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    starting_at: String,
    ending_at: String,
    daily_active_user_count: u64,
    weekly_active_user_count: u64,
    monthly_active_user_count: u64,
    daily_adoption_rate: Option<Rate>,
    weekly_adoption_rate: Option<Rate>,
    monthly_adoption_rate: Option<Rate>,
    assigned_seat_count: Option<usize>,
    pending_invite_count: Option<usize>,
    cowork_daily_active_user_count: u64,
    cowork_weekly_active_user_count: u64,
    cowork_monthly_active_user_count: u64,
    chat_daily_active_user_count: u64,
    chat_weekly_active_user_count: u64,
    chat_monthly_active_user_count: u64,
    claude_code_daily_active_user_count: u64,
    claude_code_weekly_active_user_count: u64,
    claude_code_monthly_active_user_count: u64,
    claude_design_daily_active_user_count: u64,
    claude_design_weekly_active_user_count: u64,
    claude_design_monthly_active_user_count: u64,
    office_agent_daily_active_user_count: u64,
    office_agent_weekly_active_user_count: u64,
    office_agent_monthly_active_user_count: u64,
    science_daily_active_user_count: u64,
    science_weekly_active_user_count: u64,
    science_monthly_active_user_count: u64,
    science_entitled_user_count: Option<usize>,
}

/// A percentage in hundredths, so that it is rounded once and exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    hundredths: u64,
}

impl Rate {
    /// 100 × active / seats to two decimals, half away from zero; 0 where there are no seats.
    fn of(active: u64, seats: usize) -> Self {
        let seats = seats as u64;
        let hundredths = if seats == 0 { 0 } else { (active * 20_000 + seats) / (2 * seats) };
        Self { hundredths }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.hundredths as f64 / 100.0)
    }
}

/// Days before a day that its longest window looks at.
pub(crate) const WINDOW_DAYS: i32 = 30;
const WEEK: usize = 7;
const MONTH: usize = 30;

/// Numbers of different people in the windows that end with each day of an answer.
struct Windows {
    daily: Vec<u64>,
    weekly: Vec<u64>,
    monthly: Vec<u64>,
}

impl Windows {
    /// Of the days from `first` on; those before it only lie in windows.
    fn of(days: &[&RoaringBitmap], first: usize) -> Self {
        let daily = days.iter().skip(first).map(|day| day.len()).collect();
        let (weekly, monthly) = rayon::join(|| window_counts(days, WEEK, first), || window_counts(days, MONTH, first));
        Self { daily, weekly, monthly }
    }

    fn at(&self, day: usize) -> [u64; 3] {
        [self.daily[day], self.weekly[day], self.monthly[day]]
    }
}

/// The size of the union of each day from `first` on and the `length - 1` before it. Days are cut into blocks of that
/// length, so that a window is the end of one block and the beginning of the next: three unions a day, however long
/// the window.
fn window_counts(days: &[&RoaringBitmap], length: usize, first: usize) -> Vec<u64> {
    let mut counts = Vec::with_capacity(days.len().saturating_sub(first));
    for block in (0..days.len()).step_by(length) {
        let end = days.len().min(block + length);
        if end <= first {
            continue;
        }
        let before = block.saturating_sub(length);
        // Where the first window that is asked for begins; the first block has none before it.
        let oldest = (first.max(block) + 1).saturating_sub(length).min(block);
        let ends_of_block_before = unions_to_the_end(&days[oldest.max(before)..block]);
        let mut beginning = RoaringBitmap::new();
        for (day, active) in (block..end).zip(&days[block..end]) {
            beginning |= *active;
            if day < first {
                continue;
            }
            let start = (day + 1).saturating_sub(length);
            counts.push(match start.checked_sub(oldest).and_then(|place| ends_of_block_before.get(place)) {
                Some(ending) => ending.union_len(&beginning),
                // The window is a block, or cut off at the beginning.
                None => beginning.len(),
            });
        }
    }
    counts
}

/// For each day the union of it and all that follow.
fn unions_to_the_end(days: &[&RoaringBitmap]) -> Vec<RoaringBitmap> {
    let mut unions: Vec<RoaringBitmap> = Vec::with_capacity(days.len());
    for day in days.iter().rev() {
        let union = unions.last().map_or_else(|| (*day).clone(), |after| after | *day);
        unions.push(union);
    }
    unions.reverse();
    unions
}

/// The entries of `days`, whose activity is given with that of the 29 days before the first: `active[29]` is the first.
pub(crate) fn summaries(days: &[UtcDay], active: &[Arc<ActiveDay>], people: Option<&People>) -> Vec<Summary> {
    let before = MONTH - 1;
    let anywhere: Vec<RoaringBitmap> = active.par_iter().map(|day| day.anywhere()).collect();
    let all = Windows::of(&anywhere.iter().collect::<Vec<_>>(), before);
    let products = [
        Activity::Chat,
        Activity::ClaudeCode,
        Activity::CoworkSession,
        Activity::DesignSession,
        Activity::Office,
        Activity::ScienceSession,
    ];
    let by = |activity: Activity| Windows::of(&active.iter().map(|day| day.of(activity)).collect::<Vec<_>>(), before);
    let by_product: Vec<Windows> = products.into_par_iter().map(by).collect();
    let entry = |(place, day): (usize, &UtcDay)| {
        let all = all.at(place);
        let product = |number: usize| by_product[number].at(place);
        let (chat, code, cowork) = (product(0), product(1), product(2));
        let (design, office, science) = (product(3), product(4), product(5));
        let rate = |active: u64| people.map(|people| Rate::of(active, people.seats));
        Summary {
            starting_at: format!("{day}T00:00:00Z"),
            ending_at: format!("{}T00:00:00Z", day.plus_days(1)),
            daily_active_user_count: all[0],
            weekly_active_user_count: all[1],
            monthly_active_user_count: all[2],
            daily_adoption_rate: rate(all[0]),
            weekly_adoption_rate: rate(all[1]),
            monthly_adoption_rate: rate(all[2]),
            assigned_seat_count: people.map(|people| people.seats),
            pending_invite_count: people.map(|people| people.pending_invites),
            cowork_daily_active_user_count: cowork[0],
            cowork_weekly_active_user_count: cowork[1],
            cowork_monthly_active_user_count: cowork[2],
            chat_daily_active_user_count: chat[0],
            chat_weekly_active_user_count: chat[1],
            chat_monthly_active_user_count: chat[2],
            claude_code_daily_active_user_count: code[0],
            claude_code_weekly_active_user_count: code[1],
            claude_code_monthly_active_user_count: code[2],
            claude_design_daily_active_user_count: design[0],
            claude_design_weekly_active_user_count: design[1],
            claude_design_monthly_active_user_count: design[2],
            office_agent_daily_active_user_count: office[0],
            office_agent_weekly_active_user_count: office[1],
            office_agent_monthly_active_user_count: office[2],
            science_daily_active_user_count: science[0],
            science_weekly_active_user_count: science[1],
            science_monthly_active_user_count: science[2],
            // Every seat may use it.
            science_entitled_user_count: people.map(|people| people.seats),
        }
    };
    days.iter().enumerate().map(entry).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_window_is_the_union_of_its_days(
            days in proptest::collection::vec(proptest::collection::vec(0u32..40, 0..12), 1..80),
            length in 1usize..31,
            first in 0usize..80,
        ) {
            let sets: Vec<RoaringBitmap> = days.iter().map(|day| day.iter().copied().collect()).collect();
            let counts = window_counts(&sets.iter().collect::<Vec<_>>(), length, first);
            let by_hand: Vec<u64> = (first..days.len())
                .map(|day| {
                    let window = (day + 1).saturating_sub(length)..=day;
                    window.flat_map(|day| days[day].clone()).collect::<std::collections::BTreeSet<u32>>().len() as u64
                })
                .collect();
            proptest::prop_assert_eq!(counts, by_hand);
        }
    }

    #[test]
    fn rates_are_rounded_once_and_without_seats_there_is_none() {
        let told = |active, seats| serde_json::to_string(&Rate::of(active, seats)).unwrap();
        assert_eq!(told(42, 120), "35.0");
        assert_eq!(told(71, 120), "59.17");
        assert_eq!(told(1, 3), "33.33");
        assert_eq!(told(2, 3), "66.67");
        assert_eq!(told(5, 0), "0.0");
    }
}
