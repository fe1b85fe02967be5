//! `ephor keys`: make, list, rotate and revoke keys of this Ephor.
//! Works beside a running node: both use the control database, and a revoked key fails on its next request.
//! Never prints a secret twice.

use std::process::ExitCode;
use std::time::Duration;

use ephor_lake::control::{Control, IssuedKey, KeyReach, KeyRecord, NewKey};
use ephor_wire::scope::{Scope, ScopeSet};
use ephor_wire::timestamp::Timestamp;
use serde::Serialize;

use super::org::{actor_named, existing_control};
use crate::arguments::{Global, Keys};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

/// A key as it is printed.
#[derive(Debug, Serialize)]
struct KeyLine {
    id: String,
    name: String,
    state: &'static str,
    hint: String,
    scopes: ScopeSet,
    organization_uuid: Option<String>,
    created_at: String,
    created_by: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    rotated_from: Option<String>,
    /// Only on the one occasion when it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

pub(super) async fn run(global: &Global, config: &Config, action: Keys) -> Result<ExitCode, Failure> {
    let control = existing_control(&config.data_dir(global)).await?;
    let by = actor_named(&control, None).await?;
    let now = now_micros();
    let mut rng = rand::rng();
    match action {
        Keys::Create { name, scopes, organization, expires_in_days } => {
            let wanted = NewKey {
                name,
                scopes: parse_scopes(&scopes)?,
                reach: reach(&control, organization.as_deref()).await?,
                expires_at_micros: expires_in_days.map(|days| now + i64::from(days) * 86_400_000_000),
            };
            let issued = control.keys().create(wanted, &by, now, &mut rng).await?;
            show_once(global, &issued, now)?;
        }
        Keys::List => {
            let keys: Vec<KeyLine> = control.keys().list().await?.iter().map(|key| line(key, now)).collect();
            output::print(global.format, &keys, |keys| table(keys))?;
        }
        Keys::Rotate { id, overlap_hours } => {
            let overlap = Duration::from_secs(u64::from(overlap_hours) * 3600);
            let issued = control.keys().rotate(&id, overlap, &by, now, &mut rng).await?;
            show_once(global, &issued, now)?;
        }
        Keys::Revoke { id } => {
            let revoked = control.keys().revoke(&id, &by, now, &mut rng).await?;
            output::print(global.format, &line(&revoked, now), |key| {
                format!("{} is revoked from the next request on", key.id)
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn parse_scopes(names: &[String]) -> Result<ScopeSet, Failure> {
    let parse = |name: &String| name.parse::<Scope>().map_err(|unknown| Failure::usage(unknown.to_string()));
    names.iter().flat_map(|names| names.split(',')).map(|name| parse(&name.trim().to_owned())).collect()
}

async fn reach(control: &Control, organization: Option<&str>) -> Result<KeyReach, Failure> {
    let Some(name) = organization else {
        return Ok(KeyReach::Parent);
    };
    match control.organizations().find(name).await? {
        Some(found) => Ok(KeyReach::Organization(found.uuid)),
        None => Err(Failure::usage(format!("there is no organization `{name}`")).hint("`ephor org show` lists them")),
    }
}

fn show_once(global: &Global, issued: &IssuedKey, now: i64) -> Result<(), Failure> {
    let shown = KeyLine { key: Some(issued.secret.expose().to_owned()), ..line(&issued.record, now) };
    output::print(global.format, &shown, |shown| {
        format!(
            "{}\n{} ({}), shown this once: keep it where secrets are kept",
            shown.key.as_deref().unwrap_or(""),
            shown.id,
            shown.scopes
        )
    })
}

fn line(key: &KeyRecord, now: i64) -> KeyLine {
    let at = |micros: i64| Timestamp::from_micros(micros).as_str().to_owned();
    KeyLine {
        id: key.id.clone(),
        name: key.name.clone(),
        state: key.state(now).as_str(),
        hint: key.hint.clone(),
        scopes: key.scopes.clone(),
        organization_uuid: key.reach.organization().map(str::to_owned),
        created_at: at(key.created_at_micros),
        created_by: key.created_by.clone(),
        expires_at: key.expires_at_micros.map(at),
        last_used_at: key.last_used_at_micros.map(at),
        rotated_from: key.rotated_from.clone(),
        key: None,
    }
}

fn table(keys: &[KeyLine]) -> String {
    let mut rows = vec![["id", "name", "state", "hint", "scopes", "expires", "last used"].map(str::to_owned).to_vec()];
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    rows.extend(keys.iter().map(|key| {
        let scopes = key.scopes.to_string();
        vec![
            key.id.clone(),
            key.name.clone(),
            key.state.to_owned(),
            key.hint.clone(),
            scopes,
            or_dash(&key.expires_at),
            or_dash(&key.last_used_at),
        ]
    }));
    output::columns(&rows)
}
