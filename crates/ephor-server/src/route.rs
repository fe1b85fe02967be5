//! One table of everything that is served: path, method, who may, from which budget, what is recorded, what is documented.
//! Promises that a path cannot be mounted without saying all of that, and that the OpenAPI document is made from it.
//! Never decides about a row: what a caller sees within a path is the handler's business.

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, any, on};
use ephor_lake::control::AnalyticsAccess;
use ephor_wire::scope::Scope;
use http::Method;
use tower_http::catch_panic::CatchPanicLayer;

use crate::audit::Access;
use crate::auth::{self, Caller, Switches};
use crate::front::{self, RequestId};
use crate::problem::Problem;
use crate::rate_limit::Standing;
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
    /// The Analytics API: off until the primary owner switches it on, with a budget for each organization.
    Analytics,
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
    Day,
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
    /// `{data, next_page}`
    EngagementPage,
    /// `{data, next_page, summaries}`
    Summaries,
    /// `{organization_id, data, has_more, next_page, data_refreshed_at}`
    ReportPage,
    /// One JSON object.
    Object,
    /// One JSON object, made just now: 201.
    Created,
    /// A message of gRPC.
    Grpc,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
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
    let peer = front::peer(&request);
    let (caller, switches) = match auth::authenticate(&app, request.headers(), peer).await {
        Ok(recognised) => recognised,
        Err(problem) => return problem.into_response(),
    };
    let switch = switch(switches, route.family);
    let standing = spend(&app, route.family, &caller);
    if standing.retry_after_seconds.is_some() {
        // Not recorded: a flood of refused calls must not become a flood of rows.
        let mut response = Problem::rate_limited(standing.limit_per_minute, shared_by(route.family)).into_response();
        standing.tell(response.headers_mut());
        response.extensions_mut().insert(caller);
        return response;
    }
    app.recorder().used(&caller.key, app.now()).await;
    let access = Access::begin(&request);
    let mut response = match admit(&caller, route, switch) {
        Err(problem) => problem.into_response(),
        Ok(()) => {
            request.extensions_mut().insert(caller.clone());
            next.run(request).await
        }
    };
    standing.tell(response.headers_mut());
    if route.family == Family::Compliance && switch == Switch::On {
        app.recorder().accessed(access.end(&caller, response.status(), app.now())).await;
    }
    response.extensions_mut().insert(caller);
    response
}

/// Takes one request from the budget of the family.
fn spend(app: &App, family: Family, caller: &Caller) -> Standing {
    match family {
        Family::Compliance | Family::Node => app.reads().spend(app.now()),
        Family::Intake => app.pushes().spend(app.now()),
        Family::Analytics => app.analytics_reads().spend(caller.key.reach.organization(), app.now()),
        Family::Usage | Family::Telemetry => app.usage_pushes().spend(app.now()),
    }
}

/// Who draws from the budget of the family.
fn shared_by(family: Family) -> &'static str {
    match family {
        Family::Analytics => "all keys of the organization and all endpoints of the Analytics API",
        _ => "all keys of the parent organization",
    }
}

/// Whether the family is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    On,
    /// With what to say.
    Off(&'static str),
}

/// The switch of the family, where there is one.
fn switch(switches: Switches, family: Family) -> Switch {
    match family {
        Family::Node | Family::Usage | Family::Telemetry => Switch::On,
        Family::Compliance | Family::Intake if switches.records => Switch::On,
        Family::Compliance | Family::Intake => Switch::Off(COMPLIANCE_OFF),
        Family::Analytics => match switches.analytics {
            AnalyticsAccess::On => Switch::On,
            AnalyticsAccess::Off => Switch::Off(ANALYTICS_OFF),
        },
    }
}

fn admit(caller: &Caller, route: &Route, switch: Switch) -> Result<(), Problem> {
    if let Permission::Scope(needed) = route.permission
        && !caller.key.scopes.allows(needed)
    {
        return Err(Problem::missing_scope(&caller.key.scopes, needed));
    }
    match switch {
        Switch::On => Ok(()),
        Switch::Off(words) => Err(Problem::forbidden(words)),
    }
}

const COMPLIANCE_OFF: &str = "The Compliance API is not enabled for this organization, and nothing is recorded. Its primary owner turns it on with `ephor org enable --agreement REFERENCE` or POST /v1/organizations/compliance_settings.";

const ANALYTICS_OFF: &str = "The Analytics API is not enabled for this organization. Its primary owner turns it on with `ephor org analytics enable` or POST /ephor/v1/analytics_settings.";

/// The id of a request, for what is recorded of it.
pub(crate) fn request_id(request: &Request) -> String {
    request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.as_str().to_owned())
}
