-- What tenants define: schemas, resource types, and which attributes are found by keys.

ALTER TABLE tenant ADD COLUMN next_attr integer NOT NULL DEFAULT 1000;    -- numbers that no definition had yet
ALTER TABLE tenant ADD COLUMN next_type smallint NOT NULL DEFAULT 100;

CREATE TABLE tenant_schema (
  tenant_id bigint NOT NULL,
  urn       text   COLLATE "C" NOT NULL,         -- in small letters
  body      text   NOT NULL,                     -- the definition, JSON
  PRIMARY KEY (tenant_id, urn)
);

CREATE TABLE tenant_type (
  tenant_id bigint   NOT NULL,
  name      text     COLLATE "C" NOT NULL,       -- in small letters
  rtype     smallint NOT NULL,
  body      text     NOT NULL,                   -- the definition, JSON
  PRIMARY KEY (tenant_id, name)
);

CREATE TABLE attr_def (                          -- attributes that a tenant's definitions want keys of
  tenant_id bigint   NOT NULL,
  attr_id   integer  NOT NULL,
  rtype     smallint NOT NULL,
  path      text     COLLATE "C" NOT NULL,
  state     smallint NOT NULL,                   -- 0 its keys are to go, 1 its keys are being made, 2 ready
  done      uuid     NOT NULL,                   -- the keys of resources up to this one are made
  touched   bigint   NOT NULL,                   -- when somebody last worked on it
  PRIMARY KEY (tenant_id, attr_id)
);
CREATE INDEX attr_def_unfinished ON attr_def (tenant_id, attr_id) WHERE state < 2;
