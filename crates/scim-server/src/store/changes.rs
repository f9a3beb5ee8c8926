//! Reading what changed, in order and without gaps.
//!
//! The row of a change is written in the transaction of the change. Its position is the transaction's id on `PostgreSQL`, and a reader stops before the
//! oldest transaction that still runs: whoever reads on from the last position it saw has seen everything before it, however late it was
//! committed. On `SQLite` one writer counts.

use diesel::sql_types::{BigInt, SmallInt, Text};

use super::dialect::{Rid, RidSql};
use super::error::StoreError;
use super::model::{ChangeKind, ChangeRow, Position};
use super::resources::Reader;
use super::sql::Sql;

type Types = (
    BigInt,
    RidSql,
    SmallInt,
    RidSql,
    SmallInt,
    BigInt,
    Text,
    Text,
    BigInt,
);
type Row = (i64, Rid, i16, Rid, i16, i64, String, String, i64);

impl Reader<'_> {
    /// Up to `limit` changes after the one named, in order.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn changes(
        &mut self,
        after: Option<Position>,
        limit: i64,
    ) -> Result<Vec<ChangeRow>, StoreError> {
        let (position, id) =
            after.map_or((-1, uuid::Uuid::nil()), |after| (after.position, after.id));
        let sql = Sql::new(
            "SELECT position, change_id, rtype, rid, kind, version, attributes, actor, at FROM change
             WHERE tenant_id = ? AND (position, change_id) > (?, ?)",
        )
        .bind(self.tenant)
        .bind(position)
        .bind(id)
        .then(self.conn.dialect().settled())
        .then(" ORDER BY position, change_id LIMIT CAST(? AS bigint)")
        .bind(limit.max(0));
        let rows = self.conn.load::<Types, Row>(sql)?;
        rows.into_iter().map(change).collect()
    }
}

fn change(
    (position, id, rtype, rid, kind, version, attributes, actor, at): Row,
) -> Result<ChangeRow, StoreError> {
    Ok(ChangeRow {
        position: Position { position, id: id.0 },
        rtype,
        rid: rid.0,
        kind: ChangeKind::from_code(kind)
            .ok_or_else(|| StoreError::internal("an unknown kind of change"))?,
        version,
        attributes: serde_json::from_str(&attributes)
            .map_err(|error| StoreError::internal(error.to_string()))?,
        actor,
        at,
    })
}
