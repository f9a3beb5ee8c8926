//! Changing what a tenant defines: in one transaction, in which nobody else changes anything of the tenant.

use scim_core::schema::additions::{Additions, IndexDefinition};
use scim_core::schema::change;
use scim_core::schema::define::{SchemaDefinition, TypeDefinition};
use scim_core::schema::registry::Wanted;
use scim_core::{Registry, ResourceType, key, resource};
use uuid::Uuid;

use super::misfits::{Bad, Search};
use super::{Report, additions, no_schema, no_type};
use crate::clock::Clock;
use crate::service::administration::{AdminCx, AdminError};
use crate::service::resources::{Times, keys, to_text};
use crate::service::tenants;
use crate::store::{
    Change, ChangeKind, Definitions, Delete, IndexRow, IndexState, Key, Keys, Members, Micros,
    Update, Writer,
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
    Created,
    /// It is in force.
    Changed,
    /// Nothing was changed; this is in the way.
    Told(Report),
}

/// The number of a resource type that has none yet.
const UNNUMBERED: i16 = i16::MAX;
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
        let (clock, actor) = (cx.clock.clone(), actor.to_owned());
        let store = cx.directory.tenant(row.id);
        let done = store.redefine(move |tx| {
            let mut at_work = Redefinition {
                edit: &self,
                asked,
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

    /// The definitions after the change, and whether it adds one; the number of a new type is still to come.
    fn apply(&self, mut to: Additions) -> Result<(Additions, bool), AdminError> {
        match self {
            Self::PutSchema(new) => {
                let at = to
                    .schemas
                    .iter()
                    .position(|one| one.schema.id.eq_ignore_ascii_case(&new.schema.id));
                replace(&mut to.schemas, at, new.clone());
                Ok((to, at.is_none()))
            }
            Self::RemoveSchema(urn) => {
                let at = to
                    .schemas
                    .iter()
                    .position(|one| one.schema.id.eq_ignore_ascii_case(urn));
                let gone = to.schemas.remove(at.ok_or_else(|| no_schema(urn))?);
                let named = |one: &&(i16, TypeDefinition)| {
                    let urns = one
                        .1
                        .extensions
                        .iter()
                        .map(|(urn, _)| urn)
                        .chain([&one.1.schema]);
                    urns.into_iter()
                        .any(|urn| urn.eq_ignore_ascii_case(&gone.schema.id))
                };
                match to.types.iter().find(named) {
                    Some((_, one)) => Err(AdminError::Conflict {
                        code: "schema-in-use",
                        detail: format!(
                            "the resource type `{}` names this schema; change or remove that first",
                            one.name
                        ),
                    }),
                    None => Ok((to, false)),
                }
            }
            Self::PutType(new) => {
                let at = to
                    .types
                    .iter()
                    .position(|(_, one)| one.name.eq_ignore_ascii_case(&new.name));
                let code = at
                    .and_then(|at| to.types.get(at))
                    .map_or(UNNUMBERED, |(code, _)| *code);
                replace(&mut to.types, at, (code, new.clone()));
                Ok((to, at.is_none()))
            }
            Self::RemoveType(name) => {
                let at = to
                    .types
                    .iter()
                    .position(|(_, one)| one.name.eq_ignore_ascii_case(name));
                to.types.remove(at.ok_or_else(|| no_type(name))?);
                Ok((to, false))
            }
        }
    }

    fn write(&self, tx: &mut Writer<'_>, after: &Additions) -> Result<(), AdminError> {
        match self {
            Self::PutSchema(one) => {
                tx.put_schema(
                    &one.schema.id.to_ascii_lowercase(),
                    &one.to_json().to_string(),
                )?;
            }
            Self::RemoveSchema(urn) => tx.remove_schema(&urn.to_ascii_lowercase())?,
            Self::PutType(new) => {
                let code = after
                    .types
                    .iter()
                    .find(|(_, one)| one.name.eq_ignore_ascii_case(&new.name));
                let code = code.map_or(UNNUMBERED, |(code, _)| *code);
                tx.put_type(
                    &new.name.to_ascii_lowercase(),
                    code,
                    &new.to_json().to_string(),
                )?;
            }
            Self::RemoveType(name) => tx.remove_type(&name.to_ascii_lowercase())?,
        }
        Ok(())
    }
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
    clock: &'a Clock,
    actor: &'a str,
    at: Micros,
}

impl Redefinition<'_> {
    fn run(&mut self, tx: &mut Writer<'_>) -> Result<Outcome, AdminError> {
        let rows = tx.hold_definitions()?;
        let old = additions(&rows)?;
        let before = compiled(&old)?;
        let (mut new, created) = self.edit.apply(old)?;
        let mut after = compiled(&new)?;
        if self.asked.dry_run {
            return Ok(Outcome::Told(look(tx, &before, &after)?));
        }
        if !self.asked.purge {
            let report = look(tx, &before, &after)?;
            if report.count > 0 {
                return Err(AdminError::InTheWay(report));
            }
        }
        self.number(tx, &mut new)?;
        let renumbered = compiled(&new)?;
        let changes = reindex(tx, &rows, &before, &renumbered)?;
        new.indexes = changes.in_force();
        after = compiled(&new)?;
        self.edit.write(tx, &new)?;
        for row in changes.written() {
            tx.put_index(row, self.at)?;
        }
        self.carry_over(tx, &before, &after)?;
        tx.define(&self.change(ChangeKind::Define, vec![self.edit.subject()]))?;
        Ok(if created {
            Outcome::Created
        } else {
            Outcome::Changed
        })
    }

    /// Gives a new resource type its number. One that stands for a built-in type keeps that one's.
    fn number(&self, tx: &mut Writer<'_>, new: &mut Additions) -> Result<(), AdminError> {
        for (code, one) in &mut new.types {
            if *code == UNNUMBERED {
                let built_in = scim_core::schema::builtin::registry(None);
                *code = match built_in.resource_type(&one.name) {
                    Some(known) => known.code,
                    None => tx.next_type()?,
                };
            }
        }
        Ok(())
    }

    /// Takes out of the resources what does not fit, and writes the keys of what becomes unique.
    fn carry_over(
        &self,
        tx: &mut Writer<'_>,
        before: &Registry,
        after: &Registry,
    ) -> Result<(), AdminError> {
        for old in before.types() {
            let new = after.types().iter().find(|one| one.code == old.code);
            let new = new.map(AsRef::as_ref);
            let mut search = Search::new(old, new, becoming_unique(old, new));
            search.run(tx, |tx, bad| match new {
                Some(new) => self.mend(tx, old, new, bad),
                None => self.delete(tx, old, &bad),
            })?;
            let Some(new) = new else {
                continue;
            };
            let number = |path: &str| {
                new.indexes
                    .iter()
                    .find(|one| one.path.to_string() == path)
                    .map(|one| one.id)
            };
            let keys = search.unique_keys().filter_map(|(path, key, id)| {
                let skey = key::stored(&key);
                Some((
                    id,
                    Key {
                        attr: number(&path)?,
                        skey,
                    },
                ))
            });
            let keys: Vec<(Uuid, Key)> = keys.collect();
            for some in keys.chunks(KEYS) {
                tx.add_unique_keys(some)?;
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

fn compiled(additions: &Additions) -> Result<Registry, AdminError> {
    Ok(Registry::with(None, additions)?)
}

/// Tells what is in the way, and changes nothing.
fn look(tx: &mut Writer<'_>, before: &Registry, after: &Registry) -> Result<Report, AdminError> {
    let mut report = Report::default();
    for old in before.types() {
        let new = after.types().iter().find(|one| one.code == old.code);
        let new = new.map(AsRef::as_ref);
        let mut search = Search::new(old, new, becoming_unique(old, new));
        search.run(tx, |_, bad| {
            report.add(&old.name, &bad);
            Ok(())
        })?;
    }
    Ok(report)
}

/// The attributes that were there and become unique.
fn becoming_unique(old: &ResourceType, new: Option<&ResourceType>) -> Vec<Wanted> {
    let had = old.wanted();
    let new = new.map(ResourceType::wanted).unwrap_or_default();
    new.into_iter()
        .filter(|one| one.unique && !had.contains(one))
        .collect()
}

/// What is indexed before and after.
#[derive(Default)]
struct Reindexing {
    kept: Vec<IndexRow>,
    added: Vec<IndexRow>,
    going: Vec<IndexRow>,
}

impl Reindexing {
    fn in_force(&self) -> Vec<IndexDefinition> {
        let rows = self.kept.iter().chain(&self.added);
        rows.map(|one| IndexDefinition {
            rtype: one.rtype,
            path: one.path.clone(),
            id: one.id,
            ready: one.state == IndexState::Ready,
        })
        .collect()
    }

    fn written(&self) -> impl Iterator<Item = &IndexRow> {
        self.added.iter().chain(&self.going)
    }
}

/// Which keys stay, which are to be made, and which are to go. Keys that mean something else now get another number.
fn reindex(
    tx: &mut Writer<'_>,
    rows: &Definitions,
    before: &Registry,
    after: &Registry,
) -> Result<Reindexing, AdminError> {
    let had: Vec<Wanted> = before.types().iter().flat_map(|one| one.wanted()).collect();
    let wanted: Vec<Wanted> = after.types().iter().flat_map(|one| one.wanted()).collect();
    let live = rows
        .indexes
        .iter()
        .filter(|one| one.state != IndexState::Going);
    let same = |row: &IndexRow, one: &Wanted| row.rtype == one.rtype && row.path == one.path;
    let mut found = Reindexing::default();
    for row in live {
        let stays = wanted.iter().any(|one| same(row, one) && had.contains(one));
        if stays {
            found.kept.push(row.clone());
        } else {
            found.going.push(IndexRow {
                state: IndexState::Going,
                ..row.clone()
            });
        }
    }
    let missing: Vec<&Wanted> = wanted
        .iter()
        .filter(|one| !found.kept.iter().any(|row| same(row, one)))
        .collect();
    let count = i32::try_from(missing.len()).unwrap_or(i32::MAX);
    let first = if count > 0 { tx.next_attrs(count)? } else { 0 };
    for (one, id) in missing.into_iter().zip(first..) {
        let existed = before
            .types()
            .iter()
            .any(|of| of.code == one.rtype && of.has(&one.path));
        // What was not there has no values; what becomes unique gets its keys at once.
        let ready = one.unique || !existed || tx.count(one.rtype)? == 0;
        found.added.push(IndexRow {
            id,
            rtype: one.rtype,
            path: one.path.clone(),
            state: if ready {
                IndexState::Ready
            } else {
                IndexState::Building
            },
        });
    }
    Ok(found)
}
