-- Where the buckets of owners are, and how one moves to another database. Without shards nothing is
-- ever written here.

-- The bucket of an owner. The same for ever, and in every publication's row filter: built-in functions
-- alone.
CREATE FUNCTION bucket_of(owner UUID) RETURNS INTEGER
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
        SELECT ((get_byte(sha256(uuid_send(owner)), 0) << 8)
                | get_byte(sha256(uuid_send(owner)), 1)) & 1023
    $$;

-- Of the first database alone: the shard of each bucket. The epoch rises with each move.
CREATE TABLE shard_buckets (
    bucket INTEGER NOT NULL,
    shard  INTEGER NOT NULL,
    epoch  BIGINT  NOT NULL DEFAULT 1,
    CONSTRAINT shard_buckets_pkey PRIMARY KEY (bucket),
    CONSTRAINT shard_buckets_bucket_check CHECK (bucket BETWEEN 0 AND 1023),
    CONSTRAINT shard_buckets_shard_check CHECK (shard >= 0)
);

-- Of the first database alone: moves that are not over.
CREATE TABLE shard_moves (
    bucket      INTEGER NOT NULL,
    source      INTEGER NOT NULL,
    target      INTEGER NOT NULL,
    is_switched BOOLEAN NOT NULL DEFAULT FALSE,
    CONSTRAINT shard_moves_pkey PRIMARY KEY (bucket)
);

-- Of each database: the buckets that it answers for. A fenced one is read and not written.
CREATE TABLE held_buckets (
    bucket    INTEGER NOT NULL,
    is_fenced BOOLEAN NOT NULL DEFAULT FALSE,
    CONSTRAINT held_buckets_pkey PRIMARY KEY (bucket)
);

-- Keeps a bucket from being fenced until the transaction ends; false when it cannot be written here.
-- The look comes after the lock, so that it sees what the fence has left.
CREATE FUNCTION enter_bucket(wanted INTEGER) RETURNS BOOLEAN
    LANGUAGE plpgsql VOLATILE
    AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(1651862389, wanted);
        RETURN EXISTS (SELECT FROM held_buckets WHERE bucket = wanted AND NOT is_fenced);
    END
    $$;
