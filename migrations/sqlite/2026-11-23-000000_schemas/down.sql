DROP TABLE attr_def;
DROP TABLE tenant_type;
DROP TABLE tenant_schema;
ALTER TABLE tenant DROP COLUMN next_type;
ALTER TABLE tenant DROP COLUMN next_attr;
