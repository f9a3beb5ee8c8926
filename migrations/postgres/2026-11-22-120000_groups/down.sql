CREATE INDEX resource_modified ON resource (tenant_id, rtype, modified, rid);
ALTER TABLE resource DROP COLUMN members;
DROP TABLE group_member;
