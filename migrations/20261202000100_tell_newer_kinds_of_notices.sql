-- A notice of a kind that the last release has no word for: that one reads the nearest that it has, in "kind". Goes
-- with the next release, since from this one on each reads kinds that it does not know.

ALTER TABLE account_notices ADD COLUMN newer_kind TEXT;
