//! From a sink's settings to its open door: secrets read, addresses and certificates checked.
//! What is wrong is told before anything is sent, in words without a secret in them.
//! Never connects.

use secrecy::SecretString;

use crate::entra::EntraClient;
use crate::format::{Format, OcsfVersion};
use crate::google::GoogleClient;
use crate::guard::Reach;
use crate::http::HttpDoor;
use crate::settings::{Secrets, SinkSettings};
use crate::sink::{
    BucketCredentials, DatadogSink, ElasticCredentials, ElasticSettings, ElasticSink, FileSink, KafkaSink,
    NatsCredentials, NatsSettings, NatsSink, ObjectLayout, ObjectsSettings, ObjectsSink, OtlpCredentials, OtlpProtocol,
    OtlpSettings, OtlpSink, SENTINEL_SCOPE, SecopsSettings, SecopsSink, SentinelSettings, SentinelSink, Sink,
    SplunkHecSettings, SplunkHecSink, StdoutSink, SumoLogicSink, SyslogSink, WebhookCredentials, WebhookDoor,
    WebhookSettings, WebhookSink,
};
use crate::tls::TlsSettings;

/// Opens the one receiver that the settings name.
pub(crate) fn open(
    settings: &SinkSettings,
    secrets: Secrets,
    clock: fn() -> i64,
    format: Format,
) -> Result<Box<dyn Sink>, String> {
    let (reach, is_json) = (settings.reach(), format.is_json());
    let door = |tls: &TlsSettings| HttpDoor::open(tls, reach);
    let sink: Box<dyn Sink> = if let Some(file) = &settings.file {
        Box::new(FileSink::new(file.clone()))
    } else if let Some(syslog) = &settings.syslog {
        Box::new(SyslogSink::new(syslog.clone(), reach)?)
    } else if let Some(hec) = &settings.splunk_hec {
        Box::new(open_hec(settings, hec, secrets, door(&hec.tls)?, format)?)
    } else if let Some(elastic) = &settings.elastic {
        let who = elastic_credentials(elastic, secrets)?;
        if !is_json {
            return Err("elastic takes documents: the format must be ecs, ocsf or raw".to_owned());
        }
        Box::new(ElasticSink::new(elastic.clone(), door(&elastic.tls)?, &who)?)
    } else if let Some(sentinel) = &settings.sentinel {
        Box::new(open_sentinel(sentinel, secrets, &door(&sentinel.tls)?, is_json)?)
    } else if let Some(datadog) = &settings.datadog {
        let key = named("datadog.api_key", secrets, &datadog.api_key)?;
        Box::new(DatadogSink::new(datadog.clone(), door(&datadog.tls)?, &key)?)
    } else if let Some(sumo) = &settings.sumo_logic {
        let url = named("sumo_logic.url", secrets, &sumo.url)?;
        Box::new(SumoLogicSink::new(sumo.clone(), door(&sumo.tls)?, &url)?)
    } else if let Some(webhook) = &settings.webhook {
        let door = webhook_door(webhook, secrets, door(&webhook.tls)?, clock)?;
        Box::new(WebhookSink::new(webhook.clone(), door, is_json)?)
    } else if let Some(otlp) = &settings.otlp {
        if format != Format::Otlp {
            return Err("otlp takes log records: the format must be otlp".to_owned());
        }
        Box::new(open_otlp(otlp, secrets, reach)?)
    } else if let Some(objects) = &settings.objects {
        if objects.layout == ObjectLayout::SecurityLake && format != Format::Ocsf(OcsfVersion::V1_3) {
            return Err("Security Lake takes OCSF up to 1.3: the format must be ocsf@1.3.0".to_owned());
        }
        let credentials = bucket_credentials(objects, secrets)?;
        Box::new(ObjectsSink::new(objects, door(&objects.tls)?, credentials.as_ref(), is_json)?)
    } else if let Some(kafka) = &settings.kafka {
        let password = kafka.password.as_deref().map(|reference| named("kafka.password", secrets, reference));
        Box::new(KafkaSink::new(kafka.clone(), reach, password.transpose()?)?)
    } else if let Some(nats) = &settings.nats {
        Box::new(open_nats(nats, secrets, reach)?)
    } else if let Some(secops) = &settings.secops {
        if format != Format::Udm {
            return Err("secops takes events of Google's model: the format must be udm".to_owned());
        }
        Box::new(open_secops(secops, secrets, door(&secops.tls)?, clock)?)
    } else {
        Box::new(StdoutSink)
    };
    Ok(sink)
}

fn open_hec(
    settings: &SinkSettings,
    hec: &SplunkHecSettings,
    secrets: Secrets,
    door: HttpDoor,
    format: Format,
) -> Result<SplunkHecSink, String> {
    let mut hec = hec.clone();
    // Splunk's OCSF add-on reads source types that begin with `ocsf:`.
    let usual = if matches!(format, Format::Ocsf(_)) { "ocsf:anthropic:audit" } else { "anthropic:audit" };
    hec.sourcetype.get_or_insert_with(|| usual.to_owned());
    let token = named("splunk_hec.token", secrets, &hec.token)?;
    SplunkHecSink::new(&settings.name, hec, door, &token, format.is_json())
}

fn open_sentinel(
    settings: &SentinelSettings,
    secrets: Secrets,
    door: &HttpDoor,
    is_json: bool,
) -> Result<SentinelSink, String> {
    let secret = named("sentinel.client_secret", secrets, &settings.client_secret)?;
    let (login, tenant, client) = (&settings.login, &settings.tenant, &settings.client_id);
    let entra = EntraClient::new(door.clone(), login, tenant, client, secret, SENTINEL_SCOPE)?;
    SentinelSink::new(settings, door.clone(), entra, is_json)
}

fn open_nats(settings: &NatsSettings, secrets: Secrets, reach: Reach) -> Result<NatsSink, String> {
    let optional = |what: &str, reference: &Option<String>| {
        reference.as_deref().map(|reference| named(what, secrets, reference)).transpose()
    };
    let credentials = NatsCredentials {
        password: optional("nats.password", &settings.password)?,
        token: optional("nats.token", &settings.token)?,
    };
    NatsSink::new(settings.clone(), reach, credentials)
}

fn open_secops(
    settings: &SecopsSettings,
    secrets: Secrets,
    door: HttpDoor,
    clock: fn() -> i64,
) -> Result<SecopsSink, String> {
    let key = named("secops.credentials", secrets, &settings.credentials)?;
    let google = GoogleClient::new(door.clone(), &key, clock).map_err(|why| format!("secops.credentials: {why}"))?;
    SecopsSink::new(settings, door, google)
}

fn bucket_credentials(settings: &ObjectsSettings, secrets: Secrets) -> Result<Option<BucketCredentials>, String> {
    let (id, key) = match (&settings.access_key_id, &settings.secret_access_key) {
        (None, None) => return Ok(None),
        (Some(id), Some(key)) => (id, key),
        _ => return Err("objects.access_key_id and objects.secret_access_key go together".to_owned()),
    };
    let token = settings.session_token.as_deref();
    Ok(Some(BucketCredentials {
        id: named("objects.access_key_id", secrets, id)?,
        key: named("objects.secret_access_key", secrets, key)?,
        token: token.map(|token| named("objects.session_token", secrets, token)).transpose()?,
    }))
}

fn open_otlp(settings: &OtlpSettings, secrets: Secrets, reach: Reach) -> Result<OtlpSink, String> {
    if settings.secret_header.is_some() != settings.secret.is_some() {
        return Err("otlp.secret_header and otlp.secret go together".to_owned());
    }
    let optional = |what: &str, reference: &Option<String>| {
        reference.as_deref().map(|reference| named(what, secrets, reference)).transpose()
    };
    let credentials = OtlpCredentials {
        bearer: optional("otlp.bearer", &settings.bearer)?,
        secret: optional("otlp.secret", &settings.secret)?,
    };
    let door = match settings.protocol {
        OtlpProtocol::Http => HttpDoor::open(&settings.tls, reach)?,
        OtlpProtocol::Grpc => HttpDoor::open_http2(&settings.tls, reach)?,
    };
    OtlpSink::new(settings, door, &credentials)
}

pub(crate) fn webhook_door(
    settings: &WebhookSettings,
    secrets: Secrets,
    door: HttpDoor,
    clock: fn() -> i64,
) -> Result<WebhookDoor, String> {
    let optional = |what: &str, reference: &Option<String>| {
        reference.as_deref().map(|reference| named(what, secrets, reference)).transpose()
    };
    let pairs = [
        ("username", &settings.username, "password", &settings.password),
        ("secret_header", &settings.secret_header, "secret", &settings.secret),
    ];
    for (one, first, other, second) in pairs {
        if first.is_some() != second.is_some() {
            return Err(format!("webhook.{one} and webhook.{other} go together"));
        }
    }
    let credentials = WebhookCredentials {
        bearer: optional("webhook.bearer", &settings.bearer)?,
        password: optional("webhook.password", &settings.password)?,
        secret: optional("webhook.secret", &settings.secret)?,
        hmac: optional("webhook.hmac_secret", &settings.hmac_secret)?,
    };
    // The address may be a secret itself, or stand there openly.
    let url = match settings.url.split_once(':') {
        Some(("env" | "file", _)) => named("webhook.url", secrets, &settings.url)?,
        _ => SecretString::from(settings.url.clone()),
    };
    WebhookDoor::new(settings, door, &url, credentials, clock)
}

fn elastic_credentials(settings: &ElasticSettings, secrets: Secrets) -> Result<ElasticCredentials, String> {
    match (&settings.api_key, &settings.username, &settings.password) {
        (None, None, None) => Ok(ElasticCredentials::None),
        (Some(key), None, None) => Ok(ElasticCredentials::ApiKey(named("elastic.api_key", secrets, key)?)),
        (None, Some(user), Some(password)) => {
            Ok(ElasticCredentials::Password(user.clone(), named("elastic.password", secrets, password)?))
        }
        _ => Err("elastic takes either api_key, or username and password".to_owned()),
    }
}

/// A secret by its reference, or which setting names one that is not there.
fn named(setting: &str, secrets: Secrets, reference: &str) -> Result<SecretString, String> {
    secrets(reference).map_err(|why| format!("{setting}: {why}"))
}
