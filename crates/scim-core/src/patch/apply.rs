//! PATCH operations applied to a document, in order, all or nothing. RFC 7644 §3.5.2.1 to §3.5.2.3.

mod elements;

use serde_json::{Map, Value};

use super::{Op, Operation, PatchRequest, Target, quirks};
use crate::json::kind;
use crate::resource::canon::{Canon, expected};
use crate::schema::registry::{Extension, Resolved};
use crate::schema::{Attribute, Mutability, Type};
use crate::{Error, Mode, ResourceType, Result, ScimType};

/// What a PATCH made of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The changed attributes; not yet validated as a whole, nor arranged.
    pub document: Map<String, Value>,
    /// Attributes no schema has, left out because the request deactivates somebody; without the filters of their paths, as those hold values.
    pub skipped: Vec<String>,
}

/// Applies a request to a document in canonical form.
///
/// The result still has to pass [`validate::document`](crate::resource::validate::document).
///
/// # Errors
/// 400 with the scimType of RFC 7644 Table 9; the document given is not changed by a request that fails.
pub fn apply(
    resource_type: &ResourceType,
    mode: Mode,
    document: Map<String, Value>,
    request: PatchRequest,
) -> Result<Outcome> {
    let mut patcher = Patcher {
        canon: Canon {
            resource_type,
            mode,
        },
        lenient: mode == Mode::Compat && quirks::deactivates(resource_type, &request),
        document,
        skipped: Vec::new(),
    };
    for operation in gathered(resource_type, mode, request.operations) {
        patcher.operation(operation)?;
    }
    Ok(Outcome {
        document: patcher.document,
        skipped: patcher.skipped,
    })
}

/// One operation in place of several that add to the same list one after the other: each would go through the whole list.
fn gathered(
    resource_type: &ResourceType,
    mode: Mode,
    operations: Vec<Operation>,
) -> Vec<Operation> {
    let mut gathered: Vec<Operation> = Vec::with_capacity(operations.len());
    // The path of the last one, if it adds to a list.
    let mut list: Option<String> = None;
    for mut operation in operations {
        let path = operation
            .path
            .take_if(|_| operation.op == Op::Add && operation.value.as_ref().is_some_and(is_plain));
        let Some(path) = path else {
            list = None;
            gathered.push(operation);
            continue;
        };
        if list.as_ref() == Some(&path)
            && let Some(Value::Array(items)) =
                gathered.last_mut().and_then(|last| last.value.as_mut())
        {
            items.extend(operation.value.map(items_of).unwrap_or_default());
            continue;
        }
        if is_list(resource_type, mode, &path) {
            operation.value = operation.value.map(|value| Value::Array(items_of(value)));
            list = Some(path.clone());
        } else {
            list = None;
        }
        operation.path = Some(path);
        gathered.push(operation);
    }
    gathered
}

/// Whether a path is that of a multi-valued attribute as a whole.
fn is_list(resource_type: &ResourceType, mode: Mode, path: &str) -> bool {
    let Ok(target) = Target::parse(path, &resource_type.urns) else {
        return false;
    };
    let found = resource_type.resolve(&target.path, mode);
    let whole = target.filter.is_none() && target.sub.is_none();
    whole && found.is_some_and(|found| found.sub.is_none() && found.attribute.multi_valued)
}

/// Values among which none asks the others to give way.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(|item| !item.is_array() && is_plain(item)),
        Value::Object(members) => !members
            .keys()
            .any(|name| name.eq_ignore_ascii_case("primary")),
        Value::String(text) => !text.trim_start().starts_with('{'),
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn items_of(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        one => vec![one],
    }
}

struct Patcher<'a> {
    canon: Canon<'a>,
    /// Unknown explicit paths are left out, not refused.
    lenient: bool,
    document: Map<String, Value>,
    skipped: Vec<String>,
}

/// One step: an operation with a path, or one member of an operation without.
struct Step<'s> {
    op: Op,
    text: &'s str,
    value: Option<Value>,
    /// Whether the client wrote the path as a path: only then are unknown and readOnly attributes refused.
    explicit: bool,
}

impl<'a> Patcher<'a> {
    fn operation(&mut self, operation: Operation) -> Result<()> {
        let Operation { op, path, value } = operation;
        match path {
            Some(text) => self.step(Step {
                op,
                text: &text,
                value,
                explicit: true,
            }),
            None => self.without_path(op, value),
        }
    }

    /// The value is an object whose members are attributes, or paths as some clients write them.
    fn without_path(&mut self, op: Op, value: Option<Value>) -> Result<()> {
        if op == Op::Remove {
            // §3.5.2.2: remove without a path is noTarget.
            return Err(Error::no_target("a remove needs a `path`"));
        }
        if self.canon.mode == Mode::Strict {
            return Err(Error::invalid_syntax("an operation needs a `path`"));
        }
        match value {
            Some(Value::Object(members)) => members.into_iter().try_for_each(|(name, value)| {
                self.step(Step {
                    op,
                    text: &name,
                    value: Some(value),
                    explicit: false,
                })
            }),
            other => {
                let found = other.as_ref().map_or("nothing", kind);
                Err(Error::invalid_value(format!(
                    "`value`: without a `path` it must be an object, found {found}"
                )))
            }
        }
    }

    fn step(&mut self, step: Step<'_>) -> Result<()> {
        let resource_type = self.canon.resource_type;
        let target = match self.target(&step) {
            Ok(target) => target,
            // A member name with a filter that is no filter was meant as a path: leaving it out would do less than was asked.
            Err(error) if step.explicit || error.is(ScimType::InvalidFilter) => return Err(error),
            Err(_) => return self.canon.unknown(step.text),
        };
        if target.path.is_container() {
            let extension = target
                .path
                .urn
                .as_deref()
                .and_then(|urn| resource_type.extension(urn));
            return match extension {
                Some(extension) => self.extension(&step, extension),
                None => self.unknown(&step),
            };
        }
        let Some(found) = resource_type.resolve(&target.path, self.canon.mode) else {
            return self.unknown(&step);
        };
        if found.attribute.name == "schemas" && found.extension.is_none() {
            return self.schemas(&step);
        }
        let sub = match (&target.sub, found.sub) {
            (Some(name), _) => match found.attribute.sub(name) {
                Some(sub) => Some(sub),
                None => return self.unknown(&step),
            },
            (None, sub) => sub,
        };
        let found = Resolved { sub, ..found };
        if !found.attribute.is_writable() || !found.leaf().is_writable() {
            return self.read_only(&step, &found);
        }
        self.change(step, &target, &found)
    }

    /// What a path names. A member of a value without a path may also be the JSON name of an attribute that is none in a path.
    fn target(&self, step: &Step<'_>) -> Result<Target> {
        let resource_type = self.canon.resource_type;
        let named = resource_type
            .schema
            .attributes
            .iter()
            .find(|one| one.alias.is_some() && one.is_called(step.text));
        match named {
            Some(attribute) if !step.explicit => Ok(Target {
                path: crate::AttrPath::new(&attribute.name, None),
                filter: None,
                sub: None,
            }),
            _ => Target::parse(step.text, &resource_type.urns),
        }
    }

    /// RFC 7644 §3.5.2: a path must name an attribute; see [`quirks::deactivates`] for the exception.
    fn unknown(&mut self, step: &Step<'_>) -> Result<()> {
        if !step.explicit {
            return self.canon.unknown(step.text);
        }
        if self.lenient {
            self.skipped.push(without_filter(step.text));
            return Ok(());
        }
        Err(Error::invalid_path(format!(
            "`{}`: no schema of {} has this attribute",
            crate::error::shorten(step.text),
            self.canon.resource_type.name
        )))
    }

    /// `schemas` follows from the data; naming what may be there changes nothing.
    fn schemas(&self, step: &Step<'_>) -> Result<()> {
        let known = |value: &Value| {
            value.as_str().is_some_and(|urn| {
                let mut schemas = self.canon.resource_type.schemas();
                schemas.any(|schema| crate::urn::same(&schema.id, urn))
            })
        };
        let harmless = step.op != Op::Remove
            && match &step.value {
                Some(Value::Array(urns)) => urns.iter().all(known),
                Some(one) => known(one),
                None => false,
            };
        if harmless || !step.explicit {
            return Ok(());
        }
        Err(Error::mutability(
            "`schemas` follows from the attributes a resource has; add or remove those",
        ))
    }

    /// A readOnly attribute may be sent with the value it has; another value is refused, or ignored where clients echo whole resources.
    fn read_only(&self, step: &Step<'_>, found: &Resolved<'_>) -> Result<()> {
        let current = found
            .value(&self.document)
            .and_then(|value| match found.sub {
                Some(sub) => value.get(&sub.name),
                None => Some(value),
            });
        let same = step.op != Op::Remove && step.value.is_some() && step.value.as_ref() == current;
        if same || !step.explicit {
            return Ok(());
        }
        Err(Error::mutability(format!("`{}` is readOnly", found.path())))
    }

    /// The bare URN of an extension: all of it.
    fn extension(&mut self, step: &Step<'_>, extension: &Extension) -> Result<()> {
        let id = &extension.schema.id;
        match (step.op, &step.value) {
            (Op::Remove, _) | (Op::Replace, Some(Value::Null)) => {
                if extension.required {
                    return Err(Error::mutability(format!(
                        "`{id}`: this extension is required"
                    )));
                }
                self.remove_extension(extension)
            }
            (Op::Add, Some(Value::Null)) => Ok(()),
            (_, Some(Value::Object(members))) => {
                for (name, value) in members {
                    self.step(Step {
                        op: step.op,
                        text: &format!("{id}:{name}"),
                        value: Some(value.clone()),
                        explicit: false,
                    })?;
                }
                Ok(())
            }
            (_, value) => {
                let found = value.as_ref().map_or("nothing", kind);
                Err(Error::invalid_value(format!(
                    "`{id}`: expected an object, found {found}"
                )))
            }
        }
    }

    /// All of an extension goes, but what clients may not take away.
    fn remove_extension(&mut self, extension: &Extension) -> Result<()> {
        let id = &extension.schema.id;
        let Some(Value::Object(members)) = self.document.get(id) else {
            return Ok(());
        };
        let mut left = Map::new();
        for attribute in &extension.schema.attributes {
            let Some(value) = members.get(&attribute.name) else {
                continue;
            };
            let at = format!("{id}:{}", attribute.name);
            let stays = match attribute.mutability {
                Mutability::ReadOnly => Some(value.clone()),
                Mutability::Immutable => return Err(immutable(&at)),
                Mutability::ReadWrite | Mutability::WriteOnly => Change {
                    canon: self.canon,
                    op: Op::Remove,
                    attribute,
                    at: &at,
                }
                .whole(Some(value.clone()), None)?,
            };
            set(&mut left, &attribute.name, stays);
        }
        let left = (!left.is_empty()).then_some(Value::Object(left));
        set(&mut self.document, id, left);
        Ok(())
    }

    fn change(&mut self, step: Step<'_>, target: &Target, found: &Resolved<'_>) -> Result<()> {
        if step.op != Op::Remove && step.value.is_none() {
            return Err(Error::invalid_value(format!(
                "`{}`: this operation needs a `value`",
                step.text
            )));
        }
        let attribute = found.attribute;
        let before = found.value(&self.document).cloned();
        let at = found.path().to_string();
        let change = Change {
            canon: self.canon,
            op: step.op,
            attribute,
            at: &at,
        };
        let after = match (&target.filter, found.sub) {
            (Some(_), _) if !attribute.multi_valued => {
                return Err(Error::invalid_path(format!(
                    "`{}`: `{}` has one value, so it takes no filter",
                    step.text, attribute.name
                )));
            }
            (Some(filter), sub) => change.selected(before.clone(), filter, sub, step.value)?,
            (None, Some(sub)) => change.sub_attribute(before.clone(), sub, step.value)?,
            (None, None) => change.whole(before.clone(), step.value)?,
        };
        self.store(found, before.as_ref(), after)
    }

    /// Puts the new value in its place, if the attribute may change so.
    fn store(
        &mut self,
        found: &Resolved<'_>,
        before: Option<&Value>,
        after: Option<Value>,
    ) -> Result<()> {
        let attribute = found.attribute;
        if before == after.as_ref() {
            return Ok(());
        }
        if attribute.mutability == Mutability::Immutable && before.is_some() {
            return Err(immutable(&found.path().to_string()));
        }
        if attribute.required && after.is_none() {
            // §3.5.2.2: a required attribute cannot be removed.
            return Err(Error::mutability(format!("`{}` is required", found.path())));
        }
        let Some(extension) = found.extension else {
            set(&mut self.document, &attribute.name, after);
            return Ok(());
        };
        let id = &extension.schema.id;
        let holder = self
            .document
            .entry(id.clone())
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(members) = holder {
            set(members, &attribute.name, after);
            if members.is_empty() {
                self.document.shift_remove(id);
            }
        }
        Ok(())
    }
}

/// The attribute that a path names: `emails.x` of `emails[type eq "work"].x`.
fn without_filter(path: &str) -> String {
    let (before, rest) = path.split_once('[').unwrap_or((path, ""));
    let behind = rest.rsplit_once(']').map_or("", |(_, behind)| behind);
    crate::error::shorten(&format!("{before}{behind}"))
}

fn set(members: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.shift_remove(name),
    };
}

fn immutable(at: &str) -> Error {
    Error::mutability(format!("`{at}` is immutable and has a value already"))
}

/// What one operation makes of one attribute.
#[derive(Clone, Copy)]
struct Change<'c> {
    canon: Canon<'c>,
    op: Op,
    attribute: &'c Attribute,
    at: &'c str,
}

impl Change<'_> {
    /// The path ends at the attribute itself.
    fn whole(&self, before: Option<Value>, value: Option<Value>) -> Result<Option<Value>> {
        if self.attribute.multi_valued {
            return self.list(before, value);
        }
        match (self.op, value) {
            (Op::Remove, _) | (_, None) => self.cleared(before),
            (_, Some(value)) if self.attribute.kind == Type::Complex => self.complex(before, value),
            (_, Some(value)) => self.canon.value(self.attribute, value, self.at),
        }
    }

    /// A complex attribute: the sub-attributes that are sent are set, the others stay (§3.5.2.3); null removes one.
    fn complex(&self, before: Option<Value>, value: Value) -> Result<Option<Value>> {
        let value = match self.canon.mode {
            Mode::Compat => quirks::value(self.attribute, value),
            Mode::Rfc | Mode::Strict => value,
        };
        match value {
            Value::Null => self.cleared(before),
            Value::Array(items) if items.is_empty() => self.cleared(before),
            Value::Object(members) => {
                let kept = match before {
                    Some(Value::Object(old)) if self.replaces_whole() => self.fixed_parts(old),
                    Some(Value::Object(old)) => old,
                    _ => Map::new(),
                };
                self.merge(kept, members)
            }
            other => Err(expected(self.at, "an object", &other)),
        }
    }

    /// In strict mode a replace of a complex attribute replaces all of it.
    fn replaces_whole(&self) -> bool {
        self.op == Op::Replace && self.canon.mode == Mode::Strict
    }

    /// The sub-attributes that outlive their siblings.
    fn fixed_parts(&self, mut members: Map<String, Value>) -> Map<String, Value> {
        members.retain(|name, _| {
            self.attribute.sub(name).is_some_and(|sub| {
                matches!(sub.mutability, Mutability::ReadOnly | Mutability::Immutable)
            })
        });
        members
    }

    /// What is left of a single value that is removed: nothing, or the parts that are readOnly.
    fn cleared(&self, before: Option<Value>) -> Result<Option<Value>> {
        let Some(Value::Object(members)) = before else {
            return Ok(None);
        };
        let fixed = self.fixed_parts(members);
        for name in fixed.keys() {
            if self.attribute.sub(name).is_some_and(Attribute::is_writable) {
                return Err(immutable(&format!("{}.{name}", self.at)));
            }
        }
        Ok((!fixed.is_empty()).then_some(Value::Object(fixed)))
    }

    /// Sets the sub-attributes sent on those there are.
    fn merge(
        &self,
        mut kept: Map<String, Value>,
        members: Map<String, Value>,
    ) -> Result<Option<Value>> {
        for (name, value) in members {
            let Some(sub) = self.canon.sub(self.attribute, &name) else {
                self.canon.unknown(&format!("{}.{name}", self.at))?;
                continue;
            };
            if sub.is_writable() {
                self.set_sub(&mut kept, sub, value)?;
            }
        }
        self.canon.assigned(self.attribute, kept, self.at)
    }

    fn set_sub(
        &self,
        members: &mut Map<String, Value>,
        sub: &Attribute,
        value: Value,
    ) -> Result<()> {
        let at = format!("{}.{}", self.at, sub.name);
        let value = self.canon.value(sub, value, &at)?;
        let old = members.get(&sub.name);
        if sub.mutability == Mutability::Immutable && old.is_some() && old != value.as_ref() {
            return Err(immutable(&at));
        }
        if sub.required && old.is_some() && value.is_none() {
            // §3.5.2.2: a required attribute cannot be removed.
            return Err(Error::mutability(format!("`{at}` is required")));
        }
        set(members, &sub.name, value);
        Ok(())
    }

    /// `name.givenName`, or `emails.type` for every element.
    fn sub_attribute(
        &self,
        before: Option<Value>,
        sub: &Attribute,
        value: Option<Value>,
    ) -> Result<Option<Value>> {
        if self.attribute.multi_valued {
            return self.sub_of_each(before, sub, value.as_ref());
        }
        let mut members = match before {
            Some(Value::Object(members)) => members,
            _ => Map::new(),
        };
        self.set_or_remove(&mut members, sub, value)?;
        self.canon.assigned(self.attribute, members, self.at)
    }

    fn set_or_remove(
        &self,
        members: &mut Map<String, Value>,
        sub: &Attribute,
        value: Option<Value>,
    ) -> Result<()> {
        let value = value.filter(|_| self.op != Op::Remove);
        self.set_sub(members, sub, value.unwrap_or_default())
    }
}

/// Whether an error says that nothing was selected.
#[must_use]
pub fn is_no_target(error: &Error) -> bool {
    error.is(ScimType::NoTarget)
}
