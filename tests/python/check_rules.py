"""Reads every shipped rule with pySigma and holds it against the validators of pySigma and of SigmaHQ.

Usage: check_rules.py RULES. Fails at the first kind of complaint that is not one of those excused below.
"""

import sys

from sigma.collection import SigmaCollection
from sigma.plugins import InstalledSigmaPlugins
from sigma.validation import SigmaValidator

EXCUSED = {
    # House rules of the SigmaHQ repository that say nothing about a rule elsewhere.
    "sigmahq_correlation_filename_prefix": "rule files are named after the rule",
    "sigmahq_status_to_high": "a status is Ephor's own word for its tests",
    "sigmahq_mitre_link": "the technique is a reference beside the tag",
    "sigmahq_unknown_field": "the block `ephor:` is a custom attribute, as the specification allows",
}

# These look their lists up on the network, and tests stay on this machine.
NEEDS_NETWORK = {
    "attacktag",
    "d3_fendtag",
    "sigmahq_fieldname_cast",
    "sigmahq_filename_prefix",
    "sigmahq_invalid_fieldname",
    "sigmahq_logsource_unknown",
    "sigmahq_redundant_field",
    "sigmahq_tags_techniques_without_tactics",
}

rules = SigmaCollection.load_ruleset([sys.argv[1]], collect_errors=True)
told = [str(error) for error in rules.errors]
told += [f"{rule.source}: {error}" for rule in rules.rules for error in rule.errors]
validators = InstalledSigmaPlugins.autodiscover().validators
assert any(name.startswith("sigmahq_") for name in validators), "the SigmaHQ validators are not installed"
used = {name: kind for name, kind in validators.items() if name not in EXCUSED and name not in NEEDS_NETWORK}
for name, kind in sorted(used.items()):
    told += [f"{name}: {issue}" for issue in SigmaValidator({kind}).validate_rules(iter(rules.rules))]
print(f"{len(rules.rules)} documents, {len(used)} validators, {len(told)} complaints")
if told:
    print("\n".join(told[:20]), file=sys.stderr)
    sys.exit(1)
