//! Lists that rules ask: approved connectors, restricted workspaces, service accounts, people who break the glass.
//! Promises the answer of the moment that is asked about: what is approved today was not approved before that.
//! Never decides what belongs on a list: people do.

use std::collections::{BTreeMap, HashMap};

/// What stands on every list, and when it did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    by_name: BTreeMap<String, Vec<ListEntry>>,
    /// Of each list, by the text in small letters.
    by_text: HashMap<String, HashMap<String, Vec<Told>>>,
}

/// One entry of a list: an object by its id, by its name, or by both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListEntry {
    /// Its id, or any text that a field may hold.
    pub id: String,
    /// Its name, where rules may know it by that too.
    pub name: Option<String>,
    /// When it stands there.
    pub stay: Stay,
}

/// A span of time that an entry stands on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stay {
    /// Inclusive, in microseconds since 1970.
    pub from_micros: i64,
    /// Exclusive.
    pub to_micros: i64,
}

impl Stay {
    /// From ever to ever.
    pub const ALWAYS: Self = Self { from_micros: i64::MIN, to_micros: i64::MAX };

    fn holds(self, at_micros: i64) -> bool {
        self.from_micros <= at_micros && at_micros < self.to_micros
    }
}

impl ListEntry {
    /// An entry that is known by one text and always stands there.
    #[must_use]
    pub fn always(id: &str) -> Self {
        Self { id: id.to_owned(), name: None, stay: Stay::ALWAYS }
    }
}

/// What a text is to the entry that it stands for, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    is_id: bool,
    is_name: bool,
    stay: Stay,
}

/// A question to lists as a rule's compiled form carries it, as the name of a field: `%HOW%LIST,LIST%FIELD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListQuestion<'q> {
    pub(crate) how: How,
    /// Lists of which any will do; with `_ids` or `_names` behind a list's name, only the ids or names on it.
    pub(crate) lists: &'q str,
    pub(crate) field: &'q str,
}

/// How the text of a field is compared with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
}

impl How {
    const ALL: [(&'static str, Self); 4] = [
        ("equals", Self::Equals),
        ("contains", Self::Contains),
        ("startswith", Self::StartsWith),
        ("endswith", Self::EndsWith),
    ];
}

impl<'q> ListQuestion<'q> {
    pub(crate) fn to_field_name(self) -> String {
        let how = How::ALL.iter().find(|(_, how)| *how == self.how).map_or("equals", |(word, _)| word);
        format!("%{how}%{}%{}", self.lists, self.field)
    }

    pub(crate) fn of_field_name(name: &'q str) -> Option<Self> {
        let (how, rest) = name.strip_prefix('%')?.split_once('%')?;
        let (lists, field) = rest.split_once('%')?;
        let how = How::ALL.iter().find(|(word, _)| *word == how).map(|(_, how)| *how)?;
        Some(Self { how, lists, field })
    }
}

impl Lists {
    /// Puts an entry on a list.
    pub fn put(&mut self, list: &str, entry: ListEntry) {
        let entries = self.by_name.entry(list.to_owned()).or_default();
        let Err(place) = entries.binary_search(&entry) else { return };
        let texts = self.by_text.entry(list.to_owned()).or_default();
        let mut tell = |text: &str, is_id, is_name| {
            texts.entry(text.to_lowercase()).or_default().push(Told { is_id, is_name, stay: entry.stay });
        };
        // An entry of one text may be meant as either.
        tell(&entry.id, true, entry.name.is_none());
        if let Some(name) = &entry.name {
            tell(name, false, true);
        }
        entries.insert(place, entry);
    }

    /// Every list with its entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[ListEntry])> {
        self.by_name.iter().map(|(list, entries)| (list.as_str(), entries.as_slice()))
    }

    /// Whether no list that is asked has ever had an entry, so that no text need be looked at.
    pub(crate) fn are_empty(&self, question: &ListQuestion<'_>) -> bool {
        !question.lists.split(',').any(|list| self.by_text.contains_key(part_of(list).0))
    }

    /// Whether a text stood on a list at a moment. Case does not count, as in Sigma.
    pub(crate) fn hold(&self, question: &ListQuestion<'_>, text: &str, at_micros: i64) -> bool {
        let text = text.to_lowercase();
        question.lists.split(',').any(|list| self.holds(list, question.how, &text, at_micros))
    }

    fn holds(&self, list: &str, how: How, text: &str, at_micros: i64) -> bool {
        let (list, ids, names) = part_of(list);
        let Some(texts) = self.by_text.get(list) else { return false };
        let stands = |told: &Told| ((told.is_id && ids) || (told.is_name && names)) && told.stay.holds(at_micros);
        let any = |matches: fn(&str, &str) -> bool| {
            texts.iter().any(|(entry, told)| matches(text, entry) && told.iter().any(stands))
        };
        match how {
            How::Equals => texts.get(text).is_some_and(|told| told.iter().any(stands)),
            How::Contains => any(|text, entry| text.contains(entry)),
            How::StartsWith => any(|text, entry| text.starts_with(entry)),
            How::EndsWith => any(|text, entry| text.ends_with(entry)),
        }
    }

    /// The earliest moment at which these lists and others tell different things; nothing if they never do.
    pub(crate) fn differ_from(&self, others: &Self) -> Option<i64> {
        let only_in = |here: &Self, there: &Self| {
            let differs = |list: &str, entry: &ListEntry| {
                let known = there.by_name.get(list).map(Vec::as_slice).unwrap_or_default();
                let same = known.iter().find(|other| {
                    (&other.id, &other.name, other.stay.from_micros) == (&entry.id, &entry.name, entry.stay.from_micros)
                });
                match same {
                    None => Some(entry.stay.from_micros),
                    Some(other) if other.stay != entry.stay => Some(other.stay.to_micros.min(entry.stay.to_micros)),
                    Some(_) => None,
                }
            };
            here.iter().flat_map(|(list, entries)| entries.iter().filter_map(move |entry| differs(list, entry))).min()
        };
        only_in(self, others).into_iter().chain(only_in(others, self)).min()
    }
}

/// The list that a question names, and whether its ids and its names are meant.
fn part_of(list: &str) -> (&str, bool, bool) {
    match (list.strip_suffix("_ids"), list.strip_suffix("_names")) {
        (Some(list), _) => (list, true, false),
        (None, Some(list)) => (list, false, true),
        (None, None) => (list, true, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, name: Option<&str>, stay: Stay) -> ListEntry {
        ListEntry { id: id.to_owned(), name: name.map(str::to_owned), stay }
    }

    fn lists(entries: &[ListEntry]) -> Lists {
        let mut lists = Lists::default();
        entries.iter().for_each(|entry| lists.put("approved_connectors", entry.clone()));
        lists
    }

    fn holds(lists: &Lists, name: &str, text: &str, at: i64) -> bool {
        lists.hold(&ListQuestion::of_field_name(name).unwrap_or_else(|| panic!("{name}")), text, at)
    }

    #[test]
    fn a_list_is_asked_by_id_by_name_or_by_both() {
        let lists = lists(&[entry("mcpsrv_2", Some("Jira"), Stay::ALWAYS), entry("mcpsrv_1", None, Stay::ALWAYS)]);
        let told = |list: &str| {
            let name = ListQuestion { how: How::Equals, lists: list, field: "f" }.to_field_name();
            ["mcpsrv_1", "MCPSRV_2", "jira", "other"].map(|text| holds(&lists, &name, text, 0))
        };
        assert_eq!(told("approved_connectors"), [true, true, true, false]);
        assert_eq!(told("approved_connectors_ids"), [true, true, false, false]);
        assert_eq!(told("approved_connectors_names"), [true, false, true, false]);
        assert_eq!(told("another"), [false; 4]);
        assert_eq!(told("another,approved_connectors_names"), [true, false, true, false]);
    }

    #[test]
    fn a_text_may_hold_an_entry_or_begin_or_end_with_it() {
        let lists = lists(&[ListEntry::always("Example")]);
        let told = |how: &str| {
            let name = format!("%{how}%approved_connectors%f");
            ["example", "my example", "example two", "none"].map(|text| holds(&lists, &name, text, 0))
        };
        assert_eq!(told("equals"), [true, false, false, false]);
        assert_eq!(told("contains"), [true, true, true, false]);
        assert_eq!(told("startswith"), [true, false, true, false]);
        assert_eq!(told("endswith"), [true, true, false, false]);
        assert_eq!(ListQuestion::of_field_name("mcp_server_id"), None);
    }

    #[test]
    fn an_entry_stands_from_its_moment_to_its_end() {
        let lists = lists(&[entry("a", None, Stay { from_micros: 10, to_micros: 20 })]);
        assert_eq!(
            [9, 10, 19, 20].map(|at| holds(&lists, "%equals%approved_connectors%f", "a", at)),
            [false, true, true, false]
        );
    }

    #[test]
    fn lists_differ_from_the_first_moment_that_has_another_answer() {
        let stay = |from_micros, to_micros| Stay { from_micros, to_micros };
        let before = lists(&[entry("a", None, stay(10, i64::MAX))]);
        let closed = lists(&[entry("a", None, stay(10, 70))]);
        let more = lists(&[entry("a", None, stay(10, i64::MAX)), entry("b", None, stay(50, i64::MAX))]);
        assert_eq!(before.differ_from(&before), None);
        assert_eq!((before.differ_from(&closed), closed.differ_from(&before)), (Some(70), Some(70)));
        assert_eq!((before.differ_from(&more), more.differ_from(&before)), (Some(50), Some(50)));
        assert_eq!(before.differ_from(&Lists::default()), Some(10));
    }
}
