-- What writes have made untrue in caches, kept in the transaction of the write: a process that missed
-- the call looks here. Rows are of use for minutes; each write takes old ones with it.

CREATE TABLE cache_outbox (
    outbox_id  UUID        NOT NULL,
    names      TEXT[]      NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT cache_outbox_pkey PRIMARY KEY (outbox_id)
);

CREATE INDEX cache_outbox_created_at_idx ON cache_outbox (created_at);
