-- no-transaction
-- Which listings were run since their cost was measured last.

CREATE INDEX CONCURRENTLY IF NOT EXISTS listing_runs_ended_at_idx ON listing_runs (ended_at, listing_id);
