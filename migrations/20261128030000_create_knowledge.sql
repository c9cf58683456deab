-- Documents that agents look things up in, cut into passages, and the facts that agents keep.

CREATE TABLE knowledge_documents (
    owner_id    UUID        NOT NULL,
    document_id UUID        NOT NULL,
    agent_id    UUID        NOT NULL,
    title       TEXT        NOT NULL,
    format      TEXT        NOT NULL,
    size_bytes  INTEGER     NOT NULL,
    passages    INTEGER     NOT NULL,
    -- Its words, each once: what is misspelled in a question is looked for among them by likeness.
    vocabulary  TEXT[]      NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT knowledge_documents_pkey PRIMARY KEY (owner_id, document_id),
    CONSTRAINT knowledge_documents_agent_id_fkey FOREIGN KEY (owner_id, agent_id)
        REFERENCES agents (owner_id, agent_id) ON DELETE CASCADE,
    CONSTRAINT knowledge_documents_format_check
        CHECK (format IN ('text', 'markdown', 'html', 'csv'))
);

CREATE INDEX knowledge_documents_agent_id_idx ON knowledge_documents (owner_id, agent_id);

CREATE TABLE knowledge_passages (
    owner_id    UUID     NOT NULL,
    document_id UUID     NOT NULL,
    position    INTEGER  NOT NULL,
    agent_id    UUID     NOT NULL,
    heading     TEXT     NOT NULL,
    body        TEXT     NOT NULL,
    words       TSVECTOR NOT NULL,
    CONSTRAINT knowledge_passages_pkey PRIMARY KEY (owner_id, document_id, position),
    CONSTRAINT knowledge_passages_document_id_fkey FOREIGN KEY (owner_id, document_id)
        REFERENCES knowledge_documents (owner_id, document_id) ON DELETE CASCADE
);

-- A search looks at the passages of one agent, which are bounded. An index on their words would hold
-- those of all owners, and each search would leaf through what it may not show.
CREATE INDEX knowledge_passages_agent_id_idx ON knowledge_passages (owner_id, agent_id);

CREATE TABLE agent_memories (
    owner_id   UUID        NOT NULL,
    memory_id  UUID        NOT NULL,
    agent_id   UUID        NOT NULL,
    key        TEXT        NOT NULL,
    body       TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT agent_memories_pkey PRIMARY KEY (owner_id, memory_id),
    CONSTRAINT agent_memories_key_key UNIQUE (owner_id, agent_id, key),
    CONSTRAINT agent_memories_agent_id_fkey FOREIGN KEY (owner_id, agent_id)
        REFERENCES agents (owner_id, agent_id) ON DELETE CASCADE
);

CREATE INDEX agent_memories_updated_at_idx
    ON agent_memories (owner_id, agent_id, updated_at DESC, memory_id DESC);
