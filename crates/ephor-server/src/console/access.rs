//! Which role may do what in the console, as one table.
//! Promises that a page or an action names one right, and that the table alone says who has it.
//! Never decides about rows: a viewer sees the same rows as others, with pseudonyms in place of people.

use ephor_lake::control::Role;

/// Something that a page or an action takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Right {
    /// Look at pages.
    Look,
    /// See people by name, an activity in full, and take copies away.
    SeeNames,
    /// Handle findings and incidents.
    Handle,
    /// Decide in access reviews.
    Review,
    /// Open and close access reviews.
    RunReviews,
    /// Build, fetch and check evidence.
    Evidence,
    /// See how the node is set up, and what was done here.
    SeeSettings,
    /// Manage keys, sources, sinks and lists.
    Administer,
    /// Say who has which role.
    GiveRoles,
    /// Turn recording and the Analytics API on and off.
    Switch,
}

use Role::{Admin, Analyst, Auditor, Owner, PrimaryOwner, Reviewer, Viewer};

/// Every right with the roles that have it. A member without a further role has none.
pub(crate) const RIGHTS: [(Right, &[Role]); 10] = [
    (Right::Look, &[Viewer, Auditor, Reviewer, Analyst, Admin, Owner, PrimaryOwner]),
    (Right::SeeNames, &[Auditor, Reviewer, Analyst, Admin, Owner, PrimaryOwner]),
    (Right::Handle, &[Analyst, Admin, Owner, PrimaryOwner]),
    (Right::Review, &[Reviewer, Admin, Owner, PrimaryOwner]),
    (Right::RunReviews, &[Admin, Owner, PrimaryOwner]),
    (Right::Evidence, &[Auditor, Admin, Owner, PrimaryOwner]),
    (Right::SeeSettings, &[Auditor, Admin, Owner, PrimaryOwner]),
    (Right::Administer, &[Admin, Owner, PrimaryOwner]),
    (Right::GiveRoles, &[Owner, PrimaryOwner]),
    (Right::Switch, &[PrimaryOwner]),
];

impl Right {
    /// Whether a role has it.
    pub(crate) fn is_of(self, role: Role) -> bool {
        RIGHTS.iter().any(|(right, roles)| *right == self && roles.contains(&role))
    }

    /// What it lets somebody do, to end the sentence "takes a role that may …".
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Look => "look at the console",
            Self::SeeNames => "see people by name",
            Self::Handle => "handle findings and incidents",
            Self::Review => "decide in access reviews",
            Self::RunReviews => "open and close access reviews",
            Self::Evidence => "build and read evidence",
            Self::SeeSettings => "see how this Ephor is set up",
            Self::Administer => "manage keys, sources and sinks",
            Self::GiveRoles => "give roles",
            Self::Switch => "turn recording on and off",
        }
    }
}

/// What a role is for, in one line.
pub(crate) const fn described(role: Role) -> &'static str {
    match role {
        Role::Member => "is known here and sees nothing",
        Role::Viewer => "figures, findings and activities with pseudonyms instead of people",
        Role::Auditor => "reads everything, builds evidence, changes nothing",
        Role::Reviewer => "reads everything but settings, decides in access reviews",
        Role::Analyst => "reads everything but settings, handles findings and incidents",
        Role::Admin => "all of these, and keys, sources, sinks and lists",
        Role::Owner => "as admin, and gives roles",
        Role::PrimaryOwner => "as owner, and turns recording on and off; one person",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_as_the_roles_are_described() {
        let table: Vec<String> = Role::ALL
            .into_iter()
            .map(|role| {
                let held: Vec<String> = RIGHTS
                    .iter()
                    .filter(|(right, _)| right.is_of(role))
                    .map(|(right, _)| format!("{right:?}"))
                    .collect();
                format!("{role}: {}", held.join(" "))
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"), @"
        member: 
        viewer: Look
        auditor: Look SeeNames Evidence SeeSettings
        reviewer: Look SeeNames Review
        analyst: Look SeeNames Handle
        admin: Look SeeNames Handle Review RunReviews Evidence SeeSettings Administer
        owner: Look SeeNames Handle Review RunReviews Evidence SeeSettings Administer GiveRoles
        primary_owner: Look SeeNames Handle Review RunReviews Evidence SeeSettings Administer GiveRoles Switch
        ");
    }
}
