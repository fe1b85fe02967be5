//! Why something may be missing for ever, told so that the reason also says what ends it.
//! A switch ends only what the same switch began; a change of anything else ends nothing.
//! Never decides from a row's absence alone that nothing happened.

use serde::Serialize;

use super::SourceReport;

/// A reason to believe that the upstream did not record, or that we could not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapAlarm {
    /// Since when.
    pub from_micros: i64,
    /// Why, in words; [`GapCause::of`] reads them.
    pub reason: String,
}

/// What can make a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapCause {
    /// The upstream refuses the key.
    KeyRefused,
    /// One of its switches went off.
    SwitchedOff(RecordingSwitch),
    /// Its newest row is older than expected.
    Stale,
}

/// The switches that an upstream's recording hangs on (activity_types.json, `org_compliance_api_settings_updated`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingSwitch {
    /// The API itself.
    Api,
    /// The logging behind it.
    Logging,
}

impl RecordingSwitch {
    /// Both of them.
    pub(super) const ALL: [Self; 2] = [Self::Api, Self::Logging];

    fn words(self) -> &'static str {
        match self {
            Self::Api => "recording was switched off",
            Self::Logging => "logging was switched off",
        }
    }
}

/// A switch that went on again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Resumed {
    /// When.
    pub at_micros: i64,
    /// Which.
    pub switch: RecordingSwitch,
}

impl GapAlarm {
    pub(crate) fn key_refused(status: u16, from_micros: i64) -> Self {
        let reason = format!("the upstream answers {status} to this key: nothing can be read until that is mended");
        Self { from_micros, reason }
    }

    pub(super) fn switched_off(switch: RecordingSwitch, activity: &str, from_micros: i64) -> Self {
        Self { from_micros, reason: format!("the upstream's {} ({activity})", switch.words()) }
    }

    pub(crate) fn stale(hours: u64, newest_micros: i64) -> Self {
        let reason = format!("no row came for more than {hours} hours: the upstream may have stopped recording");
        Self { from_micros: newest_micros, reason }
    }
}

impl GapCause {
    /// The cause that a reason tells of.
    #[must_use]
    pub fn of(reason: &str) -> Option<Self> {
        let switches = RecordingSwitch::ALL.map(|switch| (switch.words(), Self::SwitchedOff(switch)));
        let others = [("to this key", Self::KeyRefused), ("may have stopped recording", Self::Stale)];
        switches.into_iter().chain(others).find(|(words, _)| reason.contains(words)).map(|(_, cause)| cause)
    }
}

/// When a gap has ended, by what a run saw. `succeeded_at_micros` is when the run ended, if it did well.
#[must_use]
pub fn gap_end(gap: &GapAlarm, report: &SourceReport, succeeded_at_micros: Option<i64>) -> Option<i64> {
    match GapCause::of(&gap.reason)? {
        GapCause::KeyRefused => succeeded_at_micros,
        GapCause::SwitchedOff(switch) => {
            let on = report.resumed.iter().filter(|on| on.switch == switch && on.at_micros > gap.from_micros);
            on.map(|on| on.at_micros).min()
        }
        GapCause::Stale => report.newest_micros.filter(|newest| *newest > gap.from_micros),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_ends_with_what_began_it_and_with_nothing_else() {
        let resumed = vec![
            Resumed { at_micros: 5, switch: RecordingSwitch::Api },
            Resumed { at_micros: 30, switch: RecordingSwitch::Logging },
            Resumed { at_micros: 20, switch: RecordingSwitch::Logging },
        ];
        let report = SourceReport { resumed, newest_micros: Some(40), ..SourceReport::default() };
        let api = |at| GapAlarm::switched_off(RecordingSwitch::Api, "activity_1", at);
        let logging = GapAlarm::switched_off(RecordingSwitch::Logging, "activity_1", 10);
        let cases = [
            (api(1), Some(9), Some(5)),
            (api(5), Some(9), None),
            (logging, None, Some(20)),
            (GapAlarm::key_refused(401, 1), Some(9), Some(9)),
            (GapAlarm::key_refused(403, 1), None, None),
            (GapAlarm::stale(48, 39), None, Some(40)),
            (GapAlarm::stale(48, 40), Some(50), None),
            (GapAlarm { from_micros: 1, reason: "somebody noted this by hand".to_owned() }, Some(9), None),
        ];
        for (gap, succeeded_at, end) in cases {
            assert_eq!(gap_end(&gap, &report, succeeded_at), end, "{gap:?}");
        }
    }
}
