//! The people of this Ephor and what each may do.
//! There is exactly one primary owner as soon as there is anybody; the role moves only by being handed on.
//! Never decides about data access: that is what scopes of keys are for.

use std::fmt;
use std::str::FromStr;

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::activities::{self, Deed};
use super::{Control, ControlError};

/// What a person may do, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Is known here.
    Member,
    /// Looks at figures and findings, and sees pseudonyms instead of people.
    Viewer,
    /// Reads evidence, reports and settings.
    Auditor,
    /// Decides in access reviews.
    Reviewer,
    /// Handles findings and incidents.
    Analyst,
    /// Runs the node.
    Admin,
    /// Gives roles up to admin.
    Owner,
    /// Switches recording, gives every role; exactly one person.
    PrimaryOwner,
}

impl Role {
    /// Every role, from the least to the most.
    pub const ALL: [Self; 8] = [
        Self::Member,
        Self::Viewer,
        Self::Auditor,
        Self::Reviewer,
        Self::Analyst,
        Self::Admin,
        Self::Owner,
        Self::PrimaryOwner,
    ];

    /// The name on the wire and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Reviewer => "reviewer",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
            Self::Owner => "owner",
            Self::PrimaryOwner => "primary_owner",
        }
    }

    /// The least role that may give this one or take it away.
    fn given_by(self) -> Self {
        match self {
            Self::Member | Self::Viewer | Self::Auditor | Self::Reviewer | Self::Analyst | Self::Admin => Self::Owner,
            Self::Owner | Self::PrimaryOwner => Self::PrimaryOwner,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = ControlError;

    fn from_str(text: &str) -> Result<Self, ControlError> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| ControlError::Role { text: text.to_owned() })
    }
}

/// A person of this Ephor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The e-mail address, in small letters.
    pub email: String,
    /// `user_…`
    pub user_id: String,
    /// What they may do.
    pub role: Role,
    /// Who gave the role.
    pub granted_by: String,
    /// When.
    pub granted_at_micros: i64,
}

/// The people of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Members<'c> {
    pub(super) control: &'c Control,
}

impl Members<'_> {
    /// Gives a person a role, making them a member if they are none yet. `user_id` is their id upstream, if known;
    /// a new member without one gets one. The very first member becomes primary owner, whoever asks; a grant of what
    /// somebody already has changes nothing.
    pub async fn grant(
        &self,
        email: &str,
        user_id: Option<&str>,
        role: Role,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Member, ControlError> {
        let email = normal_email(email)?;
        let mut turn = self.control.write().await?;
        let before = by_email(turn.connection(), &email).await?;
        if let Some(same) = before.as_ref().filter(|m| m.role == role && user_id.is_none_or(|id| id == m.user_id)) {
            return Ok(same.clone());
        }
        check_grant(turn.connection(), before.as_ref(), &email, role, by).await?;
        let known_id = user_id.map(str::to_owned).or_else(|| before.as_ref().map(|m| m.user_id.clone()));
        let member = Member {
            user_id: known_id.unwrap_or_else(|| activities::new_id("user_", rng)),
            role,
            granted_by: activities::name_of(by),
            granted_at_micros: now_micros,
            email,
        };
        store(turn.connection(), &member).await?;
        tell_role(&mut turn, &member, before.map(|m| m.role), Some(role), by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(member)
    }

    /// Takes a person's role and membership away.
    pub async fn remove(
        &self,
        email: &str,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        let email = normal_email(email)?;
        let mut turn = self.control.write().await?;
        let Some(member) = by_email(turn.connection(), &email).await? else {
            return Err(ControlError::UnknownMember { email });
        };
        if member.role == Role::PrimaryOwner {
            return Err(ControlError::PrimaryOwnerFixed { email });
        }
        let action = format!("remove {email}, who has the role {},", member.role);
        require(turn.connection(), by, member.role.given_by(), &action).await?;
        sqlx::query("DELETE FROM members WHERE email = $1").bind(email).execute(turn.connection()).await?;
        super::console::forget(turn.connection(), &member.user_id).await?;
        tell_role(&mut turn, &member, Some(member.role), None, by, now_micros, rng).await?;
        turn.commit().await
    }

    /// The primary owner hands the role to another member and becomes an owner.
    pub async fn transfer_primary_owner(
        &self,
        to_email: &str,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Member, ControlError> {
        let email = normal_email(to_email)?;
        let mut turn = self.control.write().await?;
        let action = "hand on the role primary_owner";
        let previous = require(turn.connection(), by, Role::PrimaryOwner, action).await?;
        let Some(next) = by_email(turn.connection(), &email).await? else {
            return Err(ControlError::UnknownMember { email });
        };
        if next.email == previous.email {
            return Ok(next);
        }
        let granted_by = activities::name_of(by);
        let with_role = |member: &Member, role| Member {
            role,
            granted_by: granted_by.clone(),
            granted_at_micros: now_micros,
            ..member.clone()
        };
        // The old one first: at no moment may there be two.
        store(turn.connection(), &with_role(&previous, Role::Owner)).await?;
        let promoted = with_role(&next, Role::PrimaryOwner);
        store(turn.connection(), &promoted).await?;
        let deed = Deed::PrimaryOwnerTransferred { previous_owner_id: &previous.user_id, new_owner_id: &next.user_id };
        activities::tell(turn.connection(), deed, by, now_micros, rng).await?;
        tell_role(&mut turn, &previous, Some(Role::PrimaryOwner), Some(Role::Owner), by, now_micros, rng).await?;
        tell_role(&mut turn, &next, Some(next.role), Some(Role::PrimaryOwner), by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(promoted)
    }

    /// Everybody, by e-mail address.
    pub async fn list(&self) -> Result<Vec<Member>, ControlError> {
        let rows = sqlx::query("SELECT * FROM members ORDER BY email").fetch_all(&self.control.pool).await?;
        rows.iter().map(read).collect()
    }

    /// The person with this e-mail address or user id.
    pub async fn find(&self, email_or_user_id: &str) -> Result<Option<Member>, ControlError> {
        let row = sqlx::query("SELECT * FROM members WHERE email = $1 OR user_id = $2")
            .bind(email_or_user_id.trim().to_lowercase())
            .bind(email_or_user_id.to_owned())
            .fetch_optional(&self.control.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The primary owner, once there is anybody.
    pub async fn primary_owner(&self) -> Result<Option<Member>, ControlError> {
        let row = sqlx::query("SELECT * FROM members WHERE role = $1")
            .bind(Role::PrimaryOwner.as_str())
            .fetch_optional(&self.control.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }
}

/// Demands that the actor is a member with at least the needed role; `action` ends the sentence "to … takes the role".
pub(super) async fn require(
    connection: &mut SqliteConnection,
    by: &Actor,
    needed: Role,
    action: &str,
) -> Result<Member, ControlError> {
    let who = activities::name_of(by);
    match member_of(connection, by).await? {
        None => Err(ControlError::NotAMember { who, action: action.to_owned(), needed }),
        Some(member) if member.role < needed => {
            Err(ControlError::RoleTooLow { who, has: member.role, action: action.to_owned(), needed })
        }
        Some(member) => Ok(member),
    }
}

async fn check_grant(
    connection: &mut SqliteConnection,
    before: Option<&Member>,
    email: &str,
    role: Role,
    by: &Actor,
) -> Result<(), ControlError> {
    let owner = sqlx::query("SELECT * FROM members WHERE role = $1").bind(Role::PrimaryOwner.as_str());
    let Some(owner) = owner.fetch_optional(&mut *connection).await?.as_ref().map(read).transpose()? else {
        return if role == Role::PrimaryOwner { Ok(()) } else { Err(ControlError::NoPrimaryOwner) };
    };
    if (owner.email == email) != (role == Role::PrimaryOwner) {
        return Err(ControlError::PrimaryOwnerFixed { email: owner.email });
    }
    let needed = before.map_or(role.given_by(), |member| member.role.given_by().max(role.given_by()));
    let action = match before {
        Some(member) => format!("change the role of {email} from {} to {role}", member.role),
        None => format!("give {email} the role {role}"),
    };
    require(connection, by, needed, &action).await.map(|_| ())
}

/// The member that an actor is: by user id, which never changes, else by e-mail address.
async fn member_of(connection: &mut SqliteConnection, by: &Actor) -> Result<Option<Member>, ControlError> {
    // Only a signed-in person is somebody: an address that was merely typed at a login page proves nothing.
    let Actor::User(_) = by else {
        return Ok(None);
    };
    if let Some(id) = by.id() {
        let query = sqlx::query("SELECT * FROM members WHERE user_id = $1").bind(id.to_owned());
        if let Some(row) = query.fetch_optional(&mut *connection).await? {
            return Ok(Some(read(&row)?));
        }
    }
    match by.email() {
        Some(email) => by_email(connection, &email.trim().to_lowercase()).await,
        None => Ok(None),
    }
}

pub(super) async fn by_user_id(connection: &mut SqliteConnection, id: &str) -> Result<Option<Member>, ControlError> {
    let query = sqlx::query("SELECT * FROM members WHERE user_id = $1").bind(id.to_owned());
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

pub(super) async fn by_email(connection: &mut SqliteConnection, email: &str) -> Result<Option<Member>, ControlError> {
    let query = sqlx::query("SELECT * FROM members WHERE email = $1").bind(email.to_owned());
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

pub(super) async fn store(connection: &mut SqliteConnection, member: &Member) -> Result<(), ControlError> {
    let result = sqlx::query(
        "INSERT INTO members (email, user_id, role, granted_by, granted_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (email) DO UPDATE SET user_id = excluded.user_id, role = excluded.role,
             granted_by = excluded.granted_by, granted_at = excluded.granted_at",
    )
    .bind(member.email.clone())
    .bind(member.user_id.clone())
    .bind(member.role.as_str())
    .bind(member.granted_by.clone())
    .bind(member.granted_at_micros)
    .execute(connection)
    .await;
    match result {
        Err(error) if error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation) => {
            Err(ControlError::UserIdTaken { user_id: member.user_id.clone() })
        }
        other => other.map(|_| ()).map_err(ControlError::from),
    }
}

async fn tell_role(
    turn: &mut super::WriteTurn,
    member: &Member,
    previous: Option<Role>,
    current: Option<Role>,
    by: &Actor,
    now_micros: i64,
    rng: &mut impl CryptoRng,
) -> Result<(), ControlError> {
    let deed = Deed::RoleChanged { email: &member.email, user_id: &member.user_id, previous, current };
    activities::tell(turn.connection(), deed, by, now_micros, rng).await
}

/// Addresses are compared in small letters, as mail systems do in practice.
pub(super) fn normal_email(text: &str) -> Result<String, ControlError> {
    let email = text.trim().to_lowercase();
    let shaped =
        email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    if !shaped || email.contains(char::is_whitespace) {
        return Err(ControlError::Email { text: text.to_owned() });
    }
    Ok(email)
}

pub(super) fn read(row: &SqliteRow) -> Result<Member, ControlError> {
    let role: String = row.try_get("role")?;
    Ok(Member {
        email: row.try_get("email")?,
        user_id: row.try_get("user_id")?,
        role: role
            .parse()
            .map_err(|_| ControlError::Damaged { what: format!("a member has the unknown role `{role}`") })?,
        granted_by: row.try_get("granted_by")?,
        granted_at_micros: row.try_get("granted_at")?,
    })
}
