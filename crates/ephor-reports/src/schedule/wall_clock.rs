//! The clock on the wall of a time zone, as the cron library asks it.
//! An hour that the wall shows twice, or never, is told apart by the zone's rules.

use std::cmp::Ordering;

use croner::errors::CronError;
use croner::time::{CivilDateTime, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::AmbiguousOffset;
use jiff::{SignedDuration, ZonedDateTime};

/// An instant and the zone whose wall it is read from.
#[derive(Debug, Clone)]
pub(super) struct WallClock(pub(super) ZonedDateTime);

impl CronDateTime for WallClock {
    fn to_civil(&self) -> CivilDateTime {
        let shown = self.0.datetime();
        let (month, day) = (shown.month().unsigned_abs(), shown.day().unsigned_abs());
        let (hour, minute, second) =
            (shown.hour().unsigned_abs(), shown.minute().unsigned_abs(), shown.second().unsigned_abs());
        CivilDateTime::new(
            croner::time::CivilDate::from_parts_unchecked(i32::from(shown.year()), month.into(), day.into()),
            croner::time::CivilTime::from_parts_unchecked(hour.into(), minute.into(), second.into()),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(self.0.weekday().to_sunday_zero_offset().unsigned_abs().into())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let shown = self.0.time_zone().to_ambiguous_zoned_datetime(datetime(civil)?);
        let invalid = |_| CronError::InvalidTime;
        Ok(match shown.offset() {
            AmbiguousOffset::Unambiguous { .. } => Resolution::Single(Self(shown.unambiguous().map_err(invalid)?)),
            AmbiguousOffset::Fold { .. } => Resolution::Ambiguous(
                Self(shown.clone().earlier().map_err(invalid)?),
                Self(shown.later().map_err(invalid)?),
            ),
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.timestamp().cmp(&other.0.timestamp())
    }
}

fn datetime(civil: CivilDateTime) -> Result<DateTime, CronError> {
    let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
    let part = |number: u32| i8::try_from(number).map_err(|_| CronError::InvalidDate);
    let (month, day) = (part(civil.month())?, part(civil.day())?);
    let (hour, minute, second) = (part(civil.hour())?, part(civil.minute())?, part(civil.second())?);
    DateTime::new(year, month, day, hour, minute, second, 0).map_err(|_| CronError::InvalidDate)
}
