-- What tenants define: schemas, resource types, and which attributes are found by keys. The twin of the PostgreSQL file of the same name.

ALTER TABLE tenant ADD COLUMN next_attr INTEGER NOT NULL DEFAULT 1000;    -- numbers that no definition had yet
ALTER TABLE tenant ADD COLUMN next_type INTEGER NOT NULL DEFAULT 100;

CREATE TABLE tenant_schema (
  tenant_id INTEGER NOT NULL,
  urn       TEXT    NOT NULL,                    -- in small letters
  body      TEXT    NOT NULL,                    -- the definition, JSON
  PRIMARY KEY (tenant_id, urn)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant_type (
  tenant_id INTEGER NOT NULL,
  name      TEXT    NOT NULL,                    -- in small letters
  rtype     INTEGER NOT NULL,
  body      TEXT    NOT NULL,                    -- the definition, JSON
  PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE attr_def (                          -- attributes that a tenant's definitions want keys of
  tenant_id INTEGER NOT NULL,
  attr_id   INTEGER NOT NULL,
  rtype     INTEGER NOT NULL,
  path      TEXT    NOT NULL,
  state     INTEGER NOT NULL,                    -- 0 its keys are to go, 1 its keys are being made, 2 ready
  done      BLOB    NOT NULL,                    -- the keys of resources up to this one are made
  touched   INTEGER NOT NULL,                    -- when somebody last worked on it
  PRIMARY KEY (tenant_id, attr_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX attr_def_unfinished ON attr_def (tenant_id, attr_id) WHERE state < 2;
