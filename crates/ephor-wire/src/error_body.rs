//! Error answers as published, written in the platform-wide form and read in both.
//! Callers branch on the status and the type, never on the message.
//! Never carries more than a sentence: no stack, no secret, no row.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `error.type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorType {
    /// 400.
    InvalidRequest,
    /// 401.
    Authentication,
    /// 403.
    Permission,
    /// 404.
    NotFound,
    /// 409.
    Conflict,
    /// 413.
    RequestTooLarge,
    /// 429.
    RateLimit,
    /// 500.
    Api,
    /// 529.
    Overloaded,
    /// 504.
    Timeout,
    /// One that is not published.
    Unknown(String),
}

impl ErrorType {
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::InvalidRequest => "invalid_request_error",
            Self::Authentication => "authentication_error",
            Self::Permission => "permission_error",
            Self::NotFound => "not_found_error",
            Self::Conflict => "conflict_error",
            Self::RequestTooLarge => "request_too_large",
            Self::RateLimit => "rate_limit_error",
            Self::Api => "api_error",
            Self::Overloaded => "overloaded_error",
            Self::Timeout => "timeout_error",
            Self::Unknown(name) => name,
        }
    }
}

impl From<String> for ErrorType {
    fn from(name: String) -> Self {
        let known = [
            Self::InvalidRequest,
            Self::Authentication,
            Self::Permission,
            Self::NotFound,
            Self::Conflict,
            Self::RequestTooLarge,
            Self::RateLimit,
            Self::Api,
            Self::Overloaded,
            Self::Timeout,
        ];
        known.into_iter().find(|kind| kind.as_str() == name).unwrap_or(Self::Unknown(name))
    }
}

impl Serialize for ErrorType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?))
    }
}

/// An error answer. Read in the short form (`{"error": …}`) too, written in the platform-wide one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Always `error`.
    #[serde(rename = "type", default = "error")]
    pub kind: String,
    /// What is wrong.
    pub error: ErrorDetail,
    /// The request that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// Which kind of error.
    #[serde(rename = "type")]
    pub kind: ErrorType,
    /// In words, for a person.
    #[serde(default)]
    pub message: String,
}

fn error() -> String {
    "error".to_owned()
}

impl ErrorBody {
    /// The platform-wide form.
    #[must_use]
    pub fn new(kind: ErrorType, message: impl Into<String>, request_id: Option<String>) -> Self {
        Self { kind: error(), error: ErrorDetail { kind, message: message.into() }, request_id }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_published_forms_are_read_and_the_platform_wide_one_is_written() {
        let short: ErrorBody = serde_json::from_str(r#"{"error":{"type":"not_found_error","message":"no"}}"#).unwrap();
        assert_eq!(short, ErrorBody::new(ErrorType::NotFound, "no", None));
        let long = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"},"request_id":"req_1"}"#;
        let read: ErrorBody = serde_json::from_str(long).unwrap();
        assert_eq!(read, ErrorBody::new(ErrorType::RateLimit, "slow down", Some("req_1".to_owned())));
        assert_eq!(serde_json::to_string(&read).unwrap(), long);
    }

    #[test]
    fn a_type_of_next_year_is_kept() {
        let body: ErrorBody = serde_json::from_str(r#"{"error":{"type":"moon_error"},"hint":"new"}"#).unwrap();
        assert_eq!(body.error.kind, ErrorType::Unknown("moon_error".to_owned()));
        assert_eq!(body.error.message, "");
    }

    #[test]
    fn every_published_type_has_its_name() {
        let names = [
            "invalid_request_error",
            "authentication_error",
            "permission_error",
            "not_found_error",
            "conflict_error",
            "request_too_large",
            "rate_limit_error",
            "api_error",
            "overloaded_error",
            "timeout_error",
        ];
        for name in names {
            let kind = ErrorType::from(name.to_owned());
            assert!(!matches!(kind, ErrorType::Unknown(_)), "{name}");
            assert_eq!(kind.as_str(), name);
        }
    }
}
