-- no-transaction
-- Sessions are claimed by turns of their owners, by the indexes of what waits and what has a worker.

DROP INDEX CONCURRENTLY IF EXISTS session_queue_claim_idx;
