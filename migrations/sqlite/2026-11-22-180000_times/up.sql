-- meta.created and meta.lastModified are found by keys like other attributes: microseconds with the sign turned, in 16 hexadecimal digits.
-- The twin of the PostgreSQL file of the same name.

INSERT INTO attr_index (tenant_id, attr_id, skey, rid, elem)
  SELECT tenant_id, CASE rtype WHEN 1 THEN 14 ELSE 503 END, printf('%016x', created + (-9223372036854775807 - 1)), rid, 0
  FROM resource WHERE rtype IN (1, 2);
INSERT INTO attr_index (tenant_id, attr_id, skey, rid, elem)
  SELECT tenant_id, CASE rtype WHEN 1 THEN 15 ELSE 504 END, printf('%016x', modified + (-9223372036854775807 - 1)), rid, 0
  FROM resource WHERE rtype IN (1, 2);
