//! Actors that are not people: collectors, automation, workloads, devices, the identity provider, strangers.
//! Promises all actor kinds of the feed, at rates that follow the size of the organisation.
//! Never sleeps at weekends.

use super::actor::Actor;
use super::calendar::{DAY, SECOND};
use super::company::Company;
use super::day_buffer::DayBuffer;
use super::deeds::Realm;
use super::dice::Dice;
use super::fill::Fill::{
    self, ConnectorId, ConnectorName, Count, FederationEvent, FeedUrl, Flag, Forget, Fresh, OneOf, PersonId, Raw,
    Recent, WorkspaceId,
};
use super::fill::Object::{AgentSession, ApiFile, Request, Scan, ScanProject, SyncSource};
use super::fill::{Memory, fill_fields};
use super::routine::Workday;
use super::row::NO_ORGANIZATION;

pub(crate) struct Task {
    pub(crate) kind: &'static str,
    realm: Realm,
    weight: u32,
    pub(crate) fields: &'static [(&'static str, Fill)],
}

const fn task(kind: &'static str, realm: Realm, weight: u32, fields: &'static [(&'static str, Fill)]) -> Task {
    Task { kind, realm, weight, fields }
}

#[rustfmt::skip]
const FEED: &[Task] = &[task("compliance_api_accessed", Realm::Nowhere, 1, &[
    ("request_id", Fresh(Request)), ("request_method", OneOf(&["GET"])), ("status_code", Raw("200")), ("url", FeedUrl),
])];
#[rustfmt::skip]
const INVENTORY: &[Task] = &[task("compliance_api_accessed", Realm::Nowhere, 1, &[
    ("request_id", Fresh(Request)), ("request_method", OneOf(&["GET"])), ("status_code", Raw("200")),
    ("url", OneOf(&["/v1/compliance/organizations", "/v1/compliance/groups?limit=500", "/v1/compliance/groups?limit=500&page=2"])),
])];
#[rustfmt::skip]
const PROVISIONING: &[Task] = &[
    task("platform_workspace_members_listed", Realm::Console, 5, &[("workspace_id", WorkspaceId)]),
    task("platform_workspace_member_viewed", Realm::Console, 3, &[("user_id", PersonId), ("workspace_id", WorkspaceId)]),
    task("platform_usage_report_messages_viewed", Realm::Console, 4, &[]),
    task("platform_cost_report_viewed", Realm::Console, 3, &[]),
];
#[rustfmt::skip]
const BATCH: &[Task] = &[
    task("platform_file_uploaded", Realm::Console, 30, &[("file_id", Fresh(ApiFile))]),
    task("platform_file_content_downloaded", Realm::Console, 8, &[("file_id", Recent(ApiFile))]),
    task("platform_file_deleted", Realm::Console, 12, &[("file_id", Forget(ApiFile))]),
    task("platform_agent_session_created", Realm::Console, 30, &[("session_id", Fresh(AgentSession)), ("workspace_id", WorkspaceId)]),
    task("platform_agent_session_updated", Realm::Console, 30, &[("session_id", Recent(AgentSession)), ("workspace_id", WorkspaceId)]),
    task("platform_agent_deployment_run_triggered", Realm::Console, 8, &[("deployment_id", Raw("\"depl_nightly\"")), ("workspace_id", WorkspaceId)]),
];
#[rustfmt::skip]
const PIPELINE: &[Task] = &[task("platform_federated_authentication", Realm::Console, 1, &[
    ("event_data", FederationEvent), ("request_id", Fresh(Request)), ("status", Raw(r#"{"outcome":"success"}"#)),
])];
#[rustfmt::skip]
const CLOUD: &[Task] = &[
    task("platform_agent_session_created", Realm::Console, 4, &[("session_id", Fresh(AgentSession)), ("workspace_id", WorkspaceId)]),
    task("platform_workspace_members_listed", Realm::Console, 1, &[("workspace_id", WorkspaceId)]),
];
#[rustfmt::skip]
const PHONES: &[Task] = &[task("platform_app_attest_authentication", Realm::Console, 1, &[
    ("request_id", Fresh(Request)), ("status", Raw(r#"{"outcome":"success"}"#)),
])];
#[rustfmt::skip]
const DIRECTORY: &[Task] = &[task("scim_user_updated", Realm::Home, 1, &[("user_id", PersonId)])];
#[rustfmt::skip]
const SERVICES: &[Task] = &[
    task("claude_chat_sync_source_updated", Realm::Home, 4, &[("claude_chat_sync_source_id", Recent(SyncSource)), ("provider", OneOf(&["google_drive", "github"])), ("config_changed", Flag(10))]),
    task("claude_code_security_scan_created", Realm::Home, 3, &[("scan_id", Fresh(Scan)), ("scan_project_id", Recent(ScanProject))]),
    task("claude_plugin_security_scan_completed", Realm::Home, 1, &[("scan_id", Recent(Scan))]),
    task("mcp_server_managed_auth_token_exchanged", Realm::Home, 2, &[("managed_auth_mode", OneOf(&["xaa"])), ("mcp_server_id", ConnectorId), ("mcp_server_name", ConnectorName), ("outcome", OneOf(&["success"]))]),
    task("inference_hooks_request_denied", Realm::Home, 1, &[("request_id", Fresh(Request)), ("surface", OneOf(&["chat", "claude_code"]))]),
    task("claude_code_security_scan_cancelled", Realm::Home, 1, &[("scan_project_id", Recent(ScanProject)), ("scans_cancelled", Count(1, 3))]),
];
#[rustfmt::skip]
const STRANGERS: &[Task] = &[
    task("anonymous_mobile_login_attempted", Realm::Nowhere, 2, &[]),
    task("sso_login_failed", Realm::Nowhere, 1, &[]),
    task("magic_link_login_failed", Realm::Nowhere, 1, &[]),
];

enum Identity {
    Fixed(Actor),
    /// Every push of the identity provider is an event of its own.
    DirectorySync,
    Stranger,
}

pub(crate) struct Machine {
    identity: Identity,
    tasks: &'static [Task],
    /// Activities a day for each hundred people.
    per_day: u32,
}

impl Machine {
    fn fixed(actor: Actor, tasks: &'static [Task], per_day: u32) -> Self {
        Self { identity: Identity::Fixed(actor), tasks, per_day }
    }

    /// In sixteenths of an activity, like a person's.
    pub(crate) fn level(&self, people: usize) -> u64 {
        u64::from(self.per_day) * 16 * (people as u64).max(50) / 100
    }

    pub(crate) fn play(
        &self,
        workday: &Workday<'_>,
        quota: usize,
        dice: &mut Dice,
        memory: &mut Memory,
        out: &mut DayBuffer,
    ) {
        let company = workday.company;
        for _ in 0..quota {
            let at = workday.span.day_start(workday.day) + dice.between(0, DAY - 1);
            let at = workday.span.clamp(workday.after_silence(at));
            let at = if dice.below(40) == 0 { at - at.rem_euclid(SECOND) } else { at };
            let task = self.task(dice);
            let made;
            let actor = match &self.identity {
                Identity::Fixed(actor) => actor,
                Identity::DirectorySync => {
                    made = Actor::scim(&company.scim_directory, &dice.tagged("event_"));
                    &made
                }
                Identity::Stranger => {
                    made = stranger(dice);
                    &made
                }
            };
            let organization = match task.realm {
                Realm::Home => company.enterprise.tag.as_str(),
                Realm::Console => company.api.tag.as_str(),
                Realm::Nowhere => NO_ORGANIZATION,
            };
            out.write(dice, at, task.kind, actor, organization, |row, dice| {
                fill_fields(row, task.fields, company, memory, dice);
            });
        }
    }

    fn task(&self, dice: &mut Dice) -> &'static Task {
        let mut drawn = dice.below(self.tasks.iter().map(|task| task.weight).sum());
        for task in self.tasks {
            if drawn < task.weight {
                return task;
            }
            drawn -= task.weight;
        }
        &self.tasks[0]
    }
}

fn stranger(dice: &mut Dice) -> Actor {
    let email = dice.percent(60).then(|| format!("visitor{}@example.com", dice.below(900)));
    let ip = format!("203.0.113.{}", 201 + dice.below(50));
    Actor::unauthenticated(email.as_deref(), &ip, "Claude/1.261110 (Android 16)")
}

pub(crate) fn machines(company: &Company) -> Vec<Machine> {
    let mut list = Vec::new();
    for (position, key) in company.compliance_keys.iter().enumerate() {
        match position {
            0 => list.push(Machine::fixed(Actor::api(&key.id, "192.0.2.10", "siem-collector/2.4"), FEED, 48)),
            1 => list.push(Machine::fixed(Actor::api(&key.id, "192.0.2.11", "inventory-sync/1.9"), INVENTORY, 6)),
            _ => {}
        }
    }
    if let Some(key) = company.admin_keys.first() {
        list.push(Machine::fixed(
            Actor::admin_api_key(&key.id, "192.0.2.12", "terraform-provider/0.14"),
            PROVISIONING,
            10,
        ));
    }
    for (number, account) in company.service_accounts.iter().enumerate() {
        let ip = format!("192.0.2.{}", 20 + number);
        list.push(Machine::fixed(Actor::service_account(&account.id, &ip, "anthropic-python/2.12.0"), BATCH, 14));
    }
    list.extend(workloads());
    for number in 1..=3 {
        let client = format!("phone-{number:02}");
        let hash = format!("{number:064x}");
        let ip = format!("2001:db8:a77e::{number}");
        list.push(Machine::fixed(
            Actor::attested_device(&client, &hash, &ip, "Claude/1.261110.0 (iOS 26.1)"),
            PHONES,
            3,
        ));
    }
    list.push(Machine { identity: Identity::DirectorySync, tasks: DIRECTORY, per_day: 4 });
    list.push(Machine::fixed(Actor::system("background-jobs"), SERVICES, 8));
    list.push(Machine { identity: Identity::Stranger, tasks: STRANGERS, per_day: 3 });
    list
}

/// Workloads that bring an identity from elsewhere: a pipeline and a cloud role.
fn workloads() -> [Machine; 2] {
    let pipeline = Actor::federated_identity(
        "https://token.actions.example.com",
        "repo:meridian/core:ref:refs/heads/main",
        "https://api.anthropic.com",
        "192.0.2.40",
        "ci-runner/3.2",
    );
    let principal = "arn:aws:sts::123456789012:assumed-role/scoring/worker";
    let cloud = Actor::federated_aws("123456789012", principal, principal, "192.0.2.50", "aws-sdk-rust/1.9");
    [Machine::fixed(pipeline, PIPELINE, 24), Machine::fixed(cloud, CLOUD, 8)]
}
