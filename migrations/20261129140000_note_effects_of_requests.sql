-- A request that counts once notes what it did in the catalogue, in the transaction that did it: so that
-- the next try after a crash answers with that.

ALTER TABLE idempotency_keys ADD COLUMN effect JSONB;
