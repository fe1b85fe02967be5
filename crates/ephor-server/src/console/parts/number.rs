//! Numbers as people read them: thousands apart, units after, one of a thing and many of it.

/// 1 234 567, with a narrow space that does not break.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `1 activity`, `2 activities`.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A size in the unit that reads best.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count).join(" "), "0 999 1\u{202f}000 1\u{202f}234\u{202f}567");
        assert_eq!([plural(1, "key", "keys"), plural(2, "key", "keys")], ["1 key", "2 keys"]);
        assert_eq!([0, 1023, 1024, 5 << 30].map(bytes).join(", "), "0 B, 1023 B, 1.0 KiB, 5.0 GiB");
    }
}
