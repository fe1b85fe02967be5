"""A receiver of OTLP logs made of OpenTelemetry's own protocol classes and gRPC server: over HTTP and over gRPC.

Arguments: `http` or `grpc`, a folder, the `log.record.uid` of a record that it rejects for good, and a port, if it is not to
choose one. Its first answer is "later", its second a demand to wait a moment. The port stands in the folder's file `port`;
every record that it took is a line of `received`, with what it belongs to. A request's lines are written at once, before it is
answered: whoever kills it finds all of them or none.
"""

import gzip
import json
import os
import sys
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
from google.protobuf.json_format import MessageToDict
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc

PROTOCOL, FOLDER, POISON = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
PORT = int(sys.argv[4]) if len(sys.argv) > 4 else 0
LIMIT = 4 * 1024 * 1024
lock = threading.Lock()
requests = 0


def number_of_this_request() -> int:
    global requests
    with lock:
        requests += 1
        return requests


def uid(record) -> str:
    return next(pair.value.string_value for pair in record.attributes if pair.key == "log.record.uid")


def take(request) -> logs_service_pb2.ExportLogsServiceResponse:
    answer = logs_service_pb2.ExportLogsServiceResponse()
    lines = []
    with lock:
        for logs in request.resource_logs:
            for scope in logs.scope_logs:
                for record in scope.log_records:
                    if uid(record) == POISON:
                        answer.partial_success.rejected_log_records += 1
                        answer.partial_success.error_message = "no such record here"
                        continue
                    line = {"uid": uid(record), "resource": MessageToDict(logs.resource), "scope": MessageToDict(scope.scope), "record": MessageToDict(record)}
                    lines.append(json.dumps(line) + "\n")
        out = os.open(FOLDER / "received", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(out, "".join(lines).encode())
        os.close(out)
    return answer


class OverGrpc(logs_service_pb2_grpc.LogsServiceServicer):
    def Export(self, request, context):
        assert dict(context.invocation_metadata())["x-tenant"] == "tenant-secret"
        number = number_of_this_request()
        if number == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "starting")
        if number == 2:
            info = error_details_pb2.RetryInfo()
            info.retry_delay.nanos = 1_000_000
            status = status_pb2.Status(code=8, message="full")
            status.details.add().Pack(info)
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        return take(request)


class OverHttp(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        assert self.path == "/v1/logs" and self.headers["content-type"] == "application/x-protobuf"
        assert self.headers["x-tenant"] == "tenant-secret"
        number = number_of_this_request()
        if number <= 2:
            return self.answer(503 if number == 1 else 429, b"later")
        plain = gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body
        if len(plain) > LIMIT:
            return self.answer(413, b"too large")
        request = logs_service_pb2.ExportLogsServiceRequest.FromString(plain)
        return self.answer(200, take(request).SerializeToString())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


def tell(port: int) -> None:
    aside = FOLDER / "port.aside"
    aside.write_text(str(port))
    aside.rename(FOLDER / "port")


def main() -> None:
    if PROTOCOL == "grpc":
        server = grpc.server(futures.ThreadPoolExecutor(2))
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(OverGrpc(), server)
        port = server.add_insecure_port(f"127.0.0.1:{PORT}")
        server.start()
        tell(port)
        server.wait_for_termination()
    else:
        server = ThreadingHTTPServer(("127.0.0.1", PORT), OverHttp)
        tell(server.server_address[1])
        server.serve_forever()


main()
