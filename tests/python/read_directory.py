"""Lists every directory resource with the community SDK: whole, page by page, and in agreement with each other.

Usage: EPHOR_ADDRESS=... COMPLIANCE_KEY=... read_directory.py SIMULATED_FOLDER
"""

import dataclasses
import json
import pathlib
import sys

from claude_compliance_sdk import ComplianceClient, NotFoundError

from session import client, equal

NO_PUBLISHED_ORDER = ("groups", "group_members")


def whole_and_in_pages(listing, name, *arguments, most: int, small: int) -> list:
    """The same rows in the same order, whatever the page's size."""
    whole = list(listing(*arguments, limit=most))
    equal([repr(row) for row in listing(*arguments, limit=small)], [repr(row) for row in whole], f"{name} in pages of {small}")
    equal([repr(row) for row in listing(*arguments)], [repr(row) for row in whole], f"{name} in pages of the default size")
    return whole


def as_served(row) -> dict:
    """What the SDK has read of a row, known fields and others; what was not there is not there."""
    fields = {**dataclasses.asdict(row), **row.extra}
    del fields["extra"]
    return {name: value for name, value in fields.items() if value is not None}


def agrees_with_the_simulation(sdk: ComplianceClient, folder: pathlib.Path) -> int:
    """Every list of every scope, row by row, in its order where one is published."""
    compared = 0
    listings = {
        "organizations": lambda scope: sdk.organizations.iter(),
        "users": sdk.organizations.iter_users,
        "groups": lambda scope: sdk.groups.iter(),
        "group_members": sdk.groups.iter_members,
        "projects": lambda scope: sdk.projects.iter(limit=100),
        "project_collaborators": sdk.projects.iter_collaborators,
    }
    for name, listing in listings.items():
        for scope, rows in json.loads((folder / f"{name}.json").read_text())["scopes"].items():
            truth = [{field: value for field, value in row.items() if value is not None} for row in rows]
            found = [as_served(row) for row in listing(scope)]
            if name == "organizations":
                found = [row for row in found if row in truth]
            if name in NO_PUBLISHED_ORDER:
                found, truth = (sorted(rows, key=lambda row: json.dumps(row, sort_keys=True)) for rows in (found, truth))
            equal(found, truth, f"{name} of {scope or 'the parent'}")
            compared += len(rows)
    for scope, rows in json.loads((folder / "effective_settings.json").read_text())["scopes"].items():
        found, truth = (sorted(settings, key=lambda row: row["name"]) for settings in (
            sdk.organizations.get_settings(scope).settings, rows[0]["settings"]))
        equal(found, truth, f"settings of {scope}")
    return compared


def organizations(sdk: ComplianceClient, linked: list[str]) -> dict:
    found = whole_and_in_pages(sdk.organizations.iter, "organizations", most=1000, small=1)
    # The parent itself may be listed too; it is no target for settings.
    parent = {row.uuid for row in found} - set(linked)
    equal([row.uuid for row in found if row.uuid in linked], linked, "the linked organizations")
    assert len(parent) <= 1, f"organizations that were never simulated: {parent}"
    equal([row.created_at for row in found], sorted(row.created_at for row in found), "organizations by created_at")
    users = {}
    for organization in found:
        members = whole_and_in_pages(sdk.organizations.iter_users, "users", organization.uuid, most=1000, small=7)
        users[organization.uuid] = members
        assert all(user.id.startswith("user_") and "@" in user.email and user.organization_role for user in members)
        if organization.uuid in parent:
            nobody(sdk.organizations.get_settings, organization.uuid)
        else:
            settings(sdk, organization.uuid)
    assert any(users.values()), "somebody works here"
    return users


def settings(sdk: ComplianceClient, uuid: str) -> None:
    found = sdk.organizations.get_settings(uuid)
    equal((found.type, found.organization_id), ("effective_organization_settings", uuid), "settings")
    kinds = {"boolean": bool, "integer": int, "string": str, "string_list": list, "provisioning_mode": str, "data_retention": (dict, list)}
    for row in found.settings:
        assert isinstance(row["value"], kinds[row["type"]]), row
    assert found.api_keys and all(key.id.startswith("apikey_") and key.scopes for key in found.api_keys), "the parent's keys"


def roles(sdk: ComplianceClient, uuid: str) -> int:
    found = whole_and_in_pages(sdk.roles.iter, "roles", uuid, most=1000, small=1)
    for role in found:
        equal(repr(sdk.roles.get(uuid, role.id)), repr(role), "one role")
        permissions = whole_and_in_pages(sdk.roles.iter_permissions, "permissions", uuid, role.id, most=1000, small=1)
        assert all(row.resource_type and row.action for row in permissions)
    return len(found)


def groups(sdk: ComplianceClient, users: set[str]) -> int:
    found = whole_and_in_pages(sdk.groups.iter, "groups", most=1000, small=2)
    assert found, "there are groups"
    for group in found:
        equal(repr(sdk.groups.get(group.id)), repr(group), "one group")
        members = whole_and_in_pages(sdk.groups.iter_members, "members", group.id, most=1000, small=5)
        strangers = {member.user_id for member in members} - users
        assert not strangers, f"members of {group.id} that no organization lists: {strangers}"
    return len(found)


def projects(sdk: ComplianceClient) -> int:
    found = whole_and_in_pages(sdk.projects.iter, "projects", most=100, small=3)
    assert found, "there are projects"
    equal([row.created_at for row in found], sorted(row.created_at for row in found), "projects by created_at")
    owner = next(row.user["id"] for row in found if row.user)
    mine = [row.id for row in found if row.user and row.user["id"] == owner]
    equal([row.id for row in sdk.projects.iter(user_ids=[owner])], mine, "projects of one person")
    for field in ("organization_id", "organization_uuid"):
        value = getattr(found[0], field)
        theirs = [row.id for row in found if getattr(row, field) == value]
        equal([row.id for row in sdk.projects.iter(organization_ids=[value])], theirs, f"projects by {field}")
    middle = found[len(found) // 2].created_at
    later = [row.id for row in found if row.created_at >= middle]
    equal([row.id for row in sdk.projects.iter(created_at_gte=middle)], later, "projects from a time on")
    for project in found:
        people = whole_and_in_pages(sdk.projects.iter_collaborators, "collaborators", project.id, most=100, small=1)
        assert all(row.type and row.role and row.granted_at for row in people)
    return len(found)


def nobody(call, *arguments) -> None:
    try:
        call(*arguments)
    except NotFoundError as error:
        equal((error.status_code, error.error_type), (404, "not_found_error"), "404")
        assert error.request_id, "every answer has a request-id"
    else:
        raise AssertionError(f"{call.__qualname__}{arguments} was found")


def main(simulated: str) -> None:
    with client() as sdk:
        linked = json.loads((pathlib.Path(simulated) / "directory/organizations.json").read_text())["scopes"][""]
        users = organizations(sdk, [row["uuid"] for row in linked])
        everybody = {user.id for members in users.values() for user in members}
        counts = {
            "organizations": len(users),
            "users": len(everybody),
            "roles": sum(roles(sdk, uuid) for uuid in users),
            "groups": groups(sdk, everybody),
            "projects": projects(sdk),
        }
        counts["rows_compared"] = agrees_with_the_simulation(sdk, pathlib.Path(simulated) / "directory")
        stranger = "00000000-0000-4000-8000-00000000dead"
        nobody(sdk.organizations.list_users, stranger)
        nobody(sdk.organizations.get_settings, stranger)
        nobody(sdk.roles.get, next(iter(users)), "rbac_role_nobody")
        nobody(sdk.groups.get, "rbac_group_nobody")
        nobody(sdk.groups.list_members, "rbac_group_nobody")
        nobody(sdk.projects.list_collaborators, "claude_proj_nobody")
    print(json.dumps(counts))


if __name__ == "__main__":
    main(sys.argv[1])
