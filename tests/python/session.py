"""What the scripts share: where Ephor is, which keys it has, and how a client is made."""

import os

from claude_compliance_sdk import ComplianceClient

ADDRESS = os.environ["EPHOR_ADDRESS"]
OWN_READS = "compliance_api_accessed"


def key(name: str) -> str:
    return os.environ[f"{name.upper()}_KEY"]


def client(name: str = "compliance", **options) -> ComplianceClient:
    """The SDK as it is, without its own brake: Ephor's limit is what is tested."""
    return ComplianceClient(api_key=key(name), base_url=ADDRESS, **{"rate_limit_rpm": 0, **options})


def equal(found, expected, what: str) -> None:
    """Equality with a short reason: fifty thousand ids are no error message."""
    if found == expected:
        return
    if isinstance(found, list) and isinstance(expected, list):
        place = next((i for i, (a, b) in enumerate(zip(found, expected)) if a != b), min(len(found), len(expected)))
        raise AssertionError(
            f"{what}: {len(found)} instead of {len(expected)}; first difference at {place}: "
            f"{found[place:place + 2]} instead of {expected[place:place + 2]}"
        )
    raise AssertionError(f"{what}: {found!r} instead of {expected!r}")
