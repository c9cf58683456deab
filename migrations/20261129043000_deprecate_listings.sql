-- A publisher may say that a listing is kept up no more, and which one takes its place. The number of a
-- version that was deleted is given to no other one.

ALTER TABLE listings ADD COLUMN deprecated_at TIMESTAMPTZ;
ALTER TABLE listings ADD COLUMN successor_id UUID;
ALTER TABLE listings ADD COLUMN last_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE listings ADD CONSTRAINT listings_successor_id_fkey
    FOREIGN KEY (successor_id) REFERENCES listings (listing_id) ON DELETE SET NULL NOT VALID;
