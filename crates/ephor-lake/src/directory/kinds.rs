//! What the directory lists: kinds, their tables, their typed columns and the order in which they are published.
//! One table of facts; adding a column or a kind is adding a line to it.
//! Never holds a row.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::schema::micros;
use crate::table::TableSpec;

/// A kind of directory listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DirectoryKind {
    /// Organizations of the parent; scope: empty.
    Organizations,
    /// Users of an organization; scope: its UUID.
    Users,
    /// Roles of an organization; scope: its UUID.
    Roles,
    /// Permissions of a role; scope: the role's id.
    RolePermissions,
    /// Groups; scope: empty.
    Groups,
    /// Members of a group; scope: the group's id.
    GroupMembers,
    /// Projects; scope: empty, or the UUID of the organization listed.
    Projects,
    /// Those with whom a project is shared; scope: the project's id.
    ProjectCollaborators,
    /// Effective settings of an organization; scope: its UUID.
    Settings,
    /// API keys; scope: empty, or the UUID of the organization listed.
    ApiKeys,
    /// Workspaces; scope: empty, or the UUID of the organization listed.
    Workspaces,
    /// Members of a workspace; scope: the workspace's id.
    WorkspaceMembers,
    /// Invitations; scope: empty, or the UUID of the organization listed.
    Invites,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    /// Text as it is; anything else as JSON.
    Text,
    Boolean,
    /// A time; without a zone it is taken for UTC, and what is no time is null.
    Time,
}

/// Where a column's value comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    /// The listing's scope.
    Scope,
    /// The first of these JSON pointers that finds something: the two APIs name some fields differently.
    Row(&'static [&'static str]),
}

/// A typed column beside the raw row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) column_type: ColumnType,
    pub(super) origin: Origin,
}

/// The order in which a listing is published.
#[derive(Debug, Clone, Copy)]
pub(super) enum PublishedOrder {
    Key,
    /// The oldest first, by the first of these pointers that finds a time; equal times by key.
    Time(&'static [&'static str]),
}

/// Everything that tells one kind from another.
#[derive(Debug)]
pub(super) struct KindSpec {
    pub(super) kind: DirectoryKind,
    pub(super) table: &'static str,
    pub(super) columns: &'static [Column],
    pub(super) order: PublishedOrder,
}

const fn text(name: &'static str, pointers: &'static [&'static str]) -> Column {
    Column { name, column_type: ColumnType::Text, origin: Origin::Row(pointers) }
}

const fn time(name: &'static str, pointers: &'static [&'static str]) -> Column {
    Column { name, column_type: ColumnType::Time, origin: Origin::Row(pointers) }
}

const fn boolean(name: &'static str, pointers: &'static [&'static str]) -> Column {
    Column { name, column_type: ColumnType::Boolean, origin: Origin::Row(pointers) }
}

const fn scope(name: &'static str) -> Column {
    Column { name, column_type: ColumnType::Text, origin: Origin::Scope }
}

const JOINED: &[&str] = &["/created_at", "/added_at"];

static SPECS: [KindSpec; 13] = [
    KindSpec {
        kind: DirectoryKind::Organizations,
        table: "directory_organizations",
        columns: &[
            text("organization_uuid", &["/uuid"]),
            text("organization_id", &["/id", "/organization_id"]),
            text("name", &["/name"]),
            time("created_at", &["/created_at"]),
        ],
        order: PublishedOrder::Time(&["/created_at"]),
    },
    KindSpec {
        kind: DirectoryKind::Users,
        table: "directory_users",
        columns: &[
            scope("organization_uuid"),
            text("user_id", &["/id", "/user_id"]),
            text("email", &["/email", "/email_address"]),
            text("full_name", &["/full_name", "/name"]),
            text("organization_role", &["/organization_role", "/role"]),
            time("created_at", JOINED),
            text("status", &["/status"]),
        ],
        order: PublishedOrder::Time(JOINED),
    },
    KindSpec {
        kind: DirectoryKind::Roles,
        table: "directory_roles",
        columns: &[
            scope("organization_uuid"),
            text("role_id", &["/id"]),
            text("name", &["/name", "/display_name"]),
            text("description", &["/description"]),
            time("created_at", &["/created_at"]),
            time("updated_at", &["/updated_at"]),
        ],
        order: PublishedOrder::Key,
    },
    KindSpec {
        kind: DirectoryKind::RolePermissions,
        table: "directory_role_permissions",
        columns: &[
            scope("role_id"),
            text("resource_type", &["/resource_type", "/resource/type"]),
            text("resource_id", &["/resource_id", "/resource/connector_id", "/resource/organization_id"]),
            text("action", &["/action"]),
        ],
        order: PublishedOrder::Key,
    },
    KindSpec {
        kind: DirectoryKind::Groups,
        table: "directory_groups",
        columns: &[
            text("group_id", &["/id"]),
            text("name", &["/name"]),
            text("description", &["/description"]),
            text("source_type", &["/source_type"]),
            text("roles", &["/roles", "/role_ids"]),
            time("created_at", &["/created_at"]),
            time("updated_at", &["/updated_at"]),
        ],
        order: PublishedOrder::Key,
    },
    KindSpec {
        kind: DirectoryKind::GroupMembers,
        table: "directory_group_members",
        columns: &[
            scope("group_id"),
            text("user_id", &["/user_id", "/id"]),
            text("email", &["/email", "/email_address"]),
            time("created_at", JOINED),
            time("updated_at", &["/updated_at"]),
        ],
        order: PublishedOrder::Key,
    },
    KindSpec {
        kind: DirectoryKind::Projects,
        table: "directory_projects",
        columns: &[
            text("project_id", &["/id"]),
            text("name", &["/name"]),
            boolean("is_private", &["/is_private"]),
            text("owner_user_id", &["/user/id"]),
            text("owner_email", &["/user/email_address"]),
            text("organization_id", &["/organization_id"]),
            text("organization_uuid", &["/organization_uuid"]),
            time("created_at", &["/created_at"]),
            time("updated_at", &["/updated_at"]),
            time("deleted_at", &["/deleted_at"]),
        ],
        order: PublishedOrder::Time(&["/created_at"]),
    },
    KindSpec {
        kind: DirectoryKind::ProjectCollaborators,
        table: "directory_project_collaborators",
        columns: &[
            scope("project_id"),
            text("collaborator_type", &["/type"]),
            text("collaborator_id", &["/user/id", "/group/id", "/user_id", "/group_id", "/organization_uuid", "/id"]),
            text("role", &["/role"]),
            time("granted_at", &["/granted_at"]),
        ],
        order: PublishedOrder::Time(&["/granted_at"]),
    },
    KindSpec {
        kind: DirectoryKind::Settings,
        table: "directory_settings",
        columns: &[
            scope("organization_uuid"),
            text("name", &["/name"]),
            text("value_type", &["/type"]),
            text("value", &["/value"]),
        ],
        order: PublishedOrder::Key,
    },
    KindSpec {
        kind: DirectoryKind::ApiKeys,
        table: "directory_api_keys",
        columns: &[
            text("api_key_id", &["/id"]),
            text("name", &["/name"]),
            text("scopes", &["/scopes"]),
            boolean("is_active", &["/is_active"]),
            text("status", &["/status"]),
            text("workspace_id", &["/workspace_id", "/scope/workspace_id"]),
            text("created_by_id", &["/created_by_id", "/created_by/id"]),
            time("created_at", &["/created_at"]),
            time("expires_at", &["/expires_at"]),
        ],
        order: PublishedOrder::Key,
    },
    KindSpec {
        kind: DirectoryKind::Workspaces,
        table: "directory_workspaces",
        columns: &[
            text("workspace_id", &["/id"]),
            text("name", &["/name"]),
            time("created_at", &["/created_at"]),
            time("archived_at", &["/archived_at"]),
        ],
        order: PublishedOrder::Key,
    },
    KindSpec {
        kind: DirectoryKind::WorkspaceMembers,
        table: "directory_workspace_members",
        columns: &[
            scope("workspace_id"),
            text("user_id", &["/user_id", "/id"]),
            text("workspace_role", &["/workspace_role", "/role"]),
        ],
        order: PublishedOrder::Key,
    },
    KindSpec {
        kind: DirectoryKind::Invites,
        table: "directory_invites",
        columns: &[
            text("invite_id", &["/id"]),
            text("email", &["/email"]),
            text("role", &["/role"]),
            text("status", &["/status"]),
            time("invited_at", &["/invited_at", "/created_at"]),
            time("expires_at", &["/expires_at"]),
        ],
        order: PublishedOrder::Key,
    },
];

impl DirectoryKind {
    /// Every kind, in the order of their declaration.
    pub fn all() -> impl Iterator<Item = Self> {
        SPECS.iter().map(|spec| spec.kind)
    }

    /// The name of its table in SQL.
    pub fn table_name(self) -> &'static str {
        self.spec().table
    }

    /// The columns of its table.
    pub fn columns(self) -> SchemaRef {
        let spec = self.spec();
        let before = [
            Field::new("revision", DataType::Int64, true),
            Field::new("observed_at", micros(), true),
            Field::new("change", DataType::Utf8, true),
            Field::new("source", DataType::Utf8, true),
            Field::new("scope", DataType::Utf8, true),
            Field::new("key", DataType::Utf8, true),
        ];
        let typed = spec.columns.iter().map(|column| Field::new(column.name, column.column_type.arrow(), true));
        let raw = Field::new("raw", DataType::Utf8, true);
        Arc::new(Schema::new(before.into_iter().chain(typed).chain([raw]).collect::<Vec<_>>()))
    }

    pub(super) fn spec(self) -> &'static KindSpec {
        // The list is in the order of the enum; a test holds it there.
        &SPECS[self as usize]
    }

    pub(super) fn table_spec(self) -> TableSpec {
        TableSpec::plain(self.table_name(), self.columns())
    }
}

impl ColumnType {
    fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Time => micros(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_finds_its_own_spec_and_no_column_is_named_twice() {
        for (place, spec) in SPECS.iter().enumerate() {
            assert_eq!(spec.kind as usize, place);
            assert!(spec.table.starts_with("directory_"));
            let columns = spec.kind.columns();
            let names: HashSet<_> = columns.fields().iter().map(|field| field.name()).collect();
            assert_eq!(names.len(), columns.fields().len(), "{}", spec.table);
        }
    }
}
