//! What is asked of the feed, read from an address and written into one.
//! Promises that every filter stands in the address under a name of its own, and that what is wrong is said.
//! Never lets a viewer ask about a person: the answer would tell who a pseudonym is.

use ephor_lake::{ActivityFilter, FeedCursor, MicrosRange, Order, PageFrom, TypeFilter};
use ephor_wire::catalogue::catalogue;
use ephor_wire::timestamp::{DAY_MICROS, Timestamp, UtcDay};

use crate::console::visitor::Visitor;
use crate::problem::{Problem, shortened};
use crate::query::{Query, earlier};

/// Rows that looking and reading leave behind; hidden unless they are asked for.
pub(crate) const OWN_READS: [&str; 2] = ["compliance_api_accessed", "ephor_console_viewed"];

/// Spans of time that are asked for often.
pub(crate) const SPANS: [(&str, &str, i64); 4] = [
    ("24h", "Last 24 hours", DAY_MICROS),
    ("7d", "Last 7 days", 7 * DAY_MICROS),
    ("30d", "Last 30 days", 30 * DAY_MICROS),
    ("90d", "Last 90 days", 90 * DAY_MICROS),
];

/// Filters that hold one value each: the name in the address, and what people read.
pub(crate) const FIELDS: [(&str, &str); 6] = [
    ("actor", "Actor"),
    ("key", "Key"),
    ("ip", "IP address"),
    ("workspace", "Workspace"),
    ("organization", "Organization"),
    ("source", "Source"),
];

/// Fields that tell who somebody is, or would.
const ABOUT_PEOPLE: [&str; 2] = ["actor", "ip"];

/// A question to the feed.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Every parameter that counts, in the order of the address.
    pairs: Vec<(String, String)>,
    pub(crate) filter: ActivityFilter,
    pub(crate) from: PageFrom,
    pub(crate) order: Order,
    /// Words that were typed.
    pub(crate) words: String,
    /// Whether Ephor's own reads are shown.
    pub(crate) own: OwnReads,
    /// Whether words are looked for in whole activities, too.
    pub(crate) depth: Depth,
}

/// Whether the rows that reading leaves behind are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnReads {
    Hidden,
    Shown,
}

/// Where words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// In type, actor, address, key and the like.
    Columns,
    /// In every field.
    Fields,
}

impl Asked {
    /// Reads a question.
    pub(crate) fn read(query: &Query, visitor: &Visitor) -> Result<Self, Problem> {
        let may_ask = |name: &str| visitor.sees_names() || !(ABOUT_PEOPLE.contains(&name) || name == "q");
        let one = |name: &str| query.one(name).map(str::trim).filter(|value| !value.is_empty() && may_ask(name));
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut keep = |name: &str, value: &str| pairs.push((name.to_owned(), value.to_owned()));
        let words = one("q").unwrap_or_default().to_owned();
        let own = if one("own") == Some("show") { OwnReads::Shown } else { OwnReads::Hidden };
        let depth = if one("in") == Some("fields") { Depth::Fields } else { Depth::Columns };
        for name in ["q", "in", "category", "span", "from", "to", "order", "own"] {
            if let Some(value) = one(name) {
                keep(name, value);
            }
        }
        let types = query.many("type");
        types.iter().for_each(|kind| keep("type", kind));
        let except = query.many("not");
        except.iter().for_each(|kind| keep("not", kind));
        let field = |name: &str| one(name).map(str::to_owned).into_iter().collect::<Vec<_>>();
        for (name, _) in FIELDS {
            if let Some(value) = one(name) {
                keep(name, value);
            }
        }
        let filter = ActivityFilter {
            types: type_filter(types, except, own),
            categories: one("category").map(str::to_owned).into_iter().collect(),
            actor_ids: field("actor"),
            api_key_ids: field("key"),
            ip_addresses: field("ip"),
            workspace_ids: field("workspace"),
            organizations: field("organization"),
            sources: field("source"),
            created_at: range(query, visitor.now())?,
            words: match depth {
                Depth::Columns => words.split_whitespace().map(str::to_owned).collect(),
                Depth::Fields => Vec::new(),
            },
            ..ActivityFilter::default()
        };
        let order = if query.one("order") == Some("asc") { Order::Ascending } else { Order::Descending };
        Ok(Self { pairs, filter, from: place(query)?, order, words, own, depth })
    }

    /// The value of a parameter.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// What narrows the question, for showing each and taking each away: name, value, and the address without it.
    pub(crate) fn narrowings(&self, path: &str) -> Vec<(String, String, String)> {
        let shown = |name: &str| !matches!(name, "order" | "own" | "in");
        let narrowing = |place: usize| {
            let (name, value) = &self.pairs[place];
            let rest = self.pairs.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, pair)| pair);
            (name.clone(), value.clone(), address(path, rest))
        };
        (0..self.pairs.len()).filter(|place| shown(&self.pairs[*place].0)).map(narrowing).collect()
    }

    /// The address of the question at a path, with a parameter put in or taken out.
    pub(crate) fn with(&self, path: &str, name: &str, value: Option<&str>) -> String {
        let mut pairs: Vec<(String, String)> = self.pairs.iter().filter(|(given, _)| given != name).cloned().collect();
        pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        address(path, pairs.iter())
    }

    /// The address of the question at a path.
    pub(crate) fn at(&self, path: &str) -> String {
        address(path, self.pairs.iter())
    }
}

fn address<'p>(path: &str, pairs: impl Iterator<Item = &'p (String, String)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.map(|(name, value)| (name.as_str(), value.as_str())));
    match query.finish() {
        empty if empty.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

fn type_filter(only: Vec<String>, mut except: Vec<String>, own: OwnReads) -> TypeFilter {
    if !only.is_empty() {
        return TypeFilter::Only(only.into_iter().filter(|kind| !except.contains(kind)).collect());
    }
    if own == OwnReads::Hidden {
        except.extend(OWN_READS.map(str::to_owned));
    }
    if except.is_empty() { TypeFilter::All } else { TypeFilter::Except(except) }
}

/// The span asked for: one by its name, or days or instants with an end.
fn range(query: &Query, now_micros: i64) -> Result<MicrosRange, Problem> {
    let span = query.one("span").and_then(|name| SPANS.iter().find(|(known, ..)| *known == name));
    let since = span.map(|(_, _, length)| now_micros.saturating_sub(*length));
    let from = bound(query, "from", Edge::Start)?;
    let to = bound(query, "to", Edge::End)?;
    Ok(MicrosRange { from: from.max(since), to: earlier(to, None) })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Start,
    End,
}

/// A day (as a whole) or an instant with a zone.
fn bound(query: &Query, name: &str, edge: Edge) -> Result<Option<i64>, Problem> {
    let Some(text) = query.one(name).map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if let Ok(day) = text.parse::<UtcDay>() {
        let day = if edge == Edge::End { day.plus_days(1) } else { day };
        return Ok(Some(day.start_micros()));
    }
    let instant = Timestamp::parse(text).or_else(|_| Timestamp::parse(&text.replace(' ', "+")));
    let wrong = |_| {
        Problem::invalid(format!(
            "{name}: `{}` is neither a day like 2026-11-23 nor a time with a zone",
            shortened(text)
        ))
    };
    Ok(Some(instant.map_err(wrong)?.micros()))
}

fn place(query: &Query) -> Result<PageFrom, Problem> {
    let cursor = |name: &str, token: &str| {
        FeedCursor::decode(token).map_err(|_| {
            Problem::invalid(format!("{name}: this place in the feed cannot be read; begin at its newest end"))
        })
    };
    Ok(match (query.one("after"), query.one("before")) {
        (Some(after), _) => PageFrom::After(cursor("after", after)?),
        (None, Some(before)) => PageFrom::Before(cursor("before", before)?),
        (None, None) => PageFrom::Start,
    })
}

/// Every category of the catalogue, by name.
pub(crate) fn categories() -> Vec<&'static str> {
    let mut names: Vec<&str> = catalogue().iter().map(|kind| kind.category.as_str()).collect();
    names.push(ephor_wire::catalogue::UNCLASSIFIED);
    names.sort_unstable();
    names.dedup();
    names
}
