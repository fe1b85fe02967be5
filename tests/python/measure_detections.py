"""Compares what Ephor found with what the simulator planted: recall for each use case, false findings a day.

Usage: measure_detections.py TRUTH FINDINGS USERS DAYS [--recall-at-least R] [--false-at-most N]
FINDINGS is the output of `ephor findings list --format json`. One JSON document is printed.
"""

import argparse
import collections
import json
import sys


def entities(thing):
    return {(one["type"], one["id"]) for one in thing["entities"]}


def touches(finding, incident):
    """A finding is of an incident if it rests on one of its activities. A question about the directory rests on none:
    there the object that it names has to be one of the incident's, and not only a person."""
    if finding["evidence"]:
        return not incident["activities"].isdisjoint(finding["evidence"])
    named = {entity for entity in entities(finding) if entity[0] not in ("user", "organization")}
    return not named.isdisjoint(incident["entities"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("truth")
    parser.add_argument("findings")
    parser.add_argument("users", type=int)
    parser.add_argument("days", type=int)
    parser.add_argument("--recall-at-least", type=float, default=0.0)
    parser.add_argument("--false-at-most", type=float, default=float("inf"))
    asked = parser.parse_args()
    with open(asked.truth) as file:
        truth = json.load(file)
    with open(asked.findings) as file:
        findings = json.load(file)

    incidents = [
        {"use_case": i["use_case"], "description": i["description"], "activities": set(i["activities"]), "entities": entities(i)}
        for i in truth["incidents"]
    ]
    watched = [i for i in incidents if i["use_case"] != "offboarding"]
    cases = collections.defaultdict(lambda: {"planted": 0, "found": 0, "findings": 0, "true": 0, "missed": []})
    for incident in watched:
        case = cases[incident["use_case"]]
        case["planted"] += 1
        found = any(f["use_case"] == incident["use_case"] and touches(f, incident) for f in findings)
        case["found"] += found
        if not found:
            case["missed"].append(incident["description"])
    false = collections.Counter()
    for finding in findings:
        case = cases[finding["use_case"]]
        case["findings"] += 1
        true = any(touches(finding, incident) for incident in incidents)
        case["true"] += true
        if not true:
            false[finding["rule"]] += 1
    for case in cases.values():
        case["recall"] = case["found"] / case["planted"] if case["planted"] else None
        case["precision"] = case["true"] / case["findings"] if case["findings"] else None
    planted, found = len(watched), sum(case["found"] for case in cases.values())
    told = {
        "use_cases": dict(sorted(cases.items())),
        "recall": found / planted if planted else 1.0,
        "findings": len(findings),
        "false": sum(false.values()),
        "false_by_rule": dict(false.most_common()),
        "false_per_1000_users_and_day": sum(false.values()) / asked.users / asked.days * 1000,
    }
    print(json.dumps(told, indent=1))
    enough = told["recall"] >= asked.recall_at_least
    quiet = told["false_per_1000_users_and_day"] <= asked.false_at_most
    sys.exit(0 if enough and quiet else 1)


main()
