//! Queries and their answers: filter, sort, page. RFC 7644 §3.4.2 and §3.4.3, RFC 9865.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use crate::filter::{Filter, Limits};
use crate::resource::canon::expected;
use crate::resource::primary_first;
use crate::resource::project::Projection;
use crate::schema::{Attribute, Type};
use crate::{AttrPath, Error, Mode, ResourceType, Result, attr::Urns, key, urn};

/// How long a cursor holds, in seconds. RFC 9865 §4.
pub const CURSOR_TIMEOUT: i64 = 3600;

/// How large pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// Resources on a page when the client does not say.
    pub default_count: i64,
    /// The most on a page, whatever the client says.
    pub max_count: i64,
    /// `startIndex` and `count` count only together; beside a cursor `count` stands alone.
    pub both_or_none: bool,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            default_count: 100,
            max_count: 1000,
            both_or_none: false,
        }
    }
}

/// A query as asked, by GET or by POST `/.search`.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Which resources.
    pub filter: Option<Filter>,
    /// In what order.
    pub sort: Option<Sort>,
    /// Where the page begins.
    pub start: Start,
    /// How many are wanted, at least 0.
    pub count: i64,
    attributes: Option<Vec<String>>,
    excluded: Option<Vec<String>>,
}

/// Where a page begins: at a number (RFC 7644 §3.4.2.4) or behind what a cursor `C` stands for (RFC 9865 §2).
///
/// ```
/// use scim_core::{attr::Urns, list::{Paging, Query, Start}};
/// let start = |parameters: &[(&str, &str)]| {
///     Query::from_parameters(parameters, &Urns::default(), &Paging::default()).map(|query| query.start)
/// };
/// assert_eq!(start(&[])?, Start::Index(1));
/// assert_eq!(start(&[("startIndex", "8")])?, Start::Index(8));
/// assert_eq!(start(&[("cursor", "")])?, Start::Cursor(None));
/// assert_eq!(start(&[("cursor", "Vng4")])?, Start::Cursor(Some("Vng4".to_owned())));
/// assert!(start(&[("cursor", ""), ("startIndex", "1")]).is_err());
/// # Ok::<(), scim_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start<C = String> {
    /// `startIndex`: the first one wanted, counted from 1.
    Index(i64),
    /// `cursor`: those behind it, or the first page.
    Cursor(Option<C>),
}

/// An order. RFC 7644 §3.4.2.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By which attribute.
    pub by: AttrPath,
    /// From the greatest to the least.
    pub descending: bool,
}

/// The parameters of a query before they are understood.
#[derive(Default)]
struct Raw {
    filter: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<i64>,
    cursor: Option<String>,
    count: Option<i64>,
    attributes: Option<Vec<String>>,
    excluded: Option<Vec<String>>,
}

impl Query {
    /// Reads the parameters of a GET, already decoded; unknown ones are ignored (RFC 7644 §3.4.2).
    ///
    /// # Errors
    /// 400 `invalidFilter` or `invalidValue`.
    ///
    /// ```
    /// use scim_core::{attr::Urns, list::{Paging, Query, Start}};
    /// let parameters = [("filter", r#"userName eq "ada""#), ("count", "0")];
    /// let query = Query::from_parameters(&parameters, &Urns::default(), &Paging::default())?;
    /// assert_eq!((query.start, query.count), (Start::Index(1), 0));
    /// # Ok::<(), scim_core::Error>(())
    /// ```
    pub fn from_parameters<S: AsRef<str>>(
        parameters: &[(S, S)],
        urns: &Urns,
        paging: &Paging,
    ) -> Result<Self> {
        let mut raw = Raw::default();
        for (name, value) in parameters {
            let (name, value) = (name.as_ref(), value.as_ref());
            match name.to_ascii_lowercase().as_str() {
                "filter" => once(&mut raw.filter, value.to_owned(), name)?,
                "sortby" => once(&mut raw.sort_by, value.to_owned(), name)?,
                "sortorder" => once(&mut raw.sort_order, value.to_owned(), name)?,
                "startindex" => once(&mut raw.start_index, integer(value, name)?, name)?,
                "cursor" => once(&mut raw.cursor, value.to_owned(), name)?,
                "count" => once(&mut raw.count, integer(value, name)?, name)?,
                "attributes" => names(&mut raw.attributes, value),
                "excludedattributes" => names(&mut raw.excluded, value),
                _ => {}
            }
        }
        Self::understand(raw, urns, paging)
    }

    /// Reads the body of a POST to `/.search`.
    ///
    /// # Errors
    /// 400 `invalidSyntax` when it is not a `SearchRequest`, `invalidFilter` or `invalidValue` for what is in it.
    pub fn from_search(body: &Map<String, Value>, urns: &Urns, paging: &Paging) -> Result<Self> {
        let mut raw = Raw::default();
        let mut is_search = false;
        for (name, value) in body {
            if value.is_null() {
                continue;
            }
            match name.to_ascii_lowercase().as_str() {
                "schemas" => is_search = names_search_request(value),
                "filter" => raw.filter = Some(text(value, name)?),
                "sortby" => raw.sort_by = Some(text(value, name)?),
                "sortorder" => raw.sort_order = Some(text(value, name)?),
                "startindex" => raw.start_index = Some(number(value, name)?),
                "cursor" => raw.cursor = Some(text(value, name)?),
                "count" => raw.count = Some(number(value, name)?),
                "attributes" => raw.attributes = Some(texts(value, name)?),
                "excludedattributes" => raw.excluded = Some(texts(value, name)?),
                _ => {}
            }
        }
        if !is_search {
            return Err(Error::invalid_syntax(format!(
                "`schemas`: a search needs [\"{}\"]",
                urn::SEARCH_REQUEST
            )));
        }
        Self::understand(raw, urns, paging)
    }

    fn understand(raw: Raw, urns: &Urns, paging: &Paging) -> Result<Self> {
        let filter = raw
            .filter
            .map(|text| Filter::parse(&text, urns, &Limits::default()))
            .transpose()?;
        let descending = match raw.sort_order.as_deref() {
            None => false,
            Some(order) if order.eq_ignore_ascii_case("ascending") => false,
            Some(order) if order.eq_ignore_ascii_case("descending") => true,
            Some(order) => {
                return Err(Error::invalid_value(format!(
                    "`sortOrder`: expected \"ascending\" or \"descending\", found \"{}\"",
                    crate::error::shorten(order)
                )));
            }
        };
        let sort = match raw.sort_by {
            Some(by) => Some(Sort {
                by: AttrPath::parse(by.trim(), urns)
                    .map_err(|error| Error::invalid_value(format!("`sortBy`: {error}")))?,
                descending,
            }),
            None => None,
        };
        let (start, count) = page(raw.start_index, raw.cursor, raw.count, paging)?;
        Ok(Self {
            filter,
            sort,
            start,
            count,
            attributes: raw.attributes,
            excluded: raw.excluded,
        })
    }

    /// What of each resource is wanted.
    ///
    /// # Errors
    /// 400 `invalidValue` when `attributes` and `excludedAttributes` are both given.
    pub fn projection(&self, resource_type: &ResourceType, mode: Mode) -> Result<Projection> {
        Projection::new(
            self.attributes.as_deref(),
            self.excluded.as_deref(),
            resource_type,
            mode,
        )
    }

    /// The query but for its page, in a form of its own: the same text for the same question, however that was spelt or sent.
    ///
    /// RFC 9865 §2: what a cursor goes on with must be the question that it was given out for.
    #[must_use]
    pub fn question(&self) -> String {
        let lower = |names: &Vec<String>| -> Vec<String> {
            names.iter().map(|name| name.to_lowercase()).collect()
        };
        let sort = self.sort.as_ref();
        json!([
            self.filter.as_ref().map(ToString::to_string),
            sort.map(|sort| (sort.by.to_string().to_lowercase(), sort.descending)),
            self.attributes.as_ref().map(lower),
            self.excluded.as_ref().map(lower),
        ])
        .to_string()
    }

    /// Leaves `attributes` and `excludedAttributes` out of account.
    pub fn ignore_projection(&mut self) {
        self.attributes = None;
        self.excluded = None;
    }
}

/// An order whose attribute has been found.
#[derive(Clone, Debug)]
pub struct BoundSort<'a> {
    found: Option<(crate::Resolved<'a>, &'a Attribute)>,
}

impl Sort {
    /// Finds the attribute at one resource type.
    ///
    /// # Errors
    /// 400 `invalidValue` when there is none, or it has no order; 400 `invalidFilter` when it is never returned.
    pub fn bind<'a>(&self, resource_type: &'a ResourceType, mode: Mode) -> Result<BoundSort<'a>> {
        let found = resource_type.resolve(&self.by, mode).ok_or_else(|| {
            Error::invalid_value(format!(
                "`sortBy`: no schema of {} has `{}`",
                resource_type.name, self.by
            ))
        })?;
        let leaf = match (found.leaf().kind, found.leaf().sub("value")) {
            (Type::Complex, Some(value)) if found.attribute.multi_valued => value,
            (Type::Complex, _) => {
                return Err(Error::invalid_value(format!(
                    "`sortBy`: `{}` is complex; name one of its sub-attributes",
                    self.by
                )));
            }
            _ => found.leaf(),
        };
        if !leaf.is_readable() || !found.attribute.is_readable() {
            return Err(Error::invalid_filter(format!(
                "`sortBy`: `{}` cannot be used",
                self.by
            )));
        }
        Ok(BoundSort {
            found: Some((found, leaf)),
        })
    }

    /// The same in a query over several types, where a type that lacks the attribute has no value for it.
    ///
    /// # Errors
    /// As [`Sort::bind`], but not for an unknown attribute.
    pub fn bind_lenient<'a>(
        &self,
        resource_type: &'a ResourceType,
        mode: Mode,
    ) -> Result<BoundSort<'a>> {
        if resource_type.resolve(&self.by, mode).is_none() {
            return Ok(BoundSort { found: None });
        }
        self.bind(resource_type, mode)
    }
}

impl BoundSort<'_> {
    /// The path that is compared, in canonical letter case and down to the value, and its attribute; `None` when the type has none.
    #[must_use]
    pub fn path(&self) -> Option<(AttrPath, &Attribute)> {
        let (found, leaf) = self.found.as_ref()?;
        let mut path = found.path();
        if !std::ptr::eq(*leaf, found.leaf()) {
            path.sub = Some(leaf.name.clone());
        }
        Some((path, leaf))
    }

    /// Whether a resource can have several values of it.
    #[must_use]
    pub fn has_several(&self) -> bool {
        self.found
            .is_some_and(|(found, leaf)| found.attribute.multi_valued || leaf.multi_valued)
    }

    /// Whether the order looks at an attribute of the core schema, or at a part of it.
    #[must_use]
    pub fn mentions(&self, attribute: &str) -> bool {
        self.found.is_some_and(|(found, _)| {
            found.extension.is_none() && found.attribute.name == attribute
        })
    }

    /// The key of a resource in this order; of several values the primary's, else the first's (§3.4.2.3).
    #[must_use]
    pub fn key(&self, view: &Map<String, Value>) -> Option<String> {
        let (found, leaf) = self.found.as_ref()?;
        let first = primary_first(found.value(view)).into_iter().next()?;
        let value = if std::ptr::eq(*leaf, found.attribute) {
            Some(first)
        } else {
            first.get(&leaf.name)
        };
        key::of(leaf, value?)
    }
}

/// Compares two keys: what has none is last when ascending and first when descending (§3.4.2.3).
#[must_use]
pub fn compare_keys(a: Option<&str>, b: Option<&str>, descending: bool) -> Ordering {
    let ascending = match (a, b) {
        (Some(a), Some(b)) => a.cmp(b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    if descending {
        ascending.reverse()
    } else {
        ascending
    }
}

/// Compares the places of two resources in an order, each its key and its id: by key as [`compare_keys`] does, then by id; descending is the
/// ascending order turned round.
///
/// ```
/// use scim_core::list::compare;
/// let mut places = [(None, 1), (Some("b"), 2), (Some("a"), 4), (Some("a"), 3)];
/// places.sort_by(|(a, x), (b, y)| compare((*a, x), (*b, y), true));
/// assert_eq!(places.map(|(_, id)| id), [1, 2, 4, 3]);
/// ```
#[must_use]
pub fn compare<I: Ord>(a: (Option<&str>, &I), b: (Option<&str>, &I), descending: bool) -> Ordering {
    let ascending = compare_keys(a.0, b.0, false).then_with(|| a.1.cmp(b.1));
    if descending {
        ascending.reverse()
    } else {
        ascending
    }
}

/// The `ListResponse` around resources that are JSON text already. RFC 7644 §3.4.2.
///
/// ```
/// let text = scim_core::list::response(&["{\"id\":\"1\"}".to_owned()], 7, 3);
/// let list: serde_json::Value = serde_json::from_str(&text)?;
/// assert_eq!((&list["totalResults"], &list["startIndex"], &list["itemsPerPage"]), (&7.into(), &3.into(), &1.into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn response(resources: &[String], total: i64, start_index: i64) -> String {
    format!(
        "{{\"schemas\":[\"{}\"],\"totalResults\":{total},\"startIndex\":{start_index},\"itemsPerPage\":{},\"Resources\":[{}]}}",
        urn::LIST_RESPONSE,
        resources.len(),
        resources.join(",")
    )
}

/// Where the page begins and how long it is.
fn page(
    start_index: Option<i64>,
    cursor: Option<String>,
    count: Option<i64>,
    paging: &Paging,
) -> Result<(Start, i64)> {
    // RFC 7644 §3.4.2.4: less than 0 means 0, and never more than the maximum.
    let clamped = |count: Option<i64>| {
        let count = count.unwrap_or(paging.default_count);
        count.clamp(0, paging.max_count)
    };
    let Some(cursor) = cursor else {
        if paging.both_or_none && start_index.is_some() != count.is_some() {
            return Ok((Start::Index(1), clamped(None)));
        }
        // §3.4.2.4: less than 1 means 1.
        let first = start_index.unwrap_or(1).max(1);
        return Ok((Start::Index(first), clamped(count)));
    };
    if start_index.is_some() {
        return Err(Error::invalid_value(
            "`startIndex` and `cursor` exclude each other; send one of them",
        ));
    }
    let cursor = Some(cursor).filter(|cursor| !cursor.is_empty());
    Ok((Start::Cursor(cursor), clamped(count)))
}

fn once<T>(place: &mut Option<T>, value: T, name: &str) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::invalid_value(format!(
            "`{}` is given twice",
            crate::error::shorten(name)
        ))),
    }
}

fn names(place: &mut Option<Vec<String>>, value: &str) {
    if value.trim().is_empty() {
        return;
    }
    place
        .get_or_insert_default()
        .extend(value.split(',').map(|name| name.trim().to_owned()));
}

fn integer(value: &str, name: &str) -> Result<i64> {
    value.trim().parse().map_err(|_| {
        Error::invalid_value(format!(
            "`{name}`: expected an integer, found \"{}\"",
            crate::error::shorten(value)
        ))
    })
}

fn text(value: &Value, name: &str) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(expected(name, "a string", other)),
    }
}

fn number(value: &Value, name: &str) -> Result<i64> {
    value
        .as_i64()
        .ok_or_else(|| expected(name, "an integer", value))
}

fn texts(value: &Value, name: &str) -> Result<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(|item| text(item, name)).collect(),
        Value::String(list) => Ok(list.split(',').map(|one| one.trim().to_owned()).collect()),
        other => Err(expected(name, "an array of strings", other)),
    }
}

fn names_search_request(value: &Value) -> bool {
    value.as_array().is_some_and(|urns| {
        urns.iter()
            .filter_map(Value::as_str)
            .any(|one| urn::same(one, urn::SEARCH_REQUEST))
    })
}
