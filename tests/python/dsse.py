"""Opens a package's signature with securesystemslib, which knows DSSE and nothing of Ephor."""

import base64
import json
import sys
from pathlib import Path

from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

package, vkey = Path(sys.argv[1]), Path(sys.argv[2]).read_text().strip()
name, short, encoded = vkey.split("+", 2)
public = base64.b64decode(encoded)[1:]
key = SSlibKey(f"{name}+{short}", "ed25519", "ed25519", {"public": public.hex()})
envelope = Envelope.from_dict(json.loads((package / "signature.dsse.json").read_text()))
accepted = envelope.verify([key], 1)
assert list(accepted) == [f"{name}+{short}"], accepted
statement = json.loads(envelope.payload)
assert statement["_type"] == "https://in-toto.io/Statement/v1" and len(statement["subject"]) > 20
