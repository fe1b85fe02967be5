-- Who put an entry on a list by hand, and when; entries that a source's register brought have neither.
ALTER TABLE detect_lists ADD COLUMN added_by TEXT;
ALTER TABLE detect_lists ADD COLUMN added_at BIGINT;
