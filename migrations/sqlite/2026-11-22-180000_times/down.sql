DELETE FROM attr_index WHERE attr_id IN (14, 15, 503, 504);
