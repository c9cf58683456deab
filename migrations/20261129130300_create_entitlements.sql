-- What an owner may do with listings that they paid for. It stands beside the owner's sessions, so that a
-- session that was paid for by itself is counted in the transaction that starts it.

CREATE TABLE entitlements (
    owner_id           UUID        NOT NULL,
    listing_id         UUID        NOT NULL,
    -- The sum of the revisions of the purchases that it follows from.
    revision           BIGINT      NOT NULL,
    is_lasting         BOOLEAN     NOT NULL,
    valid_until        TIMESTAMPTZ,
    executions_granted BIGINT      NOT NULL,
    executions_used    BIGINT      NOT NULL DEFAULT 0,
    updated_at         TIMESTAMPTZ NOT NULL,
    CONSTRAINT entitlements_pkey PRIMARY KEY (owner_id, listing_id),
    CONSTRAINT entitlements_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT entitlements_executions_check CHECK (executions_granted >= 0 AND executions_used >= 0)
);

-- Whether an agent is a copy that was paid for. Copies of what was free then stay free.
ALTER TABLE agents ADD COLUMN needs_entitlement BOOLEAN NOT NULL DEFAULT FALSE;
