//! OTLP over gRPC: the service's own client on the same guarded connections as every other sink.
//! A status becomes what is to be done, by the protocol's list of what may be sent again; the time to wait comes with it.
//! Never opens a connection past the guard.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt as _;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use reqwest::Url;
use reqwest::header::HeaderMap;
use tonic::codec::CompressionEncoding;
use tonic::codegen::Service;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::http::{HttpDoor, Packing};
use crate::sink::{Refusal, short};

/// A collector behind gRPC.
pub(super) struct GrpcDoor {
    client: LogsServiceClient<Exchange>,
}

impl GrpcDoor {
    pub(super) fn new(door: HttpDoor, url: &Url, headers: HeaderMap, packing: Packing) -> Result<Self, String> {
        let origin =
            url.as_str().trim_end_matches('/').parse().map_err(|error| format!("the URL is not one: {error}"))?;
        let client = LogsServiceClient::with_origin(Exchange { door, headers }, origin);
        let client = match packing {
            Packing::Plain => client,
            Packing::Gzip => client.send_compressed(CompressionEncoding::Gzip),
        };
        Ok(Self { client: client.accept_compressed(CompressionEncoding::Gzip) })
    }

    pub(super) async fn export(&self, request: ExportLogsServiceRequest) -> Result<ExportLogsServiceResponse, Refusal> {
        let answer = self.client.clone().export(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| refusal(&status))
    }
}

/// One request and its answer over a door for HTTP.
#[derive(Clone)]
struct Exchange {
    door: HttpDoor,
    headers: HeaderMap,
}

impl Service<http::Request<tonic::body::Body>> for Exchange {
    type Response = http::Response<reqwest::Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let Self { door, headers } = self.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            parts.headers.extend(headers);
            // One message, which is in memory already.
            let body = body.collect().await?.to_bytes();
            let request = reqwest::Request::try_from(http::Request::from_parts(parts, body))
                .map_err(|error| Status::internal(error.without_url().to_string()))?;
            door.exchange(request).await.map(http::Response::from).map_err(Status::unavailable)
        })
    }
}

/// What a status asks for.
fn refusal(status: &Status) -> Refusal {
    let why = short(&format!("answered {}: {}", status.code(), status.message()));
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => Refusal::Unauthorized { why },
        // Two things have this code: a receiver that is full, and a message that is larger than it takes.
        Code::ResourceExhausted if status.message().contains("larger than max") => Refusal::TooLarge { why },
        Code::ResourceExhausted => Refusal::Busy { why, after: retry_after(status) },
        Code::Unavailable => match retry_after(status) {
            Some(after) => Refusal::Busy { why, after: Some(after) },
            None => Refusal::Unreachable { why },
        },
        Code::InvalidArgument | Code::Unimplemented | Code::NotFound | Code::FailedPrecondition => {
            Refusal::Refused { why }
        }
        _ => Refusal::Unreachable { why },
    }
}

/// How long `google.rpc.RetryInfo` among the details asks to wait.
fn retry_after(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}
