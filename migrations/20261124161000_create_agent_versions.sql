-- Published versions of agents, which never change, and which of them runs.

CREATE TABLE agent_versions (
    owner_id   UUID        NOT NULL,
    agent_id   UUID        NOT NULL,
    version    INTEGER     NOT NULL,
    spec       JSONB       NOT NULL,
    notes      TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT agent_versions_pkey PRIMARY KEY (owner_id, agent_id, version),
    CONSTRAINT agent_versions_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT agent_versions_version_check CHECK (version > 0)
);

ALTER TABLE agents ADD COLUMN published_version INTEGER;
