-- Replicas answer no more for a bucket that leaves: one that lags behind would go on with it after it is written
-- elsewhere.

ALTER TABLE bucket_states ADD COLUMN is_leaving BOOLEAN NOT NULL DEFAULT FALSE;
