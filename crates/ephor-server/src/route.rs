//! One table of everything that is served: path, method, who may, from which budget, what is recorded, what is documented.
//! Promises that a path cannot be mounted without saying all of that, and that the OpenAPI document is made from it.
//! Never decides about a row: what a caller sees within a path is the handler's business.

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, any, on};
use ephor_lake::control::Recording;
use ephor_wire::scope::Scope;
use http::Method;
use tower_http::catch_panic::CatchPanicLayer;

use crate::audit::Access;
use crate::auth::{self, Caller};
use crate::front::{self, RequestId};
use crate::problem::Problem;
use crate::rate_limit::Budget;
use crate::state::App;

/// Everything about a path and method but the code behind it.
#[derive(Debug)]
pub(crate) struct Route {
    /// `None` is every method.
    pub(crate) method: Option<Method>,
    pub(crate) path: &'static str,
    pub(crate) permission: Permission,
    pub(crate) family: Family,
    pub(crate) summary: &'static str,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) body: Option<Body>,
    pub(crate) answer: Answer,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Anyone, without a key.
    Open,
    /// Any key; the path itself refuses or sorts out the rest.
    AnyKey,
    /// A key with this scope.
    Scope(Scope),
}

/// Which rules a path belongs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// The Compliance API: off until recording is on, and every call to it is recorded.
    Compliance,
    /// Ephor's own paths.
    Node,
    /// Pushes: a budget of their own, and refused while recording is off.
    Intake,
    /// Pushed usage events: a budget of their own again, and taken whether activities are recorded or not.
    Usage,
    /// Telemetry over OTLP: as pushed usage events, with the errors of that protocol.
    Telemetry,
}

/// A parameter as the OpenAPI document describes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) shape: Shape,
    pub(crate) description: &'static str,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
}

/// What a parameter holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Text,
    TextList,
    Instant,
    OneOf(&'static [&'static str]),
    Number { default: usize, min: usize, max: usize },
}

impl Parameter {
    pub(crate) const fn path(name: &'static str, description: &'static str) -> Self {
        Self { name, place: Place::Path, shape: Shape::Text, description }
    }

    pub(crate) const fn query(name: &'static str, shape: Shape, description: &'static str) -> Self {
        Self { name, place: Place::Query, shape, description }
    }
}

/// What a request's body is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body {
    pub(crate) content_types: &'static [&'static str],
    pub(crate) description: &'static str,
}

/// What a path answers when all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// `{data, has_more, first_id, last_id}`
    CursorPage,
    /// `{data, has_more, next_page}`
    TokenPage,
    /// One JSON object.
    Object,
    /// One JSON object, made just now: 201.
    Created,
    /// A message of gRPC.
    Grpc,
    /// Text.
    Text,
    /// Nothing: it always refuses.
    Refusal,
}

/// A router that knows what is mounted on it.
pub(crate) struct Routes {
    app: App,
    pub(crate) router: Router<App>,
    pub(crate) table: Vec<&'static Route>,
}

impl Routes {
    pub(crate) fn new(app: App) -> Self {
        Self { app, router: Router::new(), table: Vec::new() }
    }

    /// Mounts a path behind its guard.
    pub(crate) fn serve<H: Handler<T, App>, T: 'static>(mut self, route: &'static Route, handler: H) -> Self {
        let guard = from_fn_with_state((self.app.clone(), route), guard);
        // A panic is caught within the guard, so that the call is still counted and recorded.
        let caught = CatchPanicLayer::custom(panicked);
        let methods = match route.method.clone().and_then(|method| MethodFilter::try_from(method).ok()) {
            Some(filter) => on(filter, handler).route_layer(caught).route_layer(guard),
            None => any(handler).layer(caught).layer(guard),
        };
        self.router = self.router.route(route.path, methods);
        self.table.push(route);
        self
    }
}

/// The answer to a panic. What it said may hold anything, so it goes to the log alone.
#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer asks for")]
pub(crate) fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let said = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
    Problem::internal(&format!("panic: {}", said.unwrap_or("without words"))).into_response()
}

/// Who calls, whether the budget allows it, whether the scope does, whether the API is on; then the handler; then the record.
async fn guard(State((app, route)): State<(App, &'static Route)>, mut request: Request, next: Next) -> Response {
    if route.permission == Permission::Open {
        return next.run(request).await;
    }
    // Two questions to the control database, asked side by side.
    let peer = front::peer(&request);
    let (caller, recording) =
        tokio::join!(auth::authenticate(&app, request.headers(), peer), recording(&app, route.family));
    let caller = match caller {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let standing = budget(&app, route.family).spend(app.now());
    if standing.retry_after_seconds.is_some() {
        // Not recorded: a flood of refused calls must not become a flood of rows.
        let mut response = Problem::rate_limited(standing.limit_per_minute).into_response();
        standing.tell(response.headers_mut());
        response.extensions_mut().insert(caller);
        return response;
    }
    app.recorder().used(&caller.key, app.now()).await;
    let access = Access::begin(&request);
    let mut response = match admit(&caller, route, &recording) {
        Err(problem) => problem.into_response(),
        Ok(()) => {
            request.extensions_mut().insert(caller.clone());
            next.run(request).await
        }
    };
    standing.tell(response.headers_mut());
    if route.family == Family::Compliance && matches!(recording, Ok(Recording::On(_))) {
        app.recorder().accessed(access.end(&caller, response.status(), app.now())).await;
    }
    response.extensions_mut().insert(caller);
    response
}

fn budget(app: &App, family: Family) -> &Budget {
    match family {
        Family::Compliance | Family::Node => app.reads(),
        Family::Intake => app.pushes(),
        Family::Usage | Family::Telemetry => app.usage_pushes(),
    }
}

/// The state of recording, asked for only where it matters.
async fn recording(app: &App, family: Family) -> Result<Recording, Problem> {
    match family {
        Family::Node | Family::Usage | Family::Telemetry => Ok(Recording::Off),
        Family::Compliance | Family::Intake => Ok(app.control().enablement().state().await?),
    }
}

fn admit(caller: &Caller, route: &Route, recording: &Result<Recording, Problem>) -> Result<(), Problem> {
    if let Permission::Scope(needed) = route.permission
        && !caller.key.scopes.allows(needed)
    {
        return Err(Problem::missing_scope(&caller.key.scopes, needed));
    }
    match (route.family, recording) {
        (Family::Node | Family::Usage | Family::Telemetry, _) | (_, Ok(Recording::On(_))) => Ok(()),
        (_, Err(problem)) => Err(problem.clone()),
        (_, Ok(Recording::Off)) => Err(Problem::forbidden(NOT_ENABLED)),
    }
}

const NOT_ENABLED: &str = "The Compliance API is not enabled for this organization, and nothing is recorded. Its primary owner turns it on with `ephor org enable --agreement REFERENCE` or POST /v1/organizations/compliance_settings.";

/// The id of a request, for what is recorded of it.
pub(crate) fn request_id(request: &Request) -> String {
    request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.as_str().to_owned())
}
