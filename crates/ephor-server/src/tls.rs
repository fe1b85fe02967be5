//! TLS with a certificate and key from files that may change: certificates are renewed while the server runs.
//! Promises that a new pair is used within seconds, and that a broken one leaves the old pair in use.
//! Never asks for a provider of cryptography from the process: it brings its own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::ServerError;
use crate::state::TlsFiles;

/// How often the files are looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The configuration that these files make.
pub(crate) fn load(files: &TlsFiles) -> Result<RustlsConfig, ServerError> {
    Ok(RustlsConfig::from_config(read(files)?))
}

/// Loads the files again whenever they change, for ever.
pub(crate) async fn keep_fresh(files: TlsFiles, config: RustlsConfig, look_every: Duration) {
    let mut loaded = stamp(&files);
    loop {
        tokio::time::sleep(look_every).await;
        let now = stamp(&files);
        if now == loaded {
            continue;
        }
        match read(&files) {
            Ok(fresh) => {
                config.reload_from_config(fresh);
                tracing::info!(certificate = %files.certificate.display(), "the new TLS certificate is in use");
            }
            // Certificate and key are rarely written in the same instant: the next look sees both.
            Err(error) => tracing::warn!(%error, "the new TLS files cannot be used; the old ones stay in use"),
        }
        loaded = now;
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, ServerError> {
    let wrong = |path: &Path, what: String| ServerError::Tls { path: path.to_owned(), what };
    let certificate_wrong = |error: rustls::pki_types::pem::Error| wrong(&files.certificate, error.to_string());
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .map_err(certificate_wrong)?
        .collect::<Result<_, _>>()
        .map_err(certificate_wrong)?;
    if chain.is_empty() {
        return Err(wrong(&files.certificate, "it holds no certificate in PEM form".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, error.to_string()))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&files.certificate, error.to_string()))?;
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong(&files.certificate, format!("certificate and key do not go together: {error}")))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// What tells one state of the files from another.
fn stamp(files: &TlsFiles) -> [Option<(SystemTime, u64)>; 2] {
    [&files.certificate, &files.key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn write_pair(files: &TlsFiles, name: &str) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    }

    #[tokio::test]
    async fn a_renewed_pair_is_taken_up_and_a_broken_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
        assert!(load(&files).unwrap_err().to_string().contains("cert.pem"));
        write_pair(&files, "one.example.com");
        let config = load(&files).unwrap();
        let first = config.get_inner();
        let look_every = Duration::from_millis(10);
        let task = tokio::spawn(keep_fresh(files.clone(), config.clone(), look_every));
        tokio::task::yield_now().await;
        std::fs::write(&files.certificate, "broken").unwrap();
        tokio::time::sleep(look_every * 10).await;
        assert!(Arc::ptr_eq(&first, &config.get_inner()));
        write_pair(&files, "two.longer.example.com");
        for _ in 0..200 {
            tokio::time::sleep(look_every).await;
            if !Arc::ptr_eq(&first, &config.get_inner()) {
                task.abort();
                return;
            }
        }
        panic!("the new certificate was never taken up");
    }
}
