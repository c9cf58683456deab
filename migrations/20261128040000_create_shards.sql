-- Where the buckets of owners are, and how one moves to another database. Without shards nothing is
-- ever written here.

-- The bucket of an owner, the same for ever. Built-in functions alone, as in the row filters of copies.
CREATE FUNCTION bucket_of(owner UUID) RETURNS INTEGER
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
        SELECT ((get_byte(sha256(uuid_send(owner)), 0) << 8)
                | get_byte(sha256(uuid_send(owner)), 1)) & 1023
    $$;

-- Of the first database alone: the shard of each bucket. The epoch rises with each try to move it.
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

-- Of each database: what may be done to a bucket here, as the try of this epoch has left it. `held`:
-- read and write. `fenced`: read alone. `left`: nothing; what is here is a copy that no one looks at.
CREATE TABLE bucket_states (
    bucket INTEGER NOT NULL,
    epoch  BIGINT  NOT NULL,
    state  TEXT    NOT NULL,
    CONSTRAINT bucket_states_pkey PRIMARY KEY (bucket),
    CONSTRAINT bucket_states_state_check CHECK (state IN ('held', 'fenced', 'left'))
);

-- Whether an owner's bucket is held here: statements over all owners pass by the copies.
CREATE FUNCTION is_owner_held(owner UUID) RETURNS BOOLEAN
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
        SELECT EXISTS (
            SELECT FROM bucket_states b WHERE b.bucket = bucket_of(owner) AND b.state = 'held'
        )
    $$;

-- Of each database: the number under which all processes must know it.
CREATE TABLE shard_numbers (
    is_only BOOLEAN NOT NULL DEFAULT TRUE,
    shard  INTEGER NOT NULL,
    CONSTRAINT shard_numbers_pkey PRIMARY KEY (is_only),
    CONSTRAINT shard_numbers_is_only_check CHECK (is_only)
);

-- Keeps a bucket as it is until the transaction ends; false when it cannot be written here. The look
-- comes after the lock, so that it sees what the one who held it has left.
CREATE FUNCTION enter_bucket(wanted INTEGER) RETURNS BOOLEAN
    LANGUAGE plpgsql VOLATILE
    AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(1651862389, wanted);
        RETURN EXISTS (SELECT FROM bucket_states WHERE bucket = wanted AND state = 'held');
    END
    $$;
