//! A simulated upstream: answers the published GET paths from a simulation held in memory.
//! Promises the wire's envelopes, cursors, page tokens and error bodies, one limit and default for each list.
//! Never opens a socket: whoever serves it brings one.

use std::collections::HashMap;

use ephor_wire::header::Header;
use ephor_wire::timestamp::Timestamp;
use serde_json::{Value, json};

use super::Simulation;
use super::directory::{Listing, SimulatedDirectory};
use super::row::{ID_LENGTH, ID_STARTS};

/// A status and a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamAnswer {
    pub status: u16,
    pub body: Vec<u8>,
}

struct StoredRow {
    at: i64,
    start: usize,
    length: usize,
    kind: u32,
    actor: u32,
    /// `org_…` id and UUID.
    organization: (u32, u32),
}

/// The simulation, answering.
pub struct SimulatedUpstream {
    bytes: Vec<u8>,
    rows: Vec<StoredRow>,
    names: HashMap<String, u32>,
    directory: SimulatedDirectory,
    compliance_key: String,
    admin_key: String,
}

struct Refusal(u16, &'static str, String);

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal(400, "invalid_request_error", message.into())
}

type Query<'q> = &'q [(String, String)];

impl SimulatedUpstream {
    /// Plays the whole simulation into memory.
    #[must_use]
    pub fn new(simulation: &Simulation) -> Self {
        let seed = simulation.options().seed;
        let mut upstream = Self {
            bytes: Vec::new(),
            rows: Vec::new(),
            names: HashMap::from([(String::new(), 0)]),
            directory: simulation.directory(),
            compliance_key: format!("sk-ant-api01-simulated-{seed:016x}"),
            admin_key: format!("sk-ant-admin01-simulated-{seed:016x}"),
        };
        let mut activities = simulation.activities();
        while let Some((at, raw)) = activities.lend() {
            upstream.store(at, raw);
        }
        upstream
    }

    /// The key that reaches every compliance path.
    #[must_use]
    pub fn compliance_key(&self) -> &str {
        &self.compliance_key
    }

    /// The key that reaches the feed and the Admin API lists.
    #[must_use]
    pub fn admin_key(&self) -> &str {
        &self.admin_key
    }

    fn store(&mut self, at: i64, raw: &[u8]) {
        let Ok(header) = Header::parse(raw) else { return };
        let kind = intern(&mut self.names, &header.kind);
        let mut name = |text: Option<&str>| intern(&mut self.names, text.unwrap_or(""));
        let actor = name(header.actor_id.as_deref());
        let organization = (name(header.organization_id.as_deref()), name(header.organization_uuid.as_deref()));
        self.rows.push(StoredRow { at, start: self.bytes.len(), length: raw.len(), kind, actor, organization });
        self.bytes.extend_from_slice(raw);
    }

    /// Answers GET `path`; `query` in the order of the URL, `key` from `x-api-key`.
    #[must_use]
    pub fn answer(&self, path: &str, query: &[(String, String)], key: Option<&str>) -> UpstreamAnswer {
        match self.route(path, query, key) {
            Ok(body) => UpstreamAnswer { status: 200, body },
            Err(Refusal(status, kind, message)) => {
                let body = json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulated"});
                UpstreamAnswer { status, body: body.to_string().into_bytes() }
            }
        }
    }

    fn route(&self, path: &str, query: Query<'_>, key: Option<&str>) -> Result<Vec<u8>, Refusal> {
        let is_admin = match key {
            Some(key) if key == self.compliance_key => false,
            Some(key) if key == self.admin_key => true,
            _ => return Err(Refusal(401, "authentication_error", "invalid x-api-key".to_owned())),
        };
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["v1", "compliance", "activities"] | ["v1", "organizations", "activity"] => self.feed(query),
            ["v1", "compliance", rest @ ..] => {
                if is_admin {
                    let message = "Missing required scopes. Got: ['read:compliance_activities'] Needed: ['read:compliance_org_data']";
                    return Err(Refusal(403, "permission_error", message.to_owned()));
                }
                self.compliance(rest, query)
            }
            ["v1", "organizations", rest @ ..] if is_admin => self.administration(rest, query),
            _ => Err(not_found()),
        }
    }

    fn compliance(&self, rest: &[&str], query: Query<'_>) -> Result<Vec<u8>, Refusal> {
        match *rest {
            ["organizations"] => self.token_page(Listing::Organizations, "", query, (1000, 1000)),
            ["organizations", uuid, "users"] => self.token_page(Listing::Users, uuid, query, (500, 1000)),
            ["organizations", uuid, "roles"] => self.token_page(Listing::Roles, uuid, query, (500, 1000)),
            ["organizations", uuid, "roles", role] => self.one(Listing::Roles, uuid, role),
            ["organizations", uuid, "roles", role, "permissions"] => {
                self.one(Listing::Roles, uuid, role)?;
                self.token_page(Listing::RolePermissions, role, query, (500, 1000))
            }
            ["organizations", uuid, "settings"] => {
                let settings = self.directory.rows(Listing::EffectiveSettings, uuid).and_then(<[Value]>::first);
                settings.map(|settings| settings.to_string().into_bytes()).ok_or_else(not_found)
            }
            ["groups"] => self.token_page(Listing::Groups, "", query, (500, 1000)),
            ["groups", group] => self.one(Listing::Groups, "", group),
            ["groups", group, "members"] => self.token_page(Listing::GroupMembers, group, query, (500, 1000)),
            ["apps", "projects"] => self.token_page(Listing::Projects, "", query, (20, 100)),
            ["apps", "projects", project, "collaborators"] => {
                self.token_page(Listing::ProjectCollaborators, project, query, (20, 100))
            }
            _ => Err(not_found()),
        }
    }

    fn administration(&self, rest: &[&str], query: Query<'_>) -> Result<Vec<u8>, Refusal> {
        match *rest {
            ["me"] => {
                let own = self.directory.rows(Listing::AdminOrganization, "").and_then(<[Value]>::first);
                own.map(|own| own.to_string().into_bytes()).ok_or_else(not_found)
            }
            ["rbac_groups"] => self.bare_token_page(Listing::AdminGroups, "", query),
            ["rbac_groups", group, "members"] => self.bare_token_page(Listing::AdminGroupMembers, group, query),
            ["rbac_roles"] => self.bare_token_page(Listing::AdminRoles, "", query),
            ["rbac_roles", role, "permissions"] => self.bare_token_page(Listing::AdminRolePermissions, role, query),
            _ => self.cursor_page(rest, query),
        }
    }

    fn cursor_page(&self, rest: &[&str], query: Query<'_>) -> Result<Vec<u8>, Refusal> {
        let (listing, scope) = match *rest {
            ["users"] => (Listing::AdminUsers, ""),
            ["invites"] => (Listing::AdminInvites, ""),
            ["workspaces"] => (Listing::AdminWorkspaces, ""),
            ["workspaces", workspace, "members"] => (Listing::AdminWorkspaceMembers, workspace),
            ["api_keys"] => (Listing::AdminApiKeys, ""),
            _ => return Err(not_found()),
        };
        let rows = self.directory.rows(listing, scope).ok_or_else(not_found)?;
        let limit = limit(query, (20, 1000))?;
        let id = |row: &Value| row.get("id").or_else(|| row.get("user_id")).and_then(Value::as_str).map(str::to_owned);
        let from = match one(query, "after_id") {
            Some(after) => {
                rows.iter()
                    .position(|row| id(row).as_deref() == Some(after))
                    .ok_or_else(|| invalid("unknown after_id"))?
                    + 1
            }
            None => 0,
        };
        let page = &rows[from..rows.len().min(from + limit)];
        let body = json!({
            "data": page, "has_more": from + page.len() < rows.len(),
            "first_id": page.first().and_then(id), "last_id": page.last().and_then(id),
        });
        Ok(body.to_string().into_bytes())
    }

    fn one(&self, listing: Listing, scope: &str, id: &str) -> Result<Vec<u8>, Refusal> {
        let rows = self.directory.rows(listing, scope).ok_or_else(not_found)?;
        let row = rows.iter().find(|row| row.get("id").and_then(Value::as_str) == Some(id)).ok_or_else(not_found)?;
        Ok(row.to_string().into_bytes())
    }

    fn token_page(
        &self,
        listing: Listing,
        scope: &str,
        query: Query<'_>,
        bounds: (usize, usize),
    ) -> Result<Vec<u8>, Refusal> {
        let (rows, next_page) = self.token_rows(listing, scope, query, bounds)?;
        let body = json!({"data": rows, "has_more": next_page.is_some(), "next_page": next_page});
        Ok(body.to_string().into_bytes())
    }

    /// A page of groups or roles of the Admin API, which has no `has_more`.
    fn bare_token_page(&self, listing: Listing, scope: &str, query: Query<'_>) -> Result<Vec<u8>, Refusal> {
        let (rows, next_page) = self.token_rows(listing, scope, query, (20, 1000))?;
        Ok(json!({"data": rows, "next_page": next_page}).to_string().into_bytes())
    }

    /// The rows of a page and the token of the next one.
    fn token_rows(
        &self,
        listing: Listing,
        scope: &str,
        query: Query<'_>,
        bounds: (usize, usize),
    ) -> Result<(&[Value], Option<String>), Refusal> {
        let rows = self.directory.rows(listing, scope).ok_or_else(not_found)?;
        let limit = limit(query, bounds)?;
        let from: usize = match one(query, "page") {
            Some(token) => {
                let offset = token.strip_prefix("page_").and_then(|offset| offset.parse().ok());
                offset.filter(|offset| *offset <= rows.len()).ok_or_else(|| invalid("page: token is not decodable"))?
            }
            None => 0,
        };
        let to = rows.len().min(from + limit);
        Ok((&rows[from..to], (to < rows.len()).then(|| format!("page_{to}"))))
    }

    fn feed(&self, query: Query<'_>) -> Result<Vec<u8>, Refusal> {
        let filter = self.filter(query)?;
        let limit = limit(query, (100, 5000))?;
        let newest_first = match one(query, "order") {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(other) => return Err(invalid(format!("order: {other} is neither asc nor desc"))),
        };
        let (cursor, goes_back) = match (one(query, "after_id"), one(query, "before_id")) {
            (Some(_), Some(_)) => return Err(invalid("after_id and before_id exclude each other")),
            (Some(after), None) => (Some(decode(after)?), false),
            (None, Some(before)) => (Some(decode(before)?), true),
            (None, None) => (None, false),
        };
        // Going back in a newest-first list is walking towards now.
        let walks_up = newest_first == goes_back;
        let key = |row: &StoredRow| (row.at, self.id(row).to_owned());
        let mut found: Vec<&StoredRow> = if walks_up {
            let from = cursor.map_or(0, |cursor| self.rows.partition_point(|row| key(row) <= cursor));
            self.rows[from..].iter().filter(|row| filter.admits(row)).take(limit + 1).collect()
        } else {
            let to = cursor.map_or(self.rows.len(), |cursor| self.rows.partition_point(|row| key(row) < cursor));
            self.rows[..to].iter().rev().filter(|row| filter.admits(row)).take(limit + 1).collect()
        };
        let has_more = found.len() > limit;
        found.truncate(limit);
        if goes_back {
            found.reverse();
        }
        Ok(self.feed_page(&found, has_more))
    }

    fn feed_page(&self, found: &[&StoredRow], has_more: bool) -> Vec<u8> {
        let cursor = |row: Option<&&StoredRow>| {
            row.map_or_else(|| "null".to_owned(), |row| format!("\"{}.{}\"", row.at, self.id(row)))
        };
        let mut body = Vec::with_capacity(found.iter().map(|row| row.length + 1).sum::<usize>() + 256);
        body.extend_from_slice(br#"{"data":["#);
        for (position, row) in found.iter().enumerate() {
            if position > 0 {
                body.push(b',');
            }
            body.extend_from_slice(&self.bytes[row.start..row.start + row.length]);
        }
        let tail = format!(
            r#"],"has_more":{has_more},"first_id":{},"last_id":{}}}"#,
            cursor(found.first()),
            cursor(found.last())
        );
        body.extend_from_slice(tail.as_bytes());
        body
    }

    fn id(&self, row: &StoredRow) -> &str {
        let from = row.start + ID_STARTS;
        std::str::from_utf8(&self.bytes[from..from + ID_LENGTH]).unwrap_or_default()
    }

    fn filter(&self, query: Query<'_>) -> Result<Filter, Refusal> {
        let list = |names: &[&str]| -> Option<Vec<u32>> {
            let asked: Vec<u32> = query
                .iter()
                .filter(|(name, _)| names.contains(&name.as_str()))
                .map(|(_, value)| self.names.get(value).copied().unwrap_or(u32::MAX))
                .collect();
            (!asked.is_empty()).then_some(asked)
        };
        let filter = Filter {
            only: list(&["activity_types[]"]),
            except: list(&["exclude_activity_types[]"]),
            actors: list(&["actor_ids[]", "user_ids[]"]),
            organizations: list(&["organization_ids[]"]),
            from: time(query, "created_at.gte", 0)?.max(time(query, "created_at.gt", 1)?).unwrap_or(i64::MIN),
            to: match (time(query, "created_at.lt", 0)?, time(query, "created_at.lte", 1)?) {
                (Some(a), Some(b)) => a.min(b),
                (a, b) => a.or(b).unwrap_or(i64::MAX),
            },
        };
        if filter.only.is_some() && filter.except.is_some() {
            return Err(invalid("activity_types[] and exclude_activity_types[] exclude each other"));
        }
        Ok(filter)
    }
}

struct Filter {
    only: Option<Vec<u32>>,
    except: Option<Vec<u32>>,
    actors: Option<Vec<u32>>,
    organizations: Option<Vec<u32>>,
    /// Included.
    from: i64,
    /// Excluded.
    to: i64,
}

impl Filter {
    fn admits(&self, row: &StoredRow) -> bool {
        let within = |list: &Option<Vec<u32>>, name: u32| list.as_ref().is_none_or(|list| list.contains(&name));
        let (id, uuid) = row.organization;
        self.from <= row.at
            && row.at < self.to
            && within(&self.only, row.kind)
            && self.except.as_ref().is_none_or(|list| !list.contains(&row.kind))
            && within(&self.actors, row.actor)
            && (within(&self.organizations, id) || within(&self.organizations, uuid))
    }
}

fn intern(names: &mut HashMap<String, u32>, text: &str) -> u32 {
    if let Some(number) = names.get(text) {
        return *number;
    }
    let number = names.len() as u32;
    names.insert(text.to_owned(), number);
    number
}

fn not_found() -> Refusal {
    Refusal(404, "not_found_error", "not found".to_owned())
}

fn one<'q>(query: Query<'q>, name: &str) -> Option<&'q str> {
    query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
}

fn limit(query: Query<'_>, (default, most): (usize, usize)) -> Result<usize, Refusal> {
    let Some(text) = one(query, "limit") else {
        return Ok(default);
    };
    text.parse()
        .ok()
        .filter(|limit| (1..=most).contains(limit))
        .ok_or_else(|| invalid(format!("limit: {text} is not between 1 and {most}")))
}

/// `later` microseconds are added, which turns an excluded bound into an included one and the other way round.
fn time(query: Query<'_>, name: &str, later: i64) -> Result<Option<i64>, Refusal> {
    let Some(text) = one(query, name) else { return Ok(None) };
    let parsed = Timestamp::parse(text).map_err(|error| invalid(format!("{name}: {text}: {error}")))?;
    Ok(Some(parsed.micros() + later))
}

fn decode(cursor: &str) -> Result<(i64, String), Refusal> {
    let parts = cursor.split_once('.').and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    parts.ok_or_else(|| invalid("cursor is not decodable"))
}
