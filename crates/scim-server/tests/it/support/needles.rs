//! Looking for secrets in bytes, in every spelling in which they could hide.

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};

use super::client::encode;

/// A secret's spellings: as it is, hexadecimal, base64 at each of its three alignments, percent-encoded.
pub(crate) fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![
        secret.to_vec(),
        HEXLOWER.encode(secret).into_bytes(),
        HEXUPPER.encode(secret).into_bytes(),
    ];
    for skip in 0..3 {
        let rest = secret.get(skip..).unwrap_or_default();
        let whole = rest.get(..rest.len() / 3 * 3).unwrap_or_default();
        all.push(BASE64.encode(whole).into_bytes());
        all.push(BASE64URL.encode(whole).into_bytes());
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        let percent = encode(text);
        all.push(percent.to_lowercase().into_bytes());
        all.push(percent.into_bytes());
        all.push(text.escape_unicode().to_string().into_bytes());
    }
    all
}

/// Whether the secret is somewhere in the bytes, however it is written.
pub(crate) fn is_in(secret: &str, hay: &[u8]) -> bool {
    let spellings = spellings(secret.as_bytes());
    spellings.iter().any(|needle| contains(hay, needle))
}

pub(crate) fn contains(hay: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else {
        return false;
    };
    let mut from = 0;
    while let Some(at) = hay[from..].iter().position(|byte| byte == first) {
        let start = from + at + 1;
        if hay[start..].starts_with(rest) {
            return true;
        }
        from = start;
    }
    false
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    let secret = "correct horse battery";
    for before in ["", "x", "xy"] {
        let text = format!("{before}{secret} staple");
        for written in [
            text.clone(),
            HEXLOWER.encode(text.as_bytes()),
            HEXUPPER.encode(text.as_bytes()),
            BASE64.encode(text.as_bytes()),
            BASE64URL.encode(text.as_bytes()),
            encode(&text),
        ] {
            assert!(is_in(secret, written.as_bytes()), "{written}");
        }
    }
    assert!(!is_in(secret, b"correct horse staple"));
}
