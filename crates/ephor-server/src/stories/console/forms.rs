//! What another site cannot make a browser do, and what no page can load.

use super::*;
use crate::console::{Admits, Takes};

#[tokio::test]
async fn no_action_is_done_without_the_token_of_a_page_that_was_served_here() {
    let house = house().await;
    let mut other = Browser::signed_in(&house, Role::PrimaryOwner).await;
    other.get("/account").await;
    for page in crate::console::mount(house.app.clone()).table {
        if page.method != Method::POST || page.admits == Admits::Program {
            continue;
        }
        let mut browser = Browser::signed_in(&house, Role::PrimaryOwner).await;
        let own = browser.token.clone();
        for (token, headers) in [
            ("", &[][..]),
            (other.token.as_str(), &[]),
            (own.as_str(), &[("sec-fetch-site", "cross-site")]),
            (own.as_str(), &[("origin", "https://evil.example")]),
        ] {
            let answer = if page.takes == Takes::Upload {
                let form = browser.file_form(page.path, &[("form_token", token)], ("x.zip", b"x"), headers);
                browser.send(form).await
            } else if page.takes == Takes::Json {
                let mut request = browser.request(Method::POST, page.path).header("content-type", "application/json");
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                browser.send(request.header("x-form-token", token).body(Body::from("{}")).unwrap()).await
            } else {
                browser.post_with(page.path, token, &[], headers).await
            };
            assert_eq!(answer.status, 403, "{} with {token:?} {headers:?}: {}", page.path, answer.text);
            assert!(
                answer.text.contains("nothing was done") || answer.text.contains("not one that was served"),
                "{}",
                answer.text
            );
        }
        assert!(browser.is_in().await, "{} did nothing", page.path);
    }
}

#[tokio::test]
async fn an_action_takes_the_kind_of_body_that_a_page_sends_and_no_more_of_it_than_that() {
    let house = house().await;
    let mut browser = Browser::signed_in(&house, Role::PrimaryOwner).await;
    let request = browser.request(Method::POST, "/settings/keys").header("content-type", "text/plain");
    assert_eq!(browser.send(request.body(Body::from("form_token=x")).unwrap()).await.status, 415);
    let large = "x".repeat(300 << 10);
    assert_eq!(browser.post("/settings/keys", &[("name", &large)]).await.status, 413);
}

#[tokio::test]
async fn every_answer_of_the_console_carries_the_same_strict_headers() {
    let house = house().await;
    let mut browser = Browser::signed_in(&house, Role::PrimaryOwner).await;
    let style = between(&browser.get("/").await.text, "rel=\"stylesheet\" href=\"", "\"").unwrap().to_owned();
    for path in [
        "/",
        "/activity",
        "/settings/keys",
        "/sign-in?said=wrong",
        "/no/such/page",
        "/people/nobody",
        "/seek?q=x",
        &style,
    ] {
        let answer = browser.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {name}");
        }
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        let kept = if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), kept, "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "no promise of TLS on a plain address");
    }
}

#[tokio::test]
async fn cookies_are_out_of_reach_of_scripts_and_over_tls_bound_to_the_host() {
    for (address, named, secure) in [(ADDRESS, "ephor-session-8787", false), (NAMED, "__Host-ephor-session", true)] {
        let house = house_at(address).await;
        let mut browser = Browser { address, ..Browser::new(&house) };
        browser.get("/sign-in").await;
        let code = code(&house, "user_ada", Opens::Console).await;
        let answer = browser.post("/sign-in/code", &[("code", &code)]).await;
        let cookie = answer.header("set-cookie");
        assert!(cookie.starts_with(&format!("{named}=")), "{cookie}");
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
            "{cookie}"
        );
        assert_eq!(cookie.contains("Secure"), secure, "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
        let page = browser.get("/").await;
        let expected = if secure { "max-age=63072000" } else { "" };
        assert_eq!((page.status.as_u16(), page.header("strict-transport-security")), (200, expected));
    }
}

#[tokio::test]
async fn a_name_that_was_not_configured_is_answered_with_nothing() {
    let house = house().await;
    let mut browser = Browser { address: "http://rebound.example:8787", ..Browser::new(&house) };
    for path in ["/", "/sign-in", "/activity"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 421, "{path}");
        assert!(browser.cookies.is_empty() && !answer.text.contains('<'), "{}", answer.text);
    }
    // The APIs are for programs, which prove themselves by key; they answer under any name.
    assert_eq!(house.get("/healthz", "").await.status, 200);
}
