//! The console's cookies: the session's token, what ties a form to a browser before that, the provider's round trip, the theme.
//! Promises that none can be read by a script, and that over TLS none can be set by another host.
//! Never carries anything that a person's own browser may not know.

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, SET_COOKIE};

use super::origin::Origin;

/// A cookie of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The session's token.
    Session,
    /// What forms are tied to before there is a session.
    Before,
    /// What is remembered while somebody is at the identity provider.
    Provider,
    /// Light or dark.
    Theme,
}

impl Kind {
    fn name(self, origin: &Origin) -> String {
        let word = match self {
            Self::Session => "ephor-session",
            Self::Before => "ephor-before",
            Self::Provider => "ephor-provider",
            Self::Theme => "ephor-theme",
        };
        // A browser takes a cookie of this prefix only over TLS, for this host and all of its paths.
        let prefix = if origin.is_encrypted() { "__Host-" } else { "" };
        format!("{prefix}{word}{}", origin.port_suffix())
    }

    fn lasts(self) -> Option<Duration> {
        match self {
            Self::Session | Self::Before => None,
            Self::Provider => Some(Duration::from_secs(600)),
            Self::Theme => Some(Duration::from_secs(365 * 86_400)),
        }
    }
}

/// The value of a cookie that a request carries.
pub(crate) fn read(headers: &HeaderMap, kind: Kind, origin: &Origin) -> Option<String> {
    let name = kind.name(origin);
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

/// A cookie to be set.
pub(crate) fn set(headers: &mut HeaderMap, kind: Kind, value: &str, origin: &Origin) {
    write(headers, kind, value, kind.lasts(), origin);
}

/// A cookie to be forgotten.
pub(crate) fn forget(headers: &mut HeaderMap, kind: Kind, origin: &Origin) {
    write(headers, kind, "", Some(Duration::ZERO), origin);
}

fn write(headers: &mut HeaderMap, kind: Kind, value: &str, lasts: Option<Duration>, origin: &Origin) {
    let mut cookie = Cookie::build((kind.name(origin), value.to_owned()))
        .path("/")
        .http_only(true)
        .secure(origin.is_encrypted())
        // Lax and not strict: a link to a finding, in a mail or a ticket, is to open it.
        .same_site(SameSite::Lax);
    if let Some(lasts) = lasts.and_then(|lasts| i64::try_from(lasts.as_secs()).ok()) {
        cookie = cookie.max_age(cookie::time::Duration::seconds(lasts));
    }
    if let Ok(line) = HeaderValue::from_str(&cookie.build().to_string()) {
        headers.append(SET_COOKIE, line);
    }
}
