//! Is this document allowed? Every rule is one function over a document in canonical form. RFC 7643 §2.4, §3 and §4.

use serde_json::{Map, Value};

use crate::schema::{Attribute, Schema};
use crate::{Error, Mode, ResourceType, Result, key};

struct Context<'a> {
    resource_type: &'a ResourceType,
    mode: Mode,
    document: &'a Map<String, Value>,
}

const RULES: &[fn(&Context<'_>) -> Result<()>] = &[
    required_attributes,
    required_extensions,
    bounds,
    one_primary,
    country_codes,
    certificates,
];

/// Checks a whole document, after POST, PUT or PATCH alike.
///
/// # Errors
/// 400 `invalidValue` naming the attribute.
pub fn document(
    resource_type: &ResourceType,
    mode: Mode,
    document: &Map<String, Value>,
) -> Result<()> {
    let context = Context {
        resource_type,
        mode,
        document,
    };
    RULES.iter().try_for_each(|rule| rule(&context))
}

/// RFC 7643 §7 `required`; a name made of blanks is no name.
fn required_attributes(context: &Context<'_>) -> Result<()> {
    required_in(&context.resource_type.schema, context.document, "")?;
    for extension in &context.resource_type.extensions {
        if let Some(Value::Object(members)) = context.document.get(&extension.schema.id) {
            required_in(
                &extension.schema,
                members,
                &format!("{}:", extension.schema.id),
            )?;
        }
    }
    Ok(())
}

fn required_in(schema: &Schema, holder: &Map<String, Value>, prefix: &str) -> Result<()> {
    for attribute in &schema.attributes {
        let at = || format!("{prefix}{}", attribute.name);
        let value = holder.get(&attribute.name);
        required(attribute, value, at)?;
        for element in values(value).iter().filter_map(Value::as_object) {
            for sub in &attribute.sub_attributes {
                let at = || format!("{}.{}", at(), sub.name);
                required(sub, element.get(&sub.name), at)?;
            }
        }
    }
    Ok(())
}

fn required(attribute: &Attribute, value: Option<&Value>, at: impl Fn() -> String) -> Result<()> {
    if !attribute.required || !attribute.is_writable() {
        return Ok(());
    }
    match value {
        Some(Value::String(text)) if text.trim().is_empty() => Err(Error::invalid_value(format!(
            "`{}`: required, must not be empty",
            at()
        ))),
        Some(_) => Ok(()),
        None => Err(Error::invalid_value(format!(
            "`{}`: required, but missing",
            at()
        ))),
    }
}

/// What the tenant demands of single values, `constraints` of an attribute.
fn bounds(context: &Context<'_>) -> Result<()> {
    if !context.resource_type.is_bounded() {
        return Ok(());
    }
    bounds_in(&context.resource_type.schema, context.document, "")?;
    for extension in &context.resource_type.extensions {
        if let Some(Value::Object(members)) = context.document.get(&extension.schema.id) {
            let prefix = format!("{}:", extension.schema.id);
            bounds_in(&extension.schema, members, &prefix)?;
        }
    }
    Ok(())
}

fn bounds_in(schema: &Schema, holder: &Map<String, Value>, prefix: &str) -> Result<()> {
    for attribute in &schema.attributes {
        if let Some(value) = holder.get(&attribute.name) {
            value_within(attribute, value, &|| format!("{prefix}{}", attribute.name))?;
        }
    }
    Ok(())
}

/// The bounds and required parts of one attribute's value; `at` names it.
///
/// # Errors
/// 400 `invalidValue`.
pub(crate) fn value(attribute: &Attribute, value: &Value, at: &str) -> Result<()> {
    for element in values(Some(value)).iter().filter_map(Value::as_object) {
        for sub in &attribute.sub_attributes {
            required(sub, element.get(&sub.name), || format!("{at}.{}", sub.name))?;
        }
    }
    value_within(attribute, value, &|| at.to_owned())
}

fn value_within(attribute: &Attribute, value: &Value, at: &impl Fn() -> String) -> Result<()> {
    for element in values(Some(value)) {
        within(attribute, element, at)?;
        for sub in &attribute.sub_attributes {
            for value in values(element.get(&sub.name)) {
                within(sub, value, || format!("{}.{}", at(), sub.name))?;
            }
        }
    }
    Ok(())
}

fn within(attribute: &Attribute, value: &Value, at: impl Fn() -> String) -> Result<()> {
    match &attribute.constraints {
        Some(constraints) if constraints.is_bounding() => {
            constraints.check(attribute, value, &at())
        }
        _ => Ok(()),
    }
}

/// The elements of a list, or the one value.
fn values(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

/// RFC 7643 §6 `schemaExtensions.required`.
fn required_extensions(context: &Context<'_>) -> Result<()> {
    for extension in &context.resource_type.extensions {
        if extension.required && !context.document.contains_key(&extension.schema.id) {
            return Err(Error::invalid_value(format!(
                "`{}`: this extension is required",
                extension.schema.id
            )));
        }
    }
    Ok(())
}

/// RFC 7643 §2.4: `primary` is true at most once in an attribute.
fn one_primary(context: &Context<'_>) -> Result<()> {
    let extensions = context
        .resource_type
        .extensions
        .iter()
        .filter_map(|one| context.document.get(&one.schema.id)?.as_object());
    for holder in std::iter::once(context.document).chain(extensions) {
        for (name, value) in holder {
            let primaries = value
                .as_array()
                .into_iter()
                .flatten()
                .filter(|element| element.get("primary") == Some(&Value::Bool(true)));
            if primaries.count() > 1 {
                return Err(Error::invalid_value(format!(
                    "`{name}`: only one element may have `primary` true"
                )));
            }
        }
    }
    Ok(())
}

/// RFC 7643 §4.1.2: `addresses.country` is an ISO 3166-1 alpha-2 code. Directories hold names of countries there, which
/// [`Mode::Compat`] takes.
fn country_codes(context: &Context<'_>) -> Result<()> {
    if context.mode == Mode::Compat {
        return Ok(());
    }
    let ok = |code: &str| code.len() == 2 && code.chars().all(|c| c.is_ascii_alphabetic());
    each_text(context, "addresses", "country", |text| {
        ok(text)
            .then_some(())
            .ok_or("a country code of two letters")
    })
}

/// RFC 7643 §4.1.2: `x509Certificates.value` is exactly one DER certificate.
fn certificates(context: &Context<'_>) -> Result<()> {
    if context.mode == Mode::Compat {
        return Ok(());
    }
    each_text(context, "x509Certificates", "value", |text| {
        key::binary(text)
            .is_some_and(|bytes| is_one_der_sequence(&bytes))
            .then_some(())
            .ok_or("one DER certificate in base64")
    })
}

fn each_text(
    context: &Context<'_>,
    attribute: &str,
    sub: &str,
    check: impl Fn(&str) -> Result<(), &'static str>,
) -> Result<()> {
    let elements = context.document.get(attribute).and_then(Value::as_array);
    for (nth, element) in elements.into_iter().flatten().enumerate() {
        if let Some(text) = element.get(sub).and_then(Value::as_str) {
            check(text).map_err(|what| {
                Error::invalid_value(format!("`{attribute}[{nth}].{sub}`: expected {what}"))
            })?;
        }
    }
    Ok(())
}

/// Whether the bytes are one DER SEQUENCE and nothing behind it.
fn is_one_der_sequence(bytes: &[u8]) -> bool {
    let Some((&[0x30, first], rest)) = bytes.split_first_chunk::<2>() else {
        return false;
    };
    if first < 0x80 {
        return rest.len() == usize::from(first);
    }
    let digits = usize::from(first & 0x7f);
    if digits == 0 || digits > 4 {
        return false;
    }
    let Some((length, content)) = rest.split_at_checked(digits) else {
        return false;
    };
    let length = length
        .iter()
        .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    content.len() == length
}

#[cfg(test)]
mod tests {
    use super::is_one_der_sequence;

    #[test]
    fn der_is_one_sequence_and_nothing_more() {
        assert!(is_one_der_sequence(&[0x30, 1, 0]));
        assert!(is_one_der_sequence(&[0x30, 0x81, 2, 0, 0]));
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 2, 0],
            &[0x30, 1, 0, 0],
            &[0x31, 0],
            &[0x30, 0x80],
            &[0x30, 0x85, 0, 0, 0, 0, 0],
        ] {
            assert!(!is_one_der_sequence(bad), "{bad:?}");
        }
    }
}
