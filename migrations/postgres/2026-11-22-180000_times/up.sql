-- meta.created and meta.lastModified are found by keys like other attributes: microseconds with the sign turned, in 16 hexadecimal digits.

INSERT INTO attr_index (tenant_id, attr_id, skey, rid, elem)
  SELECT tenant_id, CASE rtype WHEN 1 THEN 14 ELSE 503 END, to_hex(created # (-9223372036854775808)), rid, 0
  FROM resource WHERE rtype IN (1, 2);
INSERT INTO attr_index (tenant_id, attr_id, skey, rid, elem)
  SELECT tenant_id, CASE rtype WHEN 1 THEN 15 ELSE 504 END, to_hex(modified # (-9223372036854775808)), rid, 0
  FROM resource WHERE rtype IN (1, 2);
