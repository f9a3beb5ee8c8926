//! Bearer tokens: their shape, how they are made, and the digest that is kept instead of them.
//!
//! ```text
//! scimd_ hmf3k7y2q4zabcde _ 52 characters … _crc
//! prefix public id (16)     secret          checksum (7)
//! ```
//!
//! Everything after the prefix is lower-case base32: 10 random bytes that name the token, 32 random bytes that are the secret, and the
//! CRC-32 of all that stands before it. The checksum is no secret: it turns away typing errors without work for the database, and lets
//! secret scanners be sure. An administrator's token has the prefix `scimd_admin_` and the same shape behind it.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::secret::Secret;

/// What the token of a tenant begins with.
pub const PREFIX: &str = "scimd_";
/// What the token of an administrator begins with, when scimd made it.
pub const ADMIN_PREFIX: &str = "scimd_admin_";
/// The shortest administrator's token that an operator may choose.
pub const ADMIN_MIN_CHARS: usize = 32;

const PUBLIC_BYTES: usize = 10;
const SECRET_BYTES: usize = 32;
const CHECK_BYTES: usize = 4;
const PUBLIC_CHARS: usize = 16;
const SECRET_CHARS: usize = 52;

/// A token as a client sent it, well-formed and with the right checksum. Whether it is known is for the store to say.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    public_id: String,
    secret: [u8; SECRET_BYTES],
}

/// A token just made. Its text is shown once and forgotten.
#[derive(Debug)]
pub struct Minted {
    /// The name under which it is stored.
    pub public_id: String,
    /// What is stored instead of the secret.
    pub digest: Digest,
    /// The token.
    pub text: Secret,
}

/// HMAC-SHA-256 of a secret. Comparing takes the same time wherever two differ.
#[derive(Clone)]
pub struct Digest([u8; 32]);

/// The server's key, without which stored digests are of no use.
#[derive(Clone)]
pub struct Pepper(Hmac<Sha256>);

impl Presented {
    /// Reads a tenant's token; `None` unless prefix, lengths, alphabet and checksum are right.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX)?;
        let (public_id, rest) = body.split_at_checked(PUBLIC_CHARS)?;
        let (secret, check) = rest.strip_prefix('_')?.split_at_checked(SECRET_CHARS)?;
        let _: [u8; PUBLIC_BYTES] = decode(public_id)?;
        let secret = decode(secret)?;
        let covered = text.strip_suffix(check)?;
        if decode(check)? != crc32fast::hash(covered.as_bytes()).to_be_bytes() {
            return None;
        }
        Some(Self {
            public_id: public_id.to_owned(),
            secret,
        })
    }

    /// The name under which the token is stored. It is not secret.
    #[must_use]
    pub fn public_id(&self) -> &str {
        &self.public_id
    }
}

impl Pepper {
    /// How many bytes a key has.
    pub const BYTES: usize = 32;

    /// A key from its bytes.
    #[must_use]
    pub fn new(key: [u8; Self::BYTES]) -> Self {
        // A key that is shorter than a block is padded with zeros (RFC 2104 §2); so padded, making the HMAC cannot fail.
        let mut block = [0_u8; 64];
        for (to, from) in block.iter_mut().zip(key) {
            *to = from;
        }
        Self(Hmac::new(&block.into()))
    }

    /// A key from the hexadecimal form it is stored in.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self::new(bytes.try_into().ok()?))
    }

    /// A new random key in its stored form.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn generate_hex() -> Result<Secret, getrandom::Error> {
        let mut key = [0_u8; Self::BYTES];
        getrandom::fill(&mut key)?;
        Ok(data_encoding::HEXLOWER.encode(&key).into())
    }

    /// The digest of what a client sent.
    #[must_use]
    pub fn digest(&self, presented: &Presented) -> Digest {
        self.hash(&presented.secret)
    }

    /// The digest of an administrator's token, whoever chose it.
    #[must_use]
    pub fn admin_digest(&self, text: &str) -> Digest {
        // Another domain than tenants' secrets: those are 32 bytes, this is never shorter than that and has a prefix.
        self.hash(format!("admin:{text}").as_bytes())
    }

    /// Makes a tenant's token.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn mint(&self) -> Result<Minted, getrandom::Error> {
        let mut secret = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        let (public_id, text) = compose(PREFIX, &secret)?;
        Ok(Minted {
            public_id,
            digest: self.hash(&secret),
            text,
        })
    }

    /// Makes an administrator's token.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn mint_admin(&self) -> Result<Minted, getrandom::Error> {
        let mut secret = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        let (public_id, text) = compose(ADMIN_PREFIX, &secret)?;
        Ok(Minted {
            public_id,
            digest: self.admin_digest(text.expose()),
            text,
        })
    }

    /// The authentication code of what is given out and comes back, such as a cursor. Each purpose has a key of its own.
    #[must_use]
    pub fn code(&self, purpose: &str, covered: &[u8]) -> Digest {
        // Another domain than tokens: longer than a secret, and without the prefix of an administrator's.
        let label = format!("the key of authentication codes for {purpose}");
        Self::new(self.hash(label.as_bytes()).0).hash(covered)
    }

    fn hash(&self, bytes: &[u8]) -> Digest {
        let mut hmac = self.0.clone();
        hmac.update(bytes);
        Digest(hmac.finalize().into_bytes().into())
    }
}

impl Digest {
    /// A digest that no secret has: what an unknown token is compared with, so that its refusal takes as long as another's.
    pub const NOBODY: Self = Self([0; 32]);

    /// A digest from the bytes that are stored.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// A digest from the hexadecimal form of a setting.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        Self::from_slice(&bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The hexadecimal form, for a setting.
    #[must_use]
    pub fn to_hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }

    /// Whether both are the same, in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

fn compose(prefix: &str, secret: &[u8]) -> Result<(String, Secret), getrandom::Error> {
    let mut public = [0_u8; PUBLIC_BYTES];
    getrandom::fill(&mut public)?;
    let public_id = encode(&public);
    let covered = format!("{prefix}{public_id}_{}", encode(secret));
    let check = crc32fast::hash(covered.as_bytes()).to_be_bytes();
    Ok((public_id, format!("{covered}{}", encode(&check)).into()))
}

fn encode(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

/// Exactly `N` bytes in lower-case base32, with no bit left over.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let bytes = BASE32_NOPAD
        .decode(text.to_ascii_uppercase().as_bytes())
        .ok()?;
    bytes.try_into().ok()
}

const _: () = assert!(CHECK_BYTES == size_of::<u32>());

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({})", self.public_id)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pepper() -> Pepper {
        Pepper::new([7; 32])
    }

    #[test]
    fn a_minted_token_reads_back_and_matches_its_digest() {
        let minted = pepper().mint().unwrap();
        let text = minted.text.expose();
        assert_eq!(text.len(), 82);
        let presented = Presented::parse(text).unwrap();
        assert_eq!(presented.public_id(), minted.public_id);
        assert!(pepper().digest(&presented).matches(&minted.digest));
        assert!(
            !Pepper::new([8; 32])
                .digest(&presented)
                .matches(&minted.digest)
        );
        assert!(!Digest::NOBODY.matches(&minted.digest));
    }

    #[test]
    fn a_token_with_any_character_changed_is_refused() {
        let minted = pepper().mint().unwrap();
        let text = minted.text.expose();
        for at in 0..text.len() {
            for other in b"abcdefghijklmnopqrstuvwxyz234567ABCZ0189_-= \x00\xc3" {
                let mut bytes = text.as_bytes().to_vec();
                if bytes[at] == *other {
                    continue;
                }
                bytes[at] = *other;
                if let Ok(changed) = std::str::from_utf8(&bytes) {
                    assert_eq!(Presented::parse(changed), None, "{at}: {changed}");
                }
            }
        }
    }

    #[test]
    fn a_token_cut_or_lengthened_or_of_another_kind_is_refused() {
        let minted = pepper().mint().unwrap();
        let text = minted.text.expose();
        for end in 0..text.len() {
            assert_eq!(Presented::parse(text.get(..end).unwrap()), None);
        }
        let admin = pepper().mint_admin().unwrap();
        for wrong in [
            format!("{text}a"),
            format!(" {text}"),
            format!("{text} "),
            text.to_uppercase(),
            text.replace("scimd_", "SCIMD_"),
            admin.text.expose().to_owned(),
            "é".repeat(41),
        ] {
            assert_eq!(Presented::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nothing_secret_is_shown_by_debug() {
        let minted = pepper().mint().unwrap();
        let shown = format!(
            "{minted:?} {:?} {:?}",
            Presented::parse(minted.text.expose()),
            pepper()
        );
        let (_, secret) = minted.text.expose().split_at(23);
        assert!(!shown.contains(secret), "{shown}");
        assert!(!shown.contains(&minted.digest.to_hex()), "{shown}");
    }

    #[test]
    fn keys_and_digests_survive_being_stored() {
        let hex = Pepper::generate_hex().unwrap();
        let pepper = Pepper::from_hex(hex.expose()).unwrap();
        let digest = pepper.admin_digest("an administrator's own choice of token");
        let stored = Digest::from_hex(&digest.to_hex()).unwrap();
        assert!(stored.matches(&digest));
        assert!(Pepper::from_hex("00ff").is_none());
        assert!(Digest::from_slice(b"short").is_none());
    }
}
