//! OTLP over gRPC: the services of the OpenTelemetry collector, on the port and behind the guard of all other paths.
//! Promises the same events as over HTTP, packed or not.
//! Never unpacks a message larger than the limit.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use ephor_sources::OtlpExport;
use http::{HeaderValue, Method};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use tonic::codec::CompressionEncoding;
use tonic::codegen::Service;
use tonic::{Code, Status};

use super::status::status_of;
use super::{SENDERS, sender, told};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::route::{Answer, Family, Route};
use crate::state::App;

pub(super) static LOGS: Route = Route {
    method: Some(Method::POST),
    path: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    permission: SENDERS,
    family: Family::Telemetry,
    summary: "Events of Claude Code and Cowork over gRPC",
    parameters: &[],
    body: None,
    answer: Answer::Grpc,
};

pub(super) static METRICS: Route = Route {
    method: Some(Method::POST),
    path: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    permission: SENDERS,
    family: Family::Telemetry,
    summary: "Metrics of Claude Code over gRPC",
    parameters: &[],
    body: None,
    answer: Answer::Grpc,
};

pub(super) async fn logs(State(app): State<App>, Extension(caller): Extension<Caller>, request: Request) -> Response {
    let limit = app.options().max_body_bytes;
    let mut service = LogsServiceServer::new(Receiver { app, caller })
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limit);
    let Ok(answer) = service.call(request).await;
    within_protocol(answer)
}

pub(super) async fn metrics(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let limit = app.options().max_body_bytes;
    let mut service = MetricsServiceServer::new(Receiver { app, caller })
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limit);
    let Ok(answer) = service.call(request).await;
    within_protocol(answer)
}

/// One caller's way in.
#[derive(Debug)]
struct Receiver {
    app: App,
    caller: Caller,
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, Status> {
        let export = OtlpExport::Message(request.into_inner());
        let taken = self.app.usage().logs(export, sender(&self.app, &self.caller)).await;
        let taken = taken.map_err(|error| status_of(&Problem::from(error), None))?;
        let partial_success = told(&taken).map(|(rejected_log_records, error_message)| ExportLogsPartialSuccess {
            rejected_log_records,
            error_message,
        });
        Ok(tonic::Response::new(ExportLogsServiceResponse { partial_success }))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, Status> {
        let export = OtlpExport::Message(request.into_inner());
        let taken = self.app.usage().metrics(export, sender(&self.app, &self.caller)).await;
        let taken = taken.map_err(|error| status_of(&Problem::from(error), None))?;
        let partial_success = told(&taken).map(|(rejected_data_points, error_message)| ExportMetricsPartialSuccess {
            rejected_data_points,
            error_message,
        });
        Ok(tonic::Response::new(ExportMetricsServiceResponse { partial_success }))
    }
}

/// tonic tells a message over the limit as OUT_OF_RANGE, which OTLP clients send again and again.
fn within_protocol(answer: http::Response<tonic::body::Body>) -> Response {
    let mut answer = answer.map(Body::new);
    let code = answer.headers().get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()));
    if code == Some(Code::OutOfRange) {
        let invalid = HeaderValue::from(Code::InvalidArgument as i32);
        answer.headers_mut().insert(Status::GRPC_STATUS, invalid);
    }
    answer
}
