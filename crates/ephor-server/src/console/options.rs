//! What the console is told by configuration: where it is reached, how long sessions last, who vouches for people.
//! Promises defaults that suit one machine; an address that others reach has to be named before the console answers there.
//! Never reads a file: whoever starts the server does.

use std::time::Duration;

use ephor_lake::control::Role;
use url::Url;

/// How the console behaves.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// The addresses under which people reach it, the first being the one for links. Requests under any other name are
    /// refused, so that no foreign page can reach a console on loopback by a name of its own.
    pub origins: Vec<Url>,
    /// How long a session may go unused.
    pub idle: Duration,
    /// How long a session lasts at the most.
    pub whole: Duration,
    /// How long a page waits for an answer of now where an older one is at hand, which it then shows with its age.
    pub patience: Duration,
    /// Who vouches for people, beside passwords and passkeys.
    pub oidc: Option<OidcOptions>,
    /// What configuration says of this node, for the pages that show it.
    pub facts: NodeFacts,
}

impl Default for ConsoleOptions {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            idle: Duration::from_secs(3600),
            whole: Duration::from_secs(12 * 3600),
            // Of the 50 ms that a page may take.
            patience: Duration::from_millis(20),
            oidc: None,
            facts: NodeFacts::default(),
        }
    }
}

/// An OpenID Connect provider.
#[derive(Clone)]
pub struct OidcOptions {
    /// Its issuer identifier, as its discovery document says it.
    pub issuer: Url,
    /// What it calls this Ephor.
    pub client_id: String,
    /// The secret that it gave this Ephor; none for a public client.
    pub client_secret: Option<String>,
    /// What people call it: the word on the button.
    pub name: String,
    /// Scopes beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that lists a person's groups.
    pub groups_claim: String,
    /// Groups and the roles that they give; of several the highest counts.
    pub roles: Vec<(String, Role)>,
    /// The role of people in none of these groups; without it they are not let in.
    pub default_role: Option<Role>,
    /// Which addresses are believed.
    pub email_trust: EmailTrust,
}

/// Which e-mail addresses of a provider are believed: an address decides which member somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmailTrust {
    /// Those that it says it has verified.
    #[default]
    Verified,
    /// All but those that it says it has not: for a provider that never says, and whose addresses nobody can choose.
    UnlessDenied,
}

impl std::fmt::Debug for OidcOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OidcOptions({} at {})", self.client_id, self.issuer)
    }
}

/// What the configuration says, as far as people may see it.
#[derive(Debug, Clone, Default)]
pub struct NodeFacts {
    /// Where it is collected from.
    pub upstreams: Vec<UpstreamFact>,
    /// Days that are kept; `None` keeps everything.
    pub retention_days: Option<u32>,
    /// What is kept whatever its age: a name and its span in words.
    pub legal_holds: Vec<(String, String)>,
    /// Reports that are made by themselves.
    pub schedules: Vec<ScheduleFact>,
}

/// A scheduled report in the configuration.
#[derive(Debug, Clone)]
pub struct ScheduleFact {
    /// Its name, under which what became of it is kept.
    pub name: String,
    /// The report.
    pub report: String,
    /// When: five fields of cron.
    pub cron: String,
    /// On the clocks of this time zone.
    pub time_zone: String,
    /// How it is written.
    pub form: String,
    /// Where it goes, without any secret.
    pub to: String,
}

/// A source in the configuration.
#[derive(Debug, Clone)]
pub struct UpstreamFact {
    /// Its name, under which its state is kept.
    pub name: String,
    /// What it speaks.
    pub kind: String,
    /// Where it is.
    pub base_url: String,
    /// Seconds between two runs.
    pub poll_seconds: u64,
    /// The first day that it reads; none for everything there is.
    pub backfill_from: Option<String>,
    /// Whether it takes listings as they are now, which have no past.
    pub lists_only: bool,
}
