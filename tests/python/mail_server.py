"""A mail server on loopback that wants TLS and a password, and writes each mail that it takes as one line of JSON.

Usage: mail_server.py FOLDER

FOLDER has certificate.pem and key.pem. Prints its port once it listens; runs until its standard input ends.
"""

import email
import email.policy
import json
import pathlib
import socket
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

folder = pathlib.Path(sys.argv[1])


class Box:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        attached = {part.get_filename(): part.get_content_type() for part in mail.iter_attachments()}
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": mail["subject"],
            "id": mail["message-id"],
            "automatic": mail["auto-submitted"],
            "text": mail.get_body(("plain",)).get_content(),
            "attached": attached,
            "tls": session.ssl is not None,
            "user": session.auth_data.login.decode(),
        }
        with open(folder / "mails.ndjson", "a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
        return "250 taken"


class OnAFreePort(Controller):
    """The system chooses the port, and it is known before anybody connects."""

    def _create_server(self):
        own = socket.create_server((self.hostname, 0))
        self.port = own.getsockname()[1]
        return self.loop.create_server(self._factory_invoker, sock=own, ssl=self.ssl_context)


def known(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ephor", b"between us")
    # Not handled: the server says 535 itself.
    return AuthResult(success=right, handled=right, auth_data=data)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
controller = OnAFreePort(
    Box(),
    hostname="127.0.0.1",
    port=0,
    tls_context=context,
    require_starttls=True,
    authenticator=known,
    auth_required=True,
)
controller.start()
print(controller.port, flush=True)
sys.stdin.read()
controller.stop()
