//! One call to the Compliance API as an activity: `compliance_api_accessed`, with the published fields.
//! Promises a null organization and an `api_actor`, as upstream has them.
//! Never holds more of the request than its line: method, path and query.

use axum::extract::Request;
use ephor_lake::control::OutboxItem;
use ephor_wire::timestamp::Timestamp;
use http::StatusCode;
use serde_json::json;

use crate::auth::Caller;
use crate::route;
use crate::state::new_id;

/// A call that is under way.
#[derive(Debug)]
pub(crate) struct Access {
    request_id: String,
    method: String,
    url: String,
}

impl Access {
    /// Notes what will be recorded, before the handler takes the request apart.
    pub(crate) fn begin(request: &Request) -> Self {
        let url = request.uri().path_and_query().map_or_else(|| request.uri().path(), |line| line.as_str());
        Self { request_id: route::request_id(request), method: request.method().to_string(), url: url.to_owned() }
    }

    /// The activity that tells of it.
    pub(crate) fn end(self, caller: &Caller, status: StatusCode, now_micros: i64) -> OutboxItem {
        let id = new_id("activity_");
        let activity = json!({
            "id": id,
            "created_at": Timestamp::from_micros(now_micros).as_str(),
            "type": "compliance_api_accessed",
            "actor": caller.actor(),
            "organization_id": null,
            "organization_uuid": null,
            "request_id": self.request_id,
            "request_method": self.method,
            "status_code": status.as_u16(),
            "url": self.url,
            "request_body": null,
        });
        OutboxItem { raw: activity.to_string(), id }
    }
}
