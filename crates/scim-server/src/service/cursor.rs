//! Cursors: where a list goes on, given to the client and taken back as it was. RFC 9865.
//!
//! Nothing is kept for a cursor. Its text is base64url without padding, of
//!
//! ```text
//! issued (8)  count (8)  type (2)  id (16)  key (1: is there one, and its bytes)  code (32)
//! ```
//!
//! The code is an HMAC over all of this and over what the cursor holds for: tenant, token, endpoint and question. A cursor of somebody else
//! or of another list is therefore not told from one that nobody gave out. It grants nothing either: whoever shows it is let in, or not, by
//! the token alone.

use data_encoding::BASE64URL_NOPAD;
use scim_core::Error;
use scim_core::list::{CURSOR_TIMEOUT, Query, Start};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::clock::Micros;
use crate::store::TenantId;
use crate::token::{Digest, Pepper};

/// A cursor holds so long.
const TIMEOUT: Micros = CURSOR_TIMEOUT * 1_000_000;
/// Of the keys that the pepper gives away, the one for cursors.
const PURPOSE: &str = "cursors";

/// A place in an order: that of one resource, whether it is still there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The resource's key in the order; `None` when it has none, or there is no order but that of types and ids.
    pub key: Option<String>,
    /// The number of its type.
    pub rtype: i16,
    /// Its id.
    pub id: Uuid,
}

/// What the cursors of one request hold for.
#[derive(Clone, Copy, Debug)]
pub struct Cursors<'a> {
    /// The server's key.
    pub pepper: &'a Pepper,
    /// The tenant.
    pub tenant: TenantId,
    /// The id of the token.
    pub token: Uuid,
    /// The number of the resource type that is listed; `None` at the root.
    pub endpoint: Option<i16>,
    /// What is asked.
    pub query: &'a Query,
}

/// What a genuine cursor says.
struct Opened {
    issued: Micros,
    count: i64,
    position: Position,
}

impl Cursors<'_> {
    /// Where the query begins.
    ///
    /// # Errors
    /// As [`Cursors::open`].
    pub fn start(&self, now: Micros) -> Result<Start<Position>, Error> {
        Ok(match &self.query.start {
            Start::Index(first) => Start::Index(*first),
            Start::Cursor(None) => Start::Cursor(None),
            Start::Cursor(Some(text)) => Start::Cursor(Some(self.open(text, now)?)),
        })
    }

    /// The text of a cursor that stands at this position.
    #[must_use]
    pub fn seal(&self, position: &Position, issued: Micros) -> String {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend(issued.to_be_bytes());
        bytes.extend(self.query.count.to_be_bytes());
        bytes.extend(position.rtype.to_be_bytes());
        bytes.extend(position.id.as_bytes());
        bytes.push(u8::from(position.key.is_some()));
        bytes.extend(position.key.iter().flat_map(|key| key.bytes()));
        let code = self.code(&bytes);
        bytes.extend(code.as_bytes());
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The position at which a cursor stands.
    ///
    /// # Errors
    /// 400 `invalidCursor` for what was not given out to this token for this question, the same whatever is wrong with it;
    /// `expiredCursor` when it was given out too long ago, `invalidCount` when the page before had another `count` (RFC 9865 §2.1).
    pub fn open(&self, text: &str, now: Micros) -> Result<Position, Error> {
        let opened = self.read(text).ok_or_else(|| {
            Error::invalid_cursor(
                "`cursor`: expected the `nextCursor` of the page before, with every other parameter as it was; \
                 an empty one begins anew",
            )
        })?;
        if now.saturating_sub(opened.issued) > TIMEOUT {
            return Err(Error::expired_cursor(format!(
                "`cursor`: more than {CURSOR_TIMEOUT} seconds old; an empty one begins anew"
            )));
        }
        if opened.count != self.query.count {
            return Err(Error::invalid_count(format!(
                "`count`: expected {}, as for the page before",
                opened.count
            )));
        }
        Ok(opened.position)
    }

    fn read(&self, text: &str) -> Option<Opened> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (said, code) = bytes.split_last_chunk::<32>()?;
        if !self.code(said).matches(&Digest::from_slice(code)?) {
            return None;
        }
        let (issued, rest) = said.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (rtype, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let key = match rest.split_first()? {
            (0, _) => None,
            (_, key) => Some(std::str::from_utf8(key).ok()?.to_owned()),
        };
        Some(Opened {
            issued: Micros::from_be_bytes(*issued),
            count: i64::from_be_bytes(*count),
            position: Position {
                key,
                rtype: i16::from_be_bytes(*rtype),
                id: Uuid::from_bytes(*id),
            },
        })
    }

    fn code(&self, said: &[u8]) -> Digest {
        let question = self.query.question();
        let mut covered = Vec::with_capacity(96 + said.len());
        covered.extend(self.tenant.get().to_be_bytes());
        covered.extend(self.token.as_bytes());
        // No resource type has a negative number.
        covered.extend(self.endpoint.unwrap_or(-1).to_be_bytes());
        covered.extend(Sha256::digest(question.as_bytes()));
        // All before this has a fixed length.
        covered.extend(said);
        self.pepper.code(PURPOSE, &covered)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use scim_core::ScimType;
    use scim_core::attr::Urns;
    use scim_core::list::Paging;

    use super::*;

    const NOW: Micros = 1_800_000_000_000_000;

    fn query(parameters: &[(&str, &str)]) -> Query {
        Query::from_parameters(parameters, &Urns::default(), &Paging::default()).unwrap()
    }

    fn cursors<'a>(pepper: &'a Pepper, query: &'a Query) -> Cursors<'a> {
        Cursors {
            pepper,
            tenant: TenantId::new(7),
            token: Uuid::from_u128(9),
            endpoint: Some(1),
            query,
        }
    }

    fn at(key: Option<&str>) -> Position {
        Position {
            key: key.map(str::to_owned),
            rtype: 1,
            id: Uuid::from_u128(5),
        }
    }

    #[track_caller]
    fn refused(result: Result<Position, Error>, kind: ScimType) -> String {
        let error = result.unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(kind)));
        error.detail
    }

    #[test]
    fn a_cursor_holds_for_what_it_was_given_out_for() {
        let (pepper, query_a) = (Pepper::new([1; 32]), query(&[("filter", "title pr")]));
        let ours = cursors(&pepper, &query_a);
        let text = ours.seal(&at(Some("ada")), NOW);
        assert_eq!(ours.open(&text, NOW), Ok(at(Some("ada"))));
        let (other_pepper, query_b) =
            (Pepper::new([2; 32]), query(&[("filter", "title co \"x\"")]));
        let detail = refused(ours.open("", NOW), ScimType::InvalidCursor);
        for other in [
            cursors(&other_pepper, &query_a),
            cursors(&pepper, &query_b),
            Cursors {
                tenant: TenantId::new(8),
                ..ours
            },
            Cursors {
                token: Uuid::from_u128(10),
                ..ours
            },
            Cursors {
                endpoint: Some(2),
                ..ours
            },
            Cursors {
                endpoint: None,
                ..ours
            },
        ] {
            let opened = other.open(&text, NOW + 2 * TIMEOUT);
            assert_eq!(refused(opened, ScimType::InvalidCursor), detail);
        }
        let fewer = query(&[("filter", "title pr"), ("count", "5")]);
        refused(
            cursors(&pepper, &fewer).open(&text, NOW),
            ScimType::InvalidCount,
        );
    }

    #[test]
    fn a_cursor_holds_for_an_hour() {
        let (pepper, query) = (Pepper::new([1; 32]), query(&[]));
        let cursors = cursors(&pepper, &query);
        let text = cursors.seal(&at(None), NOW);
        // Another server's clock may be ahead.
        for now in [Micros::MIN, 0, NOW - 1, NOW, NOW + TIMEOUT] {
            assert_eq!(cursors.open(&text, now), Ok(at(None)), "{now}");
        }
        for now in [NOW + TIMEOUT + 1, Micros::MAX] {
            refused(cursors.open(&text, now), ScimType::ExpiredCursor);
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(key: Option<String>, rtype: i16, id: u128, issued: Micros) {
            let (pepper, query) = (Pepper::new([1; 32]), query(&[]));
            let cursors = cursors(&pepper, &query);
            let position = Position { key, rtype, id: Uuid::from_u128(id) };
            let text = cursors.seal(&position, issued);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(cursors.open(&text, issued), Ok(position));
        }

        #[test]
        fn what_was_changed_does_not(key: Option<String>, place: prop::sample::Index, byte: u8, cut: bool) {
            let (pepper, query) = (Pepper::new([1; 32]), query(&[]));
            let cursors = cursors(&pepper, &query);
            let mut bytes = cursors.seal(&at(key.as_deref()), NOW).into_bytes();
            let place = place.index(bytes.len());
            if cut {
                bytes.truncate(place);
            } else {
                prop_assume!(bytes[place] != byte);
                bytes[place] = byte;
            }
            if let Ok(text) = std::str::from_utf8(&bytes) {
                refused(cursors.open(text, NOW), ScimType::InvalidCursor);
            }
        }

        #[test]
        fn anything_else_does_not(text: String, bytes: Vec<u8>) {
            let (pepper, query) = (Pepper::new([1; 32]), query(&[]));
            let cursors = cursors(&pepper, &query);
            for text in [text, BASE64URL_NOPAD.encode(&bytes)] {
                refused(cursors.open(&text, NOW), ScimType::InvalidCursor);
            }
            // Nor does nonsense with a genuine code make it panic.
            let mut signed = bytes;
            let code = cursors.code(&signed);
            signed.extend(code.as_bytes());
            let _ = cursors.open(&BASE64URL_NOPAD.encode(&signed), NOW);
        }
    }
}
