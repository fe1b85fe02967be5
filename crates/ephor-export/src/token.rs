//! A token of an OAuth 2.0 endpoint: asked for with a form, kept until shortly before it ends.
//! Promises that a token that was refused is forgotten, so that the next try asks for a new one.
//! Never shows a token, nor the form that it was asked for with.

use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::SecretString;
use serde::Deserialize;

use crate::http::{HttpDoor, Packing, secret_header, with_body};
use crate::sink::Refusal;

/// A token that ends within this time is not used any more: a request takes its time too.
const MARGIN: Duration = Duration::from_secs(120);

/// Where tokens are asked for, and the one that is in use.
pub(crate) struct TokenDoor {
    door: HttpDoor,
    url: Url,
    /// What people call whoever issues them.
    issuer: &'static str,
    token: Option<(HeaderValue, Instant)>,
}

#[derive(Deserialize)]
struct Issued {
    access_token: SecretString,
    expires_in: u64,
}

impl TokenDoor {
    pub(crate) fn new(door: HttpDoor, url: Url, issuer: &'static str) -> Self {
        Self { door, url, issuer, token: None }
    }

    /// The header that lets a request in, if a token is at hand that lasts.
    pub(crate) fn kept(&self) -> Option<HeaderValue> {
        let (header, end) = self.token.as_ref()?;
        (Instant::now() + MARGIN < *end).then(|| header.clone())
    }

    /// Asks for a new token.
    pub(crate) async fn ask(&mut self, form: String) -> Result<HeaderValue, Refusal> {
        let request = self.door.post(self.url.clone());
        let request = with_body(request, "application/x-www-form-urlencoded", form.into_bytes(), Packing::Plain);
        let answer = self.door.send(request).await?;
        if !answer.is_success() {
            // Whoever is not known, or asks with a wrong secret, is answered with 400 or 401.
            return Err(match answer.status.as_u16() {
                400..=404 => Refusal::Unauthorized { why: format!("no token from {}: {}", self.issuer, answer.why()) },
                _ => answer.refusal(),
            });
        }
        let issued: Issued = serde_json::from_str(&answer.body)
            .map_err(|_| Refusal::Unreachable { why: format!("{}'s answer holds no token", self.issuer) })?;
        let header = secret_header("Bearer ", &issued.access_token).map_err(|why| Refusal::Unreachable { why })?;
        self.token = Some((header.clone(), Instant::now() + Duration::from_secs(issued.expires_in)));
        Ok(header)
    }

    /// Lets go of a token that was refused.
    pub(crate) fn forget(&mut self) {
        self.token = None;
    }
}
