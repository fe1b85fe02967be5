//! The one name of a connector that the API publishes, whatever a client calls it.
//! The aliases are data (`data/connector_aliases.toml`), which a configuration extends.
//! Never empty: a name of nothing but filler words stays as it is.

use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};

use twox_hash::XxHash3_64;

/// Words that say that it is a connector and not which.
const FILLERS: [&str; 2] = ["mcp", "server"];

/// How connectors are named.
#[derive(Debug, Clone)]
pub struct ConnectorNames {
    aliases: HashMap<String, String>,
}

impl ConnectorNames {
    /// Shipped aliases, and `own` ones before them: name as sent → name as published.
    #[must_use]
    pub fn with_aliases(own: impl IntoIterator<Item = (String, String)>) -> Self {
        #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
        let shipped: HashMap<String, String> =
            toml::from_str(include_str!("../data/connector_aliases.toml")).expect("connector_aliases.toml is valid");
        let aliases = shipped.into_iter().chain(own).map(|(name, published)| (name.to_lowercase(), published));
        Self { aliases: aliases.collect() }
    }

    /// One number for all aliases; another one when they change.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = XxHash3_64::default();
        self.aliases.iter().collect::<BTreeMap<_, _>>().hash(&mut hasher);
        hasher.finish()
    }

    /// The published name.
    #[must_use]
    pub fn published(&self, name: &str) -> String {
        let lower = name.trim().to_lowercase();
        if let Some(alias) = self.aliases.get(&lower) {
            return alias.clone();
        }
        let words = lower.split([' ', '-', '_']).filter(|word| !word.is_empty() && !FILLERS.contains(word));
        let joined = words.collect::<Vec<_>>().join("_");
        match joined.as_str() {
            "" => lower,
            name => self.aliases.get(name).cloned().unwrap_or(joined),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_come_out_as_published() {
        let names = ConnectorNames::with_aliases([("Our Wiki".to_owned(), "confluence".to_owned())]);
        for (name, published) in [
            ("Atlassian MCP server", "atlassian"),
            ("mcp-atlassian", "atlassian"),
            ("atlassian_MCP", "atlassian"),
            ("GitHub MCP", "github"),
            ("Google Drive", "google_drive"),
            ("gdrive", "google_drive"),
            ("MCP server", "mcp server"),
            ("our wiki", "confluence"),
        ] {
            assert_eq!(names.published(name), published, "{name}");
            assert_eq!(names.published(published), published, "a published name is its own name");
        }
    }
}
