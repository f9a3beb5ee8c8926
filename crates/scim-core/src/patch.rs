//! PATCH requests: operations and the paths they aim at. RFC 7644 §3.5.2.

pub mod apply;
pub mod members;
pub mod quirks;

use serde_json::{Map, Value};

use crate::attr::{AttrPath, Urns};
use crate::filter::{Filter, Limits};
use crate::json::kind;
use crate::resource::canon::expected;
use crate::schema::builtin;
use crate::{Error, Mode, ResourceType, Result, urn};

/// How many operations one request may hold; members of a list go into one operation by the thousand.
pub const MAX_OPERATIONS: usize = 1_000;

/// A PATCH request: operations in the order they are applied.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchRequest {
    /// At least one.
    pub operations: Vec<Operation>,
}

/// One operation. RFC 7644 §3.5.2.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What to do.
    pub op: Op,
    /// Where, as sent.
    pub path: Option<String>,
    /// With what.
    pub value: Option<Value>,
}

/// The verb of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// §3.5.2.1.
    Add,
    /// §3.5.2.2.
    Remove,
    /// §3.5.2.3.
    Replace,
}

/// Where an operation aims: `attrPath`, `attrPath[filter]`, `attrPath[filter].subAttr`, or the bare URN of an extension.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The attribute, or the extension.
    pub path: AttrPath,
    /// Which elements.
    pub filter: Option<Filter>,
    /// The sub-attribute behind the brackets.
    pub sub: Option<String>,
}

impl PatchRequest {
    /// Reads the body of a PATCH.
    ///
    /// # Errors
    /// 400 `invalidSyntax` when it is not a `PatchOp` message.
    pub fn read(mut body: Map<String, Value>, mode: Mode) -> Result<Self> {
        check_message(take(&mut body, "schemas").as_ref(), mode)?;
        let operations = match take(&mut body, "Operations") {
            Some(Value::Array(operations)) if !operations.is_empty() => operations,
            _ => {
                return Err(Error::invalid_syntax(
                    "`Operations`: required, an array of at least one operation",
                ));
            }
        };
        if operations.len() > MAX_OPERATIONS {
            return Err(Error::plain(
                413,
                format!(
                    "`Operations`: at most {MAX_OPERATIONS} operations in a request; a list of values needs one"
                ),
            ));
        }
        let operations = operations
            .into_iter()
            .enumerate()
            .map(|(nth, operation)| Operation::read(nth, operation))
            .collect::<Result<_>>()?;
        Ok(Self { operations })
    }
}

impl PatchRequest {
    /// The values this request gives to `password`, wherever they stand: a server puts hashes in their place before it applies
    /// the request.
    pub fn passwords_mut(&mut self, resource_type: &ResourceType) -> Vec<&mut Value> {
        let is_password = |path: &str| {
            let path = AttrPath::parse(path, &resource_type.urns).ok();
            let found = path.and_then(|path| resource_type.resolve(&path, Mode::Compat));
            found.is_some_and(|found| builtin::is_password(found.attribute))
        };
        let mut passwords = Vec::new();
        for operation in &mut self.operations {
            let named = operation.path.as_deref().map(is_password);
            let Some(value) = operation.value.as_mut() else {
                continue;
            };
            match (named, value) {
                (Some(true), value) => passwords.push(value),
                (None, Value::Object(members)) => {
                    let named = members.iter_mut().filter(|(name, _)| is_password(name));
                    passwords.extend(named.map(|(_, value)| value));
                }
                _ => {}
            }
        }
        passwords
    }
}

impl Operation {
    fn read(nth: usize, operation: Value) -> Result<Self> {
        let at = format!("Operations[{nth}]");
        let Value::Object(mut members) = operation else {
            let found = kind(&operation);
            return Err(Error::invalid_syntax(format!(
                "`{at}`: expected an object, found {found}"
            )));
        };
        let op = match take(&mut members, "op") {
            Some(Value::String(op)) => Op::read(&op),
            _ => None,
        };
        let Some(op) = op else {
            return Err(Error::invalid_syntax(format!(
                "`{at}.op`: expected \"add\", \"remove\" or \"replace\""
            )));
        };
        let path = match take(&mut members, "path") {
            None | Some(Value::Null) => None,
            // An empty path is no path: some clients fill the member in whatever they have.
            Some(Value::String(path)) if path.trim().is_empty() => None,
            Some(Value::String(path)) => Some(path.trim().to_owned()),
            Some(other) => {
                let mut error = expected(&format!("{at}.path"), "a string", &other);
                error.scim_type = Some(crate::ScimType::InvalidPath);
                return Err(error);
            }
        };
        let value = take(&mut members, "value");
        Ok(Self { op, path, value })
    }
}

impl Op {
    /// The verb, in any letter case: Entra ID writes `Replace`.
    fn read(text: &str) -> Option<Self> {
        [
            ("add", Self::Add),
            ("remove", Self::Remove),
            ("replace", Self::Replace),
        ]
        .into_iter()
        .find_map(|(word, op)| word.eq_ignore_ascii_case(text).then_some(op))
    }
}

impl Target {
    /// Reads a path.
    ///
    /// # Errors
    /// 400 `invalidPath` when it is malformed, 400 `invalidFilter` when the filter in it is.
    ///
    /// ```
    /// use scim_core::{attr::Urns, patch::Target};
    /// let target = Target::parse(r#"emails[type eq "work"].value"#, &Urns::default())?;
    /// assert_eq!((target.path.name.as_str(), target.sub.as_deref()), ("emails", Some("value")));
    /// # Ok::<(), scim_core::Error>(())
    /// ```
    pub fn parse(text: &str, urns: &Urns) -> Result<Self> {
        let malformed = || {
            Error::invalid_path(format!(
                "`{}` is not a PATCH path; expected `attribute`, `attribute.sub` or `attribute[filter].sub`",
                crate::error::shorten(text)
            ))
        };
        let (path, rest) = AttrPath::scan(text, urns).ok_or_else(malformed)?;
        let Some(inside) = rest.strip_prefix('[') else {
            let whole = rest.is_empty();
            return whole
                .then_some(Self {
                    path,
                    filter: None,
                    sub: None,
                })
                .ok_or_else(malformed);
        };
        if path.is_container() || path.sub.is_some() {
            return Err(malformed());
        }
        let of = path.urn.as_deref();
        let (filter, rest) = Filter::scan_value_filter(inside, urns, of, &Limits::default())?;
        let is_whole = |text: &str| matches!(urns.name(of, text), Some((_, "")));
        let sub = match rest.strip_prefix('.') {
            Some(sub) if is_whole(sub) => Some(sub.to_owned()),
            None if rest.is_empty() => None,
            _ => return Err(malformed()),
        };
        Ok(Self {
            path,
            filter: Some(filter),
            sub,
        })
    }
}

/// `schemas` of the message: missing is tolerated in compat mode, wrong never is.
fn check_message(schemas: Option<&Value>, mode: Mode) -> Result<()> {
    let named = match schemas {
        None | Some(Value::Null) => mode == Mode::Compat,
        Some(Value::Array(urns)) => urns
            .iter()
            .filter_map(Value::as_str)
            .any(|one| urn::same(one, urn::PATCH_OP)),
        Some(_) => false,
    };
    named.then_some(()).ok_or_else(|| {
        Error::invalid_syntax(format!("`schemas`: a PATCH needs [\"{}\"]", urn::PATCH_OP))
    })
}

/// Takes a member in any letter case.
fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = members
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .cloned()?;
    members.shift_remove(&key)
}
