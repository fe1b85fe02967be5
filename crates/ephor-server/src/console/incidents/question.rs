//! A question to the timeline as an address or a form has it.
//! Promises that an address keeps the whole question.

use ephor_reports::timeline::{Reach, TimelineQuestion};
use ephor_wire::timestamp::UtcDay;
use maud::{Markup, html};

use crate::problem::{Problem, shortened};

/// The fields that name something, with what they are called.
const ABOUT: [(&str, &str); 5] = [
    ("actor", "People (ids or addresses)"),
    ("ip", "Network addresses"),
    ("key", "API keys"),
    ("session", "Sessions"),
    ("resource", "Anything else by its id"),
];

/// Things of one kind that a question can name.
const MOST_NAMED: usize = 50;

/// Reads a question; `field` gives the value of a field, if it has one.
pub(super) fn read<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Result<TimelineQuestion, Problem> {
    let many = |name: &str| -> Result<Vec<String>, Problem> {
        let text = field(name).unwrap_or_default();
        let named: Vec<String> =
            text.split([',', ' ', '\n']).map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
        match named.len() {
            0..=MOST_NAMED => Ok(named),
            more => Err(Problem::invalid(format!("{name}: at most {MOST_NAMED} at a time, and these are {more}"))),
        }
    };
    let day = |name: &str, edge: fn(UtcDay) -> i64| -> Result<Option<i64>, Problem> {
        let Some(text) = field(name).map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
        let wrong = |_| Problem::invalid(format!("{name}: `{}` is not a day such as 2026-10-31", shortened(text)));
        text.parse::<UtcDay>().map(edge).map(Some).map_err(wrong)
    };
    Ok(TimelineQuestion {
        actors: many("actor")?,
        ips: many("ip")?,
        keys: many("key")?,
        sessions: many("session")?,
        resources: many("resource")?,
        from_micros: day("from", UtcDay::start_micros)?,
        to_micros: day("to", UtcDay::end_micros)?,
        reach: if field("related").is_some() { Reach::OneStep } else { Reach::Asked },
    })
}

/// Whether it asks about anybody or anything, and not about all there is.
pub(super) fn names_something(asked: &TimelineQuestion) -> bool {
    [&asked.actors, &asked.ips, &asked.keys, &asked.sessions, &asked.resources].iter().any(|named| !named.is_empty())
}

/// The fields of a form that asks a question, filled in as it was asked.
pub(super) fn fields(asked: &TimelineQuestion) -> Markup {
    let named = [&asked.actors, &asked.ips, &asked.keys, &asked.sessions, &asked.resources];
    let day = |micros: Option<i64>| micros.map(|micros| UtcDay::from_micros(micros).to_string()).unwrap_or_default();
    html! {
        @for ((name, words), values) in ABOUT.iter().zip(named) {
            label { (words) input name=(name) value=(values.join(", ")) maxlength="2000"; }
        }
        label { "From (day, UTC)" input name="from" value=(day(asked.from_micros)) placeholder="30 days ago" maxlength="10"; }
        // The end of a day is the start of the next one.
        label { "To (included)" input name="to" value=(day(asked.to_micros.map(|end| end - 1))) placeholder="now" maxlength="10"; }
        label class="check" { input type="checkbox" name="related" value="1" checked[asked.reach == Reach::OneStep]; "Also what is linked by one step" }
    }
}

/// The same question as an address.
pub(super) fn address(asked: &TimelineQuestion) -> String {
    let named = [&asked.actors, &asked.ips, &asked.keys, &asked.sessions, &asked.resources];
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for ((name, _), values) in ABOUT.iter().zip(named).filter(|(_, values)| !values.is_empty()) {
        text.append_pair(name, &values.join(" "));
    }
    text.extend_pairs(asked.from_micros.map(|micros| ("from", UtcDay::from_micros(micros).to_string())));
    text.extend_pairs(asked.to_micros.map(|micros| ("to", UtcDay::from_micros(micros - 1).to_string())));
    text.extend_pairs((asked.reach == Reach::OneStep).then_some(("related", "1")));
    format!("/timeline?{}", text.finish())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::query::Query;

    #[test]
    fn an_address_keeps_the_question() {
        let asked = TimelineQuestion {
            actors: vec!["user_1".to_owned(), "bo@example.com".to_owned()],
            ips: vec!["2001:db8::7".to_owned()],
            from_micros: Some("2026-11-01".parse::<UtcDay>().unwrap().start_micros()),
            to_micros: Some("2026-11-02".parse::<UtcDay>().unwrap().end_micros()),
            reach: Reach::OneStep,
            ..TimelineQuestion::default()
        };
        let link = address(&asked);
        let query = Query::parse(link.split_once('?').unwrap().1);
        assert_eq!(address(&read(|name| query.one(name)).unwrap()), link);
        assert!(link.contains("from=2026-11-01&to=2026-11-02&related=1"), "{link}");
        let odd = Query::parse("from=yesterday");
        assert!(read(|name| odd.one(name)).is_err());
    }
}
