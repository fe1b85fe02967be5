//! How the fields of a table line get their values: fresh ids, ids touched lately, entries of the registers.
//! Promises that what is viewed or deleted was made before, or is at least remembered from then on.
//! Never draws a name or title: those stay empty.

use super::company::Company;
use super::dice::{Dice, IdTail};
use super::people::{Fate, Person};
use super::row::Row;

/// Kinds of things an actor makes and comes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Chat,
    File,
    Artifact,
    ArtifactVersion,
    Published,
    Document,
    Snapshot,
    SyncSource,
    CodeSession,
    CoworkSession,
    AgentSession,
    ApiFile,
    Design,
    Share,
    Scan,
    ScanProject,
    TrustedDevice,
    Memory,
    MemoryStore,
    Consent,
    Integration,
    Request,
    Event,
}
const OBJECTS: usize = Object::Event as usize + 1;

impl Object {
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Object::Chat => "claude_chat_",
            Object::File => "claude_file_",
            Object::Artifact => "claude_artifact_",
            Object::ArtifactVersion => "claude_artifact_version_",
            Object::Published => "claude_published_artifact_",
            Object::Document => "claude_proj_doc_",
            Object::Snapshot => "claude_chat_snapshot_",
            Object::SyncSource => "sync_source_",
            Object::CodeSession => "cse_",
            Object::CoworkSession => "clls_",
            Object::AgentSession => "sesn_",
            Object::ApiFile => "file_",
            Object::Design => "design_proj_",
            Object::Share => "share_",
            Object::Scan => "scan_",
            Object::ScanProject => "scan_proj_",
            Object::TrustedDevice => "tdev_",
            Object::Memory => "mem_",
            Object::MemoryStore => "memstore_",
            Object::Consent => "consent_",
            Object::Integration => "integration_",
            Object::Request => "req_",
            Object::Event => "event_",
        }
    }
}

/// Where a field's value comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fill {
    Fresh(Object),
    Recent(Object),
    /// One touched lately, which is gone afterwards.
    Forget(Object),
    /// Present in so many percent of the rows.
    MaybeRecent(Object, u32),
    ProjectId,
    MaybeProject(u32),
    ConnectorId,
    ConnectorName,
    SkillId,
    SkillName,
    PluginId,
    PluginName,
    Marketplace,
    WorkspaceId,
    GroupId,
    AgentId,
    PersonId,
    PersonEmail,
    ServiceAccountId,
    FederationRule,
    Tunnel,
    CustomRoleId,
    OneOf(&'static [&'static str]),
    Count(i64, i64),
    /// True in so many percent of the rows.
    Flag(u32),
    /// An empty text where the wire has had one since 2026-09-24.
    Empty,
    Raw(&'static str),
    FederationEvent,
    FeedUrl,
}

const REMEMBERED: usize = 5;

#[derive(Clone, Copy)]
struct Ring {
    ids: [IdTail; REMEMBERED],
    held: u8,
    next: u8,
}

/// What one actor has touched lately; small and of fixed size, so that memory does not grow with the days.
pub(crate) struct Memory {
    rings: Box<[Ring; OBJECTS]>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let empty = Ring { ids: [[b'0'; 24]; REMEMBERED], held: 0, next: 0 };
        Self { rings: Box::new([empty; OBJECTS]) }
    }

    pub(crate) fn fresh(&mut self, object: Object, dice: &mut Dice) -> IdTail {
        let tail = dice.id_tail();
        let ring = &mut self.rings[object as usize];
        ring.ids[usize::from(ring.next)] = tail;
        ring.next = (ring.next + 1) % REMEMBERED as u8;
        ring.held = (ring.held + 1).min(REMEMBERED as u8);
        tail
    }

    pub(crate) fn recent(&mut self, object: Object, dice: &mut Dice) -> IdTail {
        let ring = &self.rings[object as usize];
        if ring.held == 0 {
            return self.fresh(object, dice);
        }
        let back = dice.below(u32::from(ring.held)) as usize + 1;
        ring.ids[(usize::from(ring.next) + REMEMBERED - back) % REMEMBERED]
    }

    fn forget(&mut self, object: Object, dice: &mut Dice) -> IdTail {
        if self.rings[object as usize].held == 0 {
            return dice.id_tail();
        }
        let ring = &mut self.rings[object as usize];
        ring.next = (ring.next + REMEMBERED as u8 - 1) % REMEMBERED as u8;
        ring.held -= 1;
        ring.ids[usize::from(ring.next)]
    }
}

/// Writes the fields of one line. `choice` picks from the registers, so that an id and its name go together.
pub(crate) fn fill_fields(
    row: &mut Row<'_>,
    fields: &[(&'static str, Fill)],
    company: &Company,
    memory: &mut Memory,
    dice: &mut Dice,
) {
    let choice = dice.below(u32::MAX) as usize;
    for (name, fill) in fields {
        match *fill {
            Fill::Fresh(object) => tagged(row, name, object, memory.fresh(object, dice)),
            Fill::Recent(object) => tagged(row, name, object, memory.recent(object, dice)),
            Fill::Forget(object) => tagged(row, name, object, memory.forget(object, dice)),
            Fill::MaybeRecent(object, chance) if dice.percent(chance) => {
                tagged(row, name, object, memory.recent(object, dice));
            }
            Fill::MaybeProject(chance) if dice.percent(chance) => {
                fill_register(row, name, Fill::ProjectId, company, choice);
            }
            Fill::MaybeRecent(..) | Fill::MaybeProject(_) => {}
            Fill::OneOf(values) => {
                let value: &&str = dice.pick(values);
                row.text(name, value);
            }
            Fill::Count(low, high) => {
                row.number(name, dice.between(low, high));
            }
            Fill::Flag(chance) => {
                row.flag(name, dice.percent(chance));
            }
            Fill::Empty => {
                row.text(name, "");
            }
            Fill::Raw(json) => {
                row.raw(name, json);
            }
            Fill::FeedUrl => {
                let url = format!("/v1/compliance/activities?limit=1000&before_id={}", dice.tagged("activity_"));
                row.text(name, &url);
            }
            register => fill_register(row, name, register, company, choice),
        }
    }
}

fn tagged(row: &mut Row<'_>, name: &str, object: Object, tail: IdTail) {
    row.tagged(name, object.prefix(), &tail);
}

fn fill_register(row: &mut Row<'_>, name: &str, fill: Fill, company: &Company, choice: usize) {
    let value = match fill {
        Fill::ProjectId => &chosen(&company.projects[..company.standing.projects], choice).id,
        Fill::ConnectorId => &chosen(&company.approved_connectors[..company.standing.connectors], choice).id,
        Fill::ConnectorName => &chosen(&company.approved_connectors[..company.standing.connectors], choice).name,
        Fill::SkillId => &chosen(&company.skills[..company.standing.skills], choice).id,
        Fill::SkillName => &chosen(&company.skills[..company.standing.skills], choice).name,
        Fill::PluginId => &chosen(&company.plugins, choice).id,
        Fill::PluginName => &chosen(&company.plugins, choice).name,
        // The first four workspaces are open to everybody.
        Fill::WorkspaceId => &company.workspaces[choice % 4].id,
        Fill::GroupId => &chosen(&company.groups, choice).id,
        Fill::AgentId => chosen(&company.agents, choice),
        Fill::PersonId => &colleague(company, choice).id,
        Fill::PersonEmail => &colleague(company, choice).email,
        Fill::FederationRule => &company.federation_rule,
        Fill::Tunnel => &company.tunnel,
        Fill::CustomRoleId => &chosen(&company.roles, choice).id,
        Fill::ServiceAccountId => &chosen(&company.service_accounts, choice).id,
        Fill::FederationEvent => {
            let event = format!(
                r#"{{"federation_rule_id":"{}","issuer_id":"{}","requested_service_account_id":"{}"}}"#,
                company.federation_rule,
                company.federation_issuer,
                chosen(&company.service_accounts, choice).id
            );
            row.raw(name, &event);
            return;
        }
        _ => &company.marketplace,
    };
    row.text(name, value);
}

/// Somebody who is there all along, so that nothing is said about people who have left.
fn colleague(company: &Company, choice: usize) -> &Person {
    let count = company.people.len();
    (0..count)
        .map(|step| &company.people[(choice + step) % count])
        .find(|person| person.fate == Fate::Works)
        .unwrap_or(&company.people[0])
}

fn chosen<T>(list: &[T], choice: usize) -> &T {
    &list[choice % list.len()]
}
