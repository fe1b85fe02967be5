//! `next_page` of the Analytics API: signed by this node, good for one question of one reach.
//! Promises that a walk over pages reads one answer: a token carries what the first page was made from and its end.
//! Never takes a token that was changed, made elsewhere, or made for another question.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ephor_analytics::query::AsOf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::problem::{Problem, shortened};
use crate::query::Query;
use crate::route::{Parameter, Route, Shape};

/// How the published siblings begin theirs (analytics_api.md 1.5).
const PREFIX: &str = "page_";

/// First byte of a token: its version.
const VERSION: u8 = 1;

/// So many bytes of the question's hash and of the signature: enough that neither is found by trying.
const HASH_BYTES: usize = 16;

/// Parameters that a walk may change from page to page.
const FREE: [&str; 2] = ["page", "limit"];

/// A question as tokens know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; HASH_BYTES]);

impl Fingerprint {
    /// Of everything that makes the question what it is: the path, the reach of the key, and each known parameter.
    pub(super) fn of(route: &Route, reach: &str, query: &Query) -> Self {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            // With its length, so that two parts never read like two others.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        };
        add(route.path);
        add(reach);
        for parameter in route.parameters.iter().filter(|parameter| !FREE.contains(&parameter.name)) {
            let values = values(query, parameter);
            add(parameter.name);
            add(&values.len().to_string());
            values.iter().for_each(|value| add(value));
        }
        Self(head(&hash.finalize()))
    }
}

/// The values of a parameter, in one order whatever the order of the request.
fn values(query: &Query, parameter: &Parameter) -> Vec<String> {
    match parameter.shape {
        Shape::TextList => {
            let mut values = query.many(parameter.name.trim_end_matches("[]"));
            values.sort_unstable();
            values.dedup();
            values
        }
        _ => query.one(parameter.name).map(str::to_owned).into_iter().collect(),
    }
}

/// Where a page begins, and what its walk has fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Rows before it.
    pub(super) rows_before: u32,
    /// The end of the question that the first page resolved: a day or a microsecond, as the endpoint counts.
    pub(super) end: i64,
    /// What the first page was made from.
    pub(super) as_of: AsOf,
}

/// Makes tokens and reads them.
#[derive(Clone)]
pub(crate) struct PageTokens {
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for PageTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageTokens(…)")
    }
}

impl PageTokens {
    /// With a key of this purpose alone, derived from the node's secret.
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        let mut derive = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        derive.update(b"ephor analytics page token v1");
        let key = derive.finalize().into_bytes();
        Some(Self { mac: Hmac::new_from_slice(&key).ok()? })
    }

    pub(super) fn issue(&self, question: Fingerprint, place: &Place) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(question.0);
        bytes.extend(place.rows_before.to_be_bytes());
        bytes.extend(place.end.to_be_bytes());
        bytes.extend(place.as_of.usage_seq.to_be_bytes());
        bytes.extend(place.as_of.upstream_seq.to_be_bytes());
        bytes.extend(self.signature(&bytes));
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn read(&self, question: Fingerprint, token: &str) -> Result<Place, Problem> {
        let malformed = || {
            Problem::invalid(format!(
                "page: `{}` is not a `next_page` of this server; pass it back unchanged",
                shortened(token)
            ))
        };
        let (of, place) = self.decode(token).ok_or_else(malformed)?;
        if of != question {
            return Err(Problem::invalid(
                "page: this token belongs to another query; send the same parameters as for its page, or begin without page",
            ));
        }
        Ok(place)
    }

    fn decode(&self, token: &str) -> Option<(Fingerprint, Place)> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (body, signature) = bytes.split_last_chunk::<HASH_BYTES>()?;
        self.mac.clone().chain_update(body).verify_truncated_left(signature).ok()?;
        let (version, rest) = body.split_first()?;
        let (question, rest) = rest.split_first_chunk::<HASH_BYTES>()?;
        let (rows_before, rest) = rest.split_first_chunk::<4>()?;
        let (end, rest) = rest.split_first_chunk::<8>()?;
        let (usage_seq, rest) = rest.split_first_chunk::<8>()?;
        let upstream_seq: [u8; 8] = rest.try_into().ok()?;
        let as_of = AsOf { usage_seq: u64::from_be_bytes(*usage_seq), upstream_seq: u64::from_be_bytes(upstream_seq) };
        let place = Place { rows_before: u32::from_be_bytes(*rows_before), end: i64::from_be_bytes(*end), as_of };
        (*version == VERSION).then_some((Fingerprint(*question), place))
    }

    fn signature(&self, body: &[u8]) -> [u8; HASH_BYTES] {
        head(&self.mac.clone().chain_update(body).finalize().into_bytes())
    }
}

/// The first bytes of a hash.
fn head(hash: &[u8]) -> [u8; HASH_BYTES] {
    std::array::from_fn(|at| hash[at])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::analytics::engagement;

    fn tokens(secret: &[u8]) -> PageTokens {
        PageTokens::new(secret).unwrap()
    }

    fn fingerprint(path: &str, reach: &str, text: &str) -> Fingerprint {
        let (_, route) = engagement::ROUTES.iter().find(|(_, route)| route.path.ends_with(path)).unwrap();
        Fingerprint::of(route, reach, &Query::parse(text))
    }

    #[test]
    fn a_question_is_the_same_however_it_is_written() {
        let written = "date=2026-03-10&filter[]=user_id:a&filter[]=user_id:b&limit=5";
        let same = [
            "filter%5B%5D=user_id:b&date=2026-03-10&filter=user_id:a&beta=true&page=page_x",
            "limit=9&date=2026-03-10&filter[]=user_id:a&filter[]=user_id:b&filter[]=user_id:b&something=new",
        ];
        for other in same {
            assert_eq!(fingerprint("users", "", written), fingerprint("users", "", other), "{other}");
        }
        let others = [
            ("users", "", "date=2026-03-11&filter[]=user_id:a&filter[]=user_id:b"),
            ("users", "", "date=2026-03-10&filter[]=user_id:a"),
            ("users", "", "date=2026-03-10&filter[]=user_id:a&filter[]=user_id:b&order=desc"),
            ("users", "", "date=2026-03-10&group_by[]=user_id:a&group_by[]=user_id:b"),
            ("users", "org", "date=2026-03-10&filter[]=user_id:a&filter[]=user_id:b"),
            ("projects", "", "date=2026-03-10&filter[]=user_id:a&filter[]=user_id:b"),
        ];
        for (path, reach, other) in others {
            assert_ne!(fingerprint("users", "", written), fingerprint(path, reach, other), "{other}");
        }
    }

    #[test]
    fn a_token_of_another_question_or_another_node_is_refused() {
        let (own, other) = (tokens(b"one"), tokens(b"two"));
        let place = Place { rows_before: 20, end: 20_523, as_of: AsOf { usage_seq: 9, upstream_seq: 3 } };
        let question = fingerprint("users", "", "date=2026-03-10");
        let token = own.issue(question, &place);
        assert_eq!(own.read(question, &token).unwrap(), place);
        let elsewhere = fingerprint("users", "", "date=2026-03-11");
        let told = [own.read(elsewhere, &token), other.read(question, "page_x"), own.read(question, "")]
            .map(|read| read.unwrap_err().message);
        assert!(other.read(question, &token).is_err());
        insta::assert_snapshot!(told.join("\n"), @"
        page: this token belongs to another query; send the same parameters as for its page, or begin without page
        page: `page_x` is not a `next_page` of this server; pass it back unchanged
        page: `` is not a `next_page` of this server; pass it back unchanged
        ");
    }

    proptest! {
        #[test]
        fn whatever_was_put_in_comes_out_and_a_changed_bit_is_seen(rows_before: u32, end: i64, usage_seq: u64, upstream_seq: u64, at: usize, bit in 0_u8..8) {
            let tokens = tokens(b"secret");
            let question = fingerprint("skills", "", "date=2026-03-10");
            let place = Place { rows_before, end, as_of: AsOf { usage_seq, upstream_seq } };
            let token = tokens.issue(question, &place);
            prop_assert_eq!(tokens.decode(&token), Some((question, place)));
            let mut bytes = URL_SAFE_NO_PAD.decode(&token[PREFIX.len()..]).unwrap();
            let place = at % bytes.len();
            bytes[place] ^= 1 << bit;
            let changed = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
            prop_assert_eq!(tokens.decode(&changed), None);
        }

        #[test]
        fn nothing_else_decodes_or_panics(token in ".{0,120}") {
            prop_assert_eq!(tokens(b"secret").decode(&token), None);
        }
    }
}
