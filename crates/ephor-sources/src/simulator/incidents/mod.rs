//! Planted incidents, one file for each use case, one function for each variant.
//! Promises that every variant is visible in the feed alone, by the thresholds that the field uses.
//! Never casts somebody who joins, leaves or is idle; those have stories of their own.

mod configuration_drift;
mod data_exfiltration;
mod insider_threat;
mod key_hygiene;
mod privilege_escalation;
mod shadow_ai;
mod third_party;
mod workspace_access;

use super::plan::Stage;

type Variant = fn(&mut Stage<'_>);

const VARIANTS: &[Variant] = &[
    configuration_drift::sign_on_not_enforced,
    configuration_drift::address_restriction_gone,
    configuration_drift::sharing_opened,
    configuration_drift::hooks_switched_off,
    shadow_ai::connector_spreads,
    shadow_ai::server_by_a_member,
    shadow_ai::known_name_other_server,
    shadow_ai::private_extension,
    privilege_escalation::raises_themselves,
    privilege_escalation::rise_then_key,
    privilege_escalation::short_elevation,
    privilege_escalation::custom_role_widened,
    key_hygiene::admin_key_by_a_member,
    key_hygiene::key_that_may_delete,
    key_hygiene::burst_of_keys,
    key_hygiene::feed_read_from_elsewhere,
    key_hygiene::old_key_renamed,
    insider_threat::night_export_and_deletion,
    insider_threat::refused_again_and_again,
    insider_threat::guessed_then_in,
    insider_threat::reads_the_member_list,
    workspace_access::lets_themselves_in,
    workspace_access::service_account_moved_in,
    workspace_access::key_moved_in,
    workspace_access::group_for_two_hours,
    third_party::policy_widened,
    third_party::forged_webhooks,
    third_party::unlisted_connector_approved,
    third_party::tunnel_token_shown,
    data_exfiltration::files_by_a_key,
    data_exfiltration::export_to_a_drive,
    data_exfiltration::public_links,
    data_exfiltration::export_collected_by_another,
    data_exfiltration::snapshots,
];

/// Large organisations get some of it twice or more.
const PEOPLE_PER_ROUND: usize = 400;

/// The first thing to be planned: everything else is recorded around the silence it makes.
pub(crate) fn silence(stage: &mut Stage<'_>) {
    configuration_drift::recording_off(stage);
}

pub(crate) fn plant(stage: &mut Stage<'_>) {
    let rounds = 1 + stage.company.people.len() / PEOPLE_PER_ROUND;
    for _ in 0..rounds {
        for variant in VARIANTS {
            variant(stage);
        }
    }
}
