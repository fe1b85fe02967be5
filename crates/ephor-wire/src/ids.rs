//! Identifiers as types: text with a prefix, opaque beyond that.
//! They compare, hash and serialise as the text they are.
//! Never parsed for meaning: a prefix tells a person what it is, not the code.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        })+
    };
}

identifiers! {
    /// `activity_…`: the key that activities dedupe by.
    ActivityId,
    /// `org_…`
    OrganizationId,
    /// The UUID of an organization.
    OrganizationUuid,
    /// `user_…`
    UserId,
    /// `apikey_…`
    ApiKeyId,
    /// `rbac_role_…`
    RoleId,
    /// `rbac_group_…`
    GroupId,
    /// `claude_proj_…`
    ProjectId,
    /// `wrkspc_…`
    WorkspaceId,
    /// `req_…`
    RequestId,
}

/// Characters after the prefix of a tagged id.
pub const TAG_LENGTH: usize = 24;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A prefix and 24 base-62 characters made from 144 random bits.
#[must_use]
pub fn tagged(prefix: &str, random: [u8; 18]) -> String {
    let mut id = String::with_capacity(prefix.len() + TAG_LENGTH);
    id.push_str(prefix);
    // Each third of the bits gives eight characters: 62^8 is just under 2^48, so almost nothing is lost.
    for third in random.chunks_exact(6) {
        let mut number = third.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        for _ in 0..TAG_LENGTH / 3 {
            id.push(char::from(BASE62[(number % 62) as usize]));
            number /= 62;
        }
    }
    id
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_identifier_is_its_text_on_the_wire() {
        let id: ActivityId = serde_json::from_str("\"activity_1\"").unwrap();
        assert_eq!((id.as_str(), id.to_string().as_str()), ("activity_1", "activity_1"));
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"activity_1\"");
        assert_eq!(id, ActivityId::from("activity_1"));
    }

    proptest! {
        #[test]
        fn a_tagged_id_has_its_prefix_and_24_letters_and_digits(random in any::<[u8; 18]>()) {
            let id = tagged("apikey_", random);
            let tag = id.strip_prefix("apikey_").unwrap();
            prop_assert_eq!(tag.len(), TAG_LENGTH);
            prop_assert!(tag.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            prop_assert_eq!(&id, &tagged("apikey_", random));
        }
    }

    #[test]
    fn other_random_bits_are_another_id() {
        let ids: std::collections::HashSet<String> = (0..144)
            .map(|bit| {
                let mut random = [0; 18];
                random[bit / 8] = 1 << (bit % 8);
                tagged("activity_", random)
            })
            .collect();
        assert_eq!(ids.len(), 144);
    }
}
