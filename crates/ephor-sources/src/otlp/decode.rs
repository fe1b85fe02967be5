//! The bytes of an export: protobuf or JSON, as OTLP defines both.
//! Unknown fields are passed over and a JSON null is a field that is not there.
//! Never quotes what it could not read: an error says where, not what.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpEncoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

impl OtlpEncoding {
    /// The encoding of a media type, without its parameters.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        match content_type {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Bytes that are no export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OtlpDecodeError {
    /// No protobuf, or another message.
    #[error("the body is no OTLP export in protobuf: {0}")]
    Protobuf(String),
    /// No JSON.
    #[error("the body is no JSON at line {line} column {column}")]
    NotJson {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// JSON, but not that of an export.
    #[error("the body is JSON, but no OTLP export: {what}")]
    NotAnExport {
        /// What is wrong, without the value that is.
        what: &'static str,
    },
}

pub(crate) fn logs_request(body: &[u8], encoding: OtlpEncoding) -> Result<ExportLogsServiceRequest, OtlpDecodeError> {
    request(body, encoding, "resourceLogs")
}

pub(crate) fn metrics_request(
    body: &[u8],
    encoding: OtlpEncoding,
) -> Result<ExportMetricsServiceRequest, OtlpDecodeError> {
    request(body, encoding, "resourceMetrics")
}

fn request<T: Message + Default + DeserializeOwned>(
    body: &[u8],
    encoding: OtlpEncoding,
    list: &'static str,
) -> Result<T, OtlpDecodeError> {
    match encoding {
        // prost tells which field of which message, never its bytes.
        OtlpEncoding::Protobuf => T::decode(body).map_err(|error| OtlpDecodeError::Protobuf(error.to_string())),
        OtlpEncoding::Json => json(body, list),
    }
}

fn json<T: DeserializeOwned>(body: &[u8], list: &'static str) -> Result<T, OtlpDecodeError> {
    let not_json = |error: serde_json::Error| OtlpDecodeError::NotJson { line: error.line(), column: error.column() };
    let mut value: Value = serde_json::from_slice(body).map_err(not_json)?;
    drop_nulls(&mut value);
    match &value {
        Value::Object(fields) if fields.get(list).is_none_or(Value::is_array) => {}
        Value::Object(_) => return Err(OtlpDecodeError::NotAnExport { what: "its list of resources is no array" }),
        _ => return Err(OtlpDecodeError::NotAnExport { what: "it is no object" }),
    }
    // serde quotes what it found, and that can be anything.
    let what = "a field in it has the wrong type, or a list lacks its name";
    serde_json::from_value(value).map_err(|_| OtlpDecodeError::NotAnExport { what })
}

/// In protobuf's JSON a null is the same as no field at all; the generated reader wants it so too.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(drop_nulls);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn logs(body: &Value) -> Result<ExportLogsServiceRequest, OtlpDecodeError> {
        logs_request(body.to_string().as_bytes(), OtlpEncoding::Json)
    }

    #[test]
    fn both_encodings_hold_the_same_export() {
        let from_json = logs(&json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{
            "timeUnixNano": "1795435200000000000", "eventName": "user_prompt", "flags": 1,
            "attributes": [{"key": "event.sequence", "value": {"intValue": "7"}}, {"key": "ok", "value": {"boolValue": true}}],
        }]}]}]}))
        .unwrap();
        let bytes = from_json.encode_to_vec();
        assert_eq!(logs_request(&bytes, OtlpEncoding::Protobuf).unwrap(), from_json);
    }

    #[test]
    fn unknown_fields_and_nulls_are_passed_over() {
        let read = logs(
            &json!({"new": {"a": 1}, "resourceLogs": [{"resource": null, "scopeLogs": [{"scope": null, "logRecords": [{
                "timeUnixNano": 1_795_435_200_000_000_000_u64, "body": null, "newer": [1],
                "attributes": [{"key": "a", "value": null}, {"key": "b", "value": {"newestValue": 1}}, {"key": "c"}],
            }]}]}]}),
        )
        .unwrap();
        assert_eq!(read.resource_logs[0].scope_logs[0].log_records[0].attributes.len(), 3);
        assert_eq!(logs(&json!({})).unwrap().resource_logs.len(), 0);
    }

    #[test]
    fn what_cannot_be_read_is_never_quoted() {
        let told = |body: &[u8], encoding| logs_request(body, encoding).unwrap_err().to_string();
        assert_eq!(told(b"{\"CANARY", OtlpEncoding::Json), "the body is no JSON at line 1 column 8");
        assert_eq!(told(b"\"CANARY\"", OtlpEncoding::Json), "the body is JSON, but no OTLP export: it is no object");
        let wrong =
            json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "CANARY"}]}]}]}).to_string();
        assert!(!told(wrong.as_bytes(), OtlpEncoding::Json).contains("CANARY"));
        assert!(!told(b"CANARY CANARY", OtlpEncoding::Protobuf).contains("CANARY"));
    }
}
