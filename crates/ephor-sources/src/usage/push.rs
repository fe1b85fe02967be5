//! Pushed usage events: the body of a request becomes rows, with a result for each event in it.
//! Read and answered as pushed activities are (`crate::push`), under the same limits.
//! Never stores an event for an organization that the sender's key does not reach.

use ephor_lake::{AppendOutcome, UsageRows};
use ephor_wire::usage::UsageEvent;

use super::{UsageDoor, UsageRefusal};
use crate::push::{PushError, PushFormat, PushResult, PushResults, items};

/// A body of usage events, read: what can be stored, and what became of each event so far.
#[derive(Debug)]
pub struct UsagePush {
    /// What to append; empty when every event was refused.
    pub rows: UsageRows,
    results: PushResults,
}

impl UsagePush {
    /// Reads a body. A key that reaches one organization only (its UUID in `organization`) pushes for that one.
    pub fn parse(
        body: &[u8],
        format: PushFormat,
        source: &str,
        organization: Option<&str>,
        door: &UsageDoor,
    ) -> Result<Self, PushError> {
        let mut push = Self { rows: UsageRows::new(), results: PushResults::default() };
        for raw in items(body, format)? {
            match door.admit(source, raw).and_then(|event| of_organization(event, organization)) {
                Ok(event) => {
                    push.rows.push(&event);
                    push.results.accept(event.id);
                }
                Err(refused) => push.results.reject(refused.to_string()),
            }
        }
        Ok(push)
    }

    /// The results when nothing could be stored.
    #[must_use]
    pub fn into_rejections(self) -> Vec<PushResult> {
        self.results.unsettled()
    }

    /// Takes the rows out for appending; what remains waits for the outcome.
    #[must_use]
    pub fn take_rows(&mut self) -> UsageRows {
        std::mem::replace(&mut self.rows, UsageRows::new())
    }

    /// The results once the lake has answered.
    #[must_use]
    pub fn results(self, outcome: &AppendOutcome) -> Vec<PushResult> {
        self.results.settle(outcome)
    }
}

/// Binds an event to the one organization that a key reaches: it is filled in where it is missing.
pub(crate) fn of_organization(mut event: UsageEvent, organization: Option<&str>) -> Result<UsageEvent, UsageRefusal> {
    let Some(own) = organization else { return Ok(event) };
    match &event.names.organization_uuid {
        Some(named) if !named.eq_ignore_ascii_case(own) => Err(UsageRefusal::OtherOrganization),
        Some(_) => Ok(event),
        None => {
            event.names.organization_uuid = Some(own.to_owned());
            Ok(event)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LINES: &[u8] = br#"{"id":"e1","time":"2026-11-23T12:00:00Z","surface":"chat","kind":"message"}
{"id":"e2","time":"2026-11-23T12:00:00Z","surface":"chat","kind":"message","organization_uuid":"other"}
{"id":"e3"}
"#;

    #[test]
    fn a_bad_event_is_refused_by_itself() {
        let push = UsagePush::parse(LINES, PushFormat::Ndjson, "push", None, &UsageDoor::new()).unwrap();
        assert_eq!(push.rows.len(), 2);
        let told = serde_json::to_string(&push.into_rejections()[2]).unwrap();
        insta::assert_snapshot!(told, @r#"{"index":2,"status":"rejected","reason":"`time` is missing"}"#);
    }

    #[test]
    fn a_key_of_one_organization_pushes_for_that_one() {
        let push = UsagePush::parse(LINES, PushFormat::Ndjson, "push", Some("own"), &UsageDoor::new()).unwrap();
        assert_eq!(push.rows.len(), 1);
        let reasons: Vec<_> = push.into_rejections().into_iter().map(|result| result.reason).collect();
        assert_eq!(reasons[1].as_deref(), Some("`organization_uuid` is not the organization of this key"));
    }
}
