DROP TABLE setting;
DROP TABLE token;
DROP TABLE change;
DROP TABLE resource_count;
DROP TABLE attr_index;
DROP TABLE attr_unique;
DROP TABLE resource;
DROP TABLE tenant;
