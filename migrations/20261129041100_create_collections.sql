-- Shelves of the marketplace that moderators put together.

CREATE TABLE collections (
    collection_id UUID        NOT NULL,
    slug          TEXT        NOT NULL,
    title         TEXT        NOT NULL,
    description   TEXT        NOT NULL,
    is_featured   BOOLEAN     NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    CONSTRAINT collections_pkey PRIMARY KEY (collection_id),
    CONSTRAINT collections_slug_key UNIQUE (slug),
    CONSTRAINT collections_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$')
);

CREATE TABLE collection_listings (
    collection_id UUID    NOT NULL,
    listing_id    UUID    NOT NULL,
    place         INTEGER NOT NULL,
    CONSTRAINT collection_listings_pkey PRIMARY KEY (collection_id, listing_id),
    CONSTRAINT collection_listings_collection_id_fkey FOREIGN KEY (collection_id)
        REFERENCES collections (collection_id) ON DELETE CASCADE,
    CONSTRAINT collection_listings_listing_id_fkey FOREIGN KEY (listing_id)
        REFERENCES listings (listing_id) ON DELETE CASCADE
);

-- A listing that is deleted leaves its shelves.
CREATE INDEX collection_listings_listing_id_idx ON collection_listings (listing_id);
