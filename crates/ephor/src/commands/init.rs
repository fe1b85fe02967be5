//! `ephor init`: a data folder, an ephor.toml and the first keys.
//! Recording stays off: the primary owner switches it on, under an agreement, with `ephor org enable`.
//! Never writes over a configuration or a second set of keys.

use std::path::Path;
use std::process::ExitCode;

use ephor_lake::Lake;
use ephor_lake::control::{Control, KeyReach, NewKey, Place, Role};
use ephor_wire::actor::Actor;
use ephor_wire::scope::{Scope, ScopeSet};
use serde::Serialize;

use super::org::{actor_named, new_organization};
use crate::arguments::{Global, Init};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

/// The first keys, one for each kind of work.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FirstKeys {
    pub(super) analytics: String,
    pub(super) compliance: String,
    pub(super) write: String,
    pub(super) admin: String,
}

#[derive(Debug, Serialize)]
struct Made {
    data_dir: String,
    config: String,
    keys: FirstKeys,
}

pub(super) async fn run(global: &Global, config: &Config, options: &Init) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    if dir.join("control.sqlite").is_file() {
        return Err(Failure::new(format!("there is an Ephor in {} already", dir.display()))
            .hint("`ephor keys create` makes further keys; another --data-dir makes another Ephor"));
    }
    let (_, appender) = Lake::open_writer(&dir, config.lake_options()?).await?;
    appender.close().await?;
    let control = Control::open(&dir).await?;
    found(&control, &options.name, &options.owner).await?;
    let keys = first_keys(&control).await?;
    control.close().await;
    let written = write_config(global, &dir, options)?;
    let made = Made { data_dir: dir.display().to_string(), config: written, keys };
    output::print(global.format, &made, describe)?;
    Ok(ExitCode::SUCCESS)
}

/// The parent organization and its primary owner.
pub(super) async fn found(control: &Control, name: &str, owner: &str) -> Result<(), Failure> {
    let now = now_micros();
    if control.organizations().parent().await?.is_none() {
        control.organizations().ensure(&new_organization(name, None, Place::Parent, now)).await?;
    }
    if control.members().primary_owner().await?.is_none() {
        let setup = Actor::system("ephor init");
        control.members().grant(owner, None, Role::PrimaryOwner, &setup, now, &mut rand::rng()).await?;
    }
    Ok(())
}

/// One key for each kind of work; the seed's key kinds and Ephor's own.
pub(super) async fn first_keys(control: &Control) -> Result<FirstKeys, Failure> {
    let compliance = [Scope::ReadComplianceActivities, Scope::ReadComplianceOrgData, Scope::ReadComplianceUserData];
    Ok(FirstKeys {
        analytics: first_key(control, "analytics", &[Scope::ReadAnalytics]).await?,
        compliance: first_key(control, "compliance", &compliance).await?,
        write: first_key(control, "write", &[Scope::WriteActivities, Scope::WriteUsage]).await?,
        admin: first_key(control, "admin", &[Scope::Admin]).await?,
    })
}

async fn first_key(control: &Control, name: &str, scopes: &[Scope]) -> Result<String, Failure> {
    let wanted = NewKey {
        name: name.to_owned(),
        scopes: scopes.iter().copied().collect::<ScopeSet>(),
        reach: KeyReach::Parent,
        expires_at_micros: None,
    };
    let by = actor_named(control, None).await?;
    let issued = control.keys().create(wanted, &by, now_micros(), &mut rand::rng()).await?;
    Ok(issued.secret.expose().to_owned())
}

/// Writes the configuration where `ephor up` will look for it, unless one is there.
fn write_config(global: &Global, dir: &Path, options: &Init) -> Result<String, Failure> {
    let path = global.config.clone().unwrap_or_else(|| dir.join("ephor.toml"));
    if path.exists() {
        return Ok(path.display().to_string());
    }
    let data_dir = std::path::absolute(dir)?;
    let text = format!(
        "# Ephor's configuration; docs/configuration.md lists every key. Keys and other secrets are references (env:NAME, file:PATH).\n\
         data_dir = {:?}\n\n\
         [server]\n\
         listen = \"{}\"\n\
         # tls_certificate = \"cert.pem\"   # with tls_key: required for any address that others can reach\n\
         # tls_key = \"key.pem\"\n\n\
         # [[upstream]]\n\
         # name = \"claude\"\n\
         # base_url = \"https://api.anthropic.com\"\n\
         # key = \"env:ANTHROPIC_COMPLIANCE_KEY\"\n\n\
         # [analytics]\n\
         # profile = \"seed\"                # or \"current\"; docs/analytics.md has the numbers of both\n\n\
         # [retention]                     # without it, everything is kept\n\
         # days = 2190\n",
        data_dir.display().to_string(),
        options.listen
    );
    std::fs::write(&path, text)?;
    Ok(path.display().to_string())
}

fn describe(made: &Made) -> String {
    let config = &made.config;
    let keys = [
        ("analytics", &made.keys.analytics),
        ("compliance", &made.keys.compliance),
        ("write", &made.keys.write),
        ("admin", &made.keys.admin),
    ];
    let rows: Vec<Vec<String>> = keys.iter().map(|(name, key)| vec![(*name).to_owned(), (*key).clone()]).collect();
    format!(
        "data folder    {}\nconfiguration  {config}\n\nKeys, shown this once:\n{}\n\nRecording is off until the primary owner switches it on:\n  ephor org enable --data-dir {} --agreement \"NDA of …\"\nAnd so is the Analytics API:\n  ephor org analytics enable --data-dir {}\nThen: ephor up --data-dir {} --config {}",
        made.data_dir,
        output::columns(&rows),
        made.data_dir,
        made.data_dir,
        made.data_dir,
        made.config,
    )
}
