//! The operations of a PATCH that aim at the members of a group, taken out of the request. RFC 7644 §3.5.2.
//!
//! Members are no part of the document that [`apply`](super::apply::apply) changes: a store keeps each by itself, and changes as many as
//! the request names.

use serde_json::Value;

use super::{Op, Operation, PatchRequest, Target};
use crate::filter::{Filter, Literal, Node, Op as Compare};
use crate::members::{self, Member};
use crate::resource::canon::Canon;
use crate::schema::Attribute;
use crate::{Error, Mode, ResourceType, Result};

/// Takes the operations on members out of a request, in their order; what is left of it is about the document.
///
/// # Errors
/// 400 with the scimType of RFC 7644 Table 9.
///
/// ```
/// use scim_core::{Mode, members, patch, schema::builtin};
/// let registry = builtin::registry(None);
/// let group = registry.resource_type("Group").unwrap();
/// let body = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
///     "Operations": [{"op": "add", "path": "members", "value": [{"value": "1"}]}]}"#;
/// let body = scim_core::json::parse(body.as_bytes())?;
/// let mut request = patch::PatchRequest::read(body, Mode::Rfc)?;
/// let operations = patch::members::take(&mut request, group, Mode::Rfc)?;
/// assert!(request.operations.is_empty());
/// assert!(members::Change::of(&operations)?.add.contains_key("1"));
/// # Ok::<(), scim_core::Error>(())
/// ```
pub fn take(
    request: &mut PatchRequest,
    resource_type: &ResourceType,
    mode: Mode,
) -> Result<Vec<members::Op>> {
    let Some(attribute) = resource_type.members() else {
        return Ok(Vec::new());
    };
    let taker = Taker {
        canon: Canon {
            resource_type,
            mode,
        },
        attribute,
    };
    let mut taken = Vec::new();
    let mut rest = Vec::with_capacity(request.operations.len());
    for mut operation in std::mem::take(&mut request.operations) {
        let target = operation
            .path
            .as_deref()
            .and_then(|path| taker.target(path));
        if let Some(target) = target {
            taken.extend(taker.operation(operation.op, &target, operation.value)?);
            continue;
        }
        taker.without_path(&mut operation, &mut taken)?;
        rest.push(operation);
    }
    request.operations = rest;
    Ok(taken)
}

struct Taker<'a> {
    canon: Canon<'a>,
    attribute: &'a Attribute,
}

impl Taker<'_> {
    /// The path as a target, if it aims at the members; others are left to those who know them.
    fn target(&self, path: &str) -> Option<Target> {
        let resource_type = self.canon.resource_type;
        let mut target = Target::parse(path, &resource_type.urns).ok()?;
        let found = resource_type.resolve(&target.path, self.canon.mode)?;
        let is_members = found.extension.is_none() && std::ptr::eq(found.attribute, self.attribute);
        if let Some(name) = &target.sub {
            self.attribute.sub(name)?;
        }
        target.sub = target.sub.or_else(|| found.sub.map(|sub| sub.name.clone()));
        is_members.then_some(target)
    }

    /// The members in the value of an operation without a path.
    fn without_path(&self, operation: &mut Operation, taken: &mut Vec<members::Op>) -> Result<()> {
        let refused = operation.op == Op::Remove || self.canon.mode == Mode::Strict;
        let Operation {
            path: None,
            value: Some(Value::Object(object)),
            ..
        } = operation
        else {
            return Ok(());
        };
        if refused {
            return Ok(());
        }
        let names: Vec<String> = object.keys().cloned().collect();
        for name in names {
            if let Some(target) = self.target(&name) {
                let value = object.shift_remove(&name);
                taken.extend(self.operation(operation.op, &target, value)?);
            }
        }
        Ok(())
    }

    fn operation(
        &self,
        op: Op,
        target: &Target,
        value: Option<Value>,
    ) -> Result<Option<members::Op>> {
        let at = &self.attribute.name;
        if let Some(sub) = &target.sub {
            // RFC 7643 §4.2: the parts of a member are immutable; it is added or removed as a whole.
            return Err(Error::mutability(format!(
                "`{at}.{sub}` is immutable; remove the member and add another"
            )));
        }
        if let Some(filter) = &target.filter {
            return self.selected(op, filter, value);
        }
        match (op, value) {
            // Without a value all go; a list of values takes out just these, and an empty one nothing (Entra ID, JumpCloud).
            (Op::Remove, None | Some(Value::Null)) => Ok(Some(members::Op::Replace(Vec::new()))),
            (Op::Remove, Some(value)) => {
                // Here what names nobody does no harm.
                let elements = self.canon.elements(self.attribute, sent(value), at)?;
                let members = Member::read(elements, at)?;
                let keys = members.iter().map(Member::key).collect();
                Ok(Some(members::Op::Remove(keys)))
            }
            (Op::Add, Some(value)) => Ok(Some(members::Op::Add(self.members(value)?))),
            (Op::Replace, Some(value)) => Ok(Some(members::Op::Replace(self.members(value)?))),
            (_, None) => Err(Error::invalid_value(format!(
                "`{at}`: this operation needs a `value`"
            ))),
        }
    }

    fn members(&self, value: Value) -> Result<Vec<Member>> {
        let elements = Member::elements(&self.canon, self.attribute, sent(value))?;
        Member::read(elements, &self.attribute.name)
    }

    /// `members[value eq "x"]`.
    fn selected(
        &self,
        op: Op,
        filter: &Filter,
        value: Option<Value>,
    ) -> Result<Option<members::Op>> {
        let bound = filter.bind_element(self.attribute, self.canon.mode)?;
        let values = values(filter);
        if op == Op::Remove || (op == Op::Replace && value == Some(Value::Null)) {
            return Ok(Some(match values {
                Some(values) => members::Op::Remove(values.iter().map(Member::key).collect()),
                None => members::Op::RemoveWhere(bound),
            }));
        }
        let at = &self.attribute.name;
        let Some(value) = value else {
            return Err(Error::invalid_value(format!(
                "`{at}`: this operation needs a `value`"
            )));
        };
        let one = values.and_then(|values| <[Member; 1]>::try_from(values).ok());
        let Some([mut member]) = one else {
            return Err(Error::no_target(format!(
                "`{at}`: a member is picked by `{at}[value eq \"…\"]`"
            )));
        };
        if let Some(new) = self.named(value)? {
            if !new.value.is_empty() && new.key() != member.key() {
                return Err(Error::mutability(format!(
                    "`{at}.value` is immutable; remove the member and add another"
                )));
            }
            member.display = new.display;
        }
        Ok(Some(match op {
            Op::Add => members::Op::Add(vec![member]),
            Op::Replace | Op::Remove => members::Op::Rename(member),
        }))
    }

    /// What the value of an operation on one member says; its own id may be left out.
    fn named(&self, value: Value) -> Result<Option<Member>> {
        let at = &self.attribute.name;
        let elements = self.canon.elements(self.attribute, vec![value], at)?;
        Ok(elements.into_iter().next().map(|element| {
            let text = |name: &str| element.get(name).and_then(Value::as_str);
            Member {
                value: text("value").unwrap_or_default().to_owned(),
                display: text("display").map(str::to_owned),
            }
        }))
    }
}

fn sent(value: Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        one => vec![one],
    }
}

/// The members that a filter of equalities names, `value eq "x" or value eq "y"`; `None` when it is anything else.
fn values(filter: &Filter) -> Option<Vec<Member>> {
    let mut values = Vec::new();
    for node in filter.nodes() {
        match node {
            Node::Or(..) => {}
            Node::Compare {
                path,
                op: Compare::Eq,
                value: Literal::String(text),
            } if path.urn.is_none()
                && path.sub.is_none()
                && path.name.eq_ignore_ascii_case("value") =>
            {
                values.push(Member {
                    value: text.clone(),
                    display: None,
                });
            }
            _ => return None,
        }
    }
    Some(values)
}
