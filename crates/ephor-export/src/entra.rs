//! Tokens of Microsoft Entra by client credentials: asked for when needed, kept until shortly before they end.
//! A token that was refused is forgotten, so that the next try asks for a new one.
//! Never shows a token or a secret.

use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::form_urlencoded;

use crate::http::{HttpDoor, Packing, secret_header, with_body};
use crate::sink::Refusal;

/// A token that ends within this time is not used any more: a request takes its time too.
const MARGIN: Duration = Duration::from_secs(120);

/// The client and where it asks.
pub(crate) struct EntraClient {
    door: HttpDoor,
    url: Url,
    client_id: String,
    secret: SecretString,
    scope: &'static str,
    token: Option<(HeaderValue, Instant)>,
}

#[derive(Deserialize)]
struct Issued {
    access_token: SecretString,
    expires_in: u64,
}

impl EntraClient {
    pub(crate) fn new(
        door: HttpDoor,
        login: &str,
        tenant: &str,
        client_id: &str,
        secret: SecretString,
        scope: &'static str,
    ) -> Result<Self, String> {
        let url = door.url(login)?.join(&format!("{tenant}/oauth2/v2.0/token")).map_err(|error| error.to_string())?;
        Ok(Self { door, url, client_id: client_id.to_owned(), secret, scope, token: None })
    }

    /// The header that lets a request in.
    pub(crate) async fn authorization(&mut self) -> Result<HeaderValue, Refusal> {
        if let Some((header, end)) = &self.token
            && Instant::now() + MARGIN < *end
        {
            return Ok(header.clone());
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", self.secret.expose_secret())
            .append_pair("scope", self.scope)
            .finish();
        let request = self.door.post(self.url.clone());
        let request = with_body(request, "application/x-www-form-urlencoded", form.into_bytes(), Packing::Plain);
        let answer = self.door.send(request).await?;
        if !answer.is_success() {
            // A wrong client or secret is answered with 400 or 401.
            return Err(match answer.status.as_u16() {
                400..=404 => Refusal::Unauthorized { why: format!("no token from Entra: {}", answer.why()) },
                _ => answer.refusal(),
            });
        }
        let issued: Issued = serde_json::from_str(&answer.body)
            .map_err(|_| Refusal::Unreachable { why: "Entra's answer holds no token".to_owned() })?;
        let header = secret_header("Bearer ", &issued.access_token).map_err(|why| Refusal::Unreachable { why })?;
        self.token = Some((header.clone(), Instant::now() + Duration::from_secs(issued.expires_in)));
        Ok(header)
    }

    /// Lets go of a token that was refused.
    pub(crate) fn forget(&mut self) {
        self.token = None;
    }
}
