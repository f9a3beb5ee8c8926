//! Attribute paths: `[URN ":"] name ["." name]`, or a bare schema URN. RFC 7644 §3.10.

use std::fmt;

use crate::schema::Schema;
use crate::{Error, Result};

/// The schema URNs that a path may begin with.
///
/// URNs hold dots (`2.0`) and may end in a word that looks like an attribute (`…:2.0:User`), so a path can only be split by
/// knowing them: the longest one that fits wins, in any letter case.
#[derive(Clone, Debug, Default)]
pub struct Urns {
    longest_first: Vec<String>,
    /// Names that are none by the grammar (`Business Unit`), each with its URN; the longest first.
    odd_names: Vec<(String, String)>,
}

impl Urns {
    /// Collects URNs in their canonical letter case.
    pub fn new<S: Into<String>>(urns: impl IntoIterator<Item = S>) -> Self {
        let mut longest_first: Vec<String> = urns.into_iter().map(Into::into).collect();
        longest_first.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        longest_first.dedup();
        Self {
            longest_first,
            odd_names: Vec::new(),
        }
    }

    /// The URNs of schemas, with the names in them that only a look at the schema can tell from what follows.
    #[must_use]
    pub fn of<'s>(schemas: impl Iterator<Item = &'s Schema>) -> Self {
        let schemas: Vec<&Schema> = schemas.collect();
        let mut urns = Self::new(schemas.iter().map(|schema| schema.id.clone()));
        for schema in schemas {
            let subs = schema.attributes.iter().flat_map(|one| &one.sub_attributes);
            let odd = schema
                .attributes
                .iter()
                .chain(subs)
                .filter(|one| !is_name(&one.name));
            urns.odd_names
                .extend(odd.map(|one| (schema.id.clone(), one.name.clone())));
        }
        urns.odd_names
            .sort_by(|(_, a), (_, b)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        urns
    }

    /// The name that `text` begins with, behind that URN, and what stands behind it.
    pub(crate) fn name<'t>(&self, urn: Option<&str>, text: &'t str) -> Option<(&'t str, &'t str)> {
        let odd = self
            .odd_names
            .iter()
            .filter(|(of, _)| Some(of.as_str()) == urn);
        odd.filter_map(|(_, name)| {
            let (head, rest) = text.split_at_checked(name.len())?;
            let ends = rest.is_empty() || rest.starts_with(|c: char| !is_name_char(c));
            (ends && head.eq_ignore_ascii_case(name)).then_some((head, rest))
        })
        .next()
        .or_else(|| name(text))
    }

    /// The longest URN that `text` begins with, followed by `:`, the end, or a character that ends a path; and what stands behind it.
    #[must_use]
    pub fn split<'u, 't>(&'u self, text: &'t str) -> Option<(&'u str, &'t str)> {
        self.longest_first.iter().find_map(|urn| {
            let (head, rest) = text.split_at_checked(urn.len())?;
            let ends = rest.is_empty() || rest.starts_with(|c: char| c == ':' || !is_urn_char(c));
            (ends && head.eq_ignore_ascii_case(urn)).then_some((urn.as_str(), rest))
        })
    }
}

/// A path to an attribute, as written: nothing says yet that a schema has it.
///
/// ```
/// use scim_core::attr::{AttrPath, Urns};
/// let urns = Urns::new([scim_core::urn::ENTERPRISE_USER]);
/// let path = AttrPath::parse("URN:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.value", &urns)?;
/// assert_eq!(path.urn.as_deref(), Some(scim_core::urn::ENTERPRISE_USER));
/// assert_eq!((path.name.as_str(), path.sub.as_deref()), ("manager", Some("value")));
/// # Ok::<(), scim_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttrPath {
    /// The schema's URN: in canonical letter case when it is a known one.
    pub urn: Option<String>,
    /// The attribute's name; empty when the path is a bare schema URN.
    pub name: String,
    /// The sub-attribute's name.
    pub sub: Option<String>,
}

impl AttrPath {
    /// A path without URN.
    #[must_use]
    pub fn new(name: &str, sub: Option<&str>) -> Self {
        Self {
            urn: None,
            name: name.to_owned(),
            sub: sub.map(str::to_owned),
        }
    }

    /// Whether the path is a bare schema URN, which stands for the whole extension.
    #[must_use]
    pub fn is_container(&self) -> bool {
        self.name.is_empty()
    }

    /// Reads a whole text as a path.
    ///
    /// # Errors
    /// 400 `invalidPath` when it is not one.
    pub fn parse(text: &str, urns: &Urns) -> Result<Self> {
        match Self::scan(text, urns) {
            Some((path, "")) => Ok(path),
            _ => Err(Error::invalid_path(format!(
                "`{}` is not an attribute path",
                crate::error::shorten(text)
            ))),
        }
    }

    /// Reads the path that `text` begins with, and returns what stands behind it; `None` when it begins with none.
    #[must_use]
    pub fn scan<'t>(text: &'t str, urns: &Urns) -> Option<(Self, &'t str)> {
        Self::scan_within(text, urns, None)
    }

    /// The same inside the brackets of a value path, whose schema is `of`: there its names need no URN.
    #[must_use]
    pub fn scan_within<'t>(
        text: &'t str,
        urns: &Urns,
        of: Option<&str>,
    ) -> Option<(Self, &'t str)> {
        let (urn, rest) = match urns.split(text) {
            Some((urn, rest)) => {
                let Some(rest) = rest.strip_prefix(':') else {
                    let whole = Self {
                        urn: Some(urn.to_owned()),
                        name: String::new(),
                        sub: None,
                    };
                    return Some((whole, rest));
                };
                (Some(urn.to_owned()), rest)
            }
            None => match unknown_urn(text) {
                Some((urn, rest)) => (Some(urn.to_owned()), rest),
                None => (None, text),
            },
        };
        let known = urn.as_deref().or(of);
        let (name, rest) = urns.name(known, rest)?;
        let (sub, rest) = match rest.strip_prefix('.') {
            Some(after) => {
                let (sub, rest) = urns.name(known, after)?;
                (Some(sub.to_owned()), rest)
            }
            None => (None, rest),
        };
        let path = Self {
            urn,
            name: name.to_owned(),
            sub,
        };
        Some((path, rest))
    }
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.urn, self.is_container()) {
            (Some(urn), true) => return f.write_str(urn),
            (Some(urn), false) => write!(f, "{urn}:{}", self.name)?,
            (None, _) => f.write_str(&self.name)?,
        }
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

/// A name at the beginning of `text`: a letter or `$`, then letters, digits, `-`, `_`, `$` (`$ref` is one, erratum 8924).
pub(crate) fn name(text: &str) -> Option<(&str, &str)> {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$') {
        return None;
    }
    let end = text.find(|c: char| !is_name_char(c)).unwrap_or(text.len());
    text.split_at_checked(end)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$')
}

/// Whether `text` can name an attribute (RFC 7643 §2.1).
#[must_use]
pub fn is_name(text: &str) -> bool {
    matches!(name(text), Some((_, "")))
}

fn is_urn_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '$' | '/' | '%')
}

/// A URN that no schema has: everything up to the last colon of the run of URN characters.
fn unknown_urn(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(is_urn_char(c) || c == ':'))
        .unwrap_or(text.len());
    let run = text.get(..end)?;
    let colon = run.rfind(':')?;
    let urn = text.get(..colon).filter(|urn| !urn.is_empty())?;
    Some((urn, text.get(colon + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::urn;

    fn urns() -> Urns {
        Urns::new([
            urn::USER,
            urn::ENTERPRISE_USER,
            "urn:x:2.0",
            "urn:x:2.0:User",
        ])
    }

    #[test]
    fn paths_are_split_at_the_longest_known_urn() {
        for (text, urn, name, sub) in [
            ("userName", None, "userName", None),
            ("name.givenName", None, "name", Some("givenName")),
            ("members.$ref", None, "members", Some("$ref")),
            ("urn:x:2.0:user:a.b", Some("urn:x:2.0:User"), "a", Some("b")),
            ("urn:x:2.0:User", Some("urn:x:2.0:User"), "", None),
            ("urn:x:2.0:Users", Some("urn:x:2.0"), "Users", None),
            (
                "urn:y:9.9:who.first",
                Some("urn:y:9.9"),
                "who",
                Some("first"),
            ),
        ] {
            let path = AttrPath::parse(text, &urns()).unwrap();
            assert_eq!(path.urn.as_deref(), urn, "{text}");
            assert_eq!(path.name, name, "{text}");
            assert_eq!(path.sub.as_deref(), sub, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for text in [
            "",
            " ",
            "1a",
            "a.",
            "a..b",
            "a.b.c",
            "a b",
            "a[",
            ":a",
            "é",
            "__proto__",
            "urn:x:2.0:",
            "a:",
        ] {
            assert!(AttrPath::parse(text, &urns()).is_err(), "{text}");
        }
    }
}
