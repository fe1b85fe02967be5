//! The description of the API for machines, made from the table of routes when the server is put together.
//! Promises every path that is mounted, with its parameters, the scope that it takes and the errors that it can give.
//! Never describes a path that is not there.

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, ParameterStyle, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{
    ArrayBuilder, ComponentsBuilder, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
};

use crate::route::{Answer, Body, Family, Parameter, Permission, Place, Route, Routes, Shape};

static OPENAPI: Route = Route {
    method: Some(Method::GET),
    path: "/openapi.json",
    permission: Permission::Open,
    family: Family::Node,
    summary: "This description",
    parameters: &[],
    body: None,
    answer: Answer::Object,
};

/// Mounts the description of everything mounted before.
pub(crate) fn mount(routes: Routes) -> Routes {
    let table: Vec<&Route> = routes.table.iter().copied().chain([&OPENAPI]).collect();
    let document = Bytes::from(serde_json::to_vec(&describe(&table)).unwrap_or_default());
    routes.serve(&OPENAPI, async move || ([(CONTENT_TYPE, "application/json")], document))
}

fn describe(table: &[&Route]) -> OpenApi {
    let mut paths = Paths::new();
    for route in table {
        paths.add_path_operation(route.path, vec![method_of(route)], operation(route));
    }
    let components = ComponentsBuilder::new()
        .schema("Error", error_schema())
        .schema("CursorPage", page_schema(&["first_id", "last_id"]))
        .schema("TokenPage", page_schema(&["next_page"]))
        .schema("EngagementPage", analytics_schema(&[("next_page", Kind::TextOrNull)]))
        .schema("Summaries", analytics_schema(&[("next_page", Kind::TextOrNull), ("summaries", Kind::Rows)]))
        .schema("ReportPage", analytics_schema(REPORT_PAGE))
        .security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-api-key"))))
        .security_scheme("bearer", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()))
        .build();
    let info = InfoBuilder::new()
        .title("Ephor")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("The Compliance API of one organisation, as published, and Ephor's own paths. Metadata only: content paths always answer 403."))
        .build();
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

fn method_of(route: &Route) -> HttpMethod {
    match route.method {
        Some(Method::POST) => HttpMethod::Post,
        Some(Method::PUT) => HttpMethod::Put,
        Some(Method::DELETE) => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route) -> utoipa::openapi::path::Operation {
    let mut operation = OperationBuilder::new().summary(Some(route.summary)).tag(match route.family {
        Family::Compliance => "compliance",
        Family::Analytics => "analytics",
        Family::Node => "node",
        Family::Intake | Family::Usage => "intake",
        Family::Telemetry => "telemetry",
    });
    for parameter in route.parameters {
        operation = operation.parameter(describe_parameter(parameter));
    }
    if let Some(body) = &route.body {
        operation = operation.request_body(Some(describe_body(body)));
    }
    if let Some(scopes) = scopes(route) {
        let either = ["api_key", "bearer"].map(|scheme| SecurityRequirement::new(scheme, scopes.clone()));
        operation = operation.securities(Some(either));
    }
    if let Some((status, answer)) = success(route.answer) {
        operation = operation.response(status, answer);
    }
    for (status, description) in errors(route) {
        operation = operation.response(status, error(description));
    }
    operation.build()
}

/// Scopes that the path takes; `None` for one that takes no key.
fn scopes(route: &Route) -> Option<Vec<&'static str>> {
    match route.permission {
        Permission::Open => None,
        Permission::AnyKey => Some(Vec::new()),
        Permission::Scope(scope) => Some(vec![scope.as_str()]),
    }
}

fn describe_parameter(parameter: &Parameter) -> utoipa::openapi::path::Parameter {
    let (place, required) = match parameter.place {
        Place::Path => (ParameterIn::Path, Required::True),
        Place::Query => (ParameterIn::Query, Required::False),
    };
    let mut described = ParameterBuilder::new()
        .name(parameter.name)
        .parameter_in(place)
        .required(required)
        .description(Some(parameter.description))
        .schema(Some(schema_of(parameter.shape)));
    if matches!(parameter.shape, Shape::TextList) {
        described = described.style(Some(ParameterStyle::Form)).explode(Some(true));
    }
    described.build()
}

fn schema_of(shape: Shape) -> Schema {
    let text = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    match shape {
        Shape::Text => text().build().into(),
        Shape::TextList => ArrayBuilder::new().items(text().build()).build().into(),
        Shape::Day => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))).build().into(),
        Shape::Instant => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).build().into(),
        Shape::OneOf(values) => text().enum_values(Some(values.iter().copied())).build().into(),
        Shape::Number { default, min, max } => ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .default(Some(default.into()))
            .minimum(Some(min))
            .maximum(Some(max))
            .build()
            .into(),
    }
}

fn describe_body(body: &Body) -> utoipa::openapi::request_body::RequestBody {
    let mut described = RequestBodyBuilder::new().description(Some(body.description)).required(Some(Required::True));
    for content_type in body.content_types {
        described = described.content(*content_type, Content::new::<RefOr<Schema>>(None));
    }
    described.build()
}

fn success(answer: Answer) -> Option<(&'static str, Response)> {
    let of = |description: &str, schema: Option<&str>| {
        let content = Content::new(schema.map(|name| RefOr::<Schema>::Ref(Ref::from_schema_name(name))));
        ResponseBuilder::new().description(description).content("application/json", content).build()
    };
    match answer {
        Answer::CursorPage => Some(("200", of("A page of activities", Some("CursorPage")))),
        Answer::TokenPage => Some(("200", of("A page of rows", Some("TokenPage")))),
        Answer::EngagementPage => Some(("200", of("A page of rows", Some("EngagementPage")))),
        Answer::Summaries => Some(("200", of("The series", Some("Summaries")))),
        Answer::ReportPage => Some(("200", of("A page of buckets or users", Some("ReportPage")))),
        Answer::Object => Some(("200", of("What was asked for", None))),
        Answer::Created => Some(("201", of("What was made; a secret is shown this once", None))),
        Answer::Grpc => Some(("200", Response::new("A gRPC message, or a gRPC status that says what went wrong"))),
        Answer::Text => Some(("200", Response::new("Text"))),
        Answer::Bytes => Some(("200", Response::new("Bytes"))),
        Answer::Refusal => None,
    }
}

/// The errors that the path can give, in the order of their statuses.
fn errors(route: &Route) -> Vec<(&'static str, &'static str)> {
    let mut errors = Vec::new();
    if route.answer == Answer::Grpc {
        return errors;
    }
    let takes = |place: Place| route.parameters.iter().any(|parameter| parameter.place == place);
    if takes(Place::Query) || route.body.is_some() {
        errors.push(("400", "invalid_request_error: a parameter or the body is not as published"));
    }
    if route.permission != Permission::Open {
        errors.push(("401", "authentication_error: no key, or one that does not work"));
        errors.push((
            "403",
            "permission_error: the key lacks the scope, the API is not enabled, or the path carries content",
        ));
        errors.push(("429", "rate_limit_error: the budget is used up; `retry-after` says for how many seconds"));
    }
    if takes(Place::Path) && route.answer != Answer::Refusal {
        errors.push(("404", "not_found_error: not there, or not for this key"));
    }
    if matches!(route.answer, Answer::EngagementPage | Answer::ReportPage) {
        errors.push(("410", "invalid_request_error: what this walk over pages was reading is gone; begin again"));
    }
    if route.body.is_some() {
        errors.push(("413", "request_too_large"));
        errors.push(("415", "invalid_request_error: a content type that is not taken"));
    }
    if matches!(route.family, Family::Intake | Family::Usage) {
        errors.push(("422", "invalid_request_error: no row in the body could be taken in"));
    }
    errors.push(("500", "api_error"));
    errors.sort_unstable();
    errors
}

fn error(description: &str) -> Response {
    let schema: RefOr<Schema> = RefOr::Ref(Ref::from_schema_name("Error"));
    ResponseBuilder::new().description(description).content("application/json", Content::new(Some(schema))).build()
}

fn error_schema() -> Schema {
    let text = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).build();
    let detail =
        ObjectBuilder::new().property("type", text()).required("type").property("message", text()).required("message");
    ObjectBuilder::new()
        .property("type", text())
        .property("error", detail.build())
        .required("error")
        .property("request_id", text())
        .build()
        .into()
}

/// What a key of an envelope holds.
#[derive(Clone, Copy)]
enum Kind {
    Rows,
    Text,
    TextOrNull,
    Flag,
}

const REPORT_PAGE: &[(&str, Kind)] = &[
    ("organization_id", Kind::Text),
    ("has_more", Kind::Flag),
    ("next_page", Kind::TextOrNull),
    ("data_refreshed_at", Kind::TextOrNull),
];

/// `data` and these keys, each of them in every answer.
fn analytics_schema(keys: &[(&str, Kind)]) -> Schema {
    let of = |kind: Kind| -> Schema {
        let row = || ObjectBuilder::new().build();
        let plain = |kind: SchemaType| ObjectBuilder::new().schema_type(kind).build().into();
        match kind {
            Kind::Rows => ArrayBuilder::new().items(row()).build().into(),
            Kind::Text => plain(SchemaType::Type(Type::String)),
            Kind::TextOrNull => plain(SchemaType::from_iter([Type::String, Type::Null])),
            Kind::Flag => plain(SchemaType::Type(Type::Boolean)),
        }
    };
    let page = ObjectBuilder::new().property("data", of(Kind::Rows)).required("data");
    keys.iter().fold(page, |page, (name, kind)| page.property(*name, of(*kind)).required(*name)).build().into()
}

fn page_schema(cursors: &[&str]) -> Schema {
    let row = ObjectBuilder::new().build();
    let flag = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Boolean)).build();
    let mut page =
        ObjectBuilder::new().property("data", ArrayBuilder::new().items(row).build()).property("has_more", flag);
    for cursor in cursors {
        let nullable = SchemaType::from_iter([Type::String, Type::Null]);
        page = page.property(*cursor, ObjectBuilder::new().schema_type(nullable).build());
    }
    page.build().into()
}
