//! Signed envelopes (DSSE) around in-toto statements: what a package says of itself, and what reviewers say of it.
//! Promises the published encoding, so that other people's verifiers read it.
//! Never trusts a key that an envelope brings along.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ephor_lake::proof::{ProofKey, PublicKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What an in-toto statement's envelope is marked with.
pub(crate) const IN_TOTO: &str = "application/vnd.in-toto+json";

/// The type of an in-toto statement, version 1.
pub(crate) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// An envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Envelope {
    #[serde(rename = "payloadType")]
    pub(crate) payload_type: String,
    pub(crate) payload: String,
    pub(crate) signatures: Vec<Signature>,
}

/// A signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signature {
    /// A hint which key it was; nothing rests on it.
    #[serde(default)]
    pub(crate) keyid: String,
    pub(crate) sig: String,
}

/// An in-toto statement: something said about files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Statement<P> {
    #[serde(rename = "_type")]
    pub(crate) kind: String,
    pub(crate) subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    pub(crate) predicate_type: String,
    pub(crate) predicate: P,
}

/// A file that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) digest: Digest,
}

/// What tells one file from all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digest {
    pub(crate) sha256: String,
}

/// The bytes that are signed: DSSE's pre-authentication encoding.
pub(crate) fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Signs a statement.
pub(crate) fn seal<P: Serialize>(key: &ProofKey, statement: &Statement<P>) -> Result<Envelope, serde_json::Error> {
    let payload = serde_json::to_vec(statement)?;
    let signature = key.sign_bytes(&pae(IN_TOTO, &payload));
    Ok(Envelope {
        payload_type: IN_TOTO.to_owned(),
        payload: STANDARD.encode(&payload),
        signatures: vec![Signature { keyid: key_id(key.public()), sig: STANDARD.encode(signature) }],
    })
}

/// The hint for a key: its name and hash, without the key.
pub(crate) fn key_id(key: &PublicKey) -> String {
    key.as_str().splitn(3, '+').take(2).collect::<Vec<_>>().join("+")
}

/// Why an envelope does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unopened {
    #[error("none of its signatures is by a key that is trusted")]
    NotSigned,
    #[error("it holds no in-toto statement: {0}")]
    NoStatement(String),
}

/// Opens an envelope that one of these keys has signed; says which.
pub(crate) fn open<'k, P: DeserializeOwned>(
    keys: &'k [PublicKey],
    envelope: &Envelope,
) -> Result<(Statement<P>, &'k PublicKey), Unopened> {
    let undecoded = |error: base64::DecodeError| Unopened::NoStatement(error.to_string());
    let payload = STANDARD.decode(&envelope.payload).map_err(undecoded)?;
    let signed = pae(&envelope.payload_type, &payload);
    let by = keys.iter().find(|key| {
        let signatures = envelope.signatures.iter().filter_map(|signature| STANDARD.decode(&signature.sig).ok());
        signatures.filter_map(|bytes| <[u8; 64]>::try_from(bytes).ok()).any(|bytes| key.verifies(&signed, &bytes))
    });
    let by = by.ok_or(Unopened::NotSigned)?;
    if envelope.payload_type != IN_TOTO {
        return Err(Unopened::NoStatement(format!("it is marked `{}`", envelope.payload_type)));
    }
    let statement: Statement<P> =
        serde_json::from_slice(&payload).map_err(|error| Unopened::NoStatement(error.to_string()))?;
    if statement.kind != STATEMENT_TYPE {
        return Err(Unopened::NoStatement(format!("its type is `{}`", statement.kind)));
    }
    Ok((statement, by))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::SeedableRng;
    use serde_json::{Value, json};

    use super::*;

    fn key(seed: u64) -> ProofKey {
        ProofKey::generate("ephor/test", &mut rand_chacha::ChaCha20Rng::seed_from_u64(seed)).unwrap().0
    }

    fn statement() -> Statement<Value> {
        Statement {
            kind: STATEMENT_TYPE.to_owned(),
            subject: vec![Subject { name: "a".to_owned(), digest: Digest { sha256: "00".to_owned() } }],
            predicate_type: "https://example.com/p".to_owned(),
            predicate: json!({ "n": 1 }),
        }
    }

    #[test]
    fn the_published_encoding_is_kept() {
        // The example of the DSSE specification (protocol.md).
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
    }

    #[test]
    fn an_envelope_opens_with_its_key_and_no_other_and_not_when_changed() {
        let envelope = seal(&key(1), &statement()).unwrap();
        let (mine, other) = ([key(1).public().clone()], [key(2).public().clone()]);
        assert_eq!(open::<Value>(&mine, &envelope).unwrap().0, statement());
        assert_eq!(open::<Value>(&other, &envelope).unwrap_err(), Unopened::NotSigned);
        let changed = Envelope { payload: STANDARD.encode("{}"), ..envelope.clone() };
        assert_eq!(open::<Value>(&mine, &changed).unwrap_err(), Unopened::NotSigned);
        let renamed = Envelope { payload_type: "text/plain".to_owned(), ..envelope };
        assert_eq!(open::<Value>(&mine, &renamed).unwrap_err(), Unopened::NotSigned);
    }
}
