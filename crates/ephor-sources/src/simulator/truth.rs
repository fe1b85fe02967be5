//! What was planted: incidents with their evidence, idle seats, leavers and those who broke the rules of leaving.
//! Promises that every activity named here is in the stream.
//! Never says anything about activities that were not planted.

use serde::{Deserialize, Serialize};

/// The event-driven questions for which incidents are planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UseCase {
    ShadowAi,
    PrivilegeEscalation,
    ApiKeyHygiene,
    InsiderThreat,
    WorkspaceAccess,
    ConfigurationDrift,
    ThirdPartyAudit,
    DataExfiltration,
    Offboarding,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    pub use_case: UseCase,
    pub description: String,
    /// Activity ids, in the order in which they happened.
    pub activities: Vec<String>,
    pub entities: Vec<Entity>,
}

/// The contents of `truth.json`. People are named by their `user_…` id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    pub incidents: Vec<Incident>,
    /// People with a seat who did nothing for at least the last 30 days (or the whole span, if shorter).
    pub dormant_users: Vec<String>,
    /// People who left within the span.
    pub leavers: Vec<String>,
    /// Leavers whose departure was not clean; the incidents of `offboarding` say how.
    pub violations: Vec<String>,
}
