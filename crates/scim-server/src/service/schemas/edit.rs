//! Changing what a tenant defines: in one transaction, in which nobody else changes anything of the tenant.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use scim_core::schema::additions::{Additions, stands_alone};
use scim_core::schema::builtin;
use scim_core::schema::change;
use scim_core::schema::define::{SchemaDefinition, TypeDefinition};
use scim_core::schema::registry::Index;
use scim_core::{Mode, Registry, ResourceType, key, resource, urn};
use serde_json::Value;

use super::misfits::{Bad, Search};
use super::reindex::{becoming_unique, reindex};
use super::{Report, additions, no_schema, no_type};
use crate::clock::Clock;
use crate::service::administration::{AdminCx, AdminError};
use crate::service::resources::{Times, keys, to_text};
use crate::service::tenants;
use crate::store::{
    Change, ChangeKind, Definitions, Delete, IndexKey, Key, Keys, Members, Micros, Reader,
    StoreError, Update, Writer,
};

/// What is to change.
#[derive(Clone, Debug)]
pub enum Edit {
    /// A schema is put.
    PutSchema(SchemaDefinition),
    /// The schema of that URN is removed.
    RemoveSchema(String),
    /// A resource type is put.
    PutType(TypeDefinition),
    /// The resource type of that name is removed.
    RemoveType(String),
}

/// How it is to change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Whether what does not fit is removed.
    pub purge: bool,
    /// Whether only to tell what is in the way.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is in force, and was not there before.
    Created(Value),
    /// It is in force.
    Changed(Value),
    /// It is no more.
    Removed,
    /// Nothing was changed; this is in the way.
    Told(Report),
}

/// The number of a resource type that has none yet.
const UNNUMBERED: i16 = i16::MAX;
/// Clocks of nodes may differ by so much.
const SKEW: Micros = 60_000_000;
/// So many keys are written by one statement.
const KEYS: usize = 1_000;

impl Edit {
    /// Makes the change.
    ///
    /// # Errors
    /// Invalid when it does not go together with what the tenant has defined, conflict when a name is taken, in the way when resources do not
    /// fit; then nothing is changed.
    pub async fn make(
        self,
        cx: &AdminCx,
        slug: &str,
        actor: &str,
        asked: Asked,
    ) -> Result<Outcome, AdminError> {
        let row = tenants::find(cx, slug).await?;
        let store = cx.directory.tenant(row.id);
        let edit = Arc::new(self);
        let begun = cx.clock.now();
        let mut looked = None;
        if asked.dry_run || !asked.purge {
            let edit = Arc::clone(&edit);
            let (version, report) = store.look_through(move |tx| edit.look(tx)).await?;
            if asked.dry_run {
                return Ok(Outcome::Told(report));
            }
            if report.count > 0 {
                return Err(AdminError::InTheWay(report));
            }
            looked = Some((version, begun.saturating_sub(SKEW)));
        }
        let (clock, actor) = (cx.clock.clone(), actor.to_owned());
        let done = store.redefine(move |tx| {
            let at_work = Redefinition {
                edit: &edit,
                asked,
                looked,
                clock: &clock,
                actor: &actor,
                at: clock.now(),
            };
            at_work.run(tx)
        });
        let outcome = done.await?;
        cx.epoch.advance();
        cx.indexing.notify_one();
        Ok(outcome)
    }

    /// What it is called in the record of changes.
    fn subject(&self) -> String {
        match self {
            Self::PutSchema(one) => one.schema.id.clone(),
            Self::RemoveSchema(urn) => urn.clone(),
            Self::PutType(one) => format!("ResourceType {}", one.name),
            Self::RemoveType(name) => format!("ResourceType {name}"),
        }
    }

    /// Tells what is in the way while others go on, and of which version of the definitions.
    fn look(&self, tx: &mut Reader<'_>) -> Result<(i64, Report), AdminError> {
        let rows = tx.definitions()?.ok_or(StoreError::NoTenant)?;
        let old = additions(&rows)?;
        let before = compiled(&old)?;
        let after = compiled(&self.apply(old)?.0)?;
        Ok((rows.version, report(tx, &before, &after, 0)?))
    }

    /// The definitions after the change, and whether it adds one; the number of a new type is still to come.
    fn apply(&self, mut to: Additions) -> Result<(Additions, bool), AdminError> {
        let named_before = named(&to);
        let created = match self {
            Self::PutSchema(new) => put_schema(&mut to, new.clone()),
            Self::RemoveSchema(id) => remove_schema(&mut to, id)?,
            Self::PutType(new) => {
                let mut types = to.types.iter();
                let at = types.position(|(_, one)| one.name.eq_ignore_ascii_case(&new.name));
                let code = at.and_then(|at| to.types.get(at));
                let code = code.map_or(UNNUMBERED, |(code, _)| *code);
                replace(&mut to.types, at, (code, new.clone()));
                at.is_none()
            }
            Self::RemoveType(name) => remove_type(&mut to, name)?,
        };
        // A schema that a resource type named does not begin to extend users because the type names it no longer.
        let still = named(&to);
        for one in &mut to.schemas {
            let id = one.schema.id.to_ascii_lowercase();
            if one.resource_types.is_none() && named_before.contains(&id) && !still.contains(&id) {
                one.resource_types = Some(Vec::new());
            }
        }
        Ok((to, created))
    }

    fn outcome(&self, created: bool, after: &Additions) -> Outcome {
        let body = match self {
            Self::PutSchema(new) => {
                let mut schemas = after.schemas.iter();
                let found = schemas.find(|one| urn::same(&one.schema.id, &new.schema.id));
                found.unwrap_or(new).to_json()
            }
            Self::PutType(new) => new.to_json(),
            Self::RemoveSchema(_) | Self::RemoveType(_) => return Outcome::Removed,
        };
        if created {
            Outcome::Created(body)
        } else {
            Outcome::Changed(body)
        }
    }
}

fn put_schema(to: &mut Additions, mut new: SchemaDefinition) -> bool {
    let mut schemas = to.schemas.iter();
    let at = schemas.position(|one| urn::same(&one.schema.id, &new.schema.id));
    if let Some(old) = at.and_then(|at| to.schemas.get(at)) {
        // Resources hold the URN in the letter case of its first definition.
        Arc::make_mut(&mut new.schema).id.clone_from(&old.schema.id);
    }
    let is_named = to.types.iter().any(|(_, one)| names(one, &new.schema.id));
    if new.resource_types.is_none() && !is_named && stands_alone(&new.schema) {
        // Said in the answer, too.
        new.resource_types = Some(Vec::new());
    }
    replace(&mut to.schemas, at, new);
    at.is_none()
}

fn remove_schema(to: &mut Additions, id: &str) -> Result<bool, AdminError> {
    let mut schemas = to.schemas.iter();
    let at = schemas.position(|one| urn::same(&one.schema.id, id));
    let gone = to.schemas.remove(at.ok_or_else(|| no_schema(id))?);
    let mut types = to.types.iter();
    match types.find(|(_, one)| names(one, &gone.schema.id)) {
        Some((_, one)) => Err(AdminError::Conflict {
            code: "schema-in-use",
            detail: format!(
                "the resource type `{}` names this schema; change or remove that first",
                one.name
            ),
        }),
        None => Ok(false),
    }
}

fn remove_type(to: &mut Additions, name: &str) -> Result<bool, AdminError> {
    let mut types = to.types.iter();
    let at = types.position(|(_, one)| one.name.eq_ignore_ascii_case(name));
    let (code, _) = to.types.remove(at.ok_or_else(|| no_type(name))?);
    let extends = |one: &&SchemaDefinition| {
        let mut names = one.resource_types.iter().flatten();
        names.any(|of| of.eq_ignore_ascii_case(name))
    };
    // What stands for a built-in type leaves that one behind.
    let own = builtin::registry(None)
        .types()
        .iter()
        .all(|one| one.code != code);
    match to.schemas.iter().find(extends).filter(|_| own) {
        Some(one) => Err(AdminError::Conflict {
            code: "resource-type-in-use",
            detail: format!(
                "the schema `{}` extends this resource type; change its `resourceTypes` or remove it first",
                one.schema.id
            ),
        }),
        None => Ok(false),
    }
}

/// Whether a resource type names a schema.
fn names(one: &TypeDefinition, id: &str) -> bool {
    let extensions = one.extensions.iter().map(|(urn, _)| urn);
    extensions
        .chain([&one.schema])
        .any(|urn| urn::same(urn, id))
}

/// The schemas that resource types name, in small letters.
fn named(of: &Additions) -> HashSet<String> {
    let types = of.types.iter().map(|(_, one)| one);
    let urns = types.flat_map(|one| {
        let extensions = one.extensions.iter().map(|(urn, _)| urn);
        extensions.chain([&one.schema])
    });
    urns.map(|urn| urn.to_ascii_lowercase()).collect()
}

fn replace<T>(list: &mut Vec<T>, at: Option<usize>, new: T) {
    match at.and_then(|at| list.get_mut(at)) {
        Some(old) => *old = new,
        None => list.push(new),
    }
}

struct Redefinition<'a> {
    edit: &'a Edit,
    asked: Asked,
    /// The version of the definitions that was looked at already, and since when resources may have changed.
    looked: Option<(i64, Micros)>,
    clock: &'a Clock,
    actor: &'a str,
    at: Micros,
}

impl Redefinition<'_> {
    fn run(&self, tx: &mut Writer<'_>) -> Result<Outcome, AdminError> {
        let rows = tx.hold_definitions()?;
        let old = additions(&rows)?;
        let before = compiled(&old)?;
        let (mut new, created) = self.edit.apply(old.clone())?;
        let checked = compiled(&new)?;
        if !self.asked.purge {
            let since = self.since(&rows, &before, &checked);
            let report = report(tx, &before, &checked, since)?;
            if report.count > 0 {
                return Err(AdminError::InTheWay(report));
            }
        }
        number(tx, &mut new)?;
        let changes = reindex(tx, &rows, &before, &compiled(&new)?)?;
        new.indexes = changes.in_force();
        let after = compiled(&new)?;
        write(tx, &old, &new)?;
        self.carry_over(tx, &before, &after)?;
        // Now, however long all this took: others go on with what goes until they hear of it.
        let at = self.clock.now();
        for row in changes.written() {
            tx.put_index(row, at)?;
        }
        tx.define(&self.change(ChangeKind::Define, vec![self.edit.subject()]))?;
        Ok(self.edit.outcome(created, &new))
    }

    /// Since when resources must be looked at again. Values that become unique are compared with all others.
    fn since(&self, rows: &Definitions, before: &Registry, after: &Registry) -> Micros {
        let unique = pairs(before, after).any(|(old, new)| !becoming_unique(old, new).is_empty());
        match self.looked {
            Some((version, since)) if version == rows.version && !unique => since,
            _ => 0,
        }
    }

    /// Takes out of the resources what does not fit, and writes the keys of what becomes unique.
    fn carry_over(
        &self,
        tx: &mut Writer<'_>,
        before: &Registry,
        after: &Registry,
    ) -> Result<(), AdminError> {
        for (old, new) in pairs(before, after) {
            let unique = becoming_unique(old, new);
            if unique.is_empty() && !self.asked.purge {
                continue;
            }
            let mut search = Search::new(old, new, unique);
            let mut last = None;
            loop {
                let rows = search.read(tx, 0, last)?;
                let Some(end) = rows.last() else {
                    break;
                };
                last = Some(end.id);
                for bad in search.sift(rows)? {
                    match new {
                        Some(new) => self.mend(tx, old, new, bad)?,
                        None => self.delete(tx, old, &bad)?,
                    }
                }
            }
            if let Some(new) = new {
                write_unique(tx, new, search)?;
            }
        }
        Ok(())
    }

    fn mend(
        &self,
        tx: &mut Writer<'_>,
        old: &ResourceType,
        new: &ResourceType,
        bad: Bad,
    ) -> Result<(), AdminError> {
        let mut report = Report::default();
        report.add(&old.name, &bad);
        let Bad {
            stored,
            document: was,
            misfits,
        } = bad;
        let mut document = was.clone();
        if !change::remove(new, &mut document, &misfits) {
            // Something required would be missing: no removal mends that.
            return Err(AdminError::InTheWay(report));
        }
        let document = resource::arrange(new, document, &stored.id.to_string());
        let at = self.at.max(stored.modified);
        let times = Times::of(&stored);
        let later = Times {
            modified: at,
            ..times
        };
        let (removed, added) = Keys::diff(&keys(old, &was, times), &keys(new, &document, later));
        let names = resource::changed(&was, &document);
        let update = Update {
            rtype: old.code,
            id: stored.id,
            expected: stored.version,
            at,
            doc: to_text(&document).map_err(|error| AdminError::Internal(error.to_string()))?,
            secret: stored.secret,
            removed,
            added,
            members: Members::default(),
            change: Change {
                at,
                ..self.change(ChangeKind::Update, names)
            },
        };
        Ok(tx.update(&update)?)
    }

    fn delete(&self, tx: &mut Writer<'_>, old: &ResourceType, bad: &Bad) -> Result<(), AdminError> {
        let at = self.at.max(bad.stored.modified);
        let delete = Delete {
            rtype: old.code,
            id: bad.stored.id,
            expected: bad.stored.version,
            keys: keys(old, &bad.document, Times::of(&bad.stored)),
            holders: None,
            change: Change {
                at,
                ..self.change(ChangeKind::Delete, Vec::new())
            },
        };
        Ok(tx.delete(&delete)?)
    }

    fn change(&self, kind: ChangeKind, attributes: Vec<String>) -> Change {
        Change {
            id: self.clock.id(),
            kind,
            attributes,
            actor: self.actor.to_owned(),
            at: self.at,
        }
    }
}

/// Gives a new resource type its number. One that stands for a built-in type keeps that one's.
fn number(tx: &mut Writer<'_>, new: &mut Additions) -> Result<(), AdminError> {
    for (code, one) in &mut new.types {
        if *code == UNNUMBERED {
            let built_in = builtin::registry(None);
            *code = match built_in.resource_type(&one.name) {
                Some(known) => known.code,
                None => tx.next_type()?,
            };
        }
    }
    Ok(())
}

/// Puts and removes what differs.
fn write(tx: &mut Writer<'_>, old: &Additions, new: &Additions) -> Result<(), AdminError> {
    for one in new.schemas.iter().filter(|one| !old.schemas.contains(one)) {
        let id = one.schema.id.to_ascii_lowercase();
        tx.put_schema(&id, &one.to_json().to_string())?;
    }
    for one in &old.schemas {
        let mut kept = new.schemas.iter();
        if !kept.any(|kept| urn::same(&kept.schema.id, &one.schema.id)) {
            tx.remove_schema(&one.schema.id.to_ascii_lowercase())?;
        }
    }
    for (code, one) in new.types.iter().filter(|one| !old.types.contains(one)) {
        let name = one.name.to_ascii_lowercase();
        tx.put_type(&name, *code, &one.to_json().to_string())?;
    }
    for (_, one) in &old.types {
        let mut kept = new.types.iter();
        if !kept.any(|(_, kept)| kept.name.eq_ignore_ascii_case(&one.name)) {
            tx.remove_type(&one.name.to_ascii_lowercase())?;
        }
    }
    Ok(())
}

/// Keys of what becomes unique, of the resources that stay as they are.
fn write_unique(
    tx: &mut Writer<'_>,
    new: &ResourceType,
    search: Search<'_>,
) -> Result<(), AdminError> {
    let number = |one: &Index| Some((new.resolve(&one.path, Mode::Rfc)?.published_path(), one.id));
    let numbers: HashMap<String, i32> = new.indexes.iter().filter_map(number).collect();
    let (mut keys, mut marks) = (Vec::new(), Vec::new());
    for (path, key, id) in search.unique_keys() {
        let Some(attr) = numbers.get(&path).copied() else {
            continue;
        };
        let skey = key::stored(&key);
        if key.len() > key::MAX_STORED {
            let mark = IndexKey {
                attr: -attr,
                elem: 0,
                skey: skey.clone(),
            };
            marks.push((id, mark));
        }
        keys.push((id, Key { attr, skey }));
    }
    for some in keys.chunks(KEYS) {
        tx.add_unique_keys(some)?;
    }
    for some in marks.chunks(KEYS) {
        tx.add_index_keys(some)?;
    }
    Ok(())
}

fn compiled(additions: &Additions) -> Result<Registry, AdminError> {
    let registry = Registry::with(None, additions)?;
    registry.check()?;
    Ok(registry)
}

/// Each resource type with what becomes of it.
fn pairs<'r>(
    before: &'r Registry,
    after: &'r Registry,
) -> impl Iterator<Item = (&'r ResourceType, Option<&'r ResourceType>)> {
    before.types().iter().map(|old| {
        let new = after.types().iter().find(|one| one.code == old.code);
        (old.as_ref(), new.map(AsRef::as_ref))
    })
}

/// Tells what is in the way, of what was changed since a moment.
fn report(
    tx: &mut Reader<'_>,
    before: &Registry,
    after: &Registry,
    since: Micros,
) -> Result<Report, AdminError> {
    let mut report = Report::default();
    for (old, new) in pairs(before, after) {
        let mut search = Search::new(old, new, becoming_unique(old, new));
        let mut last = None;
        loop {
            let rows = search.read(tx, since, last)?;
            let Some(end) = rows.last() else {
                break;
            };
            last = Some(end.id);
            for bad in search.sift(rows)? {
                report.add(&old.name, &bad);
            }
        }
    }
    Ok(report)
}
