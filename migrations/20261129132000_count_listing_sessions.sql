-- How many sessions ran a listing's agent, without its publisher's own: counted by a job, for those
-- listings that ran since it last looked.

ALTER TABLE listings ADD COLUMN sessions BIGINT NOT NULL DEFAULT 0;
ALTER TABLE listings ADD CONSTRAINT listings_sessions_check CHECK (sessions >= 0) NOT VALID;

UPDATE listings l
SET sessions = (SELECT count(*) FROM listing_runs r
                WHERE r.listing_id = l.listing_id AND r.owner_id IS DISTINCT FROM l.publisher_id);
