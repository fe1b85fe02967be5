//! What the next days will come to, if weekdays stay as they were: a mean by weekday with the spread that was left.
//! Never made from fewer than two weeks.

use ephor_wire::timestamp::UtcDay;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::provenance::Period;

/// Two of every weekday, so that a spread can be told.
pub(super) const FEWEST_DAYS: usize = 14;

/// Days that are looked ahead.
const AHEAD_DAYS: i32 = 30;

/// Standard deviations on either side that hold 80 % of a normal distribution.
const EIGHTY_PERCENT: f64 = 1.2816;

pub(super) struct Forecast {
    pub(super) days: i32,
    pub(super) amount: Decimal,
    pub(super) low: Decimal,
    pub(super) high: Decimal,
}

/// From the amounts of a period's days, in billionths of a dollar.
pub(super) fn next_days(period: Period, amounts: &[i64]) -> Option<Forecast> {
    if amounts.len() < FEWEST_DAYS {
        return None;
    }
    let days: Vec<(usize, f64)> =
        period.each_day().map(weekday).zip(amounts.iter().map(|nanos| *nanos as f64 / 1e9)).collect();
    let mut means = [0.0; 7];
    for (number, mean) in means.iter_mut().enumerate() {
        let same: Vec<f64> = days.iter().filter(|(day, _)| *day == number).map(|(_, amount)| *amount).collect();
        *mean = same.iter().sum::<f64>() / same.len().max(1) as f64;
    }
    let squares: f64 = days.iter().map(|(day, amount)| (amount - means[*day]).powi(2)).sum();
    // Seven means were taken from the same days.
    let variance = squares / (days.len().saturating_sub(7)).max(1) as f64;
    let amount: f64 = (1..=AHEAD_DAYS).map(|ahead| means[weekday(period.last.plus_days(ahead))]).sum();
    let spread = EIGHTY_PERCENT * (variance * f64::from(AHEAD_DAYS)).sqrt();
    Some(Forecast {
        days: AHEAD_DAYS,
        amount: Decimal::from_f64(amount)?,
        low: Decimal::from_f64((amount - spread).max(0.0))?,
        high: Decimal::from_f64(amount + spread)?,
    })
}

fn weekday(day: UtcDay) -> usize {
    usize::try_from(day.0.rem_euclid(7)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn weeks_that_repeat_are_forecast_without_a_spread() {
        let period = Period::ending(UtcDay(20_000), 28);
        let amounts: Vec<i64> =
            period.each_day().map(|day| if weekday(day) < 5 { 10_000_000_000 } else { 0 }).collect();
        let next = next_days(period, &amounts).unwrap();
        let working = (1..=30).filter(|ahead| weekday(period.last.plus_days(*ahead)) < 5).count();
        assert_eq!(next.amount.round_dp(6), Decimal::from(working as u64 * 10));
        assert_eq!(next.low.round_dp(6), next.high.round_dp(6));
    }

    #[test]
    fn a_short_past_is_no_forecast() {
        assert!(next_days(Period::ending(UtcDay(20_000), 13), &[1; 13]).is_none());
    }
}
