-- Pictures that publishers upload, and the files that are made of each: pages show the one that fits. They
-- are kept here so that whoever keeps the database keeps all of the marketplace.

CREATE TABLE images (
    image_id     UUID        NOT NULL,
    publisher_id UUID        NOT NULL,
    kind         TEXT        NOT NULL,
    width        INTEGER     NOT NULL,
    height       INTEGER     NOT NULL,
    fallback     TEXT        NOT NULL,
    thumbhash    BYTEA       NOT NULL,
    placeholder  TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    -- When it was uploaded or chosen for a listing last: what nothing shows goes a day after that.
    used_at      TIMESTAMPTZ NOT NULL,
    CONSTRAINT images_pkey PRIMARY KEY (image_id),
    CONSTRAINT images_publisher_id_fkey FOREIGN KEY (publisher_id)
        REFERENCES users (user_id) ON DELETE CASCADE,
    CONSTRAINT images_kind_check CHECK (kind IN ('avatar', 'screenshot')),
    CONSTRAINT images_fallback_check CHECK (fallback IN ('jpg', 'png')),
    CONSTRAINT images_size_check CHECK (width > 0 AND height > 0)
);

CREATE INDEX images_publisher_id_idx ON images (publisher_id);
CREATE INDEX images_used_at_idx ON images (used_at);

CREATE TABLE image_renditions (
    image_id UUID    NOT NULL,
    width    INTEGER NOT NULL,
    format   TEXT    NOT NULL,
    bytes    BYTEA   NOT NULL,
    CONSTRAINT image_renditions_pkey PRIMARY KEY (image_id, width, format),
    CONSTRAINT image_renditions_image_id_fkey FOREIGN KEY (image_id)
        REFERENCES images (image_id) ON DELETE CASCADE,
    CONSTRAINT image_renditions_format_check CHECK (format IN ('webp', 'jpg', 'png'))
);

-- Packed already: to pack them once more costs time and gains nothing.
ALTER TABLE image_renditions ALTER COLUMN bytes SET STORAGE EXTERNAL;
