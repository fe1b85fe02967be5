//! TLS towards receivers: the system's roots or one's own, always verified, with a client certificate where one is asked for.
//! Files are read when the sink is opened; what is wrong with one is told with its path.
//! There is no way to leave the verification out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use serde::Deserialize;

/// `tls = { … }` of a sink.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// Certificates (PEM) that are trusted instead of the system's.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// This sink's own certificate (PEM), for receivers that ask for one.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM).
    #[serde(default)]
    pub key: Option<PathBuf>,
}

impl TlsSettings {
    /// The configuration that connections are made with, or what is wrong with the files.
    pub(crate) fn client(&self) -> Result<ClientConfig, String> {
        // Two crypto providers are linked in: this one is named, whatever the process has installed.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS: {error}"))?;
        let builder = match &self.ca {
            None => builder.with_platform_verifier().map_err(|error| {
                format!("the system's root certificates cannot be read ({error}); name your own with tls.ca")
            })?,
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
                }
                builder.with_root_certificates(roots)
            }
        };
        match (&self.certificate, &self.key) {
            (None, None) => Ok(builder.with_no_client_auth()),
            (Some(certificate), Some(key)) => {
                let own = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
                let chain = certificates(certificate)?;
                builder.with_client_auth_cert(chain, own).map_err(|error| {
                    format!("{} and {} do not go together: {error}", certificate.display(), key.display())
                })
            }
            _ => Err("tls.certificate and tls.key go together".to_owned()),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error| format!("{}: {error}", path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    match found.is_empty() {
        true => Err(format!("{} holds no certificate", path.display())),
        false => Ok(found),
    }
}
