//! The founding document's table of capabilities, line by line, with what Ephor does beside it.

use super::{Line, Says};

const fn line(
    capability: &'static str,
    about: &'static str,
    analytics: (Says, &'static str),
    compliance: (Says, &'static str),
    ephor: &'static str,
    path: Option<&'static str>,
) -> Line {
    Line { capability, about, analytics, compliance, ephor, path }
}

use Says::{Fact, No, Partial, Yes};

/// Its groups in order. The text about a use case ends with a full stop; about a capability, it does not.
#[rustfmt::skip]
pub(super) const GROUPS: &[(&str, &[Line])] = &[
    ("Access and set-up", &[
        line("NDA required", "", (Fact, "no"), (Fact, "yes, via the Anthropic Trust Center"), "None for Ephor. Recording names the agreement that it rests on.", Some("/settings")),
        line("Kind of API key", "", (Fact, "read:analytics"), (Fact, "read:security, now read:compliance_…"), "Keys of its own with the scopes of both", Some("/settings/keys")),
        line("Who can enable it", "", (Fact, "primary owner"), (Fact, "primary owner"), "The primary owner, for both", Some("/settings")),
        line("Effort", "", (Fact, "minutes"), (Fact, "half a day"), "One binary: ephor init, ephor up", None),
        line("Additional cost", "", (Fact, "none, with the Enterprise plan"), (Fact, "none, with the Enterprise plan"), "Apache-2.0; you run it", None),
    ]),
    ("Usage and adoption", &[
        line("Daily, weekly and monthly active users", "", (Yes, ""), (No, ""), "Adoption, over any period", Some("/use-cases/adoption-governance")),
        line("Seats", "assigned, active, invited", (Yes, ""), (No, ""), "Dormant accounts, with reclaimable seats", Some("/use-cases/dormant-accounts")),
        line("Projects", "users, conversations and messages of each", (Yes, ""), (No, ""), "Adoption, and /v1/organizations/analytics/apps/chat/projects", Some("/use-cases/adoption-governance")),
        line("Claude Code", "commits, pull requests, lines, sessions, tool actions", (Yes, ""), (No, ""), "Adoption; from telemetry too", Some("/use-cases/adoption-governance")),
        line("Connectors (MCP)", "which, by whom, how often", (Yes, ""), (Partial, "connection events only"), "Third-party audit: use and connections against the approved register", Some("/use-cases/third-party-audit")),
        line("Skills", "", (Yes, ""), (No, ""), "Shadow AI", Some("/use-cases/shadow-ai")),
        line("Web searches", "how many", (Yes, ""), (No, ""), "/v1/organizations/analytics/users", None),
    ]),
    ("Security and audit log", &[
        line("Sign-in and sign-out", "", (No, ""), (Yes, ""), "Activity", Some("/activity?category=authentication")),
        line("Life of API keys", "made, changed, deleted", (No, ""), (Yes, ""), "Activity, and key hygiene", Some("/activity?category=api_key")),
        line("Members of workspaces", "", (No, ""), (Yes, ""), "Activity", Some("/activity?category=workspace")),
        line("Account settings", "", (No, ""), (Yes, ""), "Activity", Some("/activity?category=org_settings")),
        line("Permissions and access", "", (No, ""), (Yes, ""), "Activity", Some("/activity?category=role")),
        line("Files", "uploaded, downloaded, deleted", (No, ""), (Yes, ""), "Activity", Some("/activity?category=file")),
    ]),
    ("Compliance frameworks", &[
        line("SOC 2 Type II", "", (Partial, "usage data only"), (Yes, "full audit trail"), "Coverage control by control, and signed packages", Some("/evidence/soc2")),
        line("EU AI Act", "transparency and logging of high-risk systems", (Partial, "usage metrics only"), (Yes, "audit trail for oversight"), "Coverage control by control, and signed packages", Some("/evidence/eu-ai-act")),
        line("NIS2", "", (Partial, "access patterns"), (Yes, "detection and logging of incidents"), "Coverage control by control, and signed packages", Some("/evidence/nis2")),
        line("PCI-DSS", "", (No, ""), (Partial, "access and change log"), "Coverage control by control, and signed packages", Some("/evidence/pci-dss")),
        line("ISO 27001", "", (Partial, "inventory of use"), (Yes, "evidence of operations security"), "Coverage control by control, and signed packages", Some("/evidence/iso27001")),
    ]),
    ("Operation", &[
        line("How fresh", "", (Fact, "after 3 days"), (Fact, "near real time"), "As fresh as its sources; pushes and telemetry within seconds", Some("/settings/sources")),
        line("How far back", "", (Fact, "90 days, from 1 January 2026"), (Fact, "from enablement on"), "Everything since the first collection, as long as you keep it", Some("/settings/retention")),
        line("Rate limits", "", (Fact, "60 requests a minute"), (Fact, "as agreed"), "Set by you", Some("/settings/sources")),
        line("One view of all organizations", "Enterprise and API", (No, "Enterprise only"), (Yes, "parent organization"), "One feed and one record", Some("/activity")),
        line("SIEM export", "", (Fact, "build your own"), (Yes, "made for it"), "Sinks in OCSF, ECS, CEF, LEEF or raw; the feed over the Compliance API", Some("/settings/sinks")),
    ]),
    ("Use cases", &[
        line("Shadow AI", "Find unapproved connectors and skills across the organization.", (Yes, "connectors and skills"), (Partial, "connection events only"), "Report and findings", Some("/use-cases/shadow-ai")),
        line("Dormant accounts", "Find assigned seats without activity.", (Yes, "seats against active users"), (No, ""), "Report over both, telemetry and directory", Some("/use-cases/dormant-accounts")),
        line("Privilege escalation", "Alert on unexpected changes of permissions and roles.", (No, ""), (Yes, "permission changes"), "Findings within seconds, and report", Some("/use-cases/privilege-escalation")),
        line("API key hygiene", "Track keys made, unused, and due for rotation.", (No, ""), (Yes, "key life-cycle"), "Report and findings", Some("/use-cases/api-key-hygiene")),
        line("Insider threat", "Unusual downloads and hours.", (No, ""), (Yes, "files and sign-ins"), "Report and findings", Some("/use-cases/insider-threat")),
        line("Cost attribution", "Share usage-based billing out to teams.", (Yes, "per user and project"), (No, ""), "Report with cost by team, model and product", Some("/use-cases/cost-attribution")),
        line("Adoption governance", "Report reach and pace of the roll-out to a board.", (Yes, "active users and trends"), (Partial, "number of events as a proxy"), "Report with pictures", Some("/use-cases/adoption-governance")),
        line("Workspace access", "Find members added to restricted workspaces.", (No, ""), (Yes, "membership changes"), "Report and findings", Some("/use-cases/workspace-access")),
        line("Configuration drift", "Watch for unexpected changes of settings.", (No, ""), (Yes, "setting changes"), "Report and findings", Some("/use-cases/configuration-drift")),
        line("Third-party audit", "Check that only approved connectors are active.", (Yes, "normalised connectors"), (Partial, "connection events only"), "Report against the approved register", Some("/use-cases/third-party-audit")),
        line("Data exfiltration", "Unusual volume or pattern of downloads.", (No, ""), (Yes, "download events"), "Report and findings", Some("/use-cases/data-exfiltration")),
        line("Access review", "Attest every quarter who has access and what they used.", (Yes, "activity and seats"), (Yes, "access and sign-ins"), "Report, and campaigns under Reviews", Some("/use-cases/access-review")),
        line("Incident response", "Reconstruct what happened during an event.", (Partial, "daily aggregates only"), (Yes, "every event"), "Timeline of both, and cases under Incidents", Some("/use-cases/incident-response")),
        line("Evidence package", "Hand an auditor what they ask for.", (Partial, "usage only"), (Yes, "full audit trail"), "Report of what there is, with proofs", Some("/use-cases/evidence-package")),
        line("Offboarding", "Confirm that access ended and nothing followed.", (Partial, "zero activity"), (Yes, "sign-in and removal"), "Report against the roster", Some("/use-cases/offboarding")),
    ]),
];
