//! Projects and who works in them: names, owners, times.
//! Promises the published filters and the order of creation.
//! Never a project's instructions, attachments or chats: those paths refuse.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use ephor_lake::MicrosRange;
use ephor_lake::directory::DirectoryKind;
use ephor_wire::envelope::TokenPage;
use ephor_wire::scope::Scope;
use ephor_wire::timestamp::Timestamp;
use http::{Method, Uri};
use serde_json::Value;

use super::listing::{self, PAGE, Row, text};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::query::{PageSize, Query};
use crate::route::{Answer, Family, Parameter, Permission, Route, Shape};
use crate::state::App;

const SIZE: PageSize = PageSize { default: 20, max: 100 };
const LIMIT: Parameter =
    Parameter::query("limit", Shape::Number { default: SIZE.default, min: 1, max: SIZE.max }, "Rows in a page");

pub(super) static LIST: Route = Route {
    method: Some(Method::GET),
    path: "/v1/compliance/apps/projects",
    permission: Permission::Scope(Scope::ReadComplianceUserData),
    family: Family::Compliance,
    summary: "Projects",
    parameters: &[
        Parameter::query("user_ids[]", Shape::TextList, "Only projects made by these people"),
        Parameter::query(
            "organization_ids[]",
            Shape::TextList,
            "Only projects of these organizations, by org_… id or UUID",
        ),
        Parameter::query("created_at.gte", Shape::Instant, "Made not before"),
        Parameter::query("created_at.gt", Shape::Instant, "Made after"),
        Parameter::query("created_at.lte", Shape::Instant, "Made not after"),
        Parameter::query("created_at.lt", Shape::Instant, "Made before"),
        Parameter::query("updated_at.gte", Shape::Instant, "Changed not before"),
        Parameter::query("updated_at.gt", Shape::Instant, "Changed after"),
        Parameter::query("updated_at.lte", Shape::Instant, "Changed not after"),
        Parameter::query("updated_at.lt", Shape::Instant, "Changed before"),
        PAGE,
        LIMIT,
    ],
    body: None,
    answer: Answer::TokenPage,
};

pub(super) static COLLABORATORS: Route = Route {
    method: Some(Method::GET),
    path: "/v1/compliance/apps/projects/{project_id}/collaborators",
    permission: Permission::Scope(Scope::ReadComplianceUserData),
    family: Family::Compliance,
    summary: "Who has a role in a project",
    parameters: &[Parameter::path("project_id", "Id of a project"), PAGE, LIMIT],
    body: None,
    answer: Answer::TokenPage,
};

pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Json<TokenPage<Row>>, Problem> {
    let wanted = Wanted::of(&Query::of(&uri))?;
    let mut rows = projects(&app, &caller);
    rows.retain(|row| wanted.admits(row));
    listing::page(&caller, &uri, SIZE, &rows)
}

pub(super) async fn collaborators(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(project_id): Path<String>,
    uri: Uri,
) -> Result<Json<TokenPage<Row>>, Problem> {
    listing::one(&projects(&app, &caller), "Project", &project_id)?;
    let rows = app.lake().directory().current(DirectoryKind::ProjectCollaborators, &project_id);
    listing::page(&caller, &uri, SIZE, &rows)
}

fn projects(app: &App, caller: &Caller) -> Vec<Row> {
    let mut rows = listing::everywhere(app, DirectoryKind::Projects);
    listing::keep_seen(caller, &mut rows);
    // Each organization's listing is in order; together they need sorting once more.
    rows.sort_by_cached_key(|row| {
        (instant(row, "created_at").unwrap_or(i64::MAX), text(row, "id").unwrap_or_default().to_owned())
    });
    rows
}

/// The filters of one request.
struct Wanted {
    user_ids: Vec<String>,
    organizations: Vec<String>,
    created_at: MicrosRange,
    updated_at: MicrosRange,
}

impl Wanted {
    fn of(query: &Query) -> Result<Self, Problem> {
        Ok(Self {
            user_ids: query.many("user_ids"),
            organizations: query.many("organization_ids"),
            created_at: query.range("created_at")?,
            updated_at: query.range("updated_at")?,
        })
    }

    fn admits(&self, row: &Value) -> bool {
        let owner = row.pointer("/user/id").and_then(Value::as_str);
        named(&self.user_ids, &[owner])
            && named(&self.organizations, &[text(row, "organization_id"), text(row, "organization_uuid")])
            && within(self.created_at, instant(row, "created_at"))
            && within(self.updated_at, instant(row, "updated_at"))
    }
}

/// Whether one of the names is in the list; an empty list asks for nothing.
fn named(list: &[String], names: &[Option<&str>]) -> bool {
    list.is_empty() || names.iter().flatten().any(|name| list.iter().any(|wanted| wanted == name))
}

fn within(range: MicrosRange, at: Option<i64>) -> bool {
    match at {
        Some(at) => range.from.is_none_or(|from| from <= at) && range.to.is_none_or(|to| at < to),
        None => range == MicrosRange::default(),
    }
}

fn instant(row: &Value, name: &str) -> Option<i64> {
    Some(Timestamp::parse(text(row, name)?).ok()?.micros())
}
