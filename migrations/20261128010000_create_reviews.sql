-- What people who ran a listing's agent think of it. The listing's own numbers follow in the
-- transaction of each change, whoever makes it: so they are those of its reviews.

ALTER TABLE listings ADD COLUMN publisher_id UUID;
ALTER TABLE listings ADD CONSTRAINT listings_publisher_id_fkey
    FOREIGN KEY (publisher_id) REFERENCES users (user_id) ON DELETE SET NULL NOT VALID;

CREATE TABLE reviews (
    review_id   UUID        NOT NULL,
    listing_id  UUID        NOT NULL,
    author_id   UUID        NOT NULL,
    version     INTEGER     NOT NULL,
    stars       SMALLINT    NOT NULL,
    body        TEXT        NOT NULL,
    answer      TEXT,
    answered_at TIMESTAMPTZ,
    helpful     BIGINT      NOT NULL DEFAULT 0,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT reviews_pkey PRIMARY KEY (review_id),
    CONSTRAINT reviews_author_id_key UNIQUE (listing_id, author_id),
    CONSTRAINT reviews_listing_id_fkey FOREIGN KEY (listing_id) REFERENCES listings (listing_id)
        ON DELETE CASCADE,
    CONSTRAINT reviews_author_id_fkey FOREIGN KEY (author_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT reviews_stars_check CHECK (stars BETWEEN 1 AND 5),
    CONSTRAINT reviews_version_check CHECK (version > 0),
    CONSTRAINT reviews_helpful_check CHECK (helpful >= 0),
    CONSTRAINT reviews_answer_check CHECK ((answer IS NULL) = (answered_at IS NULL))
);

-- The most helpful first, the newest of them before the others.
CREATE INDEX reviews_helpful_idx ON reviews (listing_id, helpful DESC, review_id DESC);

CREATE TABLE review_votes (
    review_id  UUID        NOT NULL,
    voter_id   UUID        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT review_votes_pkey PRIMARY KEY (review_id, voter_id),
    CONSTRAINT review_votes_review_id_fkey FOREIGN KEY (review_id) REFERENCES reviews (review_id)
        ON DELETE CASCADE,
    CONSTRAINT review_votes_voter_id_fkey FOREIGN KEY (voter_id) REFERENCES users (user_id)
        ON DELETE CASCADE
);

CREATE FUNCTION count_reviews() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE listings
        SET rating_count = rating_count + 1, rating_sum = rating_sum + NEW.stars
        WHERE listing_id = NEW.listing_id;
    ELSIF TG_OP = 'UPDATE' THEN
        UPDATE listings
        SET rating_sum = rating_sum - OLD.stars + NEW.stars
        WHERE listing_id = NEW.listing_id;
    ELSE
        UPDATE listings
        SET rating_count = rating_count - 1, rating_sum = rating_sum - OLD.stars
        WHERE listing_id = OLD.listing_id;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER reviews_count
    AFTER INSERT OR UPDATE OF stars OR DELETE ON reviews
    FOR EACH ROW
    EXECUTE FUNCTION count_reviews();

CREATE FUNCTION count_review_votes() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE reviews SET helpful = helpful + 1 WHERE review_id = NEW.review_id;
    ELSE
        UPDATE reviews SET helpful = helpful - 1 WHERE review_id = OLD.review_id;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER review_votes_count
    AFTER INSERT OR DELETE ON review_votes
    FOR EACH ROW
    EXECUTE FUNCTION count_review_votes();
