//! Comparison keys: two values are equal, or one is greater, exactly when their keys are, byte by byte, on every database.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, NaiveDateTime, Utc};
use icu_casemap::{CaseMapper, CaseMapperBorrowed};
use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::schema::{Attribute, Type};

const CASE: CaseMapperBorrowed<'static> = CaseMapper::new();
const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfkc();

/// Version of [`fold`]: kept beside stored keys, so that a new Unicode version can rebuild them.
pub const VERSION: i32 = 1;

/// The longest key that is stored whole, in bytes.
pub const MAX_STORED: usize = 512;

/// The key of a string whose letter case does not count (`caseExact: false`): NFKC of the case-folded form, folded until it stays.
///
/// ```
/// use scim_core::key::fold;
/// assert_eq!(fold("ÄDA"), fold("a\u{308}da"));
/// assert_eq!(fold("ﬁsh"), "fish");
/// ```
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let once = |text: &str| NFKC.normalize(&CASE.fold_string(text)).into_owned();
    // Compatibility forms of capitals (`℻`, `Ａ` with marks) become capitals only by NFKC: fold what it made.
    let first = once(&NFKC.normalize(text));
    once(&first)
}

/// The key of a string, by its attribute's `caseExact`.
#[must_use]
pub fn string(text: &str, case_exact: bool) -> String {
    if case_exact {
        text.to_owned()
    } else {
        fold(text)
    }
}

/// The key of an integer: 16 hexadecimal digits in numeric order.
///
/// ```
/// use scim_core::key::integer;
/// assert!(integer(-5) < integer(3) && integer(3) < integer(20));
/// ```
#[must_use]
pub fn integer(value: i64) -> String {
    format!("{:016x}", value.cast_unsigned() ^ (1 << 63))
}

/// The key of a decimal: 16 hexadecimal digits in numeric order; -0 equals 0.
#[must_use]
pub fn decimal(value: f64) -> String {
    let bits = (value + 0.0).to_bits();
    let ordered = if bits >> 63 == 1 {
        !bits
    } else {
        bits | (1 << 63)
    };
    format!("{ordered:016x}")
}

/// The key of a boolean, `0` or `1`.
#[must_use]
pub fn boolean(value: bool) -> String {
    if value { "1" } else { "0" }.to_owned()
}

/// The moment an xsd:dateTime names; without a zone it is taken as UTC (RFC 7643 §2.3.5). `None` when it is not one.
///
/// ```
/// use scim_core::key::date_time;
/// assert_eq!(date_time("2026-01-01T00:00:00Z"), date_time("2026-01-01T01:00:00+01:00"));
/// assert_eq!(date_time("2026-01-01"), None);
/// ```
#[must_use]
pub fn date_time(text: &str) -> Option<DateTime<Utc>> {
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .ok()
        .map(|moment| moment.and_utc())
}

/// The key of a moment: chronological order, to the microsecond.
#[must_use]
pub fn moment(value: DateTime<Utc>) -> String {
    integer(value.timestamp_micros())
}

/// The bytes of a base64 value; padding and the URL alphabet are optional (RFC 7643 §2.3.6).
#[must_use]
pub fn binary(text: &str) -> Option<Vec<u8>> {
    static CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    static STANDARD: LazyLock<GeneralPurpose> =
        LazyLock::new(|| GeneralPurpose::new(&alphabet::STANDARD, CONFIG));
    static URL: LazyLock<GeneralPurpose> =
        LazyLock::new(|| GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG));
    STANDARD.decode(text).or_else(|_| URL.decode(text)).ok()
}

/// The key of a value of an attribute, by its type; `None` for what has no key: null, `""`, and values that do not fit the type.
#[must_use]
pub fn of(attribute: &Attribute, value: &Value) -> Option<String> {
    match (attribute.kind, value) {
        (Type::Boolean, Value::Bool(value)) => Some(boolean(*value)),
        (Type::Integer, Value::Number(value)) => value.as_i64().map(integer),
        (Type::Decimal, Value::Number(value)) => value.as_f64().map(decimal),
        (_, Value::String(text)) if text.is_empty() => None,
        (Type::DateTime, Value::String(text)) => date_time(text).map(moment),
        (Type::String | Type::Reference | Type::Binary, Value::String(text)) => {
            Some(string(text, attribute.compares_exactly()))
        }
        _ => None,
    }
}

/// A key as an index keeps it: whole up to [`MAX_STORED`] bytes, else its beginning and the SHA-256 of all of it, so that equality
/// stays exact.
#[must_use]
pub fn stored(key: &str) -> String {
    if key.len() <= MAX_STORED {
        return key.to_owned();
    }
    let mut end = MAX_STORED - 64;
    while !key.is_char_boundary(end) {
        end -= 1;
    }
    let head = key.get(..end).unwrap_or_default();
    let digest = Sha256::digest(key.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{head}{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_is_idempotent_for_every_character() {
        // Nothing is assigned from plane 4 to plane 13.
        for c in '\0'..'\u{40000}' {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn names_that_look_alike_to_unicode_are_equal() {
        for (a, b) in [
            ("K", "\u{212A}"),
            ("ﬁ", "FI"),
            ("Σ", "ς"),
            ("ä", "a\u{308}"),
            ("Ａｄａ", "ada"),
            ("straße", "STRASSE"),
            ("℻", "fax"),
        ] {
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
        assert_ne!(fold("ı"), fold("i"));
    }

    #[test]
    fn numbers_and_moments_keep_their_order() {
        let integers = [i64::MIN, -5, -1, 0, 1, 20, i64::MAX];
        assert!(integers.map(integer).is_sorted());
        let decimals = [f64::MIN, -1.5, -0.0, 0.5, 2.0, 10.0, f64::MAX];
        assert!(decimals.map(decimal).is_sorted());
        assert_eq!(decimal(-0.0), decimal(0.0));
        assert!(date_time("0001-01-03T00:00:00.0000000Z").is_some());
        assert!(date_time("2011-05-13T04:42:34").is_some());
        for bad in [
            "",
            "now",
            "2011-05-13 04:42:34Z",
            "2011-13-13T04:42:34Z",
            "20110513",
        ] {
            assert_eq!(date_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn long_keys_stay_distinct_and_short() {
        let a = stored(&"ä".repeat(1000));
        let b = stored(&format!("{}b", "ä".repeat(999)));
        assert!(a.len() <= MAX_STORED && b.len() <= MAX_STORED);
        assert_ne!(a, b);
    }
}
