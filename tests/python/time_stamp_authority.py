"""A time-stamping authority made of openssl: answers RFC 3161 questions over HTTP on a port of 127.0.0.1.

Usage: time_stamp_authority.py FOLDER; writes FOLDER/root.pem and FOLDER/port, and serves until it is stopped.
"""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

CONFIG = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
[stamps]
extendedKeyUsage = critical, timeStamping
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
clock_precision_digits = 3
"""


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make(folder: Path) -> None:
    """A root certificate, and one for time-stamping that it signed."""
    (folder / "openssl.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01\n")
    config, curve = str(folder / "openssl.cnf"), ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    at = lambda name: str(folder / name)
    openssl("req", "-x509", *curve, "-keyout", at("root.key"), "-out", at("root.pem"), "-subj", "/CN=Test Root", "-config", config, "-extensions", "root")
    openssl("req", "-new", *curve, "-keyout", at("tsa.key"), "-out", at("tsa.csr"), "-subj", "/CN=Test Time Authority", "-config", config)
    openssl("x509", "-req", "-in", at("tsa.csr"), "-CA", at("root.pem"), "-CAkey", at("root.key"), "-CAcreateserial", "-out", at("tsa.pem"), "-extfile", config, "-extensions", "stamps")


class Authority(BaseHTTPRequestHandler):
    folder: Path

    def do_POST(self) -> None:
        question = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-type"] != "application/timestamp-query":
            self.send_error(415)
            return
        asked, answer = self.folder / "question.tsq", self.folder / "answer.tsr"
        asked.write_bytes(question)
        at = lambda name: str(self.folder / name)
        openssl("ts", "-reply", "-config", at("openssl.cnf"), "-section", "tsa", "-queryfile", str(asked), "-signer", at("tsa.pem"), "-inkey", at("tsa.key"), "-out", str(answer))
        body = answer.read_bytes()
        self.send_response(200)
        self.send_header("content-type", "application/timestamp-reply")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main(folder: str) -> None:
    Authority.folder = Path(folder)
    make(Authority.folder)
    server = HTTPServer(("127.0.0.1", 0), Authority)
    (Authority.folder / "port").write_text(str(server.server_port))
    server.serve_forever()


main(sys.argv[1])
