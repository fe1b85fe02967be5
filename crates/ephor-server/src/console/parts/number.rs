//! Numbers as people read them: thousands apart, units after, one of a thing and many of it.

/// 1 234 567, with a narrow space that does not break.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count).join(" "), "0 999 1\u{202f}000 1\u{202f}234\u{202f}567");
        assert_eq!([plural(1, "key", "keys"), plural(2, "key", "keys")], ["1 key", "2 keys"]);
    }
}
