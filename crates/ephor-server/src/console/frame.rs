//! The frame around every page: where one is, where one can go, who one is; and the bare frame of the sign-in.
//! Promises one `h1`, landmarks and a way past the navigation on every page, with and without scripts.
//! Never asks for anything that this node does not serve.

use maud::{DOCTYPE, Markup, html};

use super::access::Right;
use super::assets;
use super::visitor::{Theme, Visit, Visitor};

/// A page's place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// None: what went wrong, one's own account.
    None,
    Overview,
    Findings,
    Activity,
    Incidents,
    UseCases,
    Adoption,
    Cost,
    People,
    Inventory,
    Reviews,
    Evidence,
    Rules,
    Compare,
    Settings,
}

/// What a page is made of.
pub(crate) struct Sheet<'s> {
    pub(crate) title: &'s str,
    pub(crate) spot: Spot,
    /// Beside the title: what the page is about, in a few words or facts.
    pub(crate) lead: Markup,
    /// At the right of the title: what can be done with the page as a whole.
    pub(crate) actions: Markup,
    pub(crate) body: Markup,
}

/// A place to go to.
struct Entry {
    spot: Spot,
    words: &'static str,
    path: &'static str,
    right: Right,
    /// `g` and this letter go there.
    letter: char,
}

const fn entry(spot: Spot, words: &'static str, path: &'static str, right: Right, letter: char) -> Entry {
    Entry { spot, words, path, right, letter }
}

/// The navigation, in groups that follow a working day.
const GROUPS: &[(&str, &[Entry])] = &[
    (
        "Watch",
        &[
            entry(Spot::Overview, "Overview", "/", Right::Look, 'o'),
            entry(Spot::Findings, "Findings", "/findings", Right::Look, 'f'),
            entry(Spot::Activity, "Activity", "/activity", Right::Look, 'a'),
            entry(Spot::Incidents, "Incidents", "/incidents", Right::SeeNames, 'i'),
        ],
    ),
    (
        "Know",
        &[
            entry(Spot::UseCases, "Use cases", "/use-cases", Right::Look, 'u'),
            entry(Spot::Adoption, "Adoption", "/use-cases/adoption-governance", Right::Look, 'd'),
            entry(Spot::Cost, "Cost", "/use-cases/cost-attribution", Right::Look, 'c'),
            entry(Spot::People, "People", "/people", Right::Look, 'p'),
            entry(Spot::Inventory, "Inventory", "/keys", Right::Look, 'y'),
        ],
    ),
    (
        "Show",
        &[
            entry(Spot::Reviews, "Reviews", "/reviews", Right::SeeNames, 'r'),
            entry(Spot::Evidence, "Evidence", "/evidence", Right::Evidence, 'e'),
        ],
    ),
    (
        "Run",
        &[
            entry(Spot::Rules, "Rules", "/rules", Right::Look, 'l'),
            entry(Spot::Compare, "Compare", "/compare", Right::Look, 'm'),
            entry(Spot::Settings, "Settings", "/settings", Right::SeeSettings, 's'),
        ],
    ),
];

/// A page in its frame.
pub(crate) fn sheet(visitor: &Visitor, sheet: Sheet<'_>) -> Markup {
    let body = html! {
        a class="skip" href="#content" { "To the content" }
        div class="frame" {
            header class="side" {
                a class="brand" href="/" { (mark()) span { "Ephor" } }
                details class="menu" {
                    summary { "Menu" }
                    (navigation(visitor, sheet.spot))
                }
                div class="wide" { (navigation(visitor, sheet.spot)) }
            }
            div class="main" {
                div class="top" {
                    form class="seek" action="/seek" method="get" role="search" {
                        label class="hidden" for="seek" { "Find an activity, a person, a key or an address" }
                        input id="seek" type="search" name="q" placeholder="Find an id, an e-mail address, a key, an IP…" autocomplete="off" maxlength="200";
                    }
                    (own_menu(visitor))
                }
                main id="content" tabindex="-1" {
                    div class="heading" {
                        div { h1 { (sheet.title) } div class="lead" { (sheet.lead) } }
                        div class="actions" { (sheet.actions) }
                    }
                    (sheet.body)
                }
            }
        }
    };
    document(&visitor.visit, sheet.title, body)
}

/// A page without navigation, for somebody who is not in yet.
pub(crate) fn bare(visit: &Visit, title: &str, body: Markup) -> Markup {
    let body = html! {
        main id="content" class="bare" {
            div class="brand" { (mark()) span { "Ephor" } }
            h1 { (title) }
            (body)
        }
    };
    document(visit, title, body)
}

fn document(visit: &Visit, title: &str, body: Markup) -> Markup {
    let theme = (visit.theme != Theme::System).then(|| visit.theme.as_str());
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content=(theme.unwrap_or("light dark"));
                meta name="form-token" content=(visit.form_token);
                title { (title) " · Ephor" }
                link rel="icon" href=(assets::ICON.path()) type="image/svg+xml";
                link rel="stylesheet" href=(assets::STYLE.path());
                script src=(assets::SCRIPT.path()) defer {}
            }
            body { (body) }
        }
    }
}

fn navigation(visitor: &Visitor, here: Spot) -> Markup {
    let shown = |entry: &&Entry| visitor.may(entry.right);
    html! {
        nav aria-label="Console" {
            @for (group, entries) in GROUPS {
                @if entries.iter().any(|entry| visitor.may(entry.right)) {
                    div class="group" {
                        p { (group) }
                        ul {
                            @for entry in entries.iter().filter(shown) {
                                li {
                                    a href=(entry.path) aria-current=[(entry.spot == here).then_some("page")] data-go=(entry.letter) { (entry.words) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn own_menu(visitor: &Visitor) -> Markup {
    let member = &visitor.signed_in.member;
    html! {
        details class="own" {
            summary { span class="who" { (member.email) } span class="role" { (member.role.as_str().replace('_', " ")) } }
            div class="sheet" {
                a href="/account" { "How you sign in" }
                form action="/theme" method="post" class="themes" {
                    (visitor.visit.form_field())
                    input type="hidden" name="to" value=(visitor.visit.here());
                    @for theme in Theme::ALL {
                        button name="theme" value=(theme.as_str()) aria-pressed=((visitor.visit.theme == theme).to_string()) {
                            (match theme { Theme::System => "As system", Theme::Light => "Light", Theme::Dark => "Dark" })
                        }
                    }
                }
                form action="/sign-out" method="post" {
                    (visitor.visit.form_field())
                    button { "Sign out" }
                }
            }
        }
    }
}

/// The mark: an eye that is a ledger's page.
fn mark() -> Markup {
    html! {
        svg class="mark" viewBox="0 0 24 24" aria-hidden="true" {
            path d="M2 12c3-5 6.2-7.5 10-7.5S19 7 22 12c-3 5-6.2 7.5-10 7.5S5 17 2 12Z" fill="none" stroke="currentColor" stroke-width="1.8" {}
            path d="M8.5 9.5h7M8.5 12h7M8.5 14.5h4.5" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" {}
        }
    }
}
