-- People follow publishers. Who follows is told of news by a job that goes on where it stopped, so that an
-- approval takes no longer however many they are.

ALTER TABLE publishers ADD COLUMN followers BIGINT NOT NULL DEFAULT 0;

CREATE TABLE publisher_follows (
    publisher_id UUID        NOT NULL,
    follower_id  UUID        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    CONSTRAINT publisher_follows_pkey PRIMARY KEY (publisher_id, follower_id),
    CONSTRAINT publisher_follows_publisher_id_fkey FOREIGN KEY (publisher_id)
        REFERENCES publishers (user_id) ON DELETE CASCADE,
    CONSTRAINT publisher_follows_follower_id_fkey FOREIGN KEY (follower_id)
        REFERENCES users (user_id) ON DELETE CASCADE,
    CONSTRAINT publisher_follows_self_check CHECK (publisher_id <> follower_id)
);

CREATE INDEX publisher_follows_follower_id_idx ON publisher_follows (follower_id, created_at DESC);

CREATE FUNCTION count_followers() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE publishers SET followers = followers + 1 WHERE user_id = NEW.publisher_id;
    ELSE
        UPDATE publishers SET followers = followers - 1 WHERE user_id = OLD.publisher_id;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER publisher_follows_count
    AFTER INSERT OR DELETE ON publisher_follows
    FOR EACH ROW
    EXECUTE FUNCTION count_followers();

-- News that followers are yet to be told of, written in the transaction of the news.
CREATE TABLE follower_news (
    news_id      UUID        NOT NULL,
    publisher_id UUID        NOT NULL,
    listing_id   UUID        NOT NULL,
    kind         TEXT        NOT NULL,
    about        TEXT        NOT NULL,
    slug         TEXT        NOT NULL,
    body         TEXT        NOT NULL,
    -- Followers up to this one were told.
    told_until   UUID        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    created_at   TIMESTAMPTZ NOT NULL,
    CONSTRAINT follower_news_pkey PRIMARY KEY (news_id),
    CONSTRAINT follower_news_publisher_id_fkey FOREIGN KEY (publisher_id)
        REFERENCES publishers (user_id) ON DELETE CASCADE
);

CREATE INDEX follower_news_publisher_id_idx ON follower_news (publisher_id);
