"""Decides what becomes of everything that a review revoked, and writes the activities that tell of it.

Usage: review_fates.py SEED SHOWN.json ACTIVITIES.ndjson; SHOWN.json is what `ephor review show` prints. Some rights end, some end and
are given again, some stay. Beside each, activities tell of something that looks alike and ends nothing: a key that is renamed, a
colleague who leaves the same group, a departure from another organization. Prints {item number: state}, which is the truth. Written
from the published fields of each type, without a look at how Ephor reads them.
"""

import json
import random
import sys
from datetime import datetime, timedelta, timezone

STRANGER = "user_stranger"
DUE_DAYS, DUE_DAYS_PRIVILEGED = 7, 1


def update(kind: str, before: str, after: str) -> dict:
    return {"updates": [{"type": kind, "previous_value": before, "current_value": after}]}


def role(person: str, before: str | None, after: str | None) -> dict:
    return {"type": "claude_user_role_updated", "user_id": person, "user_email": f"{person}@example.com", "previous_role": before, "current_role": after}


def ends(right: dict) -> list[dict]:
    """Each of these ends it."""
    person, thing, held = right["person"], right["object"], right["role"]
    match right["kind"]:
        case "organization_role":
            here = {"organization_uuid": thing, "organization_id": "org_reviewed"}
            return [
                {"type": "org_user_deleted", "deleted_user_id": person} | here,
                {"type": "org_user_left", "actor": person, "previous_role": held} | here,
                {"type": "scim_user_deleted", "user_id": person} | here,
                role(person, held, None) | here,
                role(person, held, "another_role") | here,
            ]
        case "group":
            gone = {"type": "group_member_removed", "group_id": thing}
            return [gone | {"member_ids": [person]}, gone | {"member_ids": [STRANGER, person]}, {"type": "group_deleted", "group_id": thing}]
        case "workspace":
            member = {"workspace_id": thing, "user_id": person}
            return [
                {"type": "platform_workspace_member_removed"} | member,
                {"type": "platform_workspace_member_updated"} | member | update("workspace_role", held, "another_role"),
                {"type": "platform_workspace_archived", "workspace_id": thing},
            ]
        case "project":
            taken = {"type": "role_assignment_revoked", "resource_type": "project", "resource_id": thing, "target_id": person, "target_type": "user"}
            return [taken, {"type": "claude_project_deleted", "claude_project_id": thing}]
        case "api_key":
            off = {"type": "platform_api_key_updated", "api_key_id": thing}
            return [off | update("status", "active", state) for state in ("inactive", "archived")] + [
                {"type": "scoped_api_key_deleted", "api_key_id": thing, "api_key_name": "", "scopes": []},
                {"type": "scoped_api_key_updated", "api_key_id": thing} | update("activation_state", "active", "inactive"),
            ]
        case "connector":
            return [{"type": "integration_user_disconnected", "mcp_server_id": thing, "actor": person}]


def grants(right: dict) -> list[dict]:
    """Each of these gives it again."""
    person, thing, held = right["person"], right["object"], right["role"]
    match right["kind"]:
        case "organization_role":
            return [role(person, None, held) | {"organization_uuid": thing, "organization_id": "org_reviewed"}]
        case "group":
            return [{"type": "group_member_added", "group_id": thing, "member_ids": [STRANGER, person]}]
        case "workspace":
            return [{"type": "platform_workspace_member_added", "workspace_id": thing, "user_id": person, "workspace_role": held}]
        case "project":
            return [{"type": "role_assignment_granted", "resource_type": "project", "resource_id": thing, "target_id": person, "target_type": "user", "role": held}]
        case "api_key":
            return [{"type": "platform_api_key_updated", "api_key_id": thing} | update("status", "inactive", "active")]
        case "connector":
            return [{"type": "integration_user_connected", "mcp_server_id": thing, "actor": person}]


def decoys(right: dict) -> list[dict]:
    """Each of these looks like an end and is none."""
    person, thing, held = right["person"], right["object"], right["role"]
    match right["kind"]:
        case "organization_role":
            return [
                {"type": "org_user_deleted", "deleted_user_id": person, "organization_uuid": "ffffffff-0000-4000-8000-000000000000"},
                {"type": "org_user_deleted", "deleted_user_id": STRANGER, "organization_uuid": thing},
                role(STRANGER, held, None) | {"organization_uuid": thing},
            ]
        case "group":
            return [
                {"type": "group_member_removed", "group_id": thing, "member_ids": [STRANGER]},
                {"type": "group_member_removed", "group_id": "group_other", "member_ids": [person]},
            ]
        case "workspace":
            return [
                {"type": "platform_workspace_member_removed", "workspace_id": thing, "user_id": STRANGER},
                {"type": "platform_workspace_member_removed", "workspace_id": "wrkspc_other", "user_id": person},
            ]
        case "project":
            return [{"type": "role_assignment_revoked", "resource_type": "project", "resource_id": thing, "target_id": STRANGER, "target_type": "user"}]
        case "api_key":
            renamed = {"type": "platform_api_key_updated", "api_key_id": thing}
            # A key works on when the person who made it has gone.
            return [renamed | update("name", "old", "new"), renamed | update("workspace", "one", "other"), {"type": "org_user_deleted", "deleted_user_id": person}]
        case "connector":
            return [
                {"type": "integration_user_disconnected", "mcp_server_id": "mcpsrv_other", "actor": person},
                {"type": "integration_user_disconnected", "mcp_server_id": thing, "actor": STRANGER},
            ]


def activity(told: dict, at: datetime, number: int) -> dict:
    actor = {"type": "user_actor", "user_id": told.get("actor", "user_administrator"), "email_address": "someone@example.com"}
    head = {"id": f"activity_fate_{number}", "created_at": at.isoformat().replace("+00:00", "Z"), "organization_id": None, "organization_uuid": None}
    return head | told | {"actor": actor}


def main(seed: str, shown: str, into: str) -> None:
    dice = random.Random(seed)
    truth, rows = {}, []
    now = datetime.now(timezone.utc)
    for item in json.load(open(shown))["entitlements"]:
        decision, right = item["decision"], item["entitlement"]
        if not decision or decision["verdict"] != "revoke":
            continue
        decided = datetime.fromisoformat(decision["decided_at"].replace("Z", "+00:00"))
        told = [decoy for decoy in decoys(right) if dice.random() < 0.7]
        fate = dice.choice(["stays", "ends", "is given again", "ends after all"])
        if fate != "stays":
            told.append(dice.choice(ends(right)))
        if fate in ("is given again", "ends after all"):
            told += grants(right)
        if fate == "ends after all":
            told.append(dice.choice(ends(right)))
        days = DUE_DAYS_PRIVILEGED if "privileged" in right["flags"] else DUE_DAYS
        late = now - decided > timedelta(days=days)
        truth[item["number"]] = {"ends": "removed", "ends after all": "removed", "is given again": "given_again"}.get(fate, "overdue" if late else "due")
        rows += [activity(one, decided + timedelta(seconds=2, milliseconds=place), len(rows) + place) for place, one in enumerate(told)]
        # What ended it before it was revoked proves nothing: a directory lists it. Connectors are listed by the feed itself.
        if right["kind"] != "connector":
            rows.append(activity(ends(right)[0], decided - timedelta(seconds=90), len(rows)))
    dice.shuffle(rows)
    with open(into, "w") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    print(json.dumps(truth))


main(*sys.argv[1:])
