-- The first tables: tenants, their resources with the keys they are found by, what changed, tokens and settings.
-- PostgreSQL 13 or later. No sequences, no triggers, no enums; `tenant_id` leads every key of a tenant's rows.
-- Text that is compared or sorted has COLLATE "C", so that it orders by bytes as SQLite does.

CREATE TABLE tenant (
  tenant_id      bigint  NOT NULL PRIMARY KEY,   -- random 63 bits, never used again
  slug           text    COLLATE "C" NOT NULL CONSTRAINT tenant_slug UNIQUE,
  display_name   text,
  profile        text    NOT NULL,
  environment    text    NOT NULL,
  policy         text    NOT NULL,               -- JSON
  suspended      boolean NOT NULL,
  created        bigint  NOT NULL,               -- every time is in microseconds since 1970, UTC
  schema_version bigint  NOT NULL,               -- grows with every change of a schema or of what is indexed
  key_version    integer NOT NULL DEFAULT 1      -- version of the normaliser that made the skeys
);

CREATE TABLE resource (
  tenant_id bigint   NOT NULL,
  rtype     smallint NOT NULL,                   -- resource type
  rid       uuid     NOT NULL,                   -- UUIDv7: the SCIM id, and the order of creation
  version   bigint   NOT NULL,
  created   bigint   NOT NULL,
  modified  bigint   NOT NULL,
  doc       text     NOT NULL,                   -- canonical JSON text: the same bytes on both databases
  secret    text,                                -- what never leaves: the hash of a password
  PRIMARY KEY (tenant_id, rtype, rid)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX resource_modified ON resource (tenant_id, rtype, modified, rid);

CREATE TABLE attr_unique (                       -- userName, and every attribute with uniqueness=server
  tenant_id bigint  NOT NULL,
  attr_id   integer NOT NULL,
  skey      text    COLLATE "C" NOT NULL,        -- comparison key
  rid       uuid    NOT NULL,
  PRIMARY KEY (tenant_id, attr_id, skey) INCLUDE (rid)
);

CREATE TABLE attr_index (                        -- every other value that is indexed
  tenant_id bigint   NOT NULL,
  attr_id   integer  NOT NULL,
  skey      text     COLLATE "C" NOT NULL,
  rid       uuid     NOT NULL,
  elem      smallint NOT NULL,                   -- which value of a multi-valued attribute, the primary one first
  PRIMARY KEY (tenant_id, attr_id, skey, rid, elem)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE resource_count (                    -- how many there are, in slots so that writers seldom meet
  tenant_id bigint   NOT NULL,
  rtype     smallint NOT NULL,
  slot      smallint NOT NULL,
  n         bigint   NOT NULL,
  PRIMARY KEY (tenant_id, rtype, slot)
) WITH (fillfactor = 50);

CREATE TABLE change (
  tenant_id  bigint   NOT NULL,
  position   bigint   NOT NULL,                  -- the transaction's id: readers stop before the oldest that still runs
  change_id  uuid     NOT NULL,                  -- UUIDv7
  rtype      smallint NOT NULL,
  rid        uuid     NOT NULL,
  kind       smallint NOT NULL,                  -- 1 create, 2 update, 3 delete
  version    bigint   NOT NULL,
  attributes text     NOT NULL,                  -- JSON list of the attributes changed
  actor      text     NOT NULL,
  at         bigint   NOT NULL,
  PRIMARY KEY (tenant_id, position, change_id)
);

CREATE TABLE token (
  token_id       uuid   NOT NULL PRIMARY KEY,
  tenant_id      bigint NOT NULL,
  public_id      text   COLLATE "C" NOT NULL UNIQUE,
  digest         bytea  NOT NULL,                -- HMAC of the secret; the secret itself is nowhere
  name           text   NOT NULL,
  description    text,
  scopes         text   NOT NULL,                -- separated by spaces
  created        bigint NOT NULL,
  expires        bigint,
  revoked        bigint,
  last_used      bigint,
  last_used_from text
);
CREATE INDEX token_by_tenant ON token (tenant_id, created, token_id);

CREATE TABLE setting (                           -- one value for the whole installation
  name  text COLLATE "C" NOT NULL PRIMARY KEY,
  value text NOT NULL
);
