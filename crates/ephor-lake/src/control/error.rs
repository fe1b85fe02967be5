//! What can go wrong with keys, people, recording and settings, said to the person who asked.
//! Every text names what, where, and the way out.
//! Never holds a secret or a hash of one.

use std::path::PathBuf;

use super::members::Role;

/// Anything that the control database could not do or would not allow.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The file could not be made.
    #[error(
        "cannot create the control database {path}: {source}; check that the data folder exists and that you may write to it"
    )]
    File {
        /// The database file.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The file could not be opened as a database.
    #[error(
        "cannot open the control database {path}: {source}; check its permissions, or restore it from a copy if it is damaged"
    )]
    Open {
        /// The database file.
        path: PathBuf,
        /// SQLite's answer.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error(
        "cannot upgrade the control database {path}: {source}; if a newer Ephor has used this folder, run that version"
    )]
    Upgrade {
        /// The database file.
        path: PathBuf,
        /// What went wrong in the upgrade.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// The disk (or the quota) is full. Nothing of the change was kept.
    #[error("no space left for the control database; nothing of this change was kept: free some space and repeat it")]
    DiskFull,
    /// A statement failed. Nothing of the change was kept.
    #[error(
        "the control database could not answer: {0}; nothing of this change was kept: try again, and run `ephor doctor` if it persists"
    )]
    Database(#[source] sqlx::Error),
    /// A stored value is not one that Ephor writes.
    #[error("the control database is damaged: {what}; restore control.sqlite from a copy")]
    Damaged {
        /// What does not fit.
        what: String,
    },

    /// No key has this id.
    #[error("there is no API key `{id}`; `ephor keys list` shows all of them")]
    UnknownKey {
        /// The id asked for.
        id: String,
    },
    /// A key that is revoked, expired or already rotated was to be rotated.
    #[error(
        "the API key `{id}` is {state} and cannot be rotated; rotate its successor or make a new one with `ephor keys create`"
    )]
    KeyNotRotatable {
        /// The key's id.
        id: String,
        /// What it is instead of active.
        state: &'static str,
    },
    /// A key without a name could not be told from others.
    #[error("an API key needs a name of 1 to {limit} characters that says what uses it, such as `siem-collector`")]
    KeyName {
        /// The longest name allowed, in characters.
        limit: usize,
    },
    /// A key without a scope could do nothing.
    #[error("an API key needs at least one scope, such as `read:compliance_activities`")]
    KeyWithoutScope,
    /// The wanted expiry has passed already.
    #[error("an API key cannot expire in the past; give a later time, or none for a key that does not expire")]
    KeyExpiryInPast,

    /// No organization has this id or UUID.
    #[error("there is no organization `{name}` here; `ephor org show` lists them")]
    UnknownOrganization {
        /// What was asked for.
        name: String,
    },
    /// Another organization is the parent already.
    #[error(
        "`{parent}` is the parent organization already and there can be only one; add `{name}` as a linked organization"
    )]
    SecondParent {
        /// Name of the parent.
        parent: String,
        /// Name of the organization refused.
        name: String,
    },

    /// The one who asks is no member of this Ephor.
    #[error(
        "{who} is not a member of this Ephor, and to {action} takes the role {needed}; the primary owner can give it with `ephor org grant`"
    )]
    NotAMember {
        /// Who asked.
        who: String,
        /// What they wanted to do.
        action: String,
        /// The least role that may.
        needed: Role,
    },
    /// The one who asks has too low a role.
    #[error("{who} has the role {has}, and to {action} takes the role {needed}; ask someone who has it")]
    RoleTooLow {
        /// Who asked.
        who: String,
        /// Their role.
        has: Role,
        /// What they wanted to do.
        action: String,
        /// The least role that may.
        needed: Role,
    },
    /// The primary owner's role changes only by being handed on.
    #[error(
        "there is exactly one primary owner, now {email}; the role changes only when they hand it to another member"
    )]
    PrimaryOwnerFixed {
        /// The primary owner's e-mail address.
        email: String,
    },
    /// The first member must be the primary owner.
    #[error("this Ephor has no members yet; the first one has to be the primary owner")]
    NoPrimaryOwner,
    /// No member has this e-mail address.
    #[error("{email} is not a member of this Ephor; `ephor org show` lists the members")]
    UnknownMember {
        /// The address asked for.
        email: String,
    },
    /// Not an e-mail address.
    #[error("`{text}` is not an e-mail address; write it like `ada@example.com`")]
    Email {
        /// What was given.
        text: String,
    },
    /// Not a role.
    #[error(
        "`{text}` is not a role; the roles are primary_owner, owner, admin, analyst, reviewer, auditor, viewer and member"
    )]
    Role {
        /// What was given.
        text: String,
    },
    /// A user id belongs to another member.
    #[error("the user id `{user_id}` belongs to another member already; each person has one id of their own")]
    UserIdTaken {
        /// The id.
        user_id: String,
    },

    /// Recording cannot be switched on without a reference to the agreement.
    #[error(
        "to record activities takes a reference to the agreement that allows it (a contract number, a works agreement, a policy page); name it with --agreement"
    )]
    AgreementMissing,

    /// A setting without a name.
    #[error("a setting needs a name of 1 to {limit} characters: small letters, digits, `_`, `.` and `-`")]
    SettingName {
        /// The longest name allowed, in characters.
        limit: usize,
    },
    /// No sink has this name.
    #[error("there is no sink `{sink}`; `ephor export status` lists them, and ephor.toml names them under [[sink]]")]
    UnknownSink {
        /// The name asked for.
        sink: String,
    },
    /// No gap has this id.
    #[error("there is no gap `{id}`; `ephor doctor` lists the gaps of every source")]
    UnknownGap {
        /// The id asked for.
        id: String,
    },
}

impl From<sqlx::Error> for ControlError {
    fn from(error: sqlx::Error) -> Self {
        // 13 is SQLITE_FULL; extended codes keep the primary one in their low byte.
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .and_then(|code| code.parse::<u32>().ok());
        match code.map(|code| code & 0xff) {
            Some(13) => Self::DiskFull,
            _ => Self::Database(error),
        }
    }
}
