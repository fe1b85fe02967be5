//! Tokens of Microsoft Entra by client credentials.
//! Promises one request for a token as long as that token lasts.
//! Never shows a token or a secret.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use crate::http::HttpDoor;
use crate::sink::Refusal;
use crate::token::TokenDoor;

/// The client and where it asks.
pub(crate) struct EntraClient {
    tokens: TokenDoor,
    client_id: String,
    secret: SecretString,
    scope: &'static str,
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
        Ok(Self { tokens: TokenDoor::new(door, url, "Entra"), client_id: client_id.to_owned(), secret, scope })
    }

    /// The header that lets a request in.
    pub(crate) async fn authorization(&mut self) -> Result<HeaderValue, Refusal> {
        if let Some(header) = self.tokens.kept() {
            return Ok(header);
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", self.secret.expose_secret())
            .append_pair("scope", self.scope)
            .finish();
        self.tokens.ask(form).await
    }

    /// Lets go of a token that was refused.
    pub(crate) fn forget(&mut self) {
        self.tokens.forget();
    }
}
