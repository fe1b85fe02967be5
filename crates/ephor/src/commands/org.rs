//! `ephor org`: who the organization is, whether recording is on, and who may do what.
//! Works beside a running node; every change is itself an activity of the feed.
//! Never switches anything on without the agreement that it rests on.

use std::path::Path;
use std::process::ExitCode;

use ephor_lake::control::{AnalyticsAccess, Control, Member, Organization, Place, Recording, Role};
use ephor_wire::actor::Actor;
use ephor_wire::ids::{self, OrganizationId, OrganizationUuid};
use ephor_wire::timestamp::Timestamp;
use rand::RngCore;
use serde::Serialize;

use crate::arguments::{AnalyticsTurn, Global, Org};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

#[derive(Debug, Serialize)]
struct Shown {
    organizations: Vec<OrganizationLine>,
    members: Vec<MemberLine>,
    recording: &'static str,
    /// Whether the Analytics API answers.
    analytics: &'static str,
    /// Every span in which recording was on; between two of them lies a gap.
    periods: Vec<PeriodLine>,
}

#[derive(Debug, Serialize)]
struct OrganizationLine {
    id: String,
    uuid: String,
    name: String,
    parent: bool,
}

#[derive(Debug, Serialize)]
struct MemberLine {
    email: String,
    user_id: String,
    role: &'static str,
}

#[derive(Debug, Serialize)]
struct PeriodLine {
    from: String,
    to: Option<String>,
    enabled_by: String,
    agreement: String,
    disabled_by: Option<String>,
}

pub(super) async fn run(global: &Global, config: &Config, action: Org) -> Result<ExitCode, Failure> {
    let control = existing_control(&config.data_dir(global)).await?;
    let mut rng = rand::rng();
    let now = now_micros();
    match action {
        Org::Show => {}
        Org::Enable { by, agreement } => {
            let by = actor_named(&control, by.as_deref()).await?;
            control.enablement().enable(&agreement, &by, now, &mut rng).await?;
        }
        Org::Disable { by } => {
            let by = actor_named(&control, by.as_deref()).await?;
            control.enablement().disable(&by, now, &mut rng).await?;
        }
        Org::Analytics(turn) => {
            let (by, wanted) = match turn {
                AnalyticsTurn::Enable { by } => (by, AnalyticsAccess::On),
                AnalyticsTurn::Disable { by } => (by, AnalyticsAccess::Off),
            };
            let by = actor_named(&control, by.as_deref()).await?;
            control.analytics_switch().turn(wanted, &by, now, &mut rng).await?;
        }
        Org::Grant { email, role, by } => {
            let by = actor_named(&control, by.as_deref()).await?;
            let role: Role = role.parse()?;
            match role {
                Role::PrimaryOwner => {
                    control.members().transfer_primary_owner(&email, &by, now, &mut rng).await?;
                }
                _ => {
                    control.members().grant(&email, None, role, &by, now, &mut rng).await?;
                }
            }
        }
        Org::Link { name, uuid } => {
            control.organizations().ensure(&new_organization(&name, uuid, Place::Linked, now)).await?;
        }
    }
    output::print(global.format, &shown(&control).await?, describe)?;
    Ok(ExitCode::SUCCESS)
}

/// The control database of a data folder that has been made.
pub(super) async fn existing_control(dir: &Path) -> Result<Control, Failure> {
    if !dir.join("control.sqlite").is_file() {
        return Err(Failure::new(format!("there is no Ephor in {}", dir.display())).hint(format!(
            "`ephor init --data-dir {}` makes one, or name another folder with --data-dir",
            dir.display()
        )));
    }
    Ok(Control::open(dir).await?)
}

/// A member as the one who acts; the primary owner when nobody is named. Whoever may write the data folder may say who
/// they are: the name is for the record, the file system is the guard.
pub(super) async fn actor_named(control: &Control, email: Option<&str>) -> Result<Actor, Failure> {
    let member: Option<Member> = match email {
        Some(email) => control.members().find(email).await?,
        None => control.members().primary_owner().await?,
    };
    match (member, email) {
        (Some(member), _) => {
            Ok(Actor::user(&member.user_id, &member.email, None, Some(concat!("ephor/", env!("CARGO_PKG_VERSION")))))
        }
        (None, Some(email)) => {
            Err(Failure::usage(format!("{email} is not a member of this organization"))
                .hint("`ephor org show` lists them"))
        }
        (None, None) => {
            Err(Failure::new("this organization has no primary owner").hint("`ephor init --owner EMAIL` sets one"))
        }
    }
}

/// An organization with ids of its own making.
pub(super) fn new_organization(name: &str, uuid: Option<String>, place: Place, now: i64) -> Organization {
    let mut random = [0_u8; 18];
    rand::rng().fill_bytes(&mut random);
    Organization {
        id: OrganizationId(ids::tagged("org_", random)),
        uuid: OrganizationUuid(uuid.unwrap_or_else(|| uuid::Uuid::new_v4().to_string())),
        name: name.to_owned(),
        created_at_micros: now,
        place,
    }
}

async fn shown(control: &Control) -> Result<Shown, Failure> {
    let at = |micros: i64| Timestamp::from_micros(micros).as_str().to_owned();
    let organizations = control.organizations().list().await?;
    let members = control.members().list().await?;
    let periods = control.enablement().periods().await?;
    let recording = match control.enablement().state().await? {
        Recording::On(_) => "on",
        Recording::Off => "off",
    };
    Ok(Shown {
        organizations: organizations
            .into_iter()
            .map(|o| OrganizationLine { id: o.id.0, uuid: o.uuid.0, name: o.name, parent: o.place == Place::Parent })
            .collect(),
        members: members
            .into_iter()
            .map(|m| MemberLine { email: m.email, user_id: m.user_id, role: m.role.as_str() })
            .collect(),
        recording,
        analytics: control.analytics_switch().state().await?.as_str(),
        periods: periods
            .into_iter()
            .map(|p| PeriodLine {
                from: at(p.from_micros),
                to: p.to_micros.map(at),
                enabled_by: p.enabled_by,
                agreement: p.agreement,
                disabled_by: p.disabled_by,
            })
            .collect(),
    })
}

fn describe(shown: &Shown) -> String {
    let mut rows = Vec::new();
    for organization in &shown.organizations {
        let place = if organization.parent { "parent" } else { "linked" };
        rows.push(vec![
            place.to_owned(),
            organization.name.clone(),
            organization.id.clone(),
            organization.uuid.clone(),
        ]);
    }
    rows.extend(shown.members.iter().map(|m| vec![m.role.to_owned(), m.email.clone(), m.user_id.clone()]));
    let mut text = output::columns(&rows);
    text.push_str(&format!("\nrecording is {}", shown.recording));
    for period in &shown.periods {
        let to = period.to.as_deref().unwrap_or("now");
        text.push_str(&format!(
            "\n  on from {} to {to} (enabled by {} under {})",
            period.from, period.enabled_by, period.agreement
        ));
    }
    if shown.periods.is_empty() {
        text.push_str("\n  never yet: `ephor org enable --agreement REF` begins it");
    }
    text.push_str(&format!("\nthe Analytics API is {}", shown.analytics));
    text
}
