//! `ephor console`: codes for people who have no way in yet (or none any more), and sessions ended.
//! Works beside a running node; whoever may write the data folder may let people in.
//! Never prints a code twice: the database keeps only what recognises it.

use std::process::ExitCode;

use ephor_lake::control::console::{CodeUse, Opens, SessionEnd};
use ephor_lake::control::{Control, Member, Role};
use ephor_wire::actor::Actor;
use ephor_wire::timestamp::Timestamp;
use serde::Serialize;

use super::org::{actor_named, existing_control};
use crate::arguments::{Console, Global};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

#[derive(Debug, Serialize)]
struct Invited {
    email: String,
    role: &'static str,
    code: String,
    link: String,
    expires_at: String,
}

#[derive(Debug, Serialize)]
struct SignedOut {
    email: String,
    sessions: usize,
}

pub(super) async fn run(global: &Global, config: &Config, action: Console) -> Result<ExitCode, Failure> {
    let control = existing_control(&config.data_dir(global)).await?;
    match action {
        Console::Invite { email, role, valid_hours, by } => {
            let by = actor_named(&control, by.as_deref()).await?;
            let member = member(&control, &email, role.as_deref(), &by).await?;
            let expires_at = now_micros() + i64::from(valid_hours) * 3_600_000_000;
            let code = code(&control, &member, (Opens::SetUp, CodeUse::Once), expires_at, &by).await?;
            let scheme = if config.server.tls_certificate.is_some() { "https" } else { "http" };
            let address = config.console.address(config.server.listen, scheme)?;
            let invited = Invited {
                email: member.email,
                role: member.role.as_str(),
                link: link(&address, &code),
                code,
                expires_at: Timestamp::from_micros(expires_at).as_str().to_owned(),
            };
            output::print(global.format, &invited, describe)?;
        }
        Console::SignOut { email, by } => {
            let by = actor_named(&control, by.as_deref()).await?;
            let member = member(&control, &email, None, &by).await?;
            let sessions = control.console().sessions();
            let why = SessionEnd::EndedElsewhere;
            let ended = sessions.end_all_of(&member.user_id, None, why, &by, now_micros(), &mut rand::rng()).await?;
            output::print(global.format, &SignedOut { email: member.email, sessions: ended }, |done| {
                format!("{} sessions of {} ended", done.sessions, done.email)
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The member with this address, made one if a role says what they are to be.
async fn member(control: &Control, email: &str, role: Option<&str>, by: &Actor) -> Result<Member, Failure> {
    match (control.members().find(email).await?, role) {
        (Some(member), None) => Ok(member),
        (Some(member), Some(role)) if member.role.as_str() == role => Ok(member),
        (Some(member), Some(_)) => {
            Err(Failure::usage(format!("{} is a member already, with the role {}", member.email, member.role))
                .hint("`ephor org grant` changes a role; invite without --role"))
        }
        (None, None) => Err(Failure::usage(format!("{email} is not a member of this organization"))
            .hint("--role says what they are to be, or `ephor org show` lists the members")),
        (None, Some(role)) => {
            let role: Role = role.parse()?;
            Ok(control.members().grant(email, None, role, by, now_micros(), &mut rand::rng()).await?)
        }
    }
}

/// A new code.
pub(super) async fn code(
    control: &Control,
    member: &Member,
    what: (Opens, CodeUse),
    expires_at_micros: i64,
    by: &Actor,
) -> Result<String, Failure> {
    let codes = control.console().codes();
    let code = codes.make(&member.user_id, what, expires_at_micros, by, now_micros(), &mut rand::rng()).await?;
    Ok(code.expose().to_owned())
}

/// The sign-in page with the code in its fragment, which a browser keeps to itself.
pub(super) fn link(address: &str, code: &str) -> String {
    format!("{address}/sign-in#code={code}")
}

fn describe(invited: &Invited) -> String {
    format!(
        "{}\n{} ({}) signs in with this link, or with the code on the sign-in page. It works once, until {}:\ncode  {}",
        invited.link, invited.email, invited.role, invited.expires_at, invited.code
    )
}
