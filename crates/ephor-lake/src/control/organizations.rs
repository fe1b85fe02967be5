//! The parent organization and the organizations linked to it, as this Ephor serves them.
//! There is at most one parent, and a UUID names one organization for ever.
//! Never talks to an upstream: what collectors see there is in the directory.

use ephor_wire::ids::{OrganizationId, OrganizationUuid};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Control, ControlError};

/// Where an organization stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The one that the others are linked to.
    Parent,
    /// Linked to the parent.
    Linked,
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// `org_…`
    pub id: OrganizationId,
    /// Its UUID, by which the Compliance API's paths name it.
    pub uuid: OrganizationUuid,
    /// What people call it.
    pub name: String,
    /// When it came to be, in microseconds since 1970.
    pub created_at_micros: i64,
    /// Parent or linked.
    pub place: Place,
}

/// The organizations of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Organizations<'c> {
    pub(super) control: &'c Control,
}

impl Organizations<'_> {
    /// Makes sure that the organization is here under its UUID. One that is here keeps its id, its place and its
    /// creation time and takes the new name. Answers with what is stored.
    pub async fn ensure(&self, wanted: &Organization) -> Result<Organization, ControlError> {
        let mut turn = self.control.write().await?;
        if wanted.place == Place::Parent {
            let parent =
                sqlx::query("SELECT * FROM organizations WHERE is_parent").fetch_optional(turn.connection()).await?;
            if let Some(parent) = parent.as_ref().map(read).transpose()?.filter(|parent| parent.uuid != wanted.uuid) {
                return Err(ControlError::SecondParent { parent: parent.name, name: wanted.name.clone() });
            }
        }
        sqlx::query(
            "INSERT INTO organizations (uuid, id, name, created_at, is_parent) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (uuid) DO UPDATE SET name = excluded.name",
        )
        .bind(wanted.uuid.as_str().to_owned())
        .bind(wanted.id.as_str().to_owned())
        .bind(wanted.name.clone())
        .bind(wanted.created_at_micros)
        .bind(wanted.place == Place::Parent)
        .execute(turn.connection())
        .await?;
        let stored = sqlx::query("SELECT * FROM organizations WHERE uuid = $1")
            .bind(wanted.uuid.as_str().to_owned())
            .fetch_one(turn.connection())
            .await?;
        let stored = read(&stored)?;
        turn.commit().await?;
        Ok(stored)
    }

    /// All organizations, the oldest first.
    pub async fn list(&self) -> Result<Vec<Organization>, ControlError> {
        let rows =
            sqlx::query("SELECT * FROM organizations ORDER BY created_at, uuid").fetch_all(&self.control.pool).await?;
        rows.iter().map(read).collect()
    }

    /// The organization with this `org_…` id or UUID.
    pub async fn find(&self, id_or_uuid: &str) -> Result<Option<Organization>, ControlError> {
        let row = sqlx::query("SELECT * FROM organizations WHERE id = $1 OR uuid = $1")
            .bind(id_or_uuid.to_owned())
            .fetch_optional(&self.control.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The parent organization, once there is one.
    pub async fn parent(&self) -> Result<Option<Organization>, ControlError> {
        let row = sqlx::query("SELECT * FROM organizations WHERE is_parent").fetch_optional(&self.control.pool).await?;
        row.as_ref().map(read).transpose()
    }
}

fn read(row: &SqliteRow) -> Result<Organization, ControlError> {
    Ok(Organization {
        id: OrganizationId::from(row.try_get::<String, _>("id")?),
        uuid: OrganizationUuid::from(row.try_get::<String, _>("uuid")?),
        name: row.try_get("name")?,
        created_at_micros: row.try_get("created_at")?,
        place: if row.try_get("is_parent")? { Place::Parent } else { Place::Linked },
    })
}
