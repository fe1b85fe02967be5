//! `[console]` of ephor.toml: under which address people reach the console, how long sessions last, who vouches for them.
//! Promises that a role that is none, or an address that is none, is an error that names the key.
//! Never holds a secret itself: the provider's is a reference.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ephor_lake::control::Role;
use ephor_server::{ConsoleOptions, EmailTrust, NodeFacts, OidcOptions, ScheduleFact, UpstreamFact};
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

use crate::config::{Config, UpstreamKind, secret};
use crate::failure::Failure;
use crate::schedule_config::ScheduleConfig;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConsoleConfig {
    /// `https://ephor.example.com`; on loopback the address that is listened on.
    pub(crate) url: Option<String>,
    pub(crate) session_idle_minutes: u32,
    pub(crate) session_hours: u32,
    pub(crate) patience_ms: u32,
    pub(crate) oidc: Option<OidcConfig>,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self { url: None, session_idle_minutes: 60, session_hours: 12, patience_ms: 20, oidc: None }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcConfig {
    issuer: String,
    client_id: String,
    /// `env:NAME` or `file:PATH`; none for a public client.
    client_secret: Option<String>,
    #[serde(default = "provider_name")]
    name: String,
    #[serde(default = "usual_scopes")]
    scopes: Vec<String>,
    #[serde(default = "groups")]
    groups_claim: String,
    #[serde(default)]
    roles: BTreeMap<String, String>,
    default_role: Option<String>,
    #[serde(default)]
    email_trust: EmailTrustConfig,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EmailTrustConfig {
    #[default]
    Verified,
    UnlessDenied,
}

fn provider_name() -> String {
    "your identity provider".to_owned()
}

fn usual_scopes() -> Vec<String> {
    ["email", "profile"].map(str::to_owned).to_vec()
}

fn groups() -> String {
    "groups".to_owned()
}

impl ConsoleConfig {
    /// What is wrong with the section, found before anything is opened.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.url()?;
        if self.session_idle_minutes == 0 || self.session_hours == 0 {
            return Err(wrong("session_idle_minutes and session_hours are at least 1"));
        }
        if let Some(oidc) = &self.oidc {
            oidc.issuer()?;
            oidc.roles()?;
        }
        Ok(())
    }

    /// The address that people are told.
    pub(crate) fn address(&self, listen: SocketAddr, scheme: &str) -> Result<String, Failure> {
        let own = format!("{scheme}://{listen}");
        Ok(self.url()?.map_or(own, |url| url.origin().ascii_serialization()))
    }

    fn url(&self) -> Result<Option<Url>, Failure> {
        let Some(text) = &self.url else { return Ok(None) };
        let url: Url = text
            .parse()
            .map_err(|_| wrong(&format!("url = {text:?} is not an address like https://ephor.example.com")))?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !bare {
            return Err(wrong(&format!(
                "url = {text:?} is not scheme, host and port only, like https://ephor.example.com"
            )));
        }
        Ok(Some(url))
    }

    /// Everything that the server is told.
    pub(crate) fn options(&self, config: &Config, bound: SocketAddr, scheme: &str) -> Result<ConsoleOptions, Failure> {
        let origins = match self.url()? {
            Some(url) => vec![url],
            None if bound.ip().is_loopback() => {
                let hosts = [bound.to_string(), format!("localhost:{}", bound.port())];
                hosts.iter().filter_map(|host| format!("{scheme}://{host}").parse().ok()).collect()
            }
            // Which names others use, nobody has said.
            None => Vec::new(),
        };
        Ok(ConsoleOptions {
            origins,
            idle: Duration::from_secs(u64::from(self.session_idle_minutes) * 60),
            whole: Duration::from_secs(u64::from(self.session_hours) * 3600),
            patience: Duration::from_millis(u64::from(self.patience_ms)),
            oidc: self.oidc.as_ref().map(OidcConfig::options).transpose()?,
            facts: facts(config),
        })
    }
}

impl OidcConfig {
    fn issuer(&self) -> Result<Url, Failure> {
        let issuer: Option<Url> = self.issuer.parse().ok();
        let loopback = |url: &Url| matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        let fine = issuer.filter(|url| url.scheme() == "https" || (url.scheme() == "http" && loopback(url)));
        fine.ok_or_else(|| wrong(&format!("oidc.issuer = {:?} is not an https:// address", self.issuer)))
    }

    fn roles(&self) -> Result<Vec<(String, Role)>, Failure> {
        let role = |text: &String| match text.parse::<Role>() {
            Ok(Role::PrimaryOwner) => Err(wrong(
                "no group gives the role primary_owner: it is one person's, and `ephor org grant` hands it on",
            )),
            Ok(role) => Ok(role),
            Err(error) => Err(wrong(&format!("oidc: {error}"))),
        };
        if let Some(text) = &self.default_role {
            role(text)?;
        }
        self.roles.iter().map(|(group, text)| Ok((group.clone(), role(text)?))).collect()
    }

    fn options(&self) -> Result<OidcOptions, Failure> {
        let client_secret = self.client_secret.as_deref().map(secret).transpose()?;
        Ok(OidcOptions {
            issuer: self.issuer()?,
            client_id: self.client_id.clone(),
            client_secret: client_secret.map(|secret| secret.expose_secret().to_owned()),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            groups_claim: self.groups_claim.clone(),
            roles: self.roles()?,
            default_role: self.default_role.as_deref().map(str::parse).transpose()?,
            email_trust: match self.email_trust {
                EmailTrustConfig::Verified => EmailTrust::Verified,
                EmailTrustConfig::UnlessDenied => EmailTrust::UnlessDenied,
            },
        })
    }
}

/// What the settings pages show of the configuration. References to secrets stay out.
fn facts(config: &Config) -> NodeFacts {
    let upstream = |upstream: &crate::config::Upstream| UpstreamFact {
        name: upstream.name.clone(),
        kind: match upstream.kind {
            UpstreamKind::Compliance => "Compliance API",
            UpstreamKind::Admin => "Admin API",
            UpstreamKind::Analytics => "Analytics API",
        }
        .to_owned(),
        base_url: upstream.base_url.clone(),
        poll_seconds: upstream.poll().as_secs(),
        backfill_from: upstream.backfill_from.clone(),
        lists_only: matches!(upstream.kind, UpstreamKind::Admin),
    };
    let retention = config.retention.as_ref();
    let day = |day: &Option<String>, open: &str| day.clone().unwrap_or_else(|| open.to_owned());
    NodeFacts {
        upstreams: config.upstream.iter().map(upstream).collect(),
        retention_days: retention.map(|retention| retention.days),
        legal_holds: retention
            .into_iter()
            .flat_map(|retention| &retention.legal_hold)
            .map(|hold| {
                (hold.name.clone(), format!("{} to {}", day(&hold.from, "the beginning"), day(&hold.to, "no end")))
            })
            .collect(),
        schedules: config.schedule.iter().map(schedule).collect(),
    }
}

fn schedule(schedule: &ScheduleConfig) -> ScheduleFact {
    let to = match (&schedule.folder, &schedule.webhook) {
        (Some(folder), _) => format!("the folder {}", folder.display()),
        // The path of an address may be a secret of its own.
        (None, Some(webhook)) => {
            match Url::parse(&webhook.url).ok().and_then(|url| url.host_str().map(str::to_owned)) {
                Some(host) => format!("a webhook of {host}"),
                None => "a webhook".to_owned(),
            }
        }
        (None, None) => "nowhere".to_owned(),
    };
    ScheduleFact {
        name: schedule.name.clone(),
        report: schedule.report.clone(),
        cron: schedule.cron.clone(),
        time_zone: schedule.time_zone.clone(),
        form: schedule.form_name.clone(),
        to,
    }
}

fn wrong(words: &str) -> Failure {
    Failure::usage(format!("[console] {words}")).hint("docs/console.md lists every key")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> ConsoleConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn on_loopback_both_names_are_answered_and_elsewhere_only_the_one_that_was_named() {
        let origins = |text: &str, bound: &str| {
            let options = read(text).options(&Config::default(), bound.parse().unwrap(), "http").unwrap();
            options.origins.iter().map(Url::to_string).collect::<Vec<_>>()
        };
        assert_eq!(origins("", "127.0.0.1:8787"), ["http://127.0.0.1:8787/", "http://localhost:8787/"]);
        assert_eq!(origins("", "0.0.0.0:8787"), [""; 0]);
        assert_eq!(origins("url = 'https://ephor.example.com'", "0.0.0.0:8787"), ["https://ephor.example.com/"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        let told = |text: &str| read(text).check().unwrap_err().to_string();
        insta::assert_snapshot!([
            told("url = 'ephor.example.com'"),
            told("url = 'https://ephor.example.com/console'"),
            told("session_hours = 0"),
            told("[oidc]\nissuer = 'http://login.example.com'\nclient_id = 'e'"),
            told("[oidc]\nissuer = 'https://login.example.com'\nclient_id = 'e'\nroles = { soc = 'chief' }"),
            told("[oidc]\nissuer = 'https://login.example.com'\nclient_id = 'e'\ndefault_role = 'primary_owner'"),
        ].join("\n"), @r#"
        [console] url = "ephor.example.com" is not an address like https://ephor.example.com
        [console] url = "https://ephor.example.com/console" is not scheme, host and port only, like https://ephor.example.com
        [console] session_idle_minutes and session_hours are at least 1
        [console] oidc.issuer = "http://login.example.com" is not an https:// address
        [console] oidc: `chief` is not a role; the roles are primary_owner, owner, admin, analyst, reviewer, auditor, viewer and member
        [console] no group gives the role primary_owner: it is one person's, and `ephor org grant` hands it on
        "#);
    }
}
