//! `If-Match` and `If-None-Match` against a version, by weak comparison. RFC 7644 §3.14, RFC 9110 §13.1.

use scim_core::resource::etag;

/// What a conditional header asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// The header was not sent.
    #[default]
    None,
    /// `*`: any version.
    Any,
    /// One of these entity tags, without their `W/`.
    Tags(Vec<String>),
}

impl Condition {
    /// Reads the values of the header; several headers are one list.
    pub fn read<'h>(values: impl IntoIterator<Item = &'h str>) -> Self {
        let mut tags = Vec::new();
        for value in values {
            for tag in value
                .split(',')
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
            {
                if tag == "*" {
                    return Self::Any;
                }
                tags.push(opaque(tag).to_owned());
            }
        }
        if tags.is_empty() {
            Self::None
        } else {
            Self::Tags(tags)
        }
    }

    /// Whether the header was sent and names this version.
    #[must_use]
    pub fn names(&self, version: i64) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| tag == opaque(&etag(version))),
        }
    }

    /// Holds `If-Match` against the version there is.
    ///
    /// # Errors
    /// 412 when the header was sent and does not name it.
    pub fn require(&self, version: i64) -> Result<(), scim_core::Error> {
        if *self == Self::None || self.names(version) {
            Ok(())
        } else {
            Err(scim_core::Error::precondition())
        }
    }
}

/// The tag without `W/`: SCIM's tags are weak, so only weak comparison could ever match. Clients also drop the `W/`, or the quotes.
fn opaque(tag: &str) -> &str {
    let tag = tag
        .strip_prefix("W/")
        .or_else(|| tag.strip_prefix("w/"))
        .unwrap_or(tag);
    tag.strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'))
        .unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_compare_weakly() {
        for (header, holds) in [
            ("W/\"3\"", true),
            ("\"3\"", true),
            ("3", true),
            ("*", true),
            ("W/\"2\", W/\"3\"", true),
            ("W/\"4\"", false),
            ("W/\"33\"", false),
            ("nonsense", false),
        ] {
            let condition = Condition::read([header]);
            assert_eq!(condition.names(3), holds, "{header}");
            assert_eq!(condition.require(3).is_ok(), holds, "{header}");
        }
        assert!(Condition::read([""]).require(3).is_ok());
        assert!(!Condition::read([]).names(3));
    }
}
