"""NATS's own client for Python makes a stream and reads it back.

Arguments: `make` or `read`, the server's address, and the certificate authority, certificate and key to connect with.
`read` prints every message that the stream holds as a JSON line: its subject, its `Nats-Msg-Id` and its text.
"""

import asyncio
import json
import ssl
import sys

import nats

WHAT, ADDRESS, AUTHORITY, CERTIFICATE, KEY = sys.argv[1:6]


async def main() -> None:
    trust = ssl.create_default_context(cafile=AUTHORITY)
    trust.load_cert_chain(CERTIFICATE, KEY)
    client = await nats.connect(f"tls://{ADDRESS}", tls=trust, user="ephor", password="pass-word")
    streams = client.jetstream()
    if WHAT == "make":
        await streams.add_stream(name="CLAUDE", subjects=["claude.>"], max_msg_size=int(sys.argv[6]))
    else:
        state = (await streams.stream_info("CLAUDE")).state
        for number in range(state.first_seq, state.last_seq + 1):
            message = await streams.get_msg("CLAUDE", number)
            line = {"subject": message.subject, "id": message.headers["Nats-Msg-Id"], "text": message.data.decode()}
            print(json.dumps(line))
    await client.close()


asyncio.run(main())
