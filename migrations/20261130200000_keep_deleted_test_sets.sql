-- A test set that was deleted can be brought back for a while, with all its runs.

ALTER TABLE test_sets
    ADD COLUMN deleted_at TIMESTAMPTZ;
