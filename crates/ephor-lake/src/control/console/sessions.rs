//! Who is signed in to the console, since when, how, and until when.
//! Promises that a session ends with its time, its idleness, its member's removal or a word, from the next request on.
//! Never trusts what a session says of a role: that is read from the members each time.

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::token::{self, SessionToken};
use crate::control::activities::{self, Deed};
use crate::control::members::{self, Member};
use crate::control::{Control, ControlError};

/// How long a token that was replaced still works: requests that were under way carry it.
const TURN_GRACE_MICROS: i64 = 60_000_000;

/// What a session or a code lets its bearer do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    /// Only to set up how they sign in.
    SetUp,
    /// The console, as far as the role goes.
    Console,
}

impl Opens {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::SetUp => "set_up",
            Self::Console => "console",
        }
    }

    pub(super) fn read(row: &SqliteRow) -> Result<Self, ControlError> {
        match row.try_get::<String, _>("opens")?.as_str() {
            "set_up" => Ok(Self::SetUp),
            "console" => Ok(Self::Console),
            other => Err(ControlError::Damaged { what: format!("a session or code opens `{other}`") }),
        }
    }
}

/// The session at an identity provider that a session here rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSession {
    /// The provider.
    pub issuer: String,
    /// Who it says that somebody is.
    pub subject: String,
    /// Its own name for the session, if it has one.
    pub sid: Option<String>,
}

/// A session to begin.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Whose.
    pub user_id: String,
    /// How they signed in, as a word: `password`, `passkey`, `code`, `openid_connect`.
    pub method: &'static str,
    /// What it lets them do.
    pub opens: Opens,
    /// What it rests on.
    pub provider: Option<ProviderSession>,
    /// When it ends whatever happens, in microseconds since 1970.
    pub ends_at_micros: i64,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// `session_…`; not the token.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// How they signed in.
    pub method: String,
    /// What it lets them do.
    pub opens: Opens,
    /// What it rests on.
    pub provider: Option<ProviderSession>,
    /// From where.
    pub ip_address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// When it began.
    pub began_at_micros: i64,
    /// When it was last used, to the minute.
    pub seen_at_micros: i64,
    /// When its token was last replaced.
    pub turned_at_micros: i64,
    /// When it ends whatever happens.
    pub ends_at_micros: i64,
}

/// A session together with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// Whose.
    pub member: Member,
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// Its bearer signed out.
    SignedOut,
    /// Its bearer, or whoever may, ended it from another place.
    EndedElsewhere,
    /// The way of signing in that it rests on was changed or taken away.
    SignInChanged,
    /// The identity provider said so.
    Provider,
}

impl SessionEnd {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::EndedElsewhere => "ended_elsewhere",
            Self::SignInChanged => "sign_in_changed",
            Self::Provider => "identity_provider",
        }
    }
}

/// The sessions of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'c> {
    pub(super) control: &'c Control,
}

impl Sessions<'_> {
    /// Begins a session; `by` is who signs in, from where and with what.
    pub async fn begin(
        &self,
        new: NewSession,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(SessionToken, Session), ControlError> {
        let mut turn = self.control.write().await?;
        // Those whose time is up make room for new ones here; they stopped working long before.
        sqlx::query("DELETE FROM console_sessions WHERE ends_at <= $1")
            .bind(now_micros)
            .execute(turn.connection())
            .await?;
        let begun = insert(turn.connection(), new, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(begun)
    }

    /// The session of a presented token, if it works at this time and whoever it belongs to is still a member.
    pub async fn find(
        &self,
        presented: &str,
        idle_micros: i64,
        now_micros: i64,
    ) -> Result<Option<SignedIn>, ControlError> {
        let Some(fingerprint) = token::fingerprint_of_token(presented) else {
            return Ok(None);
        };
        let row = sqlx::query(
            "SELECT console_sessions.*, members.email, members.role, members.granted_by, members.granted_at
             FROM console_sessions JOIN members ON members.user_id = console_sessions.user_id
             WHERE (token_sha256 = $1 OR (previous_sha256 = $1 AND turned_at > $2)) AND ends_at > $3 AND seen_at > $4",
        )
        .bind(fingerprint)
        .bind(now_micros.saturating_sub(TURN_GRACE_MICROS))
        .bind(now_micros)
        .bind(now_micros.saturating_sub(idle_micros))
        .fetch_optional(&self.control.pool)
        .await?;
        let read =
            |row: &SqliteRow| Ok::<_, ControlError>(SignedIn { session: read(row)?, member: members::read(row)? });
        row.as_ref().map(read).transpose()
    }

    /// When any session that has not ended was last in use.
    pub async fn newest_use(&self) -> Result<Option<i64>, ControlError> {
        let row =
            sqlx::query("SELECT MAX(seen_at) AS newest FROM console_sessions").fetch_one(&self.control.pool).await?;
        Ok(row.try_get("newest")?)
    }

    /// Notes that a session is in use.
    pub async fn touch(&self, id: &str, now_micros: i64) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        sqlx::query("UPDATE console_sessions SET seen_at = $1 WHERE id = $2 AND seen_at < $1")
            .bind(now_micros)
            .bind(id.to_owned())
            .execute(turn.connection())
            .await?;
        turn.commit().await
    }

    /// Replaces a session's token; the old one works for another minute. Nothing if somebody else has just done so.
    pub async fn turn(
        &self,
        session: &Session,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<SessionToken>, ControlError> {
        let token = SessionToken::random(rng);
        let mut turn = self.control.write().await?;
        let done = sqlx::query(
            "UPDATE console_sessions SET previous_sha256 = token_sha256, token_sha256 = $1, turned_at = $2
             WHERE id = $3 AND turned_at = $4",
        )
        .bind(token::fingerprint(token.expose()))
        .bind(now_micros)
        .bind(session.id.clone())
        .bind(session.turned_at_micros)
        .execute(turn.connection())
        .await?;
        turn.commit().await?;
        Ok((done.rows_affected() == 1).then_some(token))
    }

    /// Ends one session; one that has ended already changes nothing.
    pub async fn end(
        &self,
        id: &str,
        why: SessionEnd,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        let query = sqlx::query("SELECT * FROM console_sessions WHERE id = $1").bind(id.to_owned());
        let found: Vec<Session> =
            query.fetch_optional(turn.connection()).await?.iter().map(read).collect::<Result<_, _>>()?;
        end_all(turn.connection(), &found, why, by, now_micros, rng).await?;
        turn.commit().await
    }

    /// Ends every session of a person, but for one if that is named; how many.
    pub async fn end_all_of(
        &self,
        user_id: &str,
        but: Option<&str>,
        why: SessionEnd,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<usize, ControlError> {
        let mut turn = self.control.write().await?;
        let mut found = of_user(turn.connection(), user_id).await?;
        found.retain(|session| but.is_none_or(|but| session.id != but));
        end_all(turn.connection(), &found, why, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(found.len())
    }

    /// Ends the sessions that rest on one of an identity provider: that session's if it is named, else all of the subject's.
    pub async fn end_at_provider(
        &self,
        ended: &ProviderSession,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<usize, ControlError> {
        let mut turn = self.control.write().await?;
        let rows = sqlx::query("SELECT * FROM console_sessions WHERE issuer = $1").bind(ended.issuer.clone());
        let rows = rows.fetch_all(turn.connection()).await?;
        let mut found: Vec<Session> = rows.iter().map(read).collect::<Result<_, _>>()?;
        found.retain(|session| {
            session.provider.as_ref().is_some_and(|own| match (&ended.sid, ended.subject.as_str()) {
                (Some(sid), "") => own.sid.as_ref() == Some(sid),
                (Some(sid), subject) => own.sid.as_ref() == Some(sid) && own.subject == subject,
                (None, subject) => own.subject == subject,
            })
        });
        end_all(turn.connection(), &found, SessionEnd::Provider, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(found.len())
    }

    /// The sessions of a person that have not run out, the latest first.
    pub async fn of_user(
        &self,
        user_id: &str,
        idle_micros: i64,
        now_micros: i64,
    ) -> Result<Vec<Session>, ControlError> {
        let mut connection = self.control.pool.acquire().await?;
        let mut found = of_user(&mut connection, user_id).await?;
        found.retain(|s| s.ends_at_micros > now_micros && s.seen_at_micros > now_micros.saturating_sub(idle_micros));
        Ok(found)
    }
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    new: NewSession,
    by: &Actor,
    now_micros: i64,
    rng: &mut impl CryptoRng,
) -> Result<(SessionToken, Session), ControlError> {
    let token = SessionToken::random(rng);
    let session = Session {
        id: activities::new_id("session_", rng),
        user_id: new.user_id,
        method: new.method.to_owned(),
        opens: new.opens,
        provider: new.provider,
        ip_address: by.ip_address().map(str::to_owned),
        user_agent: by.user_agent().map(str::to_owned),
        began_at_micros: now_micros,
        seen_at_micros: now_micros,
        turned_at_micros: now_micros,
        ends_at_micros: new.ends_at_micros,
    };
    let provider = session.provider.clone();
    sqlx::query(
        "INSERT INTO console_sessions (id, token_sha256, turned_at, user_id, method, opens, issuer, subject, provider_sid,
             ip_address, user_agent, began_at, seen_at, ends_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $3, $3, $12)",
    )
    .bind(session.id.clone())
    .bind(token::fingerprint(token.expose()))
    .bind(now_micros)
    .bind(session.user_id.clone())
    .bind(session.method.clone())
    .bind(session.opens.as_str())
    .bind(provider.as_ref().map(|provider| provider.issuer.clone()))
    .bind(provider.as_ref().map(|provider| provider.subject.clone()))
    .bind(provider.and_then(|provider| provider.sid))
    .bind(session.ip_address.clone())
    .bind(session.user_agent.clone())
    .bind(session.ends_at_micros)
    .execute(&mut *connection)
    .await?;
    let fields = json!({ "session_id": session.id, "method": session.method, "opens": session.opens.as_str() });
    let deed = Deed::Own { kind: "ephor_console_signed_in", fields: &fields };
    activities::tell(connection, deed, by, now_micros, rng).await?;
    Ok((token, session))
}

async fn of_user(connection: &mut SqliteConnection, user_id: &str) -> Result<Vec<Session>, ControlError> {
    let rows = sqlx::query("SELECT * FROM console_sessions WHERE user_id = $1 ORDER BY began_at DESC, id")
        .bind(user_id.to_owned())
        .fetch_all(connection)
        .await?;
    rows.iter().map(read).collect()
}

async fn end_all(
    connection: &mut SqliteConnection,
    sessions: &[Session],
    why: SessionEnd,
    by: &Actor,
    now_micros: i64,
    rng: &mut impl CryptoRng,
) -> Result<(), ControlError> {
    for session in sessions {
        sqlx::query("DELETE FROM console_sessions WHERE id = $1")
            .bind(session.id.clone())
            .execute(&mut *connection)
            .await?;
        let fields = json!({ "session_id": session.id, "user_id": session.user_id, "reason": why.as_str() });
        let deed = Deed::Own { kind: "ephor_console_signed_out", fields: &fields };
        activities::tell(&mut *connection, deed, by, now_micros, rng).await?;
    }
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Session, ControlError> {
    let issuer: Option<String> = row.try_get("issuer")?;
    let subject: Option<String> = row.try_get("subject")?;
    let sid: Option<String> = row.try_get("provider_sid")?;
    Ok(Session {
        id: row.try_get("id")?,
        user_id: row.try_get("user_id")?,
        method: row.try_get("method")?,
        opens: Opens::read(row)?,
        provider: issuer.zip(subject).map(|(issuer, subject)| ProviderSession { issuer, subject, sid }),
        ip_address: row.try_get("ip_address")?,
        user_agent: row.try_get("user_agent")?,
        began_at_micros: row.try_get("began_at")?,
        seen_at_micros: row.try_get("seen_at")?,
        turned_at_micros: row.try_get("turned_at")?,
        ends_at_micros: row.try_get("ends_at")?,
    })
}
