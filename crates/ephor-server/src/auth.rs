//! Who calls: the key behind `x-api-key` or `Authorization: Bearer`, and what it sees.
//! Every request asks the control database, so a revoked key fails on the next one.
//! Never says why a key was not taken, and never keeps or logs a secret.

use std::net::IpAddr;

use ephor_lake::control::{AnalyticsAccess, KeyReach, KeyRecord, Recognised};
use ephor_wire::actor::Actor;
use http::HeaderMap;
use http::header::{AUTHORIZATION, USER_AGENT};

use crate::problem::Problem;
use crate::state::App;

/// Longer user agents are cut: they are stored with every call.
const USER_AGENT_CHARACTERS: usize = 512;

/// An authenticated caller.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) key: KeyRecord,
    pub(crate) ip_address: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
}

impl Caller {
    /// The caller as activities name it.
    pub(crate) fn actor(&self) -> Actor {
        let ip = self.ip_address.map(|ip| ip.to_string());
        Actor::api(&self.key.id, ip.as_deref(), self.user_agent.as_deref())
    }

    /// Whether the caller may know of the organization with this UUID.
    pub(crate) fn sees(&self, organization_uuid: &str) -> bool {
        self.key.reach.organization().is_none_or(|own| own == organization_uuid)
    }

    /// Whether the caller sees the parent and everything linked to it.
    pub(crate) fn sees_everything(&self) -> bool {
        self.key.reach == KeyReach::Parent
    }
}

/// What is switched on, as of the moment in which the key was looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Switches {
    pub(crate) records: bool,
    pub(crate) analytics: AnalyticsAccess,
}

/// The caller behind a request's headers.
pub(crate) async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    ip_address: Option<IpAddr>,
) -> Result<(Caller, Switches), Problem> {
    let presented = presented(headers).ok_or_else(Problem::unauthenticated)?;
    let found = app.control().keys().authenticate(presented, app.now()).await?;
    let Recognised { key, records, analytics } = found.ok_or_else(Problem::unauthenticated)?;
    let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = user_agent.map(|text| text.chars().take(USER_AGENT_CHARACTERS).collect());
    Ok((Caller { key, ip_address, user_agent }, Switches { records, analytics }))
}

/// What the client presents as its key; the header of the guides wins over that of the generated reference.
fn presented(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get("x-api-key") {
        return key.to_str().ok().map(str::trim);
    }
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_headers_are_read_and_other_schemes_are_not() {
        let with = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, http::HeaderValue::from_static(value));
            presented(&headers).map(str::to_owned)
        };
        assert_eq!(with("x-api-key", "sk-1").as_deref(), Some("sk-1"));
        assert_eq!(with("authorization", "Bearer sk-2").as_deref(), Some("sk-2"));
        assert_eq!(with("authorization", "bearer  sk-3").as_deref(), Some("sk-3"));
        assert_eq!(with("authorization", "Basic c2s="), None);
        assert_eq!(with("cookie", "sk-4"), None);
    }
}
