-- no-transaction
-- What has been deleted for long enough is looked for now and then, over all owners.

CREATE INDEX CONCURRENTLY IF NOT EXISTS test_sets_deleted_at_idx
    ON test_sets (deleted_at)
    WHERE deleted_at IS NOT NULL;
