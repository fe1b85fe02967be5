"""Validates lines of OCSF against the official schema: validate_ocsf.py VERSION FILE. Prints one line of JSON."""

import json
import sys
from collections import Counter

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

version, path = sys.argv[1:]
ocsf = OcsfJsonSchemaEmbedded(get_ocsf_schema(version))
validators, classes, errors = {}, Counter(), []
with open(path, encoding="utf-8") as lines:
    for line in lines:
        record = json.loads(line)
        profiles = record["metadata"].get("profiles", [])
        key = (record["class_uid"], tuple(profiles))
        if key not in validators:
            name = ocsf.lookup_class_name_from_uid(record["class_uid"])
            validators[key] = jsonschema.Draft202012Validator(ocsf.get_class_schema(name, profiles))
        classes[record["class_uid"]] += 1
        for error in validators[key].iter_errors(record):
            errors.append(f"{record['metadata'].get('event_code')} {error.json_path}: {error.message[:200]}")
print(json.dumps({"classes": classes, "errors": len(errors), "first": errors[:20]}))
