//! Under which address a request reached the console, and whether it came from one of the console's own pages.
//! Promises that a page of another site can neither read a page here nor make a browser do something here.
//! Never trusts a name that was not configured: on loopback, any site can point a name of its own at this node.

use http::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use http::{Uri, header};
use url::Url;

use super::options::ConsoleOptions;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// An address under which people reach the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    url: Url,
}

impl Origin {
    /// The configured address that a request names, if it names one.
    pub(crate) fn of(uri: &Uri, headers: &HeaderMap, options: &ConsoleOptions) -> Option<Self> {
        let host = match uri.authority() {
            Some(authority) => authority.as_str(),
            None => headers.get(HOST)?.to_str().ok()?,
        };
        let named = |url: &&Url| authority_of(url).eq_ignore_ascii_case(host);
        options.origins.iter().find(named).map(|url| Self { url: url.clone() })
    }

    /// `scheme://host:port`, as a browser writes it.
    pub(crate) fn text(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// An address below it.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text())
    }

    /// The host, if it is a name: passkeys belong to names and not to addresses.
    pub(crate) fn domain(&self) -> Option<&str> {
        self.url.domain()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// What keeps the cookies of two consoles on one machine apart: a browser does not look at the port.
    pub(crate) fn port_suffix(&self) -> String {
        self.url.port().map_or_else(String::new, |port| format!("-{port}"))
    }

    /// Whether a request that wants to change something comes from a page of this console, as far as the browser says.
    pub(crate) fn sent(&self, headers: &HeaderMap) -> bool {
        let told = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
        let site = told(&SEC_FETCH_SITE).is_none_or(|site| matches!(site, "same-origin" | "none"));
        let origin = told(&ORIGIN).is_none_or(|origin| origin.eq_ignore_ascii_case(&self.text()));
        site && origin
    }
}

/// `host:port`, without the port that the scheme implies.
fn authority_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Where to go after signing in: a path of this console and nothing else.
pub(crate) fn safe_path(wanted: Option<&str>) -> String {
    let safe = |path: &&str| {
        let mut characters = path.chars();
        characters.next() == Some('/')
            && !matches!(characters.next(), Some('/' | '\\'))
            && !path.contains('\\')
            && path.chars().all(|c| !c.is_control())
            && !path.starts_with("/sign-")
    };
    wanted.filter(safe).unwrap_or("/").to_owned()
}

/// Whether somebody who asks would rather read a page than JSON.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn options(origins: &[&str]) -> ConsoleOptions {
        let origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        ConsoleOptions { origins, ..ConsoleOptions::default() }
    }

    #[test]
    fn only_configured_names_are_answered() {
        let options = options(&["http://127.0.0.1:8787", "http://localhost:8787", "https://ephor.example.com"]);
        let found = |host: &'static str| {
            Origin::of(&Uri::from_static("/"), &headers(&[("host", host)]), &options).map(|origin| origin.text())
        };
        assert_eq!(found("127.0.0.1:8787").unwrap(), "http://127.0.0.1:8787");
        assert_eq!(found("LOCALHOST:8787").unwrap(), "http://localhost:8787");
        assert_eq!(found("ephor.example.com").unwrap(), "https://ephor.example.com");
        for foreign in ["rebound.example.net:8787", "127.0.0.1", "localhost:80", "ephor.example.com.evil.net", ""] {
            assert_eq!(found(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_request_of_another_site_is_not_ours() {
        let origin = Origin { url: "https://ephor.example.com".parse().unwrap() };
        for ours in [
            headers(&[]),
            headers(&[("sec-fetch-site", "same-origin"), ("origin", "https://ephor.example.com")]),
            headers(&[("sec-fetch-site", "none")]),
        ] {
            assert!(origin.sent(&ours), "{ours:?}");
        }
        for foreign in [
            headers(&[("sec-fetch-site", "cross-site")]),
            headers(&[("sec-fetch-site", "same-site")]),
            headers(&[("origin", "https://evil.example")]),
            headers(&[("origin", "null")]),
            headers(&[("origin", "http://ephor.example.com")]),
        ] {
            assert!(!origin.sent(&foreign), "{foreign:?}");
        }
    }

    #[test]
    fn one_is_sent_on_to_a_path_of_this_console_only() {
        assert_eq!(safe_path(Some("/findings?status=open")), "/findings?status=open");
        for elsewhere in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\nb",
            "",
            "/sign-out",
            "x",
        ] {
            assert_eq!(safe_path(Some(elsewhere)), "/", "{elsewhere}");
        }
        assert_eq!(safe_path(None), "/");
    }
}
