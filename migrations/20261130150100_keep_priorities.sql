-- A session that is gone on with after its end, or forked, goes before others as it did.

ALTER TABLE sessions ADD COLUMN priority SMALLINT NOT NULL DEFAULT 0;
