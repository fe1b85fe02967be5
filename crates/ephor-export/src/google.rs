//! Tokens of Google by a service account's key: a signed assertion, exchanged for a token.
//! Promises one request for a token as long as that token lasts.
//! Never shows a key, an assertion or a token.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::HeaderValue;
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::form_urlencoded;

use crate::http::HttpDoor;
use crate::json;
use crate::sink::Refusal;
use crate::token::TokenDoor;

/// What a token is for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// How long an assertion holds.
const ASSERTION_SECONDS: i64 = 600;

/// A service account's key as Google's console hands it out.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: SecretString,
    #[serde(default)]
    private_key_id: Option<String>,
    token_uri: String,
}

/// The account and where it asks.
pub(crate) struct GoogleClient {
    tokens: TokenDoor,
    account: String,
    key_id: Option<String>,
    key: Arc<dyn SigningKey>,
    audience: String,
    clock: fn() -> i64,
}

impl GoogleClient {
    pub(crate) fn new(door: HttpDoor, key_file: &SecretString, clock: fn() -> i64) -> Result<Self, String> {
        // The reason of a parser could quote the key.
        let file: KeyFile = serde_json::from_str(key_file.expose_secret())
            .map_err(|_| "it is no key file of a Google service account".to_owned())?;
        let wrong = |_| "its private_key is no RSA key in PEM".to_owned();
        let key = PrivateKeyDer::from_pem_slice(file.private_key.expose_secret().as_bytes()).map_err(wrong)?;
        let key = rustls::crypto::ring::sign::any_supported_type(&key)
            .map_err(|_| "its private_key is no RSA key in PEM".to_owned())?;
        let url = door.url(&file.token_uri)?;
        Ok(Self {
            tokens: TokenDoor::new(door, url, "Google"),
            account: file.client_email,
            key_id: file.private_key_id,
            key,
            audience: file.token_uri,
            clock,
        })
    }

    /// The header that lets a request in.
    pub(crate) async fn authorization(&mut self) -> Result<HeaderValue, Refusal> {
        if let Some(header) = self.tokens.kept() {
            return Ok(header);
        }
        let assertion = self.assertion().map_err(|why| Refusal::Unauthorized { why })?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", &assertion)
            .finish();
        self.tokens.ask(form).await
    }

    /// Lets go of a token that was refused.
    pub(crate) fn forget(&mut self) {
        self.tokens.forget();
    }

    /// A JSON Web Token, signed by RS256.
    fn assertion(&self) -> Result<String, String> {
        let now = (self.clock)().div_euclid(1_000_000);
        let (mut header, mut claims) = (Vec::new(), Vec::new());
        json::object(&mut header, |header| {
            header.text("alg", "RS256");
            header.text("typ", "JWT");
            header.text("kid", self.key_id.as_deref());
        });
        json::object(&mut claims, |claims| {
            claims.text("iss", self.account.as_str());
            claims.text("scope", SCOPE);
            claims.text("aud", self.audience.as_str());
            claims.number("iat", now);
            claims.number("exp", now + ASSERTION_SECONDS);
        });
        let said = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]);
        let signer = signer.ok_or("the service account's key is no RSA key")?;
        let signature =
            signer.sign(said.as_bytes()).map_err(|error| format!("the assertion cannot be signed: {error}"))?;
        Ok(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
