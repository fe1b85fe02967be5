//! Signing in at an OpenID Connect provider: the code flow with PKCE, state, nonce and a checked ID token.
//! Promises that an answer is taken once, from the provider that was asked, by the browser that asked; groups give the role.
//! Never keeps a token of the provider's, and never follows a redirect of its server.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::control::Role;
use ephor_lake::control::console::{ProviderPerson, ProviderSession};
use http::HeaderMap;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdTokenFields,
    IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadataWithLogout,
    RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse, SubjectIdentifier, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::{let_in, note_failure};
use crate::console::cookies::{self, Kind};
use crate::console::options::{EmailTrust, OidcOptions};
use crate::console::origin::safe_path;
use crate::console::page::Page;
use crate::console::seal::Purpose;
use crate::console::visitor::{Visit, escape};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::{App, rng};

pub(super) static GO: Page = Page::open("/sign-in/provider");
pub(super) static BACK: Page = Page::open("/sign-in/provider/back");

/// Where the provider sends people back to.
const BACK_PATH: &str = "/sign-in/provider/back";

/// How long somebody may take at the provider.
const ROUND_TRIP_MICROS: i64 = 600 * 1_000_000;

/// How long what the provider says of itself is believed; its keys are asked for again sooner if one is not known.
const METADATA_MICROS: i64 = 3600 * 1_000_000;

/// How long the provider may take to answer this node.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// More than any discovery document, key set or token.
const ANSWER_BYTES: usize = 1 << 20;

/// Claims beyond the standard ones: groups, and the provider's name of the session.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Told {
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl AdditionalClaims for Told {}

type Fields = IdTokenFields<
    Told,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Party = Client<
    Told,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider as this node knows it.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    known: Mutex<Option<(i64, Arc<ProviderMetadataWithLogout>)>>,
}

/// Whether what is known of the provider may be some time old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    Usual,
    JustNow,
}

/// Why a sign-in at the provider came to nothing; for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the provider could not be asked: {0}")]
    Unreachable(String),
    #[error("the browser came back without what it was sent with, or too late")]
    RoundTrip,
    #[error("the provider refused: {0}")]
    Refused(String),
    #[error("the provider's token is not right: {0}")]
    Token(String),
    #[error("the provider does not say that it has verified the address")]
    Unverified,
    #[error("none of the person's groups gives a role")]
    NoRole,
}

/// What the browser carries to the provider and back.
#[derive(Debug, Serialize, Deserialize)]
struct RoundTrip {
    state: String,
    nonce: String,
    verifier: String,
    to: String,
    at_micros: i64,
}

pub(super) async fn go(State(app): State<App>, Extension(visit): Extension<Visit>) -> Result<Response, Problem> {
    let Some(options) = &app.options().console.oidc else {
        return Err(Problem::no_such_path(&visit.path));
    };
    let to = safe_path(Query::parse(&visit.query).one("to"));
    let metadata = match app.console().provider().metadata(&app, options, Freshness::Usual).await {
        Ok(metadata) => metadata,
        Err(refusal) => return Ok(turned_away(&app, &visit, &refusal, &to).await),
    };
    let party = party(options, &metadata, &visit)?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut request = party
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .set_pkce_challenge(challenge);
    for scope in &options.scopes {
        request = request.add_scope(Scope::new(scope.clone()));
    }
    let (url, state, nonce) = request.url();
    let trip = RoundTrip {
        state: state.secret().clone(),
        nonce: nonce.secret().clone(),
        verifier: verifier.secret().clone(),
        to,
        at_micros: visit.now_micros,
    };
    let trip = serde_json::to_string(&trip).map_err(|error| Problem::internal(&error))?;
    let mut answer = Redirect::to(url.as_str()).into_response();
    let sealed = app.console().seal(&app).await?.close(Purpose::Provider, &trip);
    cookies::set(answer.headers_mut(), Kind::Provider, &sealed, &visit.origin);
    Ok(answer)
}

pub(super) async fn back(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(options) = &app.options().console.oidc else {
        return Err(Problem::no_such_path(&visit.path));
    };
    let sealed = cookies::read(&headers, Kind::Provider, &visit.origin);
    let seal = app.console().seal(&app).await?;
    let trip = sealed.and_then(|sealed| seal.open(Purpose::Provider, &sealed));
    let trip: Option<RoundTrip> = trip.and_then(|trip| serde_json::from_str(&trip).ok());
    let to = trip.as_ref().map_or_else(|| "/".to_owned(), |trip| safe_path(Some(&trip.to)));
    let vouched = match trip {
        Some(trip) => vouched(&app, options, &visit, trip).await,
        None => Err(Refusal::RoundTrip),
    };
    let mut answer = match vouched {
        Ok((person, session)) => {
            let member = app.control().console().identities().admit(&person, visit.now_micros, &mut rng()).await?;
            let answer = Redirect::to(&to).into_response();
            let whom = (member.user_id.as_str(), member.email.as_str());
            let_in(&app, &visit, whom, "openid_connect", Some(session), answer).await?
        }
        Err(refusal) => turned_away(&app, &visit, &refusal, &to).await,
    };
    // An answer is taken once.
    cookies::forget(answer.headers_mut(), Kind::Provider, &visit.origin);
    Ok(answer)
}

async fn turned_away(app: &App, visit: &Visit, refusal: &Refusal, to: &str) -> Response {
    tracing::warn!(%refusal, "a sign-in at the identity provider came to nothing");
    note_failure(app, visit, "openid_connect", None).await;
    let word = if matches!(refusal, Refusal::NoRole) { "role" } else { "provider" };
    Redirect::to(&format!("/sign-in?said={word}&to={}", escape(to))).into_response()
}

/// The person whom the provider vouches for, and its session.
async fn vouched(
    app: &App,
    options: &OidcOptions,
    visit: &Visit,
    trip: RoundTrip,
) -> Result<(ProviderPerson, ProviderSession), Refusal> {
    let query = Query::parse(&visit.query);
    let in_time = visit.now_micros.saturating_sub(trip.at_micros) < ROUND_TRIP_MICROS;
    if !in_time || !query.one("state").is_some_and(|state| crate::console::door::same(state, &trip.state)) {
        return Err(Refusal::RoundTrip);
    }
    let Some(code) = query.one("code") else {
        let said = query.one("error").unwrap_or("without a code");
        return Err(Refusal::Refused(crate::problem::shortened(said)));
    };
    let metadata = app.console().provider().metadata(app, options, Freshness::Usual).await?;
    match redeem(app, options, &metadata, visit, code, &trip).await {
        // A key that is not known may be a new one. The code is spent, so only the token is looked at again.
        Err(Redeemed::UnknownKey(tokens)) => {
            let metadata = app.console().provider().metadata(app, options, Freshness::JustNow).await?;
            read_tokens(app, options, &metadata, visit, &tokens, &trip).await.map_err(Redeemed::into_refusal)
        }
        other => other.map_err(Redeemed::into_refusal),
    }
}

type Tokens = StandardTokenResponse<Fields, CoreTokenType>;

/// What reading the provider's tokens can come to beside a person.
enum Redeemed {
    UnknownKey(Box<Tokens>),
    Refused(Refusal),
}

impl Redeemed {
    fn into_refusal(self) -> Refusal {
        match self {
            Self::UnknownKey(_) => Refusal::Token("it is signed with a key that the provider does not list".to_owned()),
            Self::Refused(refusal) => refusal,
        }
    }
}

impl From<Refusal> for Redeemed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

type Vouched = (ProviderPerson, ProviderSession);

async fn redeem(
    app: &App,
    options: &OidcOptions,
    metadata: &ProviderMetadataWithLogout,
    visit: &Visit,
    code: &str,
    trip: &RoundTrip,
) -> Result<Vouched, Redeemed> {
    let unreachable = |error: &dyn std::fmt::Display| Refusal::Unreachable(error.to_string());
    let party = party(options, metadata, visit).map_err(|problem| unreachable(&problem.message))?;
    let http = http_client(app).map_err(|error| unreachable(&error))?;
    let send = |request| send(http.clone(), request);
    let request = party.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|error| unreachable(&error))?;
    let request = request.set_pkce_verifier(PkceCodeVerifier::new(trip.verifier.clone()));
    let tokens = request.request_async(&send).await.map_err(|error| Refusal::Refused(error.to_string()))?;
    read_tokens(app, options, metadata, visit, &tokens, trip).await
}

async fn read_tokens(
    app: &App,
    options: &OidcOptions,
    metadata: &ProviderMetadataWithLogout,
    visit: &Visit,
    tokens: &Tokens,
    trip: &RoundTrip,
) -> Result<Vouched, Redeemed> {
    let wrong = |error: &dyn std::fmt::Display| Refusal::Token(error.to_string());
    let party = party(options, metadata, visit).map_err(|problem| wrong(&problem.message))?;
    let id_token = tokens.id_token().ok_or_else(|| wrong(&"there is no ID token"))?;
    let now = jiff::Timestamp::from_microsecond(visit.now_micros).ok();
    let verifier = party.id_token_verifier().set_time_fn(move || time_of(now));
    let claims = match id_token.claims(&verifier, &Nonce::new(trip.nonce.clone())) {
        Ok(claims) => claims,
        Err(openidconnect::ClaimsVerificationError::SignatureVerification(
            openidconnect::SignatureVerificationError::NoMatchingKey,
        )) => return Err(Redeemed::UnknownKey(Box::new(tokens.clone()))),
        Err(error) => return Err(wrong(&error).into()),
    };
    if let Some(expected) = claims.access_token_hash() {
        let algorithm = id_token.signing_alg().map_err(|error| wrong(&error))?;
        let key = id_token.signing_key(&verifier).map_err(|error| wrong(&error))?;
        let actual =
            AccessTokenHash::from_token(tokens.access_token(), algorithm, key).map_err(|error| wrong(&error))?;
        if actual != *expected {
            return Err(wrong(&"the access token is another one").into());
        }
    }
    let subject = claims.subject().as_str().to_owned();
    let mut told = Person {
        email: claims.email().map(|email| email.as_str().to_owned()),
        verified: claims.email_verified(),
        groups: groups_in(&claims.additional_claims().claims, &options.groups_claim),
    };
    if told.is_incomplete() && party.user_info_url().is_some() {
        told.complete(app, &party, options, (tokens, &subject)).await?;
    }
    let sid = claims.additional_claims().claims.get("sid").and_then(Value::as_str).map(str::to_owned);
    let person = told.vouched(options, subject.clone())?;
    let session = ProviderSession { issuer: options.issuer.to_string(), subject, sid };
    Ok((person, session))
}

/// What the provider told of a person.
struct Person {
    email: Option<String>,
    verified: Option<bool>,
    groups: Option<Vec<String>>,
}

impl Person {
    fn is_incomplete(&self) -> bool {
        self.email.is_none() || self.groups.is_none()
    }

    /// Asks the provider for what its ID token left out.
    async fn complete(
        &mut self,
        app: &App,
        party: &Party,
        options: &OidcOptions,
        (tokens, subject): (&Tokens, &str),
    ) -> Result<(), Refusal> {
        let wrong = |error: &dyn std::fmt::Display| Refusal::Token(error.to_string());
        let http = http_client(app).map_err(|error| wrong(&error))?;
        let send = |request| send(http.clone(), request);
        let subject = SubjectIdentifier::new(subject.to_owned());
        let request = party.user_info(tokens.access_token().clone(), Some(subject)).map_err(|error| wrong(&error))?;
        let told: UserInfoClaims<Told, CoreGenderClaim> =
            request.request_async(&send).await.map_err(|error| wrong(&error))?;
        if self.email.is_none() {
            self.email = told.email().map(|email| email.as_str().to_owned());
            self.verified = told.email_verified();
        }
        self.groups = self.groups.take().or_else(|| groups_in(&told.additional_claims().claims, &options.groups_claim));
        Ok(())
    }

    fn vouched(self, options: &OidcOptions, subject: String) -> Result<ProviderPerson, Refusal> {
        let email = self.email.ok_or_else(|| Refusal::Token("it names no e-mail address".to_owned()))?;
        let trusted = match options.email_trust {
            EmailTrust::Verified => self.verified == Some(true),
            EmailTrust::UnlessDenied => self.verified != Some(false),
        };
        if !trusted {
            return Err(Refusal::Unverified);
        }
        let role = role_of(options, &self.groups.unwrap_or_default()).ok_or(Refusal::NoRole)?;
        Ok(ProviderPerson { issuer: options.issuer.to_string(), subject, email, role })
    }
}

/// The highest role that the groups give.
fn role_of(options: &OidcOptions, groups: &[String]) -> Option<Role> {
    let given = options.roles.iter().filter(|(group, _)| groups.contains(group)).map(|(_, role)| *role);
    // The primary owner is one person and is named here, not elsewhere.
    given.filter(|role| *role != Role::PrimaryOwner).max().or(options.default_role)
}

fn groups_in(claims: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    match claims.get(name)? {
        Value::Array(groups) => Some(groups.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        Value::String(group) => Some(vec![group.clone()]),
        _ => None,
    }
}

impl Provider {
    /// What the provider says of itself.
    pub(super) async fn metadata(
        &self,
        app: &App,
        options: &OidcOptions,
        freshness: Freshness,
    ) -> Result<Arc<ProviderMetadataWithLogout>, Refusal> {
        let mut known = self.known.lock().await;
        if let (Some((at, metadata)), Freshness::Usual) = (&*known, freshness)
            && app.now().saturating_sub(*at) < METADATA_MICROS
        {
            return Ok(Arc::clone(metadata));
        }
        let http = http_client(app).map_err(|error| Refusal::Unreachable(error.to_string()))?;
        let send = |request| send(http.clone(), request);
        let issuer =
            IssuerUrl::new(text_of(&options.issuer)).map_err(|error| Refusal::Unreachable(error.to_string()))?;
        let asked = ProviderMetadataWithLogout::discover_async(issuer, &send).await;
        let metadata = Arc::new(asked.map_err(|error| Refusal::Unreachable(chain(&error)))?);
        *known = Some((app.now(), Arc::clone(&metadata)));
        Ok(metadata)
    }

    /// Where somebody can end their session at the provider, too.
    pub(crate) async fn end_session(&self, app: &App, back: &str) -> Option<String> {
        let options = app.options().console.oidc.as_ref()?;
        let metadata = self.metadata(app, options, Freshness::Usual).await.ok()?;
        let mut url = metadata.additional_metadata().end_session_endpoint.as_ref()?.url().clone();
        url.query_pairs_mut()
            .append_pair("client_id", &options.client_id)
            .append_pair("post_logout_redirect_uri", back);
        Some(url.to_string())
    }
}

fn party(options: &OidcOptions, metadata: &ProviderMetadataWithLogout, visit: &Visit) -> Result<Party, Problem> {
    let back = RedirectUrl::new(visit.origin.join(BACK_PATH)).map_err(|error| Problem::internal(&error))?;
    let secret = options.client_secret.clone().map(ClientSecret::new);
    let party = Party::from_provider_metadata(metadata.clone(), ClientId::new(options.client_id.clone()), secret);
    Ok(party.set_redirect_uri(back))
}

/// An issuer as its discovery document writes it: a URL without a path has no slash at its end there.
pub(super) fn text_of(issuer: &url::Url) -> String {
    let text = issuer.as_str();
    if issuer.path() == "/" { text.trim_end_matches('/').to_owned() } else { text.to_owned() }
}

/// A failed question to the provider.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("{0}")]
    Request(#[from] reqwest::Error),
    #[error("{0}")]
    Shape(#[from] http::Error),
    #[error("its answer is larger than {ANSWER_BYTES} bytes")]
    TooLarge,
}

fn http_client(app: &App) -> Result<reqwest::Client, reqwest::Error> {
    app.console().http(|| {
        // A provider that redirects its own server is none that was configured.
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(ANSWER_WITHIN).build()
    })
}

async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, AskError> {
    let request: reqwest::Request = request.try_into()?;
    let mut answer = client.execute(request).await?;
    let mut response = http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES {
            return Err(AskError::TooLarge);
        }
    }
    Ok(response.body(body)?)
}

/// The time as the verifier wants it.
fn time_of(now: Option<jiff::Timestamp>) -> chrono::DateTime<chrono::Utc> {
    let (seconds, nanos) = now.map_or((0, 0), |now| (now.as_second(), now.subsec_nanosecond()));
    chrono::DateTime::from_timestamp(seconds, u32::try_from(nanos).unwrap_or(0)).unwrap_or_default()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        text.push_str(&format!(": {current}"));
        cause = current.source();
    }
    text
}
