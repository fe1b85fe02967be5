//! Times as directory rows carry them: with a zone, with an offset, or (roles and groups) with neither.
//! What has no zone is taken for UTC, as the vendor writes it.
//! Never fails: what is no time is `None`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// Microseconds since 1970 of a time in a row.
pub(super) fn micros(value: &Value) -> Option<i64> {
    let text = value.as_str()?.trim();
    let instant = match text.parse::<jiff::Timestamp>() {
        Ok(instant) => instant,
        Err(_) => TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok()?,
    };
    Some(instant.as_microsecond())
}

/// The first of several JSON pointers that finds a time.
pub(super) fn first_micros(row: &Value, pointers: &[&str]) -> Option<i64> {
    pointers.iter().find_map(|pointer| row.pointer(pointer).and_then(micros))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_without_a_zone_is_utc_and_nonsense_is_no_time() {
        let noon = Some(1_767_268_800_000_000);
        assert_eq!(micros(&json!("2026-01-01T12:00:00Z")), noon);
        assert_eq!(micros(&json!("2026-01-01T14:00:00+02:00")), noon);
        assert_eq!(micros(&json!("2026-01-01T12:00:00")), noon);
        assert_eq!(micros(&json!("2026-01-01 12:00:00.000000")), noon);
        assert_eq!(micros(&json!("2026-01-01")), Some(1_767_225_600_000_000));
        for nonsense in [json!("yesterday"), json!(""), json!(17), json!(null)] {
            assert_eq!(micros(&nonsense), None);
        }
    }
}
