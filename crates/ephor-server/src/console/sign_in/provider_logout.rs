//! Back-channel logout: the provider tells this node, server to server, that somebody's session there has ended.
//! Promises that a token is taken only if the provider signed it for this node, just now, and for this purpose.
//! Never answers more than whether it was taken.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ephor_lake::control::console::ProviderSession;
use ephor_wire::actor::Actor;
use http::{Method, StatusCode};
use openidconnect::core::CoreJwsSigningAlgorithm;
use openidconnect::{JsonWebKey, ProviderMetadataWithLogout};
use serde::Deserialize;
use serde_json::Value;

use super::provider::{Freshness, text_of};
use crate::body;
use crate::console::options::OidcOptions;
use crate::console::page::{Admits, Page, Takes};
use crate::problem::Problem;
use crate::state::{App, rng};

pub(super) static LOGOUT: Page =
    Page { method: Method::POST, path: "/sign-in/provider/logout", admits: Admits::Program, takes: Takes::Form };

/// A logout token is a few hundred bytes.
const TOKEN_BYTES: usize = 16 << 10;

/// How old a token may be, and how far ahead the provider's clock.
const AGE_SECONDS: i64 = 120;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

#[derive(Debug, Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    aud: Value,
    iat: i64,
    #[serde(default)]
    exp: Option<i64>,
    events: serde_json::Map<String, Value>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    nonce: Option<Value>,
}

pub(super) async fn logout(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let Some(options) = &app.options().console.oidc else {
        return Err(Problem::no_such_path("/sign-in/provider/logout"));
    };
    let body = body::read(request.into_body(), TOKEN_BYTES).await?;
    let token = url::form_urlencoded::parse(&body).find(|(name, _)| name == "logout_token");
    let refused = |why: &str| {
        tracing::warn!(why, "a logout token was not taken");
        Problem::invalid("The logout token was not taken.")
    };
    let Some((_, token)) = token else { return Err(refused("there is none")) };
    let unreachable = |error: super::provider::Refusal| refused(&error.to_string());
    let provider = app.console().provider();
    let metadata = provider.metadata(&app, options, Freshness::Usual).await.map_err(unreachable)?;
    let ended = match ended(&token, options, &metadata, app.now()) {
        // Its key may be a new one.
        Err(Wrong::UnknownKey) => {
            let metadata = provider.metadata(&app, options, Freshness::JustNow).await.map_err(unreachable)?;
            ended(&token, options, &metadata, app.now())
        }
        other => other,
    };
    let ended = ended.map_err(|wrong| refused(&wrong.to_string()))?;
    let by = Actor::system(&format!("openid_connect {}", options.issuer));
    let count = app.control().console().sessions().end_at_provider(&ended, &by, app.now(), &mut rng()).await?;
    tracing::info!(sessions = count, "the identity provider ended sessions");
    Ok(StatusCode::OK.into_response())
}

/// Why a token was not taken; for the log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Wrong {
    #[error("it is not a signed token")]
    Shape,
    #[error("it is signed with a key that the provider does not list")]
    UnknownKey,
    #[error("its signature is not right")]
    Signature,
    #[error("its claim {0} is not right")]
    Claim(&'static str),
}

/// The session that a token ends.
fn ended(
    token: &str,
    options: &OidcOptions,
    metadata: &ProviderMetadataWithLogout,
    now_micros: i64,
) -> Result<ProviderSession, Wrong> {
    let (message, signature) = token.rsplit_once('.').ok_or(Wrong::Shape)?;
    let (header, claims) = message.split_once('.').ok_or(Wrong::Shape)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Wrong::Shape);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Wrong::Shape)?;
    check_signature(&header, message, &decode(signature)?, metadata)?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| Wrong::Shape)?;
    check_claims(&claims, options, now_micros)?;
    Ok(ProviderSession { issuer: options.issuer.to_string(), subject: claims.sub.unwrap_or_default(), sid: claims.sid })
}

fn check_signature(
    header: &Header,
    message: &str,
    signature: &[u8],
    metadata: &ProviderMetadataWithLogout,
) -> Result<(), Wrong> {
    use CoreJwsSigningAlgorithm as A;
    let public = matches!(
        header.alg,
        A::RsaSsaPkcs1V15Sha256
            | A::RsaSsaPkcs1V15Sha384
            | A::RsaSsaPkcs1V15Sha512
            | A::RsaSsaPssSha256
            | A::RsaSsaPssSha384
            | A::RsaSsaPssSha512
            | A::EcdsaP256Sha256
            | A::EcdsaP384Sha384
            | A::EdDsa
    );
    let typed =
        header.typ.as_deref().is_none_or(|typ| matches!(typ.to_ascii_lowercase().as_str(), "logout+jwt" | "jwt"));
    if !public || !typed {
        return Err(Wrong::Signature);
    }
    let named = |key: &&openidconnect::core::CoreJsonWebKey| match (&header.kid, key.key_id()) {
        (Some(kid), Some(own)) => own.as_str() == kid,
        (None, _) => true,
        (Some(_), None) => false,
    };
    let keys: Vec<_> = metadata.jwks().keys().iter().filter(named).collect();
    if keys.is_empty() {
        return Err(Wrong::UnknownKey);
    }
    let right = keys.iter().any(|key| key.verify_signature(&header.alg, message.as_bytes(), signature).is_ok());
    right.then_some(()).ok_or(Wrong::Signature)
}

fn check_claims(claims: &Claims, options: &OidcOptions, now_micros: i64) -> Result<(), Wrong> {
    let now = now_micros / 1_000_000;
    let audience = match &claims.aud {
        Value::String(one) => *one == options.client_id,
        Value::Array(many) => many.iter().any(|one| one == options.client_id.as_str()),
        _ => false,
    };
    let checks = [
        (claims.iss == text_of(&options.issuer), "iss"),
        (audience, "aud"),
        ((now - claims.iat).abs() <= AGE_SECONDS, "iat"),
        (claims.exp.is_none_or(|exp| exp > now), "exp"),
        (claims.events.get(EVENT).is_some_and(Value::is_object), "events"),
        (claims.sub.is_some() || claims.sid.is_some(), "sub"),
        // A token with a nonce is an ID token that somebody passes off as this.
        (claims.nonce.is_none(), "nonce"),
    ];
    checks.into_iter().find(|(right, _)| !right).map_or(Ok(()), |(_, claim)| Err(Wrong::Claim(claim)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn options() -> OidcOptions {
        OidcOptions {
            issuer: "https://login.example.com".parse().unwrap(),
            client_id: "ephor".to_owned(),
            client_secret: None,
            name: "Example".to_owned(),
            scopes: Vec::new(),
            groups_claim: "groups".to_owned(),
            roles: Vec::new(),
            default_role: None,
            email_trust: crate::console::options::EmailTrust::Verified,
        }
    }

    #[test]
    fn a_token_for_another_purpose_party_or_time_is_not_taken() {
        const NOW: i64 = 1_795_435_200;
        let right = json!({
            "iss": "https://login.example.com", "aud": ["other", "ephor"], "iat": NOW - 5, "exp": NOW + 60,
            "jti": "1", "events": { EVENT: {} }, "sid": "s1",
        });
        let check = |claims: &Value| {
            check_claims(&serde_json::from_value(claims.clone()).unwrap(), &options(), NOW * 1_000_000)
        };
        assert_eq!(check(&right), Ok(()));
        for (claim, value) in [
            ("iss", json!("https://evil.example")),
            ("aud", json!("other")),
            ("iat", json!(NOW - 500)),
            ("iat", json!(NOW + 500)),
            ("exp", json!(NOW - 1)),
            ("events", json!({})),
            ("events", json!({ EVENT: true })),
            ("nonce", json!("n")),
        ] {
            let mut wrong = right.clone();
            wrong[claim] = value;
            assert_eq!(check(&wrong), Err(Wrong::Claim(claim)), "{wrong}");
        }
        let mut nobody = right;
        nobody.as_object_mut().unwrap().remove("sid");
        assert_eq!(check(&nobody), Err(Wrong::Claim("sub")));
    }
}
