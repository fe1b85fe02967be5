//! Round numbers for an axis, and how numbers are written beside it.

/// From zero to a round number at or above the largest value, in equal steps.
pub(super) struct Scale {
    pub(super) top: f64,
    pub(super) steps: Vec<f64>,
}

/// About as many lines as an eye can tell apart in the height of a chart.
const STEPS: f64 = 4.0;

impl Scale {
    pub(super) fn to(largest: f64) -> Self {
        if largest <= 0.0 || !largest.is_finite() {
            return Self { top: 1.0, steps: vec![0.0, 1.0] };
        }
        let rough = largest / STEPS;
        let magnitude = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * magnitude).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(magnitude * 10.0);
        let count = (largest / step).ceil();
        // Few steps by construction; the cast cannot lose anything.
        let steps = (0..=count as u32).map(|number| f64::from(number) * step).collect();
        Self { top: count * step, steps }
    }
}

/// A number in as few characters as tell it: 12, 3.4, 12k, 1.2M.
pub(super) fn short(value: f64) -> String {
    let (value, suffix) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, "G"),
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = if value.fract().abs() < 0.005 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_above_everything() {
        for (largest, top) in [(0.0, 1.0), (1.0, 1.0), (7.0, 8.0), (41.0, 60.0), (187.0, 200.0), (1_234.0, 1_500.0)] {
            let scale = Scale::to(largest);
            assert!((scale.top - top).abs() < 1e-9, "{largest}: {}", scale.top);
            assert!(scale.steps.len() <= 6);
        }
    }

    #[test]
    fn numbers_are_short() {
        let written = [0.0, 7.0, 3.5, 12.25, 1_234.0, 12_345.0, 1_250_000.0].map(short);
        assert_eq!(written, ["0", "7", "3.5", "12.2", "1234", "12.3k", "1.25M"]);
    }
}
