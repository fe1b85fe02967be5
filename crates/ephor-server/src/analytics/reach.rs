//! Whose numbers a key reads: those of the parent and everything under it, or those of one organization.
//! Promises that a key of one organization never reads a number of another.
//! Never widens what the key was made with.

use ephor_analytics::query::Reach;
use ephor_lake::control::Organization;

use crate::auth::Caller;
use crate::problem::Problem;
use crate::state::App;

/// The reach of a caller's key.
pub(super) async fn of(app: &App, caller: &Caller) -> Result<Reach, Problem> {
    let Some(uuid) = caller.key.reach.organization() else {
        return Ok(Reach::Parent);
    };
    let found = app.control().organizations().find(uuid).await?;
    let Organization { id, uuid, .. } =
        found.ok_or_else(|| Problem::internal(&"a key is bound to an organization that is not here"))?;
    Ok(Reach::Organization { id: id.0, uuid: uuid.0 })
}

/// The reach in one word, for what is bound to it: a UUID, or nothing for the parent.
pub(super) fn name(caller: &Caller) -> &str {
    caller.key.reach.organization().unwrap_or_default()
}

/// The organization that a report is about.
pub(super) async fn organization_id(app: &App, reach: &Reach) -> Result<String, Problem> {
    match reach {
        Reach::Organization { id, .. } => Ok(id.clone()),
        Reach::Parent => {
            let parent = app.control().organizations().parent().await?;
            Ok(parent.ok_or_else(|| Problem::internal(&"this node has no parent organization"))?.id.0)
        }
    }
}
