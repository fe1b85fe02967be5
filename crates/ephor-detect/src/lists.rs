//! Lists that rules ask: approved connectors, restricted workspaces, service accounts, people who break the glass.
//! Promises the same order for the same entries.
//! Never decides what belongs on one: people do.

use std::collections::BTreeMap;

/// What stands on every list, by the list's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    by_name: BTreeMap<String, Vec<ListEntry>>,
}

/// One entry of a list: an object by its id, by its name, or by both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListEntry {
    /// Its id, or any text that a field may hold.
    pub id: String,
    /// Its name, where rules may know it by that too.
    pub name: Option<String>,
}

impl Lists {
    /// Puts an entry on a list.
    pub fn put(&mut self, list: &str, entry: ListEntry) {
        let entries = self.by_name.entry(list.to_owned()).or_default();
        if let Err(place) = entries.binary_search(&entry) {
            entries.insert(place, entry);
        }
    }

    /// Puts all entries of other lists on these.
    pub fn extend(&mut self, others: &Self) {
        for (list, entries) in &others.by_name {
            entries.iter().for_each(|entry| self.put(list, entry.clone()));
        }
    }

    /// The entries of a list.
    #[must_use]
    pub fn entries(&self, list: &str) -> &[ListEntry] {
        self.by_name.get(list).map(Vec::as_slice).unwrap_or_default()
    }

    /// The names of all lists.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// What `%name%` stands for in a rule: ids and names of a list; with `_ids` or `_names` behind it, only those.
    pub(crate) fn values(&self, placeholder: &str) -> impl Iterator<Item = &str> {
        let (list, ids, names) = match (placeholder.strip_suffix("_ids"), placeholder.strip_suffix("_names")) {
            (Some(list), _) => (list, true, false),
            (None, Some(list)) => (list, false, true),
            (None, None) => (placeholder, true, true),
        };
        self.entries(list).iter().flat_map(move |entry| {
            let id = ids.then_some(entry.id.as_str());
            // An entry of one text may be meant as either.
            let name = match (names, ids) {
                (true, false) => entry.name.as_deref().or(Some(entry.id.as_str())),
                (true, true) => entry.name.as_deref(),
                (false, _) => None,
            };
            id.into_iter().chain(name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_asked_by_id_by_name_or_by_both() {
        let mut lists = Lists::default();
        let entry = |id: &str, name: Option<&str>| ListEntry { id: id.to_owned(), name: name.map(str::to_owned) };
        for entry in [entry("mcpsrv_2", Some("Jira")), entry("mcpsrv_1", None), entry("mcpsrv_2", Some("Jira"))] {
            lists.put("approved_connectors", entry);
        }
        let told = |placeholder: &str| lists.values(placeholder).collect::<Vec<_>>();
        assert_eq!(told("approved_connectors"), ["mcpsrv_1", "mcpsrv_2", "Jira"]);
        assert_eq!(told("approved_connectors_ids"), ["mcpsrv_1", "mcpsrv_2"]);
        assert_eq!(told("approved_connectors_names"), ["mcpsrv_1", "Jira"]);
        assert!(told("another").is_empty());
    }
}
