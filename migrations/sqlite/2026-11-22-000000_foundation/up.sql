-- The first tables: tenants, their resources with the keys they are found by, what changed, tokens and settings.
-- The twin of the PostgreSQL file of the same name: the same tables and columns, other types.
-- uuid is a BLOB of 16 bytes, boolean is 0 or 1; text compares by bytes (BINARY, the default).

CREATE TABLE tenant (
  tenant_id      INTEGER NOT NULL PRIMARY KEY,   -- random 63 bits, never used again
  slug           TEXT    NOT NULL UNIQUE,
  display_name   TEXT,
  profile        TEXT    NOT NULL,
  environment    TEXT    NOT NULL,
  policy         TEXT    NOT NULL,               -- JSON
  suspended      INTEGER NOT NULL,
  created        INTEGER NOT NULL,               -- every time is in microseconds since 1970, UTC
  schema_version INTEGER NOT NULL,               -- grows with every change of a schema or of what is indexed
  key_version    INTEGER NOT NULL DEFAULT 1      -- version of the normaliser that made the skeys
) STRICT;

CREATE TABLE resource (                          -- a rowid table: documents stay out of the key's tree
  tenant_id INTEGER NOT NULL,
  rtype     INTEGER NOT NULL,                    -- resource type
  rid       BLOB    NOT NULL,                    -- UUIDv7: the SCIM id, and the order of creation
  version   INTEGER NOT NULL,
  created   INTEGER NOT NULL,
  modified  INTEGER NOT NULL,
  doc       TEXT    NOT NULL,                    -- canonical JSON text: the same bytes on both databases
  secret    TEXT,                                -- what never leaves: the hash of a password
  PRIMARY KEY (tenant_id, rtype, rid)
) STRICT;
CREATE INDEX resource_modified ON resource (tenant_id, rtype, modified, rid);

CREATE TABLE attr_unique (                       -- userName, and every attribute with uniqueness=server
  tenant_id INTEGER NOT NULL,
  attr_id   INTEGER NOT NULL,
  skey      TEXT    NOT NULL,                    -- comparison key
  rid       BLOB    NOT NULL,
  PRIMARY KEY (tenant_id, attr_id, skey)
) STRICT, WITHOUT ROWID;

CREATE TABLE attr_index (                        -- every other value that is indexed
  tenant_id INTEGER NOT NULL,
  attr_id   INTEGER NOT NULL,
  skey      TEXT    NOT NULL,
  rid       BLOB    NOT NULL,
  elem      INTEGER NOT NULL,                    -- which value of a multi-valued attribute, the primary one first
  PRIMARY KEY (tenant_id, attr_id, skey, rid, elem)
) STRICT, WITHOUT ROWID;

CREATE TABLE resource_count (                    -- how many there are; one slot, as there is one writer
  tenant_id INTEGER NOT NULL,
  rtype     INTEGER NOT NULL,
  slot      INTEGER NOT NULL,
  n         INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, rtype, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE change (
  tenant_id  INTEGER NOT NULL,
  position   INTEGER NOT NULL,                   -- 1, 2, 3 … within the tenant: the one writer counts
  change_id  BLOB    NOT NULL,                   -- UUIDv7
  rtype      INTEGER NOT NULL,
  rid        BLOB    NOT NULL,
  kind       INTEGER NOT NULL,                   -- 1 create, 2 update, 3 delete
  version    INTEGER NOT NULL,
  attributes TEXT    NOT NULL,                   -- JSON list of the attributes changed
  actor      TEXT    NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, position, change_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
  token_id       BLOB    NOT NULL PRIMARY KEY,
  tenant_id      INTEGER NOT NULL,
  public_id      TEXT    NOT NULL UNIQUE,
  digest         BLOB    NOT NULL,               -- HMAC of the secret; the secret itself is nowhere
  name           TEXT    NOT NULL,
  description    TEXT,
  scopes         TEXT    NOT NULL,               -- separated by spaces
  created        INTEGER NOT NULL,
  expires        INTEGER,
  revoked        INTEGER,
  last_used      INTEGER,
  last_used_from TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX token_by_tenant ON token (tenant_id, created, token_id);

CREATE TABLE setting (                           -- one value for the whole installation
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
