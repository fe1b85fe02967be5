//! Who somebody is at an identity provider, and the role that its groups give them here.
//! Promises that the same subject of the same issuer is the same member for ever, whatever their address becomes.
//! Never lets a provider make or unmake the primary owner.

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde_json::json;
use sqlx::{Row, SqliteConnection};

use crate::control::activities::{self, Deed};
use crate::control::members::{self, Member, Role};
use crate::control::{Control, ControlError};

/// Somebody as an identity provider vouches for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPerson {
    /// The provider.
    pub issuer: String,
    /// Its own, lasting name for the person.
    pub subject: String,
    /// Their address, which the provider has verified.
    pub email: String,
    /// The role that their groups give them.
    pub role: Role,
}

/// The provider identities of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Identities<'c> {
    pub(super) control: &'c Control,
}

impl Identities<'_> {
    /// The member that a provider's person is: the one bound to them before, else the one with their address, else a new
    /// one. Their role becomes what their groups say, but for the primary owner's.
    pub async fn admit(
        &self,
        person: &ProviderPerson,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Member, ControlError> {
        let email = members::normal_email(&person.email)?;
        let mut turn = self.control.write().await?;
        let bound = bound_user(turn.connection(), person).await?;
        let before = match &bound {
            Some(user_id) => members::by_user_id(turn.connection(), user_id).await?,
            None => members::by_email(turn.connection(), &email).await?,
        };
        let provider = Actor::system(&format!("openid_connect {}", person.issuer));
        let member = match before {
            Some(known) if known.role == Role::PrimaryOwner || known.role == person.role => known,
            known => {
                let user_id = known.as_ref().map(|known| known.user_id.clone()).or_else(|| bound.clone());
                let member = Member {
                    // A member who is known keeps the address under which others know them.
                    email: known.as_ref().map_or(email, |known| known.email.clone()),
                    user_id: user_id.unwrap_or_else(|| activities::new_id("user_", rng)),
                    role: person.role,
                    granted_by: activities::name_of(&provider),
                    granted_at_micros: now_micros,
                };
                members::store(turn.connection(), &member).await?;
                let deed = Deed::RoleChanged {
                    email: &member.email,
                    user_id: &member.user_id,
                    previous: known.map(|known| known.role),
                    current: Some(member.role),
                };
                activities::tell(turn.connection(), deed, &provider, now_micros, rng).await?;
                member
            }
        };
        if bound.is_none() {
            bind(turn.connection(), person, &member, now_micros).await?;
            let fields = json!({ "user_id": member.user_id, "change": "identity_bound", "issuer": person.issuer });
            let deed = Deed::Own { kind: "ephor_console_sign_in_changed", fields: &fields };
            activities::tell(turn.connection(), deed, &provider, now_micros, rng).await?;
        }
        turn.commit().await?;
        Ok(member)
    }

    /// The issuers at which a person is known.
    pub async fn of(&self, user_id: &str) -> Result<Vec<String>, ControlError> {
        let rows = sqlx::query("SELECT issuer FROM console_identities WHERE user_id = $1 ORDER BY issuer")
            .bind(user_id.to_owned())
            .fetch_all(&self.control.pool)
            .await?;
        Ok(rows.iter().map(|row| row.try_get("issuer")).collect::<Result<_, _>>()?)
    }
}

async fn bound_user(
    connection: &mut SqliteConnection,
    person: &ProviderPerson,
) -> Result<Option<String>, ControlError> {
    let row = sqlx::query("SELECT user_id FROM console_identities WHERE issuer = $1 AND subject = $2")
        .bind(person.issuer.clone())
        .bind(person.subject.clone())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| row.try_get("user_id")).transpose()?)
}

async fn bind(
    connection: &mut SqliteConnection,
    person: &ProviderPerson,
    member: &Member,
    now_micros: i64,
) -> Result<(), ControlError> {
    sqlx::query("INSERT INTO console_identities (issuer, subject, user_id, bound_at) VALUES ($1, $2, $3, $4)")
        .bind(person.issuer.clone())
        .bind(person.subject.clone())
        .bind(member.user_id.clone())
        .bind(now_micros)
        .execute(connection)
        .await?;
    Ok(())
}
