//! How one cell is written where people read it.

use ephor_wire::timestamp::{Timestamp, UtcDay};
use rust_decimal::Decimal;

use crate::table::{Cell, Column, Figure, Kind};

/// An instant to the second, in UTC.
#[must_use]
pub fn instant_text(micros: i64) -> String {
    let text = Timestamp::from_micros(micros);
    let text = text.as_str();
    // `2026-11-23T12:00:00.000000Z` without its fraction.
    format!("{}Z", text.get(..19).unwrap_or(text))
}

/// A day as `2026-11-23`.
#[must_use]
pub fn day_text(day: UtcDay) -> String {
    day.to_string()
}

/// A cell as people read it; a cell without anything is empty.
#[must_use]
pub fn cell_text(column: &Column, cell: &Cell) -> String {
    match cell {
        Cell::Nothing => String::new(),
        Cell::Suppressed => "(few people)".to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Integer(number) => grouped(*number),
        Cell::Decimal(number) => match column.kind {
            Kind::Money => money(*number),
            Kind::Share => format!("{:.1} %", (*number * Decimal::ONE_HUNDRED).round_dp(1)),
            _ => number.normalize().to_string(),
        },
        Cell::Instant(micros) => instant_text(*micros),
        Cell::Day(day) => day_text(*day),
        Cell::Boolean(true) => "yes".to_owned(),
        Cell::Boolean(false) => "no".to_owned(),
        Cell::List(texts) => texts.join(", "),
    }
}

/// A figure with its unit; one that cannot be known is a dash.
pub(super) fn figure_text(figure: &Figure) -> (String, Option<&'static str>) {
    if figure.value == Cell::Nothing {
        return ("-".to_owned(), None);
    }
    let column = Column::new("", "", Kind::Integer).of_figure(figure);
    (cell_text(&column, &figure.value), figure.unit.filter(|unit| *unit != "ratio"))
}

/// Dollars and cents, with as many further digits as an amount below a cent needs.
fn money(amount: Decimal) -> String {
    let cents = amount.round_dp(2);
    let shown = if cents.is_zero() && !amount.is_zero() { amount.normalize() } else { cents };
    let text = format!("{shown:.0$}", shown.scale().max(2) as usize);
    match text.split_once('.') {
        Some((whole, fraction)) => match whole.parse::<i64>() {
            Ok(number) if number != 0 => format!("{}.{fraction}", grouped(number)),
            _ => text,
        },
        None => text,
    }
}

/// Digits in threes, so that a million is told from ten.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn cells_are_written_for_people() {
        let money = Column::money("amount", "Amount");
        let share = Column::share("share", "Share");
        let count = Column::count("n", "N", "rows");
        let decimal = |text: &str| Cell::Decimal(Decimal::from_str(text).unwrap_or_default());
        assert_eq!(cell_text(&money, &decimal("1234567.5")), "1,234,567.50");
        assert_eq!(cell_text(&money, &decimal("0.0004")), "0.0004");
        assert_eq!(cell_text(&money, &decimal("-3.456")), "-3.46");
        assert_eq!(cell_text(&money, &decimal("0")), "0.00");
        assert_eq!(cell_text(&share, &decimal("0.2567")), "25.7 %");
        assert_eq!(cell_text(&count, &Cell::Integer(-1_234)), "-1,234");
        assert_eq!(cell_text(&count, &Cell::Suppressed), "(few people)");
        assert_eq!(instant_text(1_795_435_200_000_000), "2026-11-23T12:00:00Z");
    }
}
