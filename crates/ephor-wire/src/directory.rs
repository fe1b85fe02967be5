//! Rows of the directory: organizations, people, roles, groups, projects, effective settings, keys.
//! Fields that are not published are kept, and null stays told apart from absent; times stay text, since some come
//! without a zone. Never a source of content: a project here has a name and owners, and no instructions.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::activity::Nullable;

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$wire:meta])* $field:ident : $kind:ty),+ $(; $($optional:ident : $inner:ty),+)? $(,)?
    })+) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub struct $name {
            $(
                #[doc = concat!("`", stringify!($field), "` on the wire, unless renamed.")]
                $(#[$wire])*
                pub $field: $kind,
            )+
            $($(
                #[doc = concat!("`", stringify!($optional), "`, which can be null or left out.")]
                #[serde(default, skip_serializing_if = "Nullable::is_absent")]
                pub $optional: Nullable<$inner>,
            )+)?
            /// Fields that are not published.
            #[serde(flatten)]
            pub rest: Map<String, Value>,
        })+
    };
}

rows! {
    /// An organization under the parent.
    Organization { uuid: String, name: String, created_at: String }
    /// A person in an organization.
    User { id: String, email: String, created_at: String, organization_role: OrganizationRole; full_name: String }
    /// A custom role.
    Role { id: String, name: String; description: String, created_at: String, updated_at: String }
    /// What a role allows.
    RolePermission { resource_type: String, action: String; resource_id: String }
    /// A group.
    Group { id: String, name: String; description: String, source_type: GroupSource, roles: Vec<Value>, created_at: String, updated_at: String }
    /// A person in a group.
    GroupMember { user_id: String; email: String, created_at: String, updated_at: String }
    /// A project, without its instructions and attachments.
    Project {
        id: String, name: String, created_at: String;
        is_private: bool, user: ProjectCreator, organization_id: String, organization_uuid: String, updated_at: String, deleted_at: String
    }
    /// The person who made a project.
    ProjectCreator { id: String; email_address: String }
    /// Who a project is shared with: a person, a group, an organization or a role of one, told by `type`; which field
    /// names it depends on that and is in `rest`.
    ProjectCollaborator { #[serde(rename = "type")] kind: String, role: CollaboratorRole; granted_at: String }
    /// What is in force in an organization, and which keys there are.
    EffectiveSettings { organization_id: String, settings: Vec<Setting>; api_keys: Vec<ComplianceKey> }
    /// One setting in force. A setting that is missing cannot be changed; it is not off.
    Setting { name: String, #[serde(rename = "type")] kind: SettingType, value: Value }
    /// A Compliance Access Key, active or not.
    ComplianceKey {
        id: String, name: String, scopes: Vec<String>, is_active: bool, created_at: String;
        created_by_id: String, expires_at: String
    }
}

macro_rules! open_sets {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? })+) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant,)+
            /// One that is not published.
            Unknown(String),
        }

        impl $name {
            /// Its name on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Unknown(name) => name,
                }
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                match name.as_str() {
                    $($text => Self::$variant,)+
                    _ => Self::Unknown(name),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(String::deserialize(deserializer)?))
            }
        })+
    };
}

open_sets! {
    /// A person's role in an organization.
    OrganizationRole {
        PrimaryOwner = "primary_owner", Owner = "owner", Admin = "admin", MembershipAdmin = "membership_admin",
        Billing = "billing", Developer = "developer", ClaudeCodeUser = "claude_code_user", Managed = "managed", User = "user",
    }
    /// What a collaborator may do in a project.
    CollaboratorRole { Owner = "owner", Admin = "admin", Editor = "editor", Viewer = "viewer" }
    /// Who keeps a group: people here, or the identity provider.
    GroupSource { Direct = "direct", Scim = "scim" }
    /// What a setting's value is.
    SettingType {
        Boolean = "boolean", Integer = "integer", String = "string", StringList = "string_list",
        ProvisioningMode = "provisioning_mode", DataRetention = "data_retention",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    /// A row as published, with its optional fields null, without them, and with one that nobody published.
    fn goes_round<T: Serialize + DeserializeOwned>(mut wire: Value, optional: &[&str]) -> T {
        let round = |wire: &Value| {
            let row: T = serde_json::from_value(wire.clone()).unwrap();
            assert_eq!(serde_json::to_value(&row).unwrap(), *wire);
            row
        };
        let row = round(&wire);
        for name in optional {
            wire[*name] = Value::Null;
            round(&wire);
            wire.as_object_mut().unwrap().remove(*name);
            round(&wire);
        }
        wire["of_next_year"] = json!([{ "x": null }]);
        round(&wire);
        row
    }

    #[test]
    fn every_row_goes_out_as_it_came() {
        goes_round::<Organization>(
            json!({ "uuid": "u", "name": "East", "created_at": "2026-01-01T00:00:00+00:00" }),
            &[],
        );
        let user: User = goes_round(
            json!({ "id": "user_1", "full_name": "Ada", "email": "a@b.c", "created_at": "2026-01-01T00:00:00Z", "organization_role": "membership_admin" }),
            &["full_name"],
        );
        assert_eq!(user.organization_role, OrganizationRole::MembershipAdmin);
        goes_round::<Role>(
            json!({ "id": "rbac_role_1", "name": "Reviewer", "description": "", "created_at": "2026-01-01T00:00:00", "updated_at": "2026-01-01T00:00:00" }),
            &["description", "created_at", "updated_at"],
        );
        goes_round::<RolePermission>(
            json!({ "resource_type": "project", "resource_id": "*", "action": "view" }),
            &["resource_id"],
        );
        let group: Group = goes_round(
            json!({ "id": "rbac_group_1", "name": "Sales", "description": null, "source_type": "scim", "roles": ["rbac_role_1"] }),
            &["roles", "source_type"],
        );
        assert_eq!(group.source_type.value(), Some(&GroupSource::Scim));
        goes_round::<GroupMember>(
            json!({ "user_id": "user_1", "email": "a@b.c", "created_at": "2026-01-01T00:00:00" }),
            &["email", "created_at"],
        );
        goes_round::<Project>(
            json!({ "id": "claude_proj_1", "name": "P", "is_private": true, "user": { "id": "user_1", "email_address": "a@b.c" }, "organization_id": "org_1", "organization_uuid": "u", "created_at": "t", "updated_at": "t", "deleted_at": null }),
            &["user", "deleted_at", "is_private"],
        );
        let shared: ProjectCollaborator = goes_round(
            json!({ "type": "group", "group_id": "rbac_group_1", "role": "editor", "granted_at": "t" }),
            &["granted_at"],
        );
        assert_eq!((shared.role, shared.rest["group_id"].as_str()), (CollaboratorRole::Editor, Some("rbac_group_1")));
    }

    #[test]
    fn effective_settings_go_out_as_they_came_with_their_keys() {
        let settings: EffectiveSettings = goes_round(
            json!({
                "type": "effective_organization_settings", "organization_id": "u",
                "settings": [{ "name": "chat_enabled", "type": "boolean", "value": true }, { "name": "n", "type": "of_next_year", "value": { "x": 1 } }],
                "api_keys": [{ "type": "compliance_api_key", "id": "k", "name": "siem", "scopes": ["read:compliance_activities"], "is_active": false, "created_at": "t", "created_by_id": "user_1", "expires_at": null }],
            }),
            &["api_keys"],
        );
        assert_eq!(settings.settings[1].kind, SettingType::Unknown("of_next_year".to_owned()));
        assert!(!settings.api_keys.value().unwrap()[0].is_active);
    }

    #[test]
    fn a_role_of_next_year_is_kept() {
        let role: OrganizationRole = serde_json::from_value(json!("archivist")).unwrap();
        assert_eq!((role.as_str(), &role), ("archivist", &OrganizationRole::Unknown("archivist".to_owned())));
        assert_eq!(serde_json::to_value(&role).unwrap(), json!("archivist"));
    }
}
