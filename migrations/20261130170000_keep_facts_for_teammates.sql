-- An agent keeps facts for each person apart: those for its owner stand in agent_memories, those for
-- teammates who start sessions with it here.

CREATE TABLE teammate_memories (
    owner_id   UUID        NOT NULL,
    memory_id  UUID        NOT NULL,
    agent_id   UUID        NOT NULL,
    user_id    UUID        NOT NULL,
    key        TEXT        NOT NULL,
    body       TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT teammate_memories_pkey PRIMARY KEY (owner_id, memory_id),
    CONSTRAINT teammate_memories_key_key UNIQUE (owner_id, agent_id, user_id, key),
    CONSTRAINT teammate_memories_agent_id_fkey FOREIGN KEY (owner_id, agent_id)
        REFERENCES agents (owner_id, agent_id) ON DELETE CASCADE
);

CREATE INDEX teammate_memories_updated_at_idx
    ON teammate_memories (owner_id, agent_id, user_id, updated_at DESC, memory_id DESC);

-- Whoever closes their account takes along what agents of others keep for them.
CREATE INDEX teammate_memories_user_id_idx ON teammate_memories (user_id);
