-- The marketplace: listings, their versions, and who installed them.

-- A misspelt word still finds its listing where pg_trgm can be installed; elsewhere only words that
-- are spelt right do.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'pg_trgm is not available: %', SQLERRM;
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm') THEN
        CREATE FUNCTION word_likeness(word TEXT, words TEXT) RETURNS REAL
            LANGUAGE sql STABLE PARALLEL SAFE
            AS 'SELECT word_similarity(word, words)';
    ELSE
        CREATE FUNCTION word_likeness(word TEXT, words TEXT) RETURNS REAL
            LANGUAGE sql IMMUTABLE PARALLEL SAFE
            AS 'SELECT 0::REAL';
    END IF;
END
$$;

CREATE TABLE listings (
    listing_id        UUID        NOT NULL,
    slug              TEXT        NOT NULL,
    name              TEXT        NOT NULL,
    tagline           TEXT        NOT NULL,
    category          TEXT        NOT NULL,
    avatar            JSONB       NOT NULL,
    publisher         TEXT        NOT NULL,
    description       TEXT        NOT NULL,
    examples          JSONB       NOT NULL,
    is_template       BOOLEAN     NOT NULL,
    version           INTEGER     NOT NULL,
    installs          BIGINT      NOT NULL DEFAULT 0,
    rating_count      BIGINT      NOT NULL DEFAULT 0,
    rating_sum        BIGINT      NOT NULL DEFAULT 0,
    rating_hundredths INTEGER     NOT NULL GENERATED ALWAYS AS (
        CASE WHEN rating_count = 0 THEN 0
             ELSE ((rating_sum * 100 + rating_count / 2) / rating_count)::INTEGER END
    ) STORED,
    search            TSVECTOR    NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english', name), 'A')
        || setweight(to_tsvector('english', tagline), 'B')
        || setweight(to_tsvector('english', category || ' ' || description), 'C')
    ) STORED,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    CONSTRAINT listings_pkey PRIMARY KEY (listing_id),
    CONSTRAINT listings_slug_key UNIQUE (slug),
    CONSTRAINT listings_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    CONSTRAINT listings_category_check CHECK (
        category IN ('productivity', 'research', 'development', 'support',
                     'content', 'sales', 'finance', 'custom')
    ),
    CONSTRAINT listings_count_check CHECK (
        installs >= 0 AND rating_count >= 0
        AND rating_sum BETWEEN rating_count AND rating_count * 5
    )
);

CREATE INDEX listings_search_idx ON listings USING GIN (search);
CREATE INDEX listings_installs_idx ON listings (installs DESC, listing_id);

-- What an install copies. A published version never changes.
CREATE TABLE listing_versions (
    listing_id UUID        NOT NULL,
    version    INTEGER     NOT NULL,
    spec       JSONB       NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT listing_versions_pkey PRIMARY KEY (listing_id, version),
    CONSTRAINT listing_versions_listing_id_fkey FOREIGN KEY (listing_id)
        REFERENCES listings (listing_id) ON DELETE CASCADE,
    CONSTRAINT listing_versions_version_check CHECK (version > 0)
);

-- One row per person and listing: a listing counts each person once.
CREATE TABLE installs (
    owner_id   UUID        NOT NULL,
    listing_id UUID        NOT NULL,
    version    INTEGER     NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT installs_pkey PRIMARY KEY (owner_id, listing_id),
    CONSTRAINT installs_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT installs_listing_id_fkey FOREIGN KEY (listing_id)
        REFERENCES listings (listing_id) ON DELETE CASCADE
);

CREATE INDEX installs_listing_id_idx ON installs (listing_id);
