-- no-transaction
-- A listing that goes is nobody's successor any more.

CREATE INDEX CONCURRENTLY IF NOT EXISTS listings_successor_id_idx ON listings (successor_id)
    WHERE successor_id IS NOT NULL;
