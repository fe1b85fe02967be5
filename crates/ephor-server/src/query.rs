//! Query parameters as the published API spells them: dotted ranges, lists with brackets, one page token.
//! Promises that what is wrong with a value is said with its name and the value itself.
//! Never refuses a parameter that it does not know: there will be new ones.

use ephor_lake::MicrosRange;
use ephor_wire::timestamp::Timestamp;
use http::Uri;

use crate::problem::{Problem, shortened};

/// The decoded query of one request, in the order of the URL.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// The rows that a page has by default and at the most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    pub(crate) default: usize,
    pub(crate) max: usize,
}

impl Query {
    pub(crate) fn of(uri: &Uri) -> Self {
        Self::parse(uri.query().unwrap_or_default())
    }

    /// Of what stands behind the `?`.
    pub(crate) fn parse(text: &str) -> Self {
        Self { pairs: url::form_urlencoded::parse(text.as_bytes()).into_owned().collect() }
    }

    /// A parameter that stands once; of several the last counts.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that can stand several times, with brackets after its name or without.
    pub(crate) fn many(&self, name: &str) -> Vec<String> {
        let named = |given: &str| given == name || given.strip_suffix("[]") == Some(name);
        let values = self.pairs.iter().filter(|(given, value)| named(given) && !value.is_empty());
        values.map(|(_, value)| value.clone()).collect()
    }

    /// `limit`.
    pub(crate) fn limit(&self, size: PageSize) -> Result<usize, Problem> {
        let Some(text) = self.one("limit") else {
            return Ok(size.default);
        };
        match text.parse() {
            Ok(limit) if (1..=size.max).contains(&limit) => Ok(limit),
            _ => Err(Problem::invalid(format!("limit: `{}` is not a number from 1 to {}", shortened(text), size.max))),
        }
    }

    /// `NAME.gte`, `.gt`, `.lte` and `.lt` as one range.
    pub(crate) fn range(&self, name: &str) -> Result<MicrosRange, Problem> {
        let bound = |suffix: &str| self.instant(&format!("{name}.{suffix}"));
        let next = |micros: Option<i64>| micros.map(|micros| micros.saturating_add(1));
        let (from, after) = (bound("gte")?, next(bound("gt")?));
        let (to, upto) = (bound("lt")?, next(bound("lte")?));
        Ok(MicrosRange { from: from.max(after), to: earlier(to, upto) })
    }

    /// A time with a zone.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(text) = self.one(name) else { return Ok(None) };
        // A `+` before the zone that was not escaped arrives as a space.
        let read = Timestamp::parse(text).or_else(|_| Timestamp::parse(&text.replace(' ', "+")));
        let refused = |_| {
            let text = shortened(text);
            Problem::invalid(format!(
                "{name}: `{text}` is not an RFC 3339 timestamp with a zone, such as 2026-11-23T12:00:00Z"
            ))
        };
        Ok(Some(read.map_err(refused)?.micros()))
    }

    /// The parameters that make a listing what it is: all but the place and size of the page, in one order.
    pub(crate) fn identity(&self) -> Vec<(&str, &str)> {
        let mut pairs: Vec<(&str, &str)> =
            self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        pairs.retain(|(name, _)| !matches!(*name, "page" | "limit"));
        pairs.sort_unstable();
        pairs
    }
}

/// The earlier of two ends, an open one being the latest of all.
pub(crate) fn earlier(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("/x?{text}").parse().unwrap())
    }

    #[test]
    fn lists_are_read_with_brackets_escaped_brackets_and_without() {
        let query = query("ids[]=a&ids%5B%5D=b&ids=c&ids[]=&idsx=d");
        assert_eq!(query.many("ids"), ["a", "b", "c"]);
    }

    #[test]
    fn the_tighter_of_two_bounds_counts() {
        let query = query(
            "t.gte=2026-11-23T12:00:00Z&t.gt=2026-11-23T12:00:00Z&t.lt=2026-11-23T13:00:00%2B01:00&t.lte=2026-11-24T00:00:00Z",
        );
        let range = query.range("t").unwrap();
        assert_eq!(range.from.unwrap() - 1, range.to.unwrap());
    }

    #[test]
    fn a_bare_date_is_refused_by_name_and_value() {
        let said = query("created_at.gte=2026-11-23").range("created_at").unwrap_err().message;
        insta::assert_snapshot!(said, @"created_at.gte: `2026-11-23` is not an RFC 3339 timestamp with a zone, such as 2026-11-23T12:00:00Z");
    }

    #[test]
    fn an_unescaped_plus_is_understood() {
        assert_eq!(
            query("t=2026-11-23T13:00:00+01:00").instant("t").unwrap(),
            query("t=2026-11-23T12:00:00Z").instant("t").unwrap()
        );
    }

    #[test]
    fn limits_stay_in_their_range() {
        let size = PageSize { default: 20, max: 100 };
        assert_eq!(query("").limit(size).unwrap(), 20);
        assert_eq!(query("limit=100").limit(size).unwrap(), 100);
        for wrong in ["0", "101", "-1", "ten", "", "1e2", "99999999999999999999999"] {
            assert!(query(&format!("limit={wrong}")).limit(size).unwrap_err().message.contains(wrong));
        }
    }
}
