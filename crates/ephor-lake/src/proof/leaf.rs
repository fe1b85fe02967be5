//! What one activity puts into the tree: its place, its receipt and a salted commitment to its bytes.
//! Promises that the input of a leaf is text that standard tools rebuild from a row and its salt.
//! Never lets a leaf tell what it commits to: without the salt nobody can try bytes against it.

use sha2::{Digest, Sha256};
use tlog_tiles::tlog::{Hash, record_hash};

/// SHA-256 of the bytes of an activity as received.
pub(crate) type RawDigest = [u8; 32];

/// The first line of every leaf's input: what the rest means.
const FORMAT: &str = "ephor.activity/v1";

/// Sixteen bytes that belong to one `seq` and to nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

impl Salt {
    /// As it is written in proofs: 32 hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

/// SHA-256 of the salt and of the digest of the bytes, both as lower-case hexadecimal text. It stays when the salt and
/// the bytes are gone, so that an erased row keeps its place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Commitment(pub [u8; 32]);

impl Commitment {
    /// The commitment to bytes of which only the digest is at hand.
    #[must_use]
    pub fn of(salt: Salt, raw: &RawDigest) -> Self {
        let mut text = [0_u8; 96];
        // The buffers have exactly the sizes that hexadecimal text of 16 and 32 bytes takes.
        let _ = hex::encode_to_slice(salt.0, &mut text[..32]);
        let _ = hex::encode_to_slice(raw, &mut text[32..]);
        Self(Sha256::digest(text).into())
    }

    /// The commitment to some bytes.
    #[must_use]
    pub fn to_bytes_received(salt: Salt, raw: &[u8]) -> Self {
        Self::of(salt, &Sha256::digest(raw).into())
    }
}

/// Everything that the tree knows of one activity.
///
/// ```
/// use ephor_lake::proof::{Commitment, Leaf, Salt};
/// let commitment = Commitment::to_bytes_received(Salt([7; 16]), br#"{"id":"activity_1"}"#);
/// let leaf = Leaf { seq: 0, received_at_micros: 1_767_225_600_000_000, source: "import", commitment };
/// assert!(leaf.input().starts_with("ephor.activity/v1\n0\n1767225600000000\n\"import\"\n"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// The place in the order of arrival, which is the leaf's number.
    pub seq: u64,
    /// When Ephor got it, in microseconds since 1970.
    pub received_at_micros: i64,
    /// The source it came from.
    pub source: &'a str,
    /// What stands for its bytes.
    pub commitment: Commitment,
}

impl Leaf<'_> {
    /// The leaf's input: five lines, each with its end. The source is a JSON string, so that no name can fake a line.
    #[must_use]
    pub fn input(&self) -> String {
        let mut text = String::with_capacity(160);
        self.write_input(&mut text);
        text
    }

    /// RFC 6962: SHA-256 of a zero byte and the input.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash_with(&mut String::new())
    }

    /// As [`Leaf::hash`], in a buffer that is used again for the next one.
    pub(crate) fn hash_with(&self, buffer: &mut String) -> Hash {
        buffer.clear();
        self.write_input(buffer);
        record_hash(buffer.as_bytes())
    }

    fn write_input(&self, text: &mut String) {
        use std::fmt::Write as _;
        // Writing to a string cannot fail.
        let _ = write!(text, "{FORMAT}\n{}\n{}\n", self.seq, self.received_at_micros);
        push_json_string(text, self.source);
        text.push('\n');
        let start = text.len();
        text.push_str("0000000000000000000000000000000000000000000000000000000000000000");
        let mut digits = [0_u8; 64];
        let _ = hex::encode_to_slice(self.commitment.0, &mut digits);
        text.replace_range(start.., std::str::from_utf8(&digits).unwrap_or_default());
        text.push('\n');
    }
}

/// Names of sources are plain words as a rule; only others need the escaping.
fn push_json_string(text: &mut String, value: &str) {
    if value.bytes().all(|byte| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\') {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else {
        text.push_str(&serde_json::Value::from(value).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_of_a_leaf_is_what_the_documentation_says() {
        let commitment = Commitment::to_bytes_received(Salt([0xab; 16]), b"{}");
        let leaf = Leaf { seq: 12, received_at_micros: -5, source: "a\"b\n", commitment };
        insta::assert_snapshot!(leaf.input(), @r#"
        ephor.activity/v1
        12
        -5
        "a\"b\n"
        f68b43f1407d1c55aacdb17365a07bcd157240812f9389b9bd088ac4edb3c8f2
        "#);
    }
}
