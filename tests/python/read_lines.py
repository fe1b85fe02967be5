"""Lines of CEF and LEEF, read by parsers of other houses and compared with what was put into them.

Arguments: a reader, a file of lines, and the same records in the same order in the formats `raw` and `ecs`. Readers of CEF:
`liblognorm`, what rsyslog takes lines apart with, and `vector`, the Remap Language of Vector, which is in `vrl-python`. Reader of
LEEF: `tenzir`. Neither format has quotes, and yet the latter two take some for theirs, so they are not given records with quotes;
`vector` takes a carriage return for a line feed and drops pipes and blanks at a value's end, `tenzir` takes backslashes for escapes. Prints one line of JSON: how
many lines were read, the keys that occurred, and everything that is not as it was put in. What was put in is taken from the raw
record and, where a word is Ephor's own (outcome, severity, sentence), from the ECS document.
"""

import importlib.util
import json
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

READER, LINES, RAW, ECS = sys.argv[1], *map(Path, sys.argv[2:])


def vector(lines: list[str]) -> list[tuple[list, dict]]:
    from vrl_python import VRLRuntime

    runtime, found = VRLRuntime(), []
    for line in lines:
        event = dict(runtime.execute(". = parse_cef!(.line)", {"line": line}).processed_event)
        names = ["deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "severity"]
        assert event.pop("cefVersion") == "0"
        found.append(([event.pop(name) for name in names], event))
    return found


def liblognorm(lines: list[str]) -> list[tuple[list, dict]]:
    rules = LINES.with_suffix(".rulebase")
    rules.write_text("version=2\nrule=:%line:cef%\n")
    said = subprocess.run(["lognormalizer", "-r", rules, "-e", "json"], input="".join(line + "\n" for line in lines).encode(), capture_output=True, check=True)
    found = []
    for line in said.stdout.decode().splitlines():
        event = json.loads(line)["line"]
        pairs = event["Extensions"]
        # It looks for a key behind a blank, and loses the first letter of the one that begins the extension.
        pairs = {"rt" if key == "t" else key: value for key, value in pairs.items()}
        names = ["DeviceVendor", "DeviceProduct", "DeviceVersion", "SignatureID", "Name", "Severity"]
        found.append(([event[name] for name in names], pairs))
    return found


def tenzir(lines: list[str]) -> list[tuple[list, dict]]:
    file = LINES.with_suffix(".read")
    file.write_text("".join(line + "\n" for line in lines), "utf-8")
    program = f'from_file "{file}" {{ read_leef raw=true }}\nto_stdout {{ write_ndjson }}'
    said = subprocess.run([program_of("tenzir"), "--bare-mode", program], capture_output=True, check=True)
    found = []
    for line in said.stdout.decode().splitlines():
        event = json.loads(line)
        header = [event[name] for name in ("vendor", "product_name", "product_version", "event_class_id")]
        found.append((header, event["attributes"]))
    return found


def program_of(package: str) -> Path:
    """The program in a package, without the Python around it and what that needs."""
    return Path(importlib.util.find_spec(package).submodule_search_locations[0], "bundled/bin", package)


# Control characters and blanks, which no value has at its ends.
BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace() or code < 32 or 127 <= code < 160)


def shown(text: str, cef: bool) -> str:
    """What a line can hold of a text: no control characters; CEF knows line breaks."""
    kept = "\n\r" if cef else ""
    return "".join(c if c in kept or (ord(c) >= 32 and not 127 <= ord(c) < 160) else " " for c in text)


def as_read(text: str) -> str:
    """What the reader makes of a text by its own rules."""
    if READER == "liblognorm":
        return text
    if READER == "vector":
        return text.replace("\r", "\n").rstrip("| ")
    meant = {"\\": "\\", "n": "\n", "r": "\n", "t": "\t", "=": "=", '"': '"'}
    out, rest = [], iter(text)
    for c in rest:
        following = next(rest, "") if c == "\\" else ""
        out.append(meant.get(following, c + following))
    return "".join(out)


def millis(stamp: str) -> str:
    at = datetime.fromisoformat(stamp.replace("Z", "+00:00")).astimezone(timezone.utc)
    return str(int(at.timestamp()) * 1000 + at.microsecond // 1000)


def at(value, path: str):
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def first(*values):
    return next((value for value in values if value not in (None, "")), None)


def texts(value) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


class Any:
    """A value that has to be one of the texts of the record, such as what an activity was done to."""


def activity_pairs(raw: dict, ecs: dict, cef: bool) -> dict:
    actor = raw.get("actor", {})
    address = at(ecs, "source.ip")
    own = raw.get("source") == "ephor" or at(ecs, "event.provider") == "ephor"
    email = first(actor.get("email_address"), actor.get("unauthenticated_email_address"))
    common = {"outcome": at(ecs, "event.outcome"), "msg": ecs["message"]}
    if cef:
        four = address if address and ":" not in address else None
        six = address if address and ":" in address else None
        return common | {
            "rt": millis(raw["created_at"]), "act": raw["type"][:63], "suser": email, "duser": at(ecs, "user.target.email"), "src": four,
            "c6a3": six, "requestClientApplication": actor.get("user_agent"), "request": at(ecs, "url.original"),
            "requestMethod": at(ecs, "http.request.method"), "dvchost": "Ephor" if own else "Claude Compliance API",
            "deviceExternalId": first(raw.get("organization_id"), raw.get("organization_uuid")), "sourceServiceName": actor.get("type"),
            "externalId": raw["id"] if len(raw["id"]) <= 40 else None, "cs1": raw["id"], "cs2": raw.get("organization_uuid"),
            "cn1": str(at(ecs, "event.sequence")), "cat": Any, "reason": Any, "suid": Any, "duid": Any, "fileId": Any, "fname": Any,
            "cs3": Any, "cs4": Any, "cs5": Any, "cs6": Any,
        }
    return common | {
        "devTime": millis(raw["created_at"]), "sev": str(at(ecs, "event.severity")), "src": address, "url": at(ecs, "url.original"),
        "requestMethod": at(ecs, "http.request.method"), "domain": first(raw.get("organization_id"), raw.get("organization_uuid")),
        "workspace": raw.get("workspace_id"), "userAgent": actor.get("user_agent"), "actorType": actor.get("type"), "activityId": raw["id"],
        "seq": str(at(ecs, "event.sequence")), "cat": Any, "usrName": Any, "accountName": Any, "role": Any, "resource": Any, "resourceType": Any,
        "resourceName": Any, "groupID": Any, "responseCode": Any, "reason": Any, "actorId": Any, "keyId": Any, "sessionId": Any, "fields": Any,
    }


def finding_pairs(raw: dict, ecs: dict, cef: bool) -> dict:
    user = next((one["id"] for one in raw["entities"] if one["type"] == "user"), None)
    record = f"{raw['id']}.{raw['revision']}"
    if cef:
        return {
            "rt": millis(raw["last_seen"]), "start": millis(raw["first_seen"]), "end": millis(raw["last_seen"]), "cnt": str(raw["count"]),
            "externalId": record, "suid": user, "msg": raw["explanation"], "cs1": raw["use_case"], "cs2": raw["status"], "cs3": raw["standing"],
        }
    return {
        "sev": str(max(1, at(ecs, "event.severity"))), "devTime": raw["last_seen"], "devTimeFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'",
        "cat": raw["use_case"], "usrName": user, "externalId": record, "count": str(raw["count"]), "title": raw["title"], "status": raw["status"],
        "standing": raw["standing"], "explanation": raw["explanation"],
    }


LABELS = {"c6a3": "Source IPv6 Address", "cs1": "activityId", "cs2": "organizationUuid", "cs3": "keyId", "cs4": "resource", "cs5": "resourceType", "cn1": "seq", "cs6": "fields"}
FINDING_LABELS = {"cs1": "Use case", "cs2": "Status", "cs3": "Standing"}
# Lengths of CEF's dictionary and of Ephor's own tables, in characters; what is longer is cut.
LIMITS = {"deviceExternalId": 255, "dvchost": 100, "outcome": 63, "cs1": 4000, "cs6": 4000, "usrName": 255, "accountName": 255, "fields": 8000}
# What is Ephor's own word for something and stands nowhere in the record.
OWN_WORDS = {"cat", "cs5", "resourceType"}
# A role that a type says by its name alone.
GIVEN_ROLES = {"primary_owner_transferred": {"primary_owner"}}


# What every record has, and the fields of a type are beside.
ENVELOPE = {"id", "type", "created_at", "actor", "organization_id", "organization_uuid"}


def rest_is_of(raw: dict, said: str, cef: bool) -> bool:
    """The fields of the type as JSON: each as it is in the record."""
    if len(said) >= 4000:
        return True  # cut
    if cef:
        meant = json.loads(as_read(shown(json.dumps(raw, ensure_ascii=False), cef)))
        return all(meant.get(name) == value for name, value in json.loads(said).items())
    # JSON has backslashes of its own, which Tenzir reads as its escapes.
    whole = {name: shown(json.dumps({name: value}, separators=(",", ":"), ensure_ascii=False, sort_keys=True)[1:-1], cef) for name, value in sorted(raw.items()) if name not in ENVELOPE}
    return said == as_read("{" + ",".join(text for name, text in whole.items() if f'"{name}":' in said) + "}")


def wrong_in(number: int, header: list, pairs: dict, raw: dict, ecs: dict, cef: bool) -> list[str]:
    is_finding = raw["type"] == "ephor_finding"
    expected = (finding_pairs if is_finding else activity_pairs)(raw, ecs, cef)
    wrong = []

    def same(what: str, said, meant) -> None:
        if said != meant:
            wrong.append(f"line {number}, {what}: {said!r} instead of {meant!r}")

    def put_in(name: str, text: str) -> str:
        text = text[: LIMITS.get(name, 1023 if cef else len(text))]
        return as_read(shown(text.strip(BLANKS), cef))

    own = is_finding or at(ecs, "event.provider") == "ephor"
    kind = raw["rule"] if is_finding else raw["type"]
    same("vendor", header[0], "Ephor" if own else "Anthropic")
    same("product", header[1], "Ephor Detections" if is_finding else "Ephor" if own else "Claude Compliance API")
    same("version", header[2], "1")
    if cef:
        same("class", header[3], shown(kind, False))
        same("severity", header[5], str(at(ecs, "event.severity")))
        if is_finding:
            same("name", header[4], raw["title"])
        elif not ecs["message"].startswith(header[4]):
            wrong.append(f"line {number}, name: {header[4]!r} does not begin {ecs['message']!r}")
        labels = FINDING_LABELS if is_finding else LABELS
        for key, label in labels.items():
            same(f"{key}Label", pairs.pop(f"{key}Label", None), label if key in pairs else None)
    else:
        same("event", header[3], shown(kind.replace("|", " "), cef))
    for name, value in expected.items():
        said = pairs.pop(name, None)
        if value is Any:
            if name in ("cs6", "fields"):
                if said is not None and not rest_is_of(raw, said, cef):
                    wrong.append(f"line {number}, {name}: {said!r} is not of the record")
            elif said is not None and name not in OWN_WORDS:
                held = {put_in(name, text) for text in texts(raw)} | GIVEN_ROLES.get(kind, set()) | {str(at(ecs, "http.response.status_code"))}
                if said not in held and not any(one and one.startswith(said) for one in held if len(said) >= 255):
                    wrong.append(f"line {number}, {name}: {said!r} is nowhere in the record")
        else:
            meant = None if value is None else put_in(name, value)
            same(name, said or None, meant or None)
    if pairs:
        wrong.append(f"line {number}: nobody put {sorted(pairs)} in")
    return wrong


def main() -> None:
    lines = LINES.read_text("utf-8").split("\n")[:-1]
    raws = [json.loads(line) for line in RAW.read_text("utf-8").split("\n")[:-1]]
    documents = [json.loads(line) for line in ECS.read_text("utf-8").split("\n")[:-1]]
    if READER != "liblognorm":
        whole = [number for number, raw in enumerate(raws) if not any("'" in text or '"' in text for text in texts(raw))]
        lines, raws, documents = ([some[number] for number in whole] for some in (lines, raws, documents))
    found = {"vector": vector, "liblognorm": liblognorm, "tenzir": tenzir}[READER](lines)
    wrong, keys = [], set()
    if not len(lines) == len(raws) == len(documents) == len(found):
        wrong.append(f"{len(found)} of {len(lines)} lines read, {len(raws)} records, {len(documents)} documents")
    for number, (header, pairs) in enumerate(found):
        keys.update(pairs)
        wrong += wrong_in(number, header, dict(pairs), raws[number], documents[number], READER != "tenzir")
    print(json.dumps({"lines": len(found), "keys": sorted(keys), "errors": len(wrong), "first": wrong[:20]}))


main()
