-- no-transaction
-- All runs of a listing are counted, whatever their version and whether the copy was changed.
CREATE INDEX CONCURRENTLY IF NOT EXISTS listing_runs_listing_id_idx ON listing_runs (listing_id, owner_id);
