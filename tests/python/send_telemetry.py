"""The OpenTelemetry SDK, as it comes from its registry, exports what Claude Code exports: over HTTP and over gRPC, twice.

Arguments: a folder. Running totals that were collected one after the other are left in it as OTLP bytes, so that the test
can send them again when Ephor has been restarted. Prints what there was to count as one JSON line.
"""

import json
import os
import sys
import time
from pathlib import Path

from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

import grpc

ADDRESS = os.environ["EPHOR_ADDRESS"]
KEY = os.environ["WRITE_KEY"]
MARKER = os.environ["MARKER"]
OUT = Path(sys.argv[1])
PERSON = {
    "organization.id": "11111111-1111-4111-8111-111111111111",
    "user.account_id": "user_ada",
    "user.email": "ada@example.com",
    "user.id": "installation",
}
RESOURCE = Resource({"service.name": "claude-code", "service.version": "2.1.0", "process.command_line": f"claude -p {MARKER}"})


def exporters(of_http, of_grpc, path):
    by_http = of_http(endpoint=f"{ADDRESS}{path}", headers={"x-api-key": KEY}, compression=Compression.Gzip)
    place = ADDRESS.removeprefix("http://")
    by_grpc = of_grpc(endpoint=place, insecure=True, headers={"authorization": f"Bearer {KEY}"}, compression=grpc.Compression.Gzip)
    return by_http, by_grpc


def export(exporter, data) -> None:
    result = exporter.export(data)
    assert result.name == "SUCCESS", f"{exporter}: {result}"


def meter(temporality, session):
    reader = InMemoryMetricReader(preferred_temporality={Counter: temporality})
    provider = MeterProvider(metric_readers=[reader], resource=RESOURCE)
    own = provider.get_meter("com.anthropic.claude_code", "2.1.0")
    attributes = {**PERSON, "session.id": session}
    counters = {}

    def add(name, amount, **more):
        counter = counters.setdefault(name, own.create_counter(f"claude_code.{name}"))
        counter.add(amount, {**attributes, **more})

    return reader, add


def session_of_deltas() -> list:
    reader, add = meter(AggregationTemporality.DELTA, "session-delta")
    exports = []
    for number in range(3):
        if number == 0:
            add("session.count", 1, start_type="fresh")
        add("lines_of_code.count", 10, type="added", model="model-1")
        add("lines_of_code.count", 3, type="removed", model="model-1")
        add("commit.count", 1)
        add("token.usage", 100.0, type="input", model="model-1")
        add("cost.usage", 0.25, model="model-1", query_source="main")
        add("code_edit_tool.decision", 2, tool_name="Edit", decision="accept", source="config", language="Rust")
        add("active_time.total", 12.5, type="user")
        exports.append(reader.get_metrics_data())
        time.sleep(0.002)
    return exports


def session_of_totals(session: str, rounds: int) -> list:
    reader, add = meter(AggregationTemporality.CUMULATIVE, session)
    exports = []
    for _ in range(rounds):
        add("commit.count", 2)
        add("cost.usage", 0.125, model="model-1")
        exports.append(reader.get_metrics_data())
        time.sleep(0.002)
    return exports


def events() -> list:
    memory = InMemoryLogRecordExporter()
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
    logger = provider.get_logger("com.anthropic.claude_code.events", "2.1.0")
    told = [
        ("user_prompt", {"prompt": MARKER, "prompt_length": len(MARKER)}),
        ("api_request", {"model": "model-1", "cost_usd": 0.5, "cost_usd_micros": 500_000, "input_tokens": 11, "output_tokens": 22,
                         "cache_read_tokens": 33, "cache_creation_tokens": 44, "request_id": "req_1", "speed": "normal"}),
        ("tool_result", {"tool_name": "mcp_tool", "tool_use_id": "t1", "success": "true", "tool_input": MARKER, "error": MARKER,
                         "tool_parameters": json.dumps({"mcp_server_name": "github", "mcp_tool_name": "create_issue", "full_command": MARKER})}),
        ("tool_result", {"tool_name": "WebSearch", "tool_use_id": "t2", "success": "false"}),
        ("skill_activated", {"skill.name": "pdf", "invocation_trigger": "user-slash", "plugin.name": "office", "marketplace.name": "shop"}),
        ("plugin_installed", {"plugin.name": "office", "marketplace.name": "shop"}),
        ("api_request_body", {"body": MARKER, "body_length": len(MARKER)}),
        ("never_heard_of", {"colour": "red"}),
    ]
    for sequence, (name, more) in enumerate(told):
        logger.emit(
            timestamp=time.time_ns(),
            severity_number=SeverityNumber.INFO,
            body=f"claude_code.{name}",
            event_name=name,
            attributes={**PERSON, "session.id": "session-events", "event.name": name, "event.sequence": sequence, **more},
        )
    # A record that is no event at all: what it says is not kept.
    logger.emit(timestamp=time.time_ns(), body=MARKER, attributes={"event.name": "api_error", "session.id": "session-events", "event.sequence": 99})
    return list(memory.get_finished_logs())


def main() -> None:
    http_metrics, grpc_metrics = exporters(HttpMetrics, GrpcMetrics, "/v1/metrics")
    http_logs, grpc_logs = exporters(HttpLogs, GrpcLogs, "/v1/logs")

    records = events()
    for exporter in (http_logs, grpc_logs, http_logs):
        export(exporter, records)

    for data in session_of_deltas():
        export(http_metrics, data)
        export(grpc_metrics, data)

    # Late, twice and over both protocols; then the exporter is restarted within the same session.
    first, second, third = session_of_totals("session-totals", 3)
    for exporter, data in ((http_metrics, first), (grpc_metrics, third), (http_metrics, second), (grpc_metrics, third), (http_metrics, first)):
        export(exporter, data)
    restarted = session_of_totals("session-totals", 2)
    for data in restarted:
        export(grpc_metrics, data)

    for number, data in enumerate(session_of_totals("session-across-a-restart", 4)):
        (OUT / f"totals-{number}.bin").write_bytes(encode_metrics(data).SerializeToString())
    print(json.dumps({"records": len(records)}))


main()
