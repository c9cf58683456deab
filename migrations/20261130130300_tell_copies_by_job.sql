-- News of listings that those who have a copy are yet to be told of, written in the transaction of the news:
-- a job tells them piece by piece, so that an approval takes no longer however many they are.

CREATE TABLE listing_news (
    news_id    UUID        NOT NULL,
    listing_id UUID        NOT NULL,
    kind       TEXT        NOT NULL,
    -- Told to those whose copy is of an earlier one; nothing: to all who have a copy.
    version    INTEGER,
    about      TEXT        NOT NULL,
    slug       TEXT        NOT NULL,
    body       TEXT        NOT NULL,
    -- Those who installed it were told up to this one.
    told_until UUID        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT listing_news_pkey PRIMARY KEY (news_id),
    CONSTRAINT listing_news_listing_id_fkey FOREIGN KEY (listing_id)
        REFERENCES listings (listing_id) ON DELETE CASCADE
);

CREATE INDEX listing_news_listing_id_idx ON listing_news (listing_id);
