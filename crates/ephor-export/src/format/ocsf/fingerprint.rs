//! The profile `record_integrity` of 1.9.0: the fingerprint of a record, over the record itself.
//! Anyone can check it: take `fingerprint` out, write the rest canonically, hash.
//! Never links records to each other: that is what the lake's own log proves.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// SHA-256 in `fingerprint.algorithm_id`.
const SHA_256: i64 = 3;

/// RFC 8785 in `fingerprint.serialization_id`.
const JCS: i64 = 2;

/// Who attests: the program, since a record is made by it and not by the upstream.
const AUTHORITY: &str = "ephor";

/// Adds the attestation to a finished record: what was written from `start` on.
pub(in crate::format) fn attest(out: &mut Vec<u8>, start: usize) {
    let Ok(mut tree) = serde_json::from_slice::<Map<String, Value>>(&out[start..]) else {
        // Only what this crate has just written comes here.
        return;
    };
    tree.insert("attestation_list".to_owned(), serde_json::json!([{ "authority_uid": AUTHORITY }]));
    let value = Sha256::digest(canonical(&tree)).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let fingerprint = serde_json::json!({
        "algorithm": "SHA-256", "algorithm_id": SHA_256, "serialization_id": JCS, "value": value,
    });
    tree["attestation_list"][0]["fingerprint"] = fingerprint;
    out.truncate(start);
    out.extend(canonical(&tree));
}

fn canonical(tree: &Map<String, Value>) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(tree).unwrap_or_default()
}
