//! `policy.toml`: which value each setting is meant to have, for every organization or for one.
//! Promises that a mistake is told with file and line, and that what `render` writes is read back as the same policy.
//! Never an opinion of Ephor's: what stands in the file is what people decided.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::present::SettingsNow;
use crate::error::DetectError;
use crate::rule::RuleProblem;
use crate::severity::Severity;

/// Settings as they are meant to be.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// How urgent a difference is.
    #[serde(default = "high")]
    pub severity: Severity,
    /// Of every organization.
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
    /// Of one organization, by its UUID: what stands here wins.
    #[serde(default, rename = "organization")]
    pub organizations: BTreeMap<String, BTreeMap<String, Value>>,
}

fn high() -> Severity {
    Severity::High
}

impl Policy {
    /// Reads a policy.
    pub fn read(path: &Path) -> Result<Self, DetectError> {
        Self::try_read(path).map_err(|problem| DetectError::Policy { problem })
    }

    pub(crate) fn try_read(path: &Path) -> Result<Self, RuleProblem> {
        let problem = |(line, what): (usize, String)| RuleProblem { file: path.display().to_string(), line, what };
        let text = std::fs::read_to_string(path).map_err(|error| problem((1, format!("cannot be read: {error}"))))?;
        Self::parse(&text).map_err(problem)
    }

    /// Reads a policy's text; what is wrong comes with its line.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            (line, error.message().to_owned())
        })
    }

    /// What a setting of an organization is meant to be.
    #[must_use]
    pub fn wanted(&self, organization: &str, setting: &str) -> Option<&Value> {
        let own = self.organizations.get(organization).and_then(|own| own.get(setting));
        own.or_else(|| self.settings.get(setting))
    }

    /// A policy that wants everything as it is: what all organizations agree on first, then what is of one only.
    #[must_use]
    pub fn of_present(now: &SettingsNow) -> Self {
        let organizations: Vec<&str> = now.organizations().collect();
        let mut common: BTreeMap<String, Value> = BTreeMap::new();
        if let Some(first) = organizations.first() {
            for (name, setting) in now.of_organization(first) {
                let everywhere = |other: &&str| now.get(other, name).is_some_and(|known| known.value == setting.value);
                if organizations.iter().all(everywhere) {
                    common.insert(name.to_owned(), setting.value.clone());
                }
            }
        }
        let mut own: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for organization in organizations {
            let apart = now.of_organization(organization).filter(|(name, _)| !common.contains_key(*name));
            let apart: BTreeMap<String, Value> =
                apart.map(|(name, setting)| (name.to_owned(), setting.value.clone())).collect();
            if !apart.is_empty() {
                own.insert(organization.to_owned(), apart);
            }
        }
        Self { severity: high(), settings: common, organizations: own }
    }

    /// Its text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out =
            String::from("# Settings as they are meant to be. Every difference is a finding of `policy-drift`.\n");
        let _ = writeln!(out, "severity = \"{}\"\n\n[settings]", self.severity);
        lines(&mut out, &self.settings);
        for (organization, settings) in &self.organizations {
            let _ = writeln!(out, "\n[organization.{}]", key(organization));
            lines(&mut out, settings);
        }
        out
    }
}

fn lines(out: &mut String, settings: &BTreeMap<String, Value>) {
    for (name, value) in settings {
        let _ = match toml_of(value) {
            Some(text) => writeln!(out, "{} = {text}", key(name)),
            // TOML has no word for nothing.
            None => writeln!(out, "# {} is empty", key(name)),
        };
    }
}

fn key(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    match !name.is_empty() && name.chars().all(plain) {
        true => name.to_owned(),
        false => toml::Value::from(name).to_string(),
    }
}

fn toml_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Array(all) => {
            let all: Option<Vec<String>> = all.iter().map(toml_of).collect();
            Some(format!("[{}]", all?.join(", ")))
        }
        Value::Object(fields) => {
            let fields = fields.iter().filter_map(|(name, value)| Some(format!("{} = {}", key(name), toml_of(value)?)));
            Some(format!("{{ {} }}", fields.collect::<Vec<_>>().join(", ")))
        }
        Value::String(text) => Some(toml::Value::from(text.as_str()).to_string()),
        other => Some(other.to_string()),
    }
}
