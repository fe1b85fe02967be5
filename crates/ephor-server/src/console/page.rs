//! One table of every page and action of the console: path, method, who may, what its request carries.
//! Promises that nothing is mounted without saying all of that, so that a test can try every page with every role.
//! Never serves an API: programs have paths of their own, with keys.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, on};
use http::Method;
use tower_http::catch_panic::CatchPanicLayer;

use super::access::Right;
use super::door;
use crate::route;
use crate::state::App;

/// Everything about a page but the code behind it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) admits: Admits,
    pub(crate) takes: Takes,
}

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admits {
    /// Anyone, signed in or not.
    Anyone,
    /// Whoever is signed in, if only to set up how they sign in.
    SignedIn,
    /// A member whose role has the right.
    Holder(Right),
    /// Another program, which proves itself within its request.
    Program,
}

/// What a request carries beside its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing.
    Nothing,
    /// A form.
    Form,
    /// JSON of the console's own script.
    Json,
    /// Files, read by the page itself.
    Upload,
}

impl Page {
    /// A page to look at.
    pub(crate) const fn look(path: &'static str, right: Right) -> Self {
        Self { method: Method::GET, path, admits: Admits::Holder(right), takes: Takes::Nothing }
    }

    /// An action by a form.
    pub(crate) const fn act(path: &'static str, right: Right) -> Self {
        Self { method: Method::POST, path, admits: Admits::Holder(right), takes: Takes::Form }
    }

    /// An action that takes a file.
    pub(crate) const fn upload(path: &'static str, right: Right) -> Self {
        Self { method: Method::POST, path, admits: Admits::Holder(right), takes: Takes::Upload }
    }

    /// A page for anyone.
    pub(crate) const fn open(path: &'static str) -> Self {
        Self { method: Method::GET, path, admits: Admits::Anyone, takes: Takes::Nothing }
    }

    /// An action that anyone may try.
    pub(crate) const fn try_act(path: &'static str, takes: Takes) -> Self {
        Self { method: Method::POST, path, admits: Admits::Anyone, takes }
    }

    /// A page of one's own.
    pub(crate) const fn own(path: &'static str) -> Self {
        Self { method: Method::GET, path, admits: Admits::SignedIn, takes: Takes::Nothing }
    }

    /// An action on what is one's own.
    pub(crate) const fn own_act(path: &'static str, takes: Takes) -> Self {
        Self { method: Method::POST, path, admits: Admits::SignedIn, takes }
    }
}

/// A router that knows which pages are on it.
pub(crate) struct Pages {
    app: App,
    pub(crate) router: Router<App>,
    pub(crate) table: Vec<&'static Page>,
}

impl Pages {
    pub(crate) fn new(app: App) -> Self {
        Self { app, router: Router::new(), table: Vec::new() }
    }

    /// Mounts a page behind the door.
    pub(crate) fn serve<H: Handler<T, App>, T: 'static>(mut self, page: &'static Page, handler: H) -> Self {
        let guard = from_fn_with_state((self.app.clone(), page), door::guard);
        // A panic is caught within the door, so that it is told as a page and the headers are there.
        let caught = CatchPanicLayer::custom(route::panicked);
        let filter = MethodFilter::try_from(page.method.clone()).unwrap_or(MethodFilter::GET);
        self.router = self.router.route(page.path, on(filter, handler).route_layer(caught).route_layer(guard));
        self.table.push(page);
        self
    }
}
