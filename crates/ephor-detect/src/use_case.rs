//! The fifteen questions of the founding document, under the names by which reports, findings and rules call them.
//! Promises that a name read is the name written.
//! Never an open set: a sixteenth question is a change of this file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::DetectError;

/// One of the fifteen questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UseCase {
    /// Connectors, skills and extensions that nobody approved.
    ShadowAi,
    /// Seats that nobody uses.
    DormantAccounts,
    /// Ranks that rise where they should not.
    PrivilegeEscalation,
    /// Keys: who made them, how old they are, from where they are used.
    ApiKeyHygiene,
    /// Odd hours, refusals, deletions, lists of people.
    InsiderThreat,
    /// Who costs what.
    CostAttribution,
    /// How use spreads.
    AdoptionGovernance,
    /// People, service accounts and keys in restricted workspaces.
    WorkspaceAccess,
    /// Settings that are not what they should be.
    ConfigurationDrift,
    /// Connectors against the approved register.
    ThirdPartyAudit,
    /// Many objects in a short time, and doors to the outside.
    DataExfiltration,
    /// Who has access, and who says that they may.
    AccessReview,
    /// What happened when.
    IncidentResponse,
    /// What an auditor gets.
    EvidencePackage,
    /// What a leaver leaves behind.
    Offboarding,
}

impl UseCase {
    /// All fifteen, in the order of the founding document.
    pub const ALL: [Self; 15] = [
        Self::ShadowAi,
        Self::DormantAccounts,
        Self::PrivilegeEscalation,
        Self::ApiKeyHygiene,
        Self::InsiderThreat,
        Self::CostAttribution,
        Self::AdoptionGovernance,
        Self::WorkspaceAccess,
        Self::ConfigurationDrift,
        Self::ThirdPartyAudit,
        Self::DataExfiltration,
        Self::AccessReview,
        Self::IncidentResponse,
        Self::EvidencePackage,
        Self::Offboarding,
    ];

    /// Its name in commands, JSON and rules.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ShadowAi => "shadow-ai",
            Self::DormantAccounts => "dormant-accounts",
            Self::PrivilegeEscalation => "privilege-escalation",
            Self::ApiKeyHygiene => "api-key-hygiene",
            Self::InsiderThreat => "insider-threat",
            Self::CostAttribution => "cost-attribution",
            Self::AdoptionGovernance => "adoption-governance",
            Self::WorkspaceAccess => "workspace-access",
            Self::ConfigurationDrift => "configuration-drift",
            Self::ThirdPartyAudit => "third-party-audit",
            Self::DataExfiltration => "data-exfiltration",
            Self::AccessReview => "access-review",
            Self::IncidentResponse => "incident-response",
            Self::EvidencePackage => "evidence-package",
            Self::Offboarding => "offboarding",
        }
    }
}

impl fmt::Display for UseCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for UseCase {
    type Err = DetectError;

    fn from_str(text: &str) -> Result<Self, DetectError> {
        Self::ALL.into_iter().find(|case| case.as_str() == text).ok_or_else(|| DetectError::Word {
            what: "use case",
            text: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_is_the_same_in_text_and_in_json() {
        for case in UseCase::ALL {
            assert_eq!(serde_json::to_value(case).unwrap(), case.as_str());
            assert_eq!(case.as_str().parse::<UseCase>().unwrap(), case);
        }
    }
}
