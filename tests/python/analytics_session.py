"""How the vendor's SDK is pointed at Ephor: another base URL and a key of this node, and nothing else."""

import anthropic

from session import ADDRESS, key


def analytics(name: str = "analytics", **options) -> anthropic.Anthropic:
    """The SDK as it is, but for its retries: an error is an error here."""
    return anthropic.Anthropic(**{"api_key": key(name), "base_url": ADDRESS, "max_retries": 0, **options})
