-- Members of groups, a row for each: a change of some of them never touches the others.
-- The twin of the PostgreSQL file of the same name.

CREATE TABLE group_member (
  tenant_id INTEGER NOT NULL,
  group_id  BLOB    NOT NULL,
  member_id BLOB    NOT NULL,                    -- the member's SCIM id; of an id that is none of ours, a UUIDv8 made of it
  rtype     INTEGER NOT NULL,                    -- the member's resource type; 0 when there is no such resource
  display   TEXT,                                -- its name, where one was sent
  sent      TEXT,                                -- an id that is none of ours, as sent
  PRIMARY KEY (tenant_id, group_id, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_member_by_member ON group_member (tenant_id, member_id, group_id);

ALTER TABLE resource ADD COLUMN members INTEGER NOT NULL DEFAULT 0; -- how many rows of group_member the group has

-- Nothing is looked up by it, every change had to write it, and PostgreSQL took it for (tenant_id, rtype, rid) while it had no statistics.
DROP INDEX resource_modified;
