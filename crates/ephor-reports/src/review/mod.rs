//! Access reviews: a campaign over who may do what, decided one by one, and followed until what was revoked is gone.
//! Promises that what is reviewed is a snapshot that nobody changes, that nobody decides about themselves, and that a
//! closed campaign is signed; whoever owes a decision hears of it, and in the end whoever they report to.
//! Never takes a right away: the decision is here, the act is the directory's, and the record proves it.

mod entitlement;
mod notice;
mod proof_of_removal;
mod store;

pub use entitlement::{Entitlement, EntitlementKind, Flag, entitlements};
pub use notice::{About, Notice, NoticeDays};
pub use proof_of_removal::{Removal, RemovalState, removals};
pub use store::{Campaign, Decision, Item, NewCampaign, Reviews, Verdict};
