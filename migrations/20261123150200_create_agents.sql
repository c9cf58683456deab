-- Agents, found by their owner.

CREATE TABLE agents (
    owner_id      UUID        NOT NULL,
    agent_id      UUID        NOT NULL,
    name          TEXT        NOT NULL,
    description   TEXT        NOT NULL,
    avatar        JSONB       NOT NULL,
    system_prompt TEXT        NOT NULL,
    model_policy  JSONB       NOT NULL,
    tools         JSONB       NOT NULL,
    limits        JSONB       NOT NULL,
    status        TEXT        NOT NULL,
    revision      BIGINT      NOT NULL,
    listing_id    UUID,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    CONSTRAINT agents_pkey PRIMARY KEY (owner_id, agent_id),
    CONSTRAINT agents_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE,
    CONSTRAINT agents_name_check CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT agents_status_check CHECK (status IN ('active', 'paused', 'archived')),
    CONSTRAINT agents_revision_check CHECK (revision > 0)
);

CREATE INDEX idx_agents_owner_id ON agents (owner_id, updated_at DESC, agent_id DESC);
CREATE INDEX idx_agents_owner_status
    ON agents (owner_id, status, updated_at DESC, agent_id DESC);
CREATE INDEX idx_agents_status ON agents (status);
