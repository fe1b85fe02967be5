"""An OpenID Connect provider on a free port: prints its address, and serves until standard input ends.

Two people: sue, whose groups give her a role, and eve, whose groups give her none.
"""

import logging
import sys

from oidc_provider_mock import User, run_server_in_thread

logging.getLogger("werkzeug").setLevel(logging.ERROR)

people = [
    User(sub="sue", claims={"email": "sue@example.com", "email_verified": True, "groups": ["soc", "staff"]}),
    User(sub="eve", claims={"email": "eve@example.com", "email_verified": True, "groups": ["staff"]}),
    User(sub="mallory", claims={"email": "sue@example.com", "email_verified": False, "groups": ["soc"]}),
]

with run_server_in_thread(require_nonce=True, user_claims=people) as server:
    print(f"http://localhost:{server.server_port}", flush=True)
    sys.stdin.read()
