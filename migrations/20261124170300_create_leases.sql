-- Work that one process does for all of them: whoever holds the lease does it.

CREATE TABLE leases (
    name        TEXT        NOT NULL,
    holder      UUID        NOT NULL,
    lease_until TIMESTAMPTZ NOT NULL,
    CONSTRAINT leases_pkey PRIMARY KEY (name)
);
