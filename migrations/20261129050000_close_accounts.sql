-- An account that was closed: nothing in it says any more whose it was, nobody signs in to it, and what
-- it owned goes piece by piece. The row goes last.

ALTER TABLE users ADD COLUMN closed_at TIMESTAMPTZ;

CREATE INDEX users_closed_at_idx ON users (closed_at) WHERE closed_at IS NOT NULL;

-- What a person left in the marketplace is found by the person.
CREATE INDEX IF NOT EXISTS listings_publisher_id_idx ON listings (publisher_id)
    WHERE publisher_id IS NOT NULL;
CREATE INDEX reviews_author_id_idx ON reviews (author_id);
CREATE INDEX review_votes_voter_id_idx ON review_votes (voter_id);
CREATE INDEX listing_reports_reporter_id_idx ON listing_reports (reporter_id);
