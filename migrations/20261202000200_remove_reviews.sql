-- The reviews that moderators removed. They stand apart, so that nothing that lists or counts reviews comes upon them,
-- in the last release neither.

CREATE TABLE removed_reviews (
    review_id  UUID        NOT NULL,
    listing_id UUID        NOT NULL,
    author_id  UUID        NOT NULL,
    version    INTEGER     NOT NULL,
    stars      SMALLINT    NOT NULL,
    -- Empty: its author has deleted it.
    body       TEXT        NOT NULL,
    reason     TEXT        NOT NULL,
    -- Under which it is in the moderators' queue once its author has changed it: another one with each change, so
    -- that nothing is put back that nobody has read.
    appeal_id  UUID,
    decided_by UUID,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT removed_reviews_pkey PRIMARY KEY (review_id),
    CONSTRAINT removed_reviews_author_id_key UNIQUE (listing_id, author_id),
    CONSTRAINT removed_reviews_listing_id_fkey FOREIGN KEY (listing_id)
        REFERENCES listings (listing_id) ON DELETE CASCADE,
    CONSTRAINT removed_reviews_author_id_fkey FOREIGN KEY (author_id)
        REFERENCES users (user_id) ON DELETE CASCADE,
    CONSTRAINT removed_reviews_decided_by_fkey FOREIGN KEY (decided_by)
        REFERENCES users (user_id) ON DELETE SET NULL,
    CONSTRAINT removed_reviews_stars_check CHECK (stars BETWEEN 1 AND 5)
);

CREATE UNIQUE INDEX removed_reviews_appeal_id_key ON removed_reviews (appeal_id)
    WHERE appeal_id IS NOT NULL;
CREATE INDEX removed_reviews_author_id_idx ON removed_reviews (author_id);
