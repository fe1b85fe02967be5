//! Time-stamps of RFC 3161: an authority signs that it was shown a checkpoint, and when.
//! Promises that a stamp counts only if it is about these bytes and signed by a certificate for time-stamping that it holds.
//! Never asks an authority, and never says whether it can be trusted: that is for whoever knows its root certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cms::cert::x509::Certificate;
use cms::cert::x509::ext::pkix::ExtendedKeyUsage;
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{Int, ObjectIdentifier, OctetString};
use der::oid::AssociatedOid;
use der::{Any, Decode, Encode, Sequence};
use ephor_wire::timestamp::Timestamp;
use ring::digest;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use serde::{Deserialize, Serialize};
use x509_tsp::{Accuracy, MessageImprint, TimeStampReq, TimeStampResp, TspVersion};

use super::error::ProofError;
use super::leaf::RawDigest;

const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const RSA_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Bytes of an answer at the most: a token with its chain of certificates is a few kilobytes.
pub const REPLY_BYTES: usize = 256 << 10;

/// A stamp as it is kept: the checkpoint that was shown, and the authority's answer whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptStamp {
    /// The day whose seal the checkpoint belongs to.
    pub(crate) day: String,
    pub(crate) checkpoint: String,
    /// In base64.
    pub(crate) reply: String,
}

/// A stamp that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimeStamp {
    /// The day whose seal the checkpoint belongs to.
    pub day: String,
    /// How many activities the checkpoint stands for.
    pub size: u64,
    /// By when the authority had seen it, by its own clock.
    pub time: String,
    /// Whom the authority's certificate names.
    pub authority: String,
    /// The number that the authority gave it, in hexadecimal.
    pub serial: String,
    /// The checkpoint that was stamped.
    pub checkpoint: String,
    /// The authority's answer (`TimeStampResp`) in base64: what `openssl ts -verify -in` takes.
    pub reply: String,
}

impl TimeStamp {
    /// The authority's answer as it came.
    #[must_use]
    pub fn reply_bytes(&self) -> Vec<u8> {
        // It was decoded when the stamp was read.
        STANDARD.decode(&self.reply).unwrap_or_default()
    }
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// By when, by the authority's clock.
    pub time: Timestamp,
    /// Whom its certificate names.
    pub authority: String,
    /// The number of this stamp, in hexadecimal.
    pub serial: String,
}

/// A question to an authority.
#[derive(Debug, Clone)]
pub struct StampQuestion {
    digest: RawDigest,
    nonce: Vec<u8>,
}

impl StampQuestion {
    /// About these bytes. The nonce is random, and makes an old answer useless.
    #[must_use]
    pub fn about(bytes: &[u8], nonce: u64) -> Self {
        // A positive integer without a leading zero.
        let nonce = nonce | 1 << 62;
        Self { digest: sha256(bytes), nonce: (nonce & (u64::MAX >> 1)).to_be_bytes().to_vec() }
    }

    /// As it is posted, `application/timestamp-query`.
    pub fn to_der(&self) -> Result<Vec<u8>, ProofError> {
        let question = TimeStampReq {
            version: TspVersion::V1,
            message_imprint: imprint(&self.digest)?,
            req_policy: None,
            nonce: Some(Int::new(&self.nonce).map_err(broken)?),
            cert_req: true,
            extensions: None,
        };
        question.to_der().map_err(broken)
    }

    /// Reads the answer; one to another question is none.
    pub fn read(&self, reply: &[u8]) -> Result<Stamped, ProofError> {
        let (info, stamped) = read(reply, &self.digest)?;
        match info.nonce {
            Some(nonce) if nonce.as_bytes() == self.nonce => Ok(stamped),
            _ => Err(ProofError::TimeStamp("it answers another question: its nonce is not the one sent".to_owned())),
        }
    }
}

/// What a kept answer says about these bytes.
pub(crate) fn stamped(reply: &[u8], bytes: &[u8]) -> Result<Stamped, ProofError> {
    Ok(read(reply, &sha256(bytes))?.1)
}

/// `TSTInfo` of RFC 3161; the time as it stands there, since it may have fractions.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
struct Info {
    version: TspVersion,
    policy: ObjectIdentifier,
    message_imprint: MessageImprint,
    serial_number: Int,
    gen_time: Any,
    #[asn1(optional = "true")]
    accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    ordering: bool,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    tsa: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<cms::cert::x509::ext::Extensions>,
}

fn read(reply: &[u8], digest: &RawDigest) -> Result<(Info, Stamped), ProofError> {
    let refused = |what: &str| ProofError::TimeStamp(what.to_owned());
    let reply = TimeStampResp::from_der(reply).map_err(broken)?;
    let token = reply.time_stamp_token.ok_or_else(|| refused(&format!("it was refused: {:?}", reply.status)))?;
    let (content, certificate) = verified(&token)?;
    let info = Info::from_der(&content).map_err(broken)?;
    if info.message_imprint != imprint(digest)? {
        return Err(refused("it is about other bytes"));
    }
    let text = std::str::from_utf8(info.gen_time.value()).unwrap_or_default();
    let time = moment(text).ok_or_else(|| refused(&format!("its time is `{text}`")))?;
    let serial = hex::encode(info.serial_number.as_bytes());
    let authority = certificate.tbs_certificate.subject.to_string();
    Ok((info, Stamped { time, authority, serial }))
}

fn imprint(digest: &RawDigest) -> Result<MessageImprint, ProofError> {
    let hash_algorithm = cms::cert::x509::spki::AlgorithmIdentifier { oid: SHA_256, parameters: Some(Any::null()) };
    Ok(MessageImprint { hash_algorithm, hashed_message: OctetString::new(digest.as_slice()).map_err(broken)? })
}

/// `20261125235959Z`, perhaps with fractions of a second.
fn moment(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = whole.len() == 14 && [whole, fraction].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let part = |range: std::ops::Range<usize>| whole.get(range);
    let text = format!(
        "{}-{}-{}T{}:{}:{}.{}Z",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(8..10)?,
        part(10..12)?,
        part(12..14)?,
        fraction.get(..6.min(fraction.len()))?
    );
    plain.then(|| Timestamp::parse(&text).ok()).flatten().map(|at| Timestamp::from_micros(at.micros()))
}

/// The content of a token whose signature holds, and the certificate that it was signed with.
fn verified(token: &ContentInfo) -> Result<(Vec<u8>, Certificate), ProofError> {
    let refused = |what: &str| ProofError::TimeStamp(what.to_owned());
    let signed: SignedData = token.content.decode_as().map_err(broken)?;
    if signed.encap_content_info.econtent_type != TST_INFO {
        return Err(refused("it is signed, but it is no time-stamp"));
    }
    let content = signed.encap_content_info.econtent.as_ref().ok_or_else(|| refused("it is empty"))?;
    let content = content.decode_as::<OctetString>().map_err(broken)?.into_bytes();
    let [signer] = signed.signer_infos.0.as_slice() else { return Err(refused("it has not one signer")) };
    let certificate = certificate_of(&signed, &signer.sid)?;
    if !is_for_time_stamping(&certificate) {
        return Err(refused("it is signed with a certificate that is not for time-stamping"));
    }
    check_attributes(signer, &content)?;
    check_signature(signer, &certificate)?;
    Ok((content, certificate))
}

fn certificate_of(signed: &SignedData, signer: &SignerIdentifier) -> Result<Certificate, ProofError> {
    let held = signed.certificates.iter().flat_map(|set| set.0.iter()).filter_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => Some(certificate),
        CertificateChoices::Other(_) => None,
    });
    let is_signers = |certificate: &&Certificate| {
        let own = &certificate.tbs_certificate;
        let name = IssuerAndSerialNumber { issuer: own.issuer.clone(), serial_number: own.serial_number.clone() };
        matches!(signer, SignerIdentifier::IssuerAndSerialNumber(id) if *id == name)
    };
    let found = held.into_iter().find(is_signers).cloned();
    found.ok_or_else(|| ProofError::TimeStamp("it does not hold the certificate that it is signed with".to_owned()))
}

fn is_for_time_stamping(certificate: &Certificate) -> bool {
    let extensions = certificate.tbs_certificate.extensions.iter().flatten();
    let mut uses = extensions.filter(|extension| extension.extn_id == ExtendedKeyUsage::OID);
    let stamps = |uses: ExtendedKeyUsage| uses.0 == [TIME_STAMPING];
    uses.any(|extension| ExtendedKeyUsage::from_der(extension.extn_value.as_bytes()).is_ok_and(stamps))
}

/// What is signed names the content by its digest.
fn check_attributes(signer: &SignerInfo, content: &[u8]) -> Result<(), ProofError> {
    let refused = |what: &str| ProofError::TimeStamp(what.to_owned());
    let attributes = signer.signed_attrs.as_ref().ok_or_else(|| refused("nothing of it is signed"))?;
    let value = |oid: ObjectIdentifier| {
        attributes.iter().find(|attribute| attribute.oid == oid).and_then(|found| found.values.get(0))
    };
    let kind = value(CONTENT_TYPE).and_then(|value| value.decode_as::<ObjectIdentifier>().ok());
    if kind != Some(TST_INFO) {
        return Err(refused("what is signed is no time-stamp"));
    }
    let algorithm = match signer.digest_alg.oid {
        SHA_256 => &digest::SHA256,
        SHA_384 => &digest::SHA384,
        SHA_512 => &digest::SHA512,
        other => return Err(refused(&format!("its digest {other} is not known here"))),
    };
    let signed = value(MESSAGE_DIGEST).and_then(|value| value.decode_as::<OctetString>().ok());
    match signed {
        Some(signed) if signed.as_bytes() == digest::digest(algorithm, content).as_ref() => Ok(()),
        _ => Err(refused("its content is not what was signed")),
    }
}

fn check_signature(signer: &SignerInfo, certificate: &Certificate) -> Result<(), ProofError> {
    let key = &certificate.tbs_certificate.subject_public_key_info;
    let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
    let algorithm: &dyn VerificationAlgorithm = match (key.algorithm.oid, curve, signer.digest_alg.oid) {
        (RSA_KEY, _, SHA_256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (RSA_KEY, _, SHA_384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (RSA_KEY, _, SHA_512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (EC_KEY, Some(P_256), SHA_256) => &signature::ECDSA_P256_SHA256_ASN1,
        (EC_KEY, Some(P_256), SHA_384) => &signature::ECDSA_P256_SHA384_ASN1,
        (EC_KEY, Some(P_384), SHA_256) => &signature::ECDSA_P384_SHA256_ASN1,
        (EC_KEY, Some(P_384), SHA_384) => &signature::ECDSA_P384_SHA384_ASN1,
        (ED25519_KEY, _, _) => &signature::ED25519,
        (key, ..) => {
            return Err(ProofError::TimeStamp(format!("signatures with keys of the kind {key} are not known here")));
        }
    };
    // What is signed is the set itself, not the field that holds it.
    let signed = signer.signed_attrs.as_ref().map(Encode::to_der).transpose().map_err(broken)?.unwrap_or_default();
    let key = key.subject_public_key.as_bytes().unwrap_or_default();
    UnparsedPublicKey::new(algorithm, key)
        .verify(&signed, signer.signature.as_bytes())
        .map_err(|_| ProofError::TimeStamp("its signature does not hold".to_owned()))
}

fn sha256(bytes: &[u8]) -> RawDigest {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

fn broken(error: der::Error) -> ProofError {
    ProofError::TimeStamp(format!("it cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_moment_may_have_fractions_and_nothing_else() {
        let told = |text: &str| moment(text).map(|at| at.as_str().to_owned());
        assert_eq!(told("20261125235959Z").as_deref(), Some("2026-11-25T23:59:59.000000Z"));
        assert_eq!(told("20261125235959.1234567Z").as_deref(), Some("2026-11-25T23:59:59.123456Z"));
        assert_eq!(
            ["20261125235959", "2026112523595Z", "20261325235959Z", "2026112523595\u{e9}Z"].map(told),
            [None, None, None, None]
        );
    }

    #[test]
    fn a_question_is_der_with_the_digest_and_a_nonce() {
        let question = StampQuestion::about(b"checkpoint", 7);
        let der = question.to_der().unwrap();
        let read = TimeStampReq::from_der(&der).unwrap();
        assert_eq!(read.message_imprint.hashed_message.as_bytes(), sha256(b"checkpoint"));
        assert!(read.cert_req && read.nonce.is_some());
        assert!(question.read(b"no answer").unwrap_err().to_string().contains("cannot be read"));
    }
}
