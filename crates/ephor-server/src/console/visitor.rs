//! Who is looking: one request to the console with what its page needs to know of the person behind it.
//! Promises that a person is named through here alone, so that each look at one is recorded and a viewer sees pseudonyms.
//! Never decides whether somebody may: the door has by then.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ephor_lake::control::console::SignedIn;
use ephor_wire::actor::Actor;
use maud::{Markup, html};

use super::access::Right;
use super::origin::Origin;
use super::seal::Seal;

/// Light or dark, as somebody chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    /// As the system is.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(crate) fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text).unwrap_or_default()
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A request to the console, by whomever.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// Under which address.
    pub(crate) origin: Origin,
    pub(crate) theme: Theme,
    /// What forms on the page carry back.
    pub(crate) form_token: String,
    pub(crate) ip_address: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
    /// Path and query, as asked for.
    pub(crate) path: String,
    pub(crate) query: String,
    /// Microseconds since 1970, when it came.
    pub(crate) now_micros: i64,
}

impl Visit {
    /// The hidden field that every form has.
    pub(crate) fn form_field(&self) -> Markup {
        html! { input type="hidden" name=(FORM_TOKEN) value=(self.form_token); }
    }

    /// Path and query together.
    pub(crate) fn here(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    pub(crate) fn from(&self) -> (Option<String>, Option<&str>) {
        (self.ip_address.map(|ip| ip.to_string()), self.user_agent.as_deref())
    }
}

/// The field in which a form carries its token.
pub(crate) const FORM_TOKEN: &str = "form_token";

/// A signed-in person who looks.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) visit: Visit,
    pub(crate) signed_in: SignedIn,
    seal: Seal,
    seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Visitor {
    pub(crate) fn new(visit: Visit, signed_in: SignedIn, seal: Seal) -> Self {
        Self { visit, signed_in, seal, seen: Arc::default() }
    }

    pub(crate) fn may(&self, right: Right) -> bool {
        right.is_of(self.signed_in.member.role)
    }

    pub(crate) fn now(&self) -> i64 {
        self.visit.now_micros
    }

    /// The visitor as activities name them.
    pub(crate) fn actor(&self) -> Actor {
        let (ip, user_agent) = self.visit.from();
        let member = &self.signed_in.member;
        Actor::user(&member.user_id, &member.email, ip.as_deref(), user_agent)
    }

    /// Whether people are shown as they are.
    pub(crate) fn sees_names(&self) -> bool {
        self.may(Right::SeeNames)
    }

    /// How a person is called on the page: their name for whoever may see it, which is noted; a pseudonym for others.
    pub(crate) fn name_of(&self, person: Person<'_>) -> String {
        if !self.sees_names() {
            return self.seal.pseudonym(person.id);
        }
        self.has_seen(person.id);
        person.name.filter(|name| !name.is_empty()).unwrap_or(person.id).to_owned()
    }

    /// A person as a link to what is known of them; for a viewer a pseudonym that leads nowhere.
    pub(crate) fn person(&self, person: Person<'_>) -> Markup {
        let name = self.name_of(person);
        html! {
            @if self.sees_names() { a class="person" href=(format!("/people/{}", escape(person.id))) { (name) } }
            @else { span class="person" { (name) } }
        }
    }

    /// Something that tells where a person was or with what, for whoever may see names.
    pub(crate) fn whereabouts(&self, text: Option<&str>) -> String {
        match (text, self.sees_names()) {
            (None, _) => String::new(),
            (Some(text), true) => text.to_owned(),
            (Some(_), false) => "hidden".to_owned(),
        }
    }

    /// Notes that a named person was looked at.
    pub(crate) fn has_seen(&self, person: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if person != self.signed_in.member.user_id {
            seen.insert(person.to_owned());
        }
    }

    /// Everybody who was looked at by name.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Somebody to be shown: what identifies them, and a name if one is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person<'p> {
    pub(crate) id: &'p str,
    pub(crate) name: Option<&'p str>,
}

impl<'p> Person<'p> {
    pub(crate) const fn of(id: &'p str, name: Option<&'p str>) -> Self {
        Self { id, name }
    }
}

/// A text as one part of a path or a value of a query.
pub(crate) fn escape(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
