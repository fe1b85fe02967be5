//! `[[analytics.origin]]` of ephor.toml: who answers a number of the Analytics API.
//! Promises that every upstream named is there and speaks the Analytics API.
//! Never knows how rows are put together.

use ephor_analytics::upstream::{Origin, OriginRule};
use ephor_wire::usage::Surface;
use serde::Deserialize;

use crate::config::{Upstream, UpstreamKind};
use crate::failure::Failure;

/// What stands for everything.
const ANY: &str = "*";

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OriginConfig {
    /// An organization's id or UUID, or `*`.
    #[serde(default = "any")]
    pub(crate) organization: String,
    /// A surface, or `*`.
    #[serde(default = "any")]
    pub(crate) surface: String,
    /// `computed`, or an upstream's name.
    pub(crate) origin: String,
}

fn any() -> String {
    ANY.to_owned()
}

impl OriginConfig {
    /// The rule that it makes; none if it names what is not there, which [`check`] refuses.
    pub(crate) fn rule(&self) -> Option<OriginRule> {
        let origin = match self.origin.as_str() {
            "computed" => Origin::Computed,
            name => Origin::Upstream(name.to_owned()),
        };
        let surface = match self.surface.as_str() {
            ANY => None,
            name => Some(Surface::of(name)?),
        };
        let organization = (self.organization != ANY).then(|| self.organization.clone());
        Some(OriginRule { organization, surface, origin })
    }
}

/// Refuses surfaces and upstreams that are not there, by their name.
pub(crate) fn check(origins: &[OriginConfig], upstreams: &[Upstream]) -> Result<(), Failure> {
    let wrong = |words: String| {
        Err(Failure::usage(format!("[[analytics.origin]] {words}")).hint("docs/configuration.md lists every key"))
    };
    for origin in origins {
        if origin.rule().is_none() {
            let known = Surface::ALL.iter().map(|surface| surface.as_str()).collect::<Vec<_>>().join(", ");
            return wrong(format!("surface = \"{}\" is none of {known}, *", origin.surface));
        }
        let named = upstreams.iter().find(|upstream| upstream.name == origin.origin);
        match named.map(|upstream| upstream.kind) {
            None if origin.origin == "computed" => {}
            Some(UpstreamKind::Analytics) => {}
            None => return wrong(format!("origin = \"{}\" is neither `computed` nor an upstream", origin.origin)),
            Some(_) => {
                return wrong(format!("origin = \"{}\" is no upstream with kind = \"analytics\"", origin.origin));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        origin: Vec<OriginConfig>,
        #[serde(default)]
        upstream: Vec<Upstream>,
    }

    fn read(text: &str) -> Result<Vec<OriginRule>, String> {
        let upstreams = "[[upstream]]\nname = \"claude\"\nkind = \"analytics\"\nbase_url = \"https://example.com\"\nkey = \"env:A\"\n[[upstream]]\nname = \"feed\"\nbase_url = \"https://example.com\"\nkey = \"env:A\"\n";
        let file: File = toml::from_str(&format!("{text}\n{upstreams}")).map_err(|error| error.message().to_owned())?;
        check(&file.origin, &file.upstream).map_err(|failure| failure.to_string())?;
        Ok(file.origin.iter().filter_map(OriginConfig::rule).collect())
    }

    #[test]
    fn an_origin_is_for_everything_unless_it_says_for_what() {
        let rules = read(
            "[[origin]]\norigin = \"claude\"\n[[origin]]\norganization = \"org_1\"\nsurface = \"claude_code\"\norigin = \"computed\"",
        );
        let claude = Origin::Upstream("claude".to_owned());
        assert_eq!(
            rules.unwrap(),
            [
                OriginRule { organization: None, surface: None, origin: claude },
                OriginRule {
                    organization: Some("org_1".to_owned()),
                    surface: Some(Surface::ClaudeCode),
                    origin: Origin::Computed
                },
            ]
        );
    }

    #[test]
    fn what_is_not_there_is_refused_by_its_name() {
        let cases = [
            (
                "[[origin]]\nsurface = \"fax\"\norigin = \"claude\"",
                "surface = \"fax\" is none of chat, claude_code, cowork, office, design, science, *",
            ),
            ("[[origin]]\norigin = \"nobody\"", "origin = \"nobody\" is neither `computed` nor an upstream"),
            ("[[origin]]\norigin = \"feed\"", "origin = \"feed\" is no upstream with kind = \"analytics\""),
        ];
        for (text, words) in cases {
            assert_eq!(read(text).unwrap_err(), format!("[[analytics.origin]] {words}"));
        }
    }
}
