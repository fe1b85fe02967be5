//! The key that signs checkpoints, seals and tombstones: an Ed25519 key in the formats of C2SP signed-note.
//! Promises that a key that is made here is readable by its owner alone, and that a rotation is signed by both keys.
//! Never shows the private half: not in Debug, not in an error.

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use rand::CryptoRng;
use signed_note::{Note, Signer, StandardSigner, StandardVerifier, VerifierList};

use super::ProofError;
use crate::durable;

/// The public half, as everyone may have it: `name+hash+key` (a "vkey").
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PublicKey(String);

impl PublicKey {
    /// Reads a vkey.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let text = text.trim();
        StandardVerifier::new(text).map_err(|error| ProofError::PublicKey(error.to_string()))?;
        Ok(Self(text.to_owned()))
    }

    /// The vkey.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in the key: the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split('+').next().unwrap_or_default()
    }

    /// The text of a note that this key has signed; other signatures on it do not matter.
    pub fn open(&self, note: &str) -> Result<String, ProofError> {
        let verifier = StandardVerifier::new(&self.0).map_err(|error| ProofError::PublicKey(error.to_string()))?;
        let note = Note::from_bytes(note.as_bytes()).map_err(|error| ProofError::Note(error.to_string()))?;
        note.verify(&VerifierList::new(vec![Box::new(verifier)]))
            .map_err(|error| ProofError::Note(error.to_string()))?;
        String::from_utf8(note.text().to_vec()).map_err(|_| ProofError::Note("its text is not UTF-8".to_owned()))
    }

    /// Whether this key has made that Ed25519 signature of some bytes that are no note.
    #[must_use]
    pub fn verifies(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        let key = self.bytes().and_then(|key| VerifyingKey::from_bytes(&key).ok());
        key.is_some_and(|key| key.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok())
    }

    /// The 32 bytes of the key.
    fn bytes(&self) -> Option<[u8; 32]> {
        use base64::Engine as _;
        // The encoded key may hold plus signs of its own.
        let encoded = self.0.splitn(3, '+').nth(2)?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
        // The first byte names the algorithm.
        bytes.get(1..)?.try_into().ok()
    }

    /// As a PEM file, for openssl.
    #[must_use]
    pub fn to_pem(&self) -> String {
        use base64::Engine as _;
        // SubjectPublicKeyInfo of RFC 8410: these bytes, then the key.
        let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        der.extend(self.bytes().unwrap_or_default());
        let encoded = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{encoded}\n-----END PUBLIC KEY-----\n")
    }
}

/// The private half. Clones share it.
#[derive(Clone)]
pub struct ProofKey {
    signer: Arc<StandardSigner>,
    key: Arc<SigningKey>,
    public: PublicKey,
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProofKey({})", self.public.as_str())
    }
}

/// The beginning of a private key's text.
const PRIVATE: &str = "PRIVATE+KEY+";

impl ProofKey {
    /// A new key of that name.
    pub fn generate(name: &str, rng: &mut impl CryptoRng) -> Result<(Self, String), ProofError> {
        use base64::Engine as _;
        let mut seed = [0_u8; 32];
        rng.fill_bytes(&mut seed);
        let key = SigningKey::from_bytes(&seed);
        let public = signed_note::new_ed25519_verifier_key(name, &key.verifying_key());
        let hash = public.split('+').nth(1).unwrap_or_default().to_owned();
        // One byte for the algorithm (Ed25519), then the seed.
        let private = base64::engine::general_purpose::STANDARD.encode([&[1_u8][..], &seed].concat());
        let text = format!("{PRIVATE}{name}+{hash}+{private}");
        Ok((Self::parse(&text)?, text))
    }

    /// Reads the text of a private key.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        use base64::Engine as _;
        let text = text.trim();
        let signer = StandardSigner::new(text).map_err(|_| ProofError::PrivateKey)?;
        // PRIVATE, KEY, name and hash stand before it; the encoded key may hold plus signs of its own.
        let encoded = text.splitn(5, '+').nth(4).unwrap_or_default();
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|_| ProofError::PrivateKey)?;
        let seed: [u8; 32] = bytes.get(1..).and_then(|seed| seed.try_into().ok()).ok_or(ProofError::PrivateKey)?;
        let key = SigningKey::from_bytes(&seed);
        let public = PublicKey(signed_note::new_ed25519_verifier_key(signer.name(), &key.verifying_key()));
        Ok(Self { signer: Arc::new(signer), key: Arc::new(key), public })
    }

    /// The key in a file of mode 0600, made with that name if there is none.
    pub fn load_or_create(path: &Path, name: &str, rng: &mut impl CryptoRng) -> Result<Self, ProofError> {
        let failed = |source| ProofError::KeyFile { path: path.to_owned(), source };
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let (key, text) = Self::generate(name, rng)?;
                write_private(path, &text).map_err(failed)?;
                Ok(key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A note of this text with this key's signature; the text ends with a line break.
    pub fn sign_note(&self, text: &str) -> Result<String, ProofError> {
        sign_by(&[self], text)
    }

    /// An Ed25519 signature of some bytes, for envelopes that are no notes.
    #[must_use]
    pub fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        use ed25519_dalek::Signer as _;
        self.key.sign(bytes).to_bytes()
    }
}

/// A note signed by several keys.
pub(super) fn sign_by(keys: &[&ProofKey], text: &str) -> Result<String, ProofError> {
    let failed = |error: signed_note::NoteError| ProofError::Note(error.to_string());
    let mut note = Note::new(text.as_bytes(), &[]).map_err(failed)?;
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key.signer.as_ref() as &dyn Signer).collect();
    note.add_sigs(&signers).map_err(failed)?;
    String::from_utf8(note.to_bytes()).map_err(|_| ProofError::Note("it is not UTF-8".to_owned()))
}

/// Writes a new file that only its owner may read; an existing one is an error.
pub(super) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let folder: PathBuf = path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    durable::create_folder(&folder)?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    durable::sync_folder(&folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use rand::SeedableRng;

    use super::*;

    fn rng() -> rand::rngs::StdRng {
        rand::rngs::StdRng::seed_from_u64(3)
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("proof/key");
        let made = ProofKey::load_or_create(&path, "ephor/test", &mut rng()).unwrap();
        let read = ProofKey::load_or_create(&path, "ephor/other", &mut rand::rngs::StdRng::seed_from_u64(4)).unwrap();
        assert_eq!(made.public(), read.public());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{made:?}").contains(PRIVATE));
    }

    #[test]
    fn a_note_opens_with_its_key_and_with_no_other_and_not_when_changed() {
        let (key, _) = ProofKey::generate("ephor/test", &mut rng()).unwrap();
        let (other, _) = ProofKey::generate("ephor/test", &mut rand::rngs::StdRng::seed_from_u64(9)).unwrap();
        let note = key.sign_note("hello\n").unwrap();
        assert_eq!(key.public().open(&note).unwrap(), "hello\n");
        assert!(other.public().open(&note).is_err());
        assert!(key.public().open(&note.replace("hello", "hullo")).is_err());
    }

    #[test]
    fn the_published_note_of_the_format_opens() {
        // The example key and note of the Go package golang.org/x/mod/sumdb/note.
        let key = PublicKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        assert!(key.open(note).unwrap().starts_with("If you think"));
    }
}
